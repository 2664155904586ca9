/* symbolizer_process.h - the symbolizer as a child process.
 *
 * It runs this program anew (exec), so that nothing of the parent's memory, maps or
 * descriptors is in it, and gives up every privilege before it reads its first byte. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/base.h"

/* argv[1] of the child; not for people. */
#define FT_SYMBOLIZER_COMMAND "worker-symbolizer"

/* Start one. The caller owns the socket and reaps the process, which ends when the
 * socket closes. 0 or -errno. */
int ft_symbolizer_spawn(pid_t *ret_pid, int *ret_socket) FT_MUST_CHECK;

/* main() of the child. */
int ft_symbolizer_main(void);
