/* reply.h - an answer before it is HTTP: status, type, bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* The largest answer; a tree of 250,000 nodes is a few MiB. */
#define FT_REPLY_MAX_BYTES (256u << 20)

struct ft_asset;

struct ft_reply {
	unsigned int status;	      /* of HTTP; 0 means 200 */
	const char *type;	      /* Content-Type; static */
	const char *disposition;      /* Content-Disposition, static; NULL none */
	bool pprof_error;	      /* mark as Go's pprof does */
	const struct ft_asset *asset; /* answer with this instead of body; NULL none */
	int error;		      /* of the store, behind an error answer; 0 none */
	struct ft_buffer body;
};

#define FT_REPLY_INIT ((struct ft_reply){ .body = FT_BUFFER_INIT(FT_REPLY_MAX_BYTES) })

void ft_reply_deinit(struct ft_reply *reply);

/* Replace what reply holds by an error: {"error":{"code","msg","at"}}. code is one of
 * "busy", "bad_query", "too_large", "gone", "not_found", "auth", "failed". */
void ft_reply_error(struct ft_reply *reply, unsigned int status, const char *code,
		    const char *format, ...) FT_PRINTF(4, 5);
/* The same as plain text, as Go's pprof handlers answer. */
void ft_reply_pprof_error(struct ft_reply *reply, unsigned int status, const char *format, ...)
	FT_PRINTF(3, 4);
/* The error for a negative errno value of a query. */
void ft_reply_errno(struct ft_reply *reply, int error, bool pprof);
