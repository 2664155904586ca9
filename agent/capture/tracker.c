#include "agent/capture/tracker.h"

#include <errno.h>
#include <string.h>

#include "agent/capture/procfs.h"
#include "base/clock.h"

#define READS_PER_TICK	64u		    /* of /proc, for samples of unknown processes */
#define WALKED_PER_TICK 16u		    /* in the background */
#define READ_AGAIN_NS	(2 * FT_NS_PER_SEC) /* an incomplete process is read again after */
#define EXITED_FOR_NS	(2 * FT_NS_PER_SEC) /* before it is forgotten */

struct ft_tracker {
	struct ft_processes *processes;
	struct ft_files *files;
	struct ft_procfs_walk walk;
	bool walked;	/* all that was there at start has been seen */
	uint32_t reads; /* in this tick */
	struct ft_tracker_counts counts;
};

int ft_tracker_new(struct ft_processes *processes, struct ft_files *files,
		   struct ft_tracker **ret_tracker)
{
	struct ft_tracker *tracker = calloc(1, sizeof(*tracker));

	if (!tracker)
		return -ENOMEM;
	tracker->processes = processes;
	tracker->files = files;
	*ret_tracker = tracker;
	return 0;
}

void ft_tracker_freep(struct ft_tracker **p)
{
	struct ft_tracker *tracker = FT_TAKE(*p);

	if (!tracker)
		return;
	ft_procfs_walk_end(&tracker->walk);
	free(tracker);
}

/* After lost records nothing is certain: whoever a sample meets is read again. */
static void doubt_everybody(struct ft_tracker *tracker)
{
	for (size_t i = 0; i < ft_processes_count(tracker->processes); i++) {
		struct ft_process *process = ft_processes_at(tracker->processes, i);

		process->knowledge = FT_PROCESS_HEARD;
		process->read_ns = 0;
	}
}

static int apply_mmap(struct ft_tracker *tracker, const struct ft_process_event *event)
{
	struct ft_mapping mapping = {
		.start = event->start,
		.offset = event->offset,
	};

	if (__builtin_add_overflow(event->start, event->length, &mapping.end))
		return -EINVAL;
	mapping.file = ft_files_number(tracker->files, &event->inode, event->name,
				       strlen(event->name));
	return ft_processes_map(tracker->processes, event->pid, &mapping);
}

void ft_tracker_apply(struct ft_tracker *tracker, const struct ft_process_event *event)
{
	int r = 0;

	switch (event->kind) {
	case FT_PROCESS_FORK:
		/* The child begins with what its parent has mapped, and may be gone before
		 * anybody can ask /proc about it. */
		if (event->pid != event->ppid)
			ft_tracker_meet(tracker, event->ppid, event->time_ns);
		r = ft_processes_fork(tracker->processes, event->pid, event->ppid);
		break;
	case FT_PROCESS_EXEC:
		r = ft_processes_exec(tracker->processes, event->pid, event->name);
		break;
	case FT_PROCESS_COMM:
		if (event->pid == event->tid)
			r = ft_processes_comm(tracker->processes, event->pid, event->name);
		break;
	case FT_PROCESS_MMAP:
		r = apply_mmap(tracker, event);
		break;
	case FT_PROCESS_EXIT:
		if (event->pid == event->tid)
			ft_processes_exit(tracker->processes, event->pid, event->time_ns);
		break;
	case FT_PROCESS_LOST:
		tracker->counts.sideband_lost += event->n_lost;
		doubt_everybody(tracker);
		break;
	}
	if (r < 0)
		tracker->counts.refused++;
}

static void read_process(struct ft_tracker *tracker, uint32_t pid, uint64_t now_ns)
{
	struct ft_process *process;
	int r = ft_procfs_read(pid, tracker->processes, tracker->files);

	tracker->counts.proc_reads++;
	if (r < 0 && r != -ESRCH) /* who has gone in the meantime is no failure */
		tracker->counts.proc_failures++;
	process = ft_processes_find(tracker->processes, pid);
	if (process)
		process->read_ns = now_ns;
}

const struct ft_process *ft_tracker_meet(struct ft_tracker *tracker, uint32_t pid, uint64_t now_ns)
{
	struct ft_process *process = ft_processes_find(tracker->processes, pid);

	/* Its first thread has ended, but it runs on: it did not exit. */
	if (process && process->exited && now_ns > process->exited_ns + FT_NS_PER_SEC)
		process->exited = false;
	if (process && (process->knowledge == FT_PROCESS_COMPLETE ||
			(process->read_ns && now_ns < process->read_ns + READ_AGAIN_NS)))
		return process;
	if (tracker->reads >= READS_PER_TICK)
		return process;
	tracker->reads++;
	/* Known from now on even when /proc says nothing: a limit on futile reads. */
	if (!process && ft_processes_get(tracker->processes, pid, &process) < 0)
		return NULL;
	read_process(tracker, pid, now_ns);
	return ft_processes_find(tracker->processes, pid);
}

static void walk_some(struct ft_tracker *tracker, uint64_t now_ns)
{
	if (!tracker->walk.directory && ft_procfs_walk_begin(&tracker->walk) < 0) {
		tracker->walked = true;
		return;
	}
	for (uint32_t i = 0; i < WALKED_PER_TICK; i++) {
		uint32_t pid = ft_procfs_walk_next(&tracker->walk);
		const struct ft_process *process;

		if (pid == 0) {
			tracker->walked = true;
			return;
		}
		process = ft_processes_find(tracker->processes, pid);
		if (!process || process->knowledge != FT_PROCESS_COMPLETE)
			read_process(tracker, pid, now_ns);
	}
}

void ft_tracker_tick(struct ft_tracker *tracker, uint64_t now_ns)
{
	tracker->reads = 0;
	if (!tracker->walked)
		walk_some(tracker, now_ns);
	if (now_ns > EXITED_FOR_NS)
		ft_processes_reap(tracker->processes, now_ns - EXITED_FOR_NS);
}

void ft_tracker_walk(struct ft_tracker *tracker, uint64_t deadline_ns)
{
	for (uint64_t now_ns = ft_monotonic_ns(); !tracker->walked && now_ns < deadline_ns;
	     now_ns = ft_monotonic_ns())
		walk_some(tracker, now_ns);
}

bool ft_tracker_is_walking(const struct ft_tracker *tracker)
{
	return !tracker->walked;
}

struct ft_tracker_counts ft_tracker_counts(const struct ft_tracker *tracker)
{
	return tracker->counts;
}
