#include "agent/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

void ft_outbox_deinit(struct ft_outbox *outbox)
{
	ft_closep(&outbox->fd);
	ft_buffer_deinit(&outbox->waiting);
	outbox->sent = 0;
}

void ft_outbox_connect(struct ft_outbox *outbox, int fd)
{
	ft_outbox_deinit(outbox);
	outbox->fd = fd;
}

bool ft_outbox_put(struct ft_outbox *outbox, const void *block, size_t len)
{
	size_t before = outbox->waiting.len;

	if (outbox->fd < 0)
		return false;
	ft_buffer_put(&outbox->waiting, block, len);
	if (outbox->waiting.error) {
		outbox->waiting.error = 0;
		outbox->waiting.len = before;
		return false;
	}
	return true;
}

/* What has gone must not count against the limit: a reader that is always a little
 * behind never lets the buffer run empty. */
static void drop_sent(struct ft_outbox *outbox)
{
	if (outbox->sent < outbox->waiting.len / 2)
		return;
	ft_buffer_consume(&outbox->waiting, outbox->sent);
	outbox->sent = 0;
}

bool ft_outbox_flush(struct ft_outbox *outbox)
{
	while (outbox->fd >= 0 && outbox->sent < outbox->waiting.len) {
		ssize_t n = send(outbox->fd, outbox->waiting.data + outbox->sent,
				 outbox->waiting.len - outbox->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			drop_sent(outbox);
			return true;
		}
		if (n < 0) {
			ft_outbox_connect(outbox, -1);
			return false;
		}
		outbox->sent += (size_t)n;
	}
	/* Idle memory is given back: a block is small, a backlog need not be. */
	ft_buffer_deinit(&outbox->waiting);
	outbox->sent = 0;
	return true;
}
