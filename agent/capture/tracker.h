/* tracker.h - keeps the table of processes true: side-band events as they happened,
 * /proc for what was there before or was missed.
 *
 * /proc is read in the background, a few processes per tick; one that a sample meets
 * is read at once, within a limit per tick. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/capture/files.h"
#include "agent/profile/process_event.h"
#include "agent/profile/processes.h"
#include "base/base.h"

struct ft_tracker;

struct ft_tracker_counts {
	uint64_t sideband_lost; /* records the kernel had no room for */
	uint64_t proc_reads, proc_failures;
	uint64_t refused; /* events that met a limit: processes, mappings, memory */
};

/* files and processes are borrowed for the life of this. */
int ft_tracker_new(struct ft_processes *processes, struct ft_files *files,
		   struct ft_tracker **ret_tracker) FT_MUST_CHECK;
void ft_tracker_freep(struct ft_tracker **p);

void ft_tracker_apply(struct ft_tracker *tracker, const struct ft_process_event *event);

/* The process of a sample, as complete as it can be made now; NULL: not to be known.
 * Borrowed until the next call. */
const struct ft_process *ft_tracker_meet(struct ft_tracker *tracker, uint32_t pid, uint64_t now_ns);

/* Once per tick: read some more of /proc, forget who exited a while ago. */
void ft_tracker_tick(struct ft_tracker *tracker, uint64_t now_ns);

/* Look at all that was there before our start, at most until deadline_ns (CLOCK_MONOTONIC);
 * what is left comes with the ticks. */
void ft_tracker_walk(struct ft_tracker *tracker, uint64_t deadline_ns);
/* Are there processes of before our start that were not looked at yet? */
bool ft_tracker_is_walking(const struct ft_tracker *tracker);

struct ft_tracker_counts ft_tracker_counts(const struct ft_tracker *tracker);
