#include "base/io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

int ft_read_fd(int fd, size_t max, char **ret_text, size_t *ret_len)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0, cap = 0;

	max = FT_MIN(max, (size_t)PTRDIFF_MAX - 2); /* room to count one more, and a NUL */
	for (;;) {
		ssize_t n;

		if (len == cap) {
			char *more;

			cap = FT_MIN(cap ? cap * 2 : (size_t)4096, max + 1);
			more = realloc(text, cap + 1);
			if (!more)
				return -ENOMEM;
			text = more;
		}
		n = read(fd, text + len, cap - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
	}
	text[len] = '\0';
	*ret_text = FT_TAKE(text);
	*ret_len = len;
	return 0;
}

int ft_read_file(const char *path, size_t max, char **ret_text, size_t *ret_len)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	assert(path);
	assert(ret_text);
	assert(ret_len);

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return ft_read_fd(fd, max, ret_text, ret_len);
}

int ft_read_line(int dir_fd, const char *path, char *text, size_t size)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, text, size - 1);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return (int)n;
}

int ft_write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* no progress and no reason: do not spin */
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_in_place(const char *path, const void *bytes, size_t len)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : ft_write_all(fd, bytes, len);
}

/* The permission bits that open(2) would give a new file. */
static mode_t usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int write_and_rename(const char *path, mode_t mode, const void *bytes, size_t len)
{
	_cleanup_close_ int fd = -1;
	char temporary[PATH_MAX];
	int n, r;

	n = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	if (n < 0 || (size_t)n >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = ft_write_all(fd, bytes, len);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	/* Some file systems say only here that the disk is full. */
	if (r == 0 && close(FT_TAKE_FD(fd)) < 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	return r;
}

int ft_replace_file(const char *path, const void *bytes, size_t len)
{
	char resolved[PATH_MAX];
	struct stat st;

	if (stat(path, &st) < 0)
		return write_and_rename(path, usual_mode(), bytes, len);
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	/* Not the link but what it leads to: /dev/stdout, sent to a file, is a link in
	 * a directory where nothing may be replaced. It may lead to a file without name. */
	if (!S_ISREG(st.st_mode) || !realpath(path, resolved))
		return write_in_place(path, bytes, len);
	return write_and_rename(resolved, st.st_mode & 0777, bytes, len);
}

int ft_make_dirs(const char *path, unsigned int mode)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	struct stat st;

	if (len == 0 || len >= sizeof(part))
		return -EINVAL;
	memcpy(part, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -errno;
		part[i] = path[i];
	}
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int ft_socket_pair(int type, int *ret_one, int *ret_other)
{
	int sockets[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	*ret_one = sockets[0];
	*ret_other = sockets[1];
	return 0;
}

int ft_send_message(int socket, const void *bytes, size_t len, int fd)
{
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	do {
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Keep the first descriptor of a message, close the others: who sends more than one
 * breaks the rules, and must not fill our table with them. */
static void take_fds(struct msghdr *message, int *fd)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
			_cleanup_close_ int more = -1;

			memcpy(&more, CMSG_DATA(c) + at, sizeof(more));
			if (*fd < 0)
				*fd = FT_TAKE_FD(more);
		}
	}
}

int ft_receive_message(int socket, void *bytes, size_t max, int *ret_fd)
{
	struct iovec iov = { bytes, max };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  /* Not CMSG_SPACE: its padding has room for a second one. */
				  .msg_controllen = CMSG_LEN(sizeof(int)) };
	_cleanup_close_ int fd = -1;
	ssize_t n;

	do {
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	take_fds(&message, &fd);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EMSGSIZE;
	if (ret_fd)
		*ret_fd = FT_TAKE_FD(fd);
	return (int)n;
}
