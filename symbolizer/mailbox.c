#include "symbolizer/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "base/io.h"

/* What a descriptor counts for: descriptors are scarcer than bytes. */
#define DESCRIPTOR_BYTES 4096u

struct ft_mailbox_message {
	struct ft_mailbox_message *next;
	int fd; /* a duplicate of ours, or -1 */
	size_t len;
	uint8_t bytes[];
};

void ft_mailbox_init(struct ft_mailbox *mailbox, int socket)
{
	*mailbox = (struct ft_mailbox){ .socket = socket, .end = &mailbox->first };
}

static size_t weight_of(size_t len, int fd)
{
	return sizeof(struct ft_mailbox_message) + len + (fd >= 0 ? DESCRIPTOR_BYTES : 0);
}

static void drop_first(struct ft_mailbox *mailbox)
{
	struct ft_mailbox_message *message = mailbox->first;

	mailbox->first = message->next;
	if (!mailbox->first)
		mailbox->end = &mailbox->first;
	mailbox->bytes -= weight_of(message->len, message->fd);
	ft_closep(&message->fd);
	free(message);
}

void ft_mailbox_deinit(struct ft_mailbox *mailbox)
{
	while (mailbox->first)
		drop_first(mailbox);
}

static bool must_wait(int r)
{
	return r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM || r == -ETOOMANYREFS;
}

static int enqueue(struct ft_mailbox *mailbox, const void *bytes, size_t len, int fd)
{
	size_t weight = weight_of(len, fd);
	struct ft_mailbox_message *message;

	if (mailbox->bytes + weight > FT_MAILBOX_MAX_BYTES)
		return -EAGAIN;
	message = malloc(sizeof(*message) + len);
	if (!message)
		return -EAGAIN;
	message->next = NULL;
	message->len = len;
	message->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd >= 0 && message->fd < 0) {
		free(message);
		return -EAGAIN;
	}
	memcpy(message->bytes, bytes, len);
	*mailbox->end = message;
	mailbox->end = &message->next;
	mailbox->bytes += weight;
	return 0;
}

int ft_mailbox_send(struct ft_mailbox *mailbox, const void *bytes, size_t len, int fd)
{
	int r = -EAGAIN;

	if (!mailbox->first)
		r = ft_send_message(mailbox->socket, bytes, len, fd);
	if (must_wait(r))
		return enqueue(mailbox, bytes, len, fd);
	return r < 0 ? -EPIPE : 0;
}

int ft_mailbox_flush(struct ft_mailbox *mailbox)
{
	while (mailbox->first) {
		const struct ft_mailbox_message *message = mailbox->first;
		int r = ft_send_message(mailbox->socket, message->bytes, message->len, message->fd);

		if (must_wait(r))
			return 0;
		if (r < 0)
			return -EPIPE;
		drop_first(mailbox);
	}
	return 0;
}

bool ft_mailbox_waits(const struct ft_mailbox *mailbox)
{
	return mailbox->first;
}
