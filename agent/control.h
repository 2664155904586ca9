/* control.h - what the supervisor and its workers say to each other: one letter, and
 * for some of them a descriptor, over a SOCK_SEQPACKET pair. A closed pair means
 * "end". */
#pragma once

#include "base/base.h"

enum ft_control {
	FT_CONTROL_SLICES = 'S',     /* + socket: to write slices to, or to read them from */
	FT_CONTROL_SYMBOLIZER = 'Y', /* + socket: a fresh symbolizer is at the other end */
	FT_CONTROL_READY = 'R',	     /* from a worker: it works now */
	FT_CONTROL_STUCK = 'K',	     /* from the collector: the symbolizer does not answer */
	FT_CONTROL_ALIVE = 'A',	     /* from the collector, every few slices */
	FT_CONTROL_HUNG_UP = 'H',    /* from the collector: the server closed the stream */
};

/* Exit code of a worker that cannot work here and has said why: before all have worked it
 * ends the agent, like any other failure. */
#define FT_EXIT_FATAL 78

/* fd may be -1; it stays the caller's. 0 or -errno. */
int ft_control_send(int control, enum ft_control letter, int fd) FT_MUST_CHECK;
/* Blocks unless the socket does not. 1: *ret_letter and *ret_fd (-1 or the caller's) are
 * set; 0: the other side has gone; -EAGAIN or other -errno. */
int ft_control_receive(int control, enum ft_control *ret_letter, int *ret_fd) FT_MUST_CHECK;
