/* outbox.h - whole blocks on their way into a socket that may be slow.
 *
 * A block is taken whole or not at all, so that the stream never tears; when the reader
 * is away, or so slow that the limit is reached, blocks are refused. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/buffer.h"

#define FT_OUTBOX_MAX_BYTES (16u << 20)

struct ft_outbox {
	int fd;	     /* non-blocking; -1: no reader */
	size_t sent; /* bytes of waiting that have gone already */
	struct ft_buffer waiting;
};

#define FT_OUTBOX_INIT \
	((struct ft_outbox){ .fd = -1, .waiting = FT_BUFFER_INIT(FT_OUTBOX_MAX_BYTES) })

void ft_outbox_deinit(struct ft_outbox *outbox);
/* Write to fd (taken over) from now on; what waited for the old reader is dropped. */
void ft_outbox_connect(struct ft_outbox *outbox, int fd);
/* False: not taken. */
bool ft_outbox_put(struct ft_outbox *outbox, const void *block, size_t len);
/* Write what can be without waiting. False: the reader has gone. */
bool ft_outbox_flush(struct ft_outbox *outbox);
static inline bool ft_outbox_is_empty(const struct ft_outbox *outbox)
{
	return outbox->waiting.len == 0;
}
