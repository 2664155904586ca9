/* mailbox.h - messages that a socket does not take yet, in order.
 *
 * At most FT_MAILBOX_MAX_BYTES wait, whatever the other side does; then sending fails
 * until some of it has gone out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"

#define FT_MAILBOX_MAX_BYTES (1u << 20)

struct ft_mailbox_message;

struct ft_mailbox {
	int socket; /* SOCK_SEQPACKET, non-blocking; borrowed */
	struct ft_mailbox_message *first, **end;
	size_t bytes;
};

/* The mailbox may not move in memory while it is used. */
void ft_mailbox_init(struct ft_mailbox *mailbox, int socket);
/* What waits is lost. */
void ft_mailbox_deinit(struct ft_mailbox *mailbox);

/* Send a message, or keep a copy of it until the socket takes it. fd (or -1) stays the
 * caller's; a duplicate waits. 0; -EAGAIN: no room or no memory, nothing was sent;
 * -EPIPE: the other side has gone. */
int ft_mailbox_send(struct ft_mailbox *mailbox, const void *bytes, size_t len,
		    int fd) FT_MUST_CHECK;
/* Send what the socket takes now. 0 or -EPIPE. */
int ft_mailbox_flush(struct ft_mailbox *mailbox) FT_MUST_CHECK;
/* Whether something waits. */
bool ft_mailbox_waits(const struct ft_mailbox *mailbox);
