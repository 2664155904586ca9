/* io.h - whole reads and writes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* Read all of the regular file at path, at most max bytes. The caller frees
 * *ret_text, which is followed by a NUL that *ret_len does not count. -ENOENT when
 * there is no such file, -EFBIG when it is longer than max, -EINVAL when it is
 * not a regular file. Files in /proc and /sys count as regular. */
int ft_read_file(const char *path, size_t max, char **ret_text, size_t *ret_len) FT_MUST_CHECK;
/* The same from a descriptor at its current position, which may be a pipe. */
int ft_read_fd(int fd, size_t max, char **ret_text, size_t *ret_len) FT_MUST_CHECK;
/* A short text file (sysctl, comm) into text, cut to size - 1 bytes, NUL-terminated,
 * the last newline removed. The length, or -errno. dir_fd as in openat(2). */
int ft_read_line(int dir_fd, const char *path, char *text, size_t size) FT_MUST_CHECK;

/* Write everything, in as many calls as it takes. 0 or -errno. */
int ft_write_all(int fd, const void *bytes, size_t len) FT_MUST_CHECK;

/* Replace the file at path by these bytes at once: a reader sees the old file or
 * the new one, and a failure leaves nothing half-written. 0 or -errno; -EISDIR
 * for a directory. Links are followed, the mode of an old file is kept. A path that
 * exists and is not a regular file (a pipe, a terminal) is written in place. */
int ft_replace_file(const char *path, const void *bytes, size_t len) FT_MUST_CHECK;

/* mkdir -p with mode for what is made. 0, -ENOTDIR when something else has the name,
 * or -errno. */
int ft_make_dirs(const char *path, unsigned int mode) FT_MUST_CHECK;

/* A connected pair of AF_UNIX sockets of this type (SOCK_STREAM, SOCK_SEQPACKET), both
 * close-on-exec; the caller owns them. 0 or -errno. */
int ft_socket_pair(int type, int *ret_one, int *ret_other) FT_MUST_CHECK;

/* Messages of at most max bytes with at most one descriptor each, over a
 * SOCK_SEQPACKET socket. fd may be -1. Send: 0, -EAGAIN when the peer does not
 * read, or -errno. Receive: length (0: peer has gone), -EAGAIN, -EMSGSIZE when the
 * message or its descriptors had to be cut, or -errno; *ret_fd is -1 or a descriptor
 * the caller owns; ret_fd may be NULL, then a descriptor that came is closed. */
int ft_send_message(int socket, const void *bytes, size_t len, int fd) FT_MUST_CHECK;
int ft_receive_message(int socket, void *bytes, size_t max, int *ret_fd) FT_MUST_CHECK;
