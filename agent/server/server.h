/* server.h - the unprivileged process that keeps windows and answers questions.
 *
 * One loop, one thread: slices come in on a descriptor, go into the store, and
 * HTTP is answered from there. It owns no privilege and no path but its store; its
 * sockets are handed to it. Idle it wakes only for what arrives. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ft_server_options {
	int listen_fd; /* bound and listening; stays open in whoever passed it */
	bool listen_is_unix;
	const char *listen_text;	/* "127.0.0.1:7117", for Host checks and messages */
	const char *store_dir;		/* NULL: in memory */
	bool read_only;			/* look at store_dir, change nothing */
	uint64_t window_ns;		/* length of a window; 0: 10 s */
	const char *pprof_dir;		/* each finished window is also written there; NULL: no */
	const char *token;		/* NULL: none is needed */
	const char *const *allow_hosts; /* names for Host beside our own, NULL-ended, or NULL */
	const char *source;		/* "agent", "file" or "store", for the viewer */
	const char *title;		/* for the viewer; NULL: the host's name */
	/* A stream of slices to read now: socket, pipe or file; -1: none yet. Closed here. */
	int slices_fd;
	/* SOCK_SEQPACKET from the supervisor, -1: none. The message "S" with a descriptor
	 * brings a new stream in place of the old one; its end means: close windows, exit.
	 * "R" is sent there once requests are answered. */
	int control_fd;
};

/* Serve until SIGTERM, SIGINT or the end of control_fd; both signals are blocked while
 * it runs. All pointers are borrowed for the call. Returns the process's exit
 * status: 0, or 1 after saying on stderr what is wrong and what to do. */
int ft_server_run(const struct ft_server_options *options);
