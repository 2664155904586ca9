/* worker.h - the symbolizer process: descriptors and addresses in, names out. */
#pragma once

#include "base/base.h"

/* Serve requests from socket (SOCK_SEQPACKET) until the other side closes it. Runs
 * in a process of its own that has already given up its privileges. 0 when the peer
 * closed, or -errno. */
int ft_symbolizer_serve(int socket) FT_MUST_CHECK;
