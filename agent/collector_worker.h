/* collector_worker.h - the collector as a process of the agent: slices go to the
 * server's socket, symbolizers come from the supervisor. */
#pragma once

#include "agent/capture/collector.h"

/* main() of the process; control is its end of the supervisor's pair. Returns the exit
 * code. */
int ft_collector_worker_main(const struct ft_collector_options *options, int control);

/* The same place in the house, fed from a file of slices: writes it to the server as
 * fast as it is taken, then ends with 0. */
int ft_replay_worker_main(const char *path, int control);
