/* protocol.h - the messages between collector and symbolizer, as bytes.
 *
 * One message is one datagram of at most FT_SYMPROTO_MAX bytes: version, type, body.
 * Both sides are programs of ours, and both decode as if the other had been taken over:
 * a message is well-formed to its last byte or -EBADMSG. Whether it may be said at this
 * moment is for client and worker to decide.
 *
 *	to the worker:	  OPEN (with one descriptor), RESOLVE, BUILD, FORGET
 *	to the collector: INFO for each OPEN, ANSWERS for each address, TABLE for each BUILD,
 *			  in the order asked
 *
 * A TABLE that is ready has one descriptor, of a file as symbolizer/tablefile.h has it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "symbolizer/client.h"

#define FT_SYMPROTO_MAX	    65536u
#define FT_SYMPROTO_VERSION 1u

enum ft_symproto_type {
	FT_SYMPROTO_OPEN = 1,
	FT_SYMPROTO_RESOLVE = 2,
	FT_SYMPROTO_FORGET = 3,
	FT_SYMPROTO_BUILD = 4,
	FT_SYMPROTO_INFO = 16,
	FT_SYMPROTO_ANSWERS = 17,
	FT_SYMPROTO_TABLE = 18,
};

/* What the collector wants; which fields count depends on type. */
struct ft_symrequest {
	enum ft_symproto_type type;
	uint32_t file;
	enum ft_symfile_kind kind; /* OPEN */
	uint32_t n;		   /* RESOLVE: addresses, at least 1 */
	uint64_t addresses[FT_SYM_MAX_BATCH];
};

/* Append one whole message to an empty buffer. */
void ft_symproto_put_open(struct ft_buffer *out, uint32_t file, enum ft_symfile_kind kind);
void ft_symproto_put_resolve(struct ft_buffer *out, uint32_t file, const uint64_t *addresses,
			     uint32_t n);
void ft_symproto_put_forget(struct ft_buffer *out, uint32_t file);
void ft_symproto_put_build(struct ft_buffer *out, uint32_t file);
void ft_symproto_put_info(struct ft_buffer *out, const struct ft_symfile_info *info);
/* Of table only numbers and facts. */
void ft_symproto_put_table(struct ft_buffer *out, uint32_t file, enum ft_symtable_status status,
			   const struct ft_symtable *table);

/* A message of answers grows: begin once, then put answers of that file. put_answer cuts
 * names at FT_SYM_MAX_NAME, and the outer end of a chain that no message could hold. 0, or
 * FT_SYMPROTO_FULL: nothing was written, send this message and begin another. */
enum { FT_SYMPROTO_FULL = 1 };
void ft_symproto_begin_answers(struct ft_buffer *out, uint32_t file);
int ft_symproto_put_answer(struct ft_buffer *out, const struct ft_symanswer *answer) FT_MUST_CHECK;

/* 0 or -EBADMSG. */
int ft_symproto_decode_request(const void *bytes, size_t len,
			       struct ft_symrequest *ret_request) FT_MUST_CHECK;

/* The type of a message, or -EBADMSG when it is no message of this version. */
int ft_symproto_type_of(const void *bytes, size_t len) FT_MUST_CHECK;
/* 0 or -EBADMSG. */
int ft_symproto_decode_info(const void *bytes, size_t len,
			    struct ft_symfile_info *ret_info) FT_MUST_CHECK;
/* *ret_table has numbers (of a READY table within its limits, else 0) and facts, no
 * content. 0 or -EBADMSG. */
int ft_symproto_decode_table(const void *bytes, size_t len, uint32_t *ret_file,
			     enum ft_symtable_status *ret_status,
			     struct ft_symtable *ret_table) FT_MUST_CHECK;

/* Reads the answers of one message one by one. */
struct ft_symproto_answers {
	struct ft_cursor cursor;
	uint32_t file;
	struct ft_symline lines[FT_SYM_MAX_LINES];
};
/* The message must outlive the reader. 0 or -EBADMSG. */
int ft_symproto_decode_answers(const void *bytes, size_t len,
			       struct ft_symproto_answers *ret_answers) FT_MUST_CHECK;
/* 1: *ret_answer is the next one, its lines borrowed until the next call, its texts from
 * the message (any bytes); 0: there is no more; -EBADMSG. */
int ft_symproto_next_answer(struct ft_symproto_answers *answers,
			    struct ft_symanswer *ret_answer) FT_MUST_CHECK;
