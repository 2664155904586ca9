/* procfs.h - processes as /proc tells them, for those older than we are. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/capture/files.h"
#include "agent/profile/processes.h"
#include "base/base.h"

#define FT_PROCFS_MAPS_MAX (16u << 20) /* bytes of one /proc/PID/maps; longer is refused */

/* Put what /proc says of pid into processes: name, parent, executable mappings. 0;
 * -ESRCH: it has gone; -EFBIG, -ENOMEM, -E2BIG, other -errno. */
int ft_procfs_read(uint32_t pid, struct ft_processes *processes,
		   struct ft_files *files) FT_MUST_CHECK;

/* Is its first thread running, or waiting for nothing but a CPU? False when it cannot be
 * told. */
bool ft_procfs_is_running(uint32_t pid);

/* A walk over all processes of /proc, a few at a time. */
struct ft_procfs_walk {
	void *directory; /* DIR *; NULL: not begun or done */
};
int ft_procfs_walk_begin(struct ft_procfs_walk *walk) FT_MUST_CHECK;
/* The next pid, or 0 at the end (the walk is closed then). */
uint32_t ft_procfs_walk_next(struct ft_procfs_walk *walk);
void ft_procfs_walk_end(struct ft_procfs_walk *walk);
