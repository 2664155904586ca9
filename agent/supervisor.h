/* supervisor.h - starts the agent's processes, and starts them again.
 *
 * It parses nothing and talks to nobody but its children. A worker that dies is
 * restarted, at once the first time, then after growing pauses; every (re)start makes
 * the sockets between the workers anew and hands them out. */
#pragma once

#include "agent/capture/collector.h"
#include "agent/server/server.h"

struct ft_supervisor_options {
	struct ft_collector_options collector;
	const char *replay;		 /* file of slices in place of the collector; NULL: none */
	struct ft_server_options server; /* slices_fd and control_fd are set here */
	const char *address;		 /* of the viewer, printed once everything runs */
};

/* Run until SIGTERM or SIGINT. Returns the exit code: 0; 1 when a worker can never
 * work here (it has said why). */
int ft_supervisor_run(const struct ft_supervisor_options *options);
