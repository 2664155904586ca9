// SPDX-License-Identifier: GPL-2.0-only
/* oncpu.bpf.c - at every tick of a CPU's sampling event, send what it runs. */
#include "vmlinux/vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "flametrail/event.h"
#include "maps.bpf.h"
#include "pidns.bpf.h"
#include "regs.bpf.h"
#include "settings.bpf.h"
#include "walk.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Where a record is built before the used part of it is sent. Ticks do not nest on
 * a CPU, unless cycles (NMI) interrupts clock ticks: the claim catches that. */
struct scratch {
	__u32 claimed;
	__u32 reserved;
	struct walk walk;
	struct ft_sample_event event;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} tick_scratch SEC(".maps");

/* Where bpf_loop() is not to be had, a program walks a few frames and calls itself. */
#define FRAMES_PER_CALL 8
#define MAX_TAIL_CALLS	32

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} walk_programs SEC(".maps");

static __always_inline struct scratch *get_scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&tick_scratch, &zero);
}

static __always_inline void take_kernel_stack(struct bpf_perf_event_data *ctx,
					      struct ft_sample_event *event)
{
	long bytes;

	event->n_kernel = 0;
	if (in_user_mode(ctx))
		return;
	bytes = bpf_get_stack(ctx, event->frames, FT_MAX_KERNEL_FRAMES * sizeof(__u64), 0);
	if (bytes < 0)
		count(FT_COUNT_KSTACK_FAILED);
	else
		event->n_kernel = bytes / sizeof(__u64);
}

/* Prepare the walk; what can be said without a step is said by walk->done. */
static __always_inline void begin_walk(struct bpf_perf_event_data *ctx, struct task_struct *task,
				       struct scratch *scratch)
{
	struct walk *walk = &scratch->walk;
	struct ft_process_code *code;
	enum ft_outcome outcome;

	walk->n = 0;
	walk->done = 0;
	walk->calls = 0;
	walk->range.start = 0;
	walk->range.end = 0;
	walk->page.n = 0;
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD || !BPF_CORE_READ(task, mm)) {
		walk_end(walk, FT_OUTCOME_COMPLETE); /* there is no user part to miss */
		return;
	}
	outcome = user_regs(ctx, task, &walk->state);
	if (outcome != FT_OUTCOME_COMPLETE) {
		walk_end(walk, outcome);
		return;
	}
	code = bpf_map_lookup_elem(&processes, &scratch->event.pid);
	if (!code) {
		if (scratch->event.n_kernel <= FT_MAX_KERNEL_FRAMES) {
			scratch->event.frames[scratch->event.n_kernel] =
				ft_step_lookup(&walk->state);
			walk->n = 1;
		}
		walk_end(walk, FT_OUTCOME_NO_PROCESS);
		return;
	}
	walk->code = *code;
}

/* One frame. Returns 1 when the walk is over, as bpf_loop() wants it. */
static __always_inline long walk_one(struct scratch *scratch)
{
	__u32 at = scratch->event.n_kernel;

	if (scratch->walk.done)
		return 1;
	if (at > FT_MAX_KERNEL_FRAMES) /* for the verifier: never so */
		return 1;
	walk_frame(&scratch->walk, &scratch->event.frames[at], FT_MAX_USER_FRAMES);
	return scratch->walk.done;
}

static long walk_callback(__u32 index, void *context)
{
	struct scratch *scratch = get_scratch();

	if (!scratch || walk_one(scratch))
		return 1;
	return 0; /* the verifier wants to see that it is one of these two */
}

static __always_inline void send(struct ft_sample_event *event)
{
	__u32 ring = event->cpu % settings.n_rings;
	__u32 frames = event->n_kernel + event->n_user;
	__u64 bytes = FT_SAMPLE_EVENT_HEAD + (__u64)frames * sizeof(__u64);
	void *map = bpf_map_lookup_elem(&rings, &ring);

	if (bytes > sizeof(*event)) /* for the verifier: never so */
		return;
	if (!map || bpf_ringbuf_output(map, event, bytes, BPF_RB_NO_WAKEUP))
		count(FT_COUNT_RING_FULL);
	else
		count(FT_COUNT_SAMPLES);
}

/* The walk is over: send the sample, and let go of the scratch record. */
static __always_inline void finish(struct scratch *scratch)
{
	scratch->event.n_user = scratch->walk.n;
	scratch->event.outcome = scratch->walk.outcome;
	send(&scratch->event);
	scratch->claimed = 0;
}

static __always_inline void begin_sample(struct bpf_perf_event_data *ctx, struct task_struct *task,
					 const struct ids *ids, struct scratch *scratch)
{
	struct ft_sample_event *event = &scratch->event;

	/* The scratch record holds the last sample: set every field that is sent. */
	event->kind = FT_EVENT_SAMPLE;
	event->cpu = bpf_get_smp_processor_id();
	event->pid = ids->pid;
	event->tid = ids->tid;
	event->time_ns = bpf_ktime_get_ns();
	event->period = settings.fixed_period ? settings.fixed_period : ctx->sample_period;
	event->reserved = 0;
	if (bpf_get_current_comm(event->comm, sizeof(event->comm)))
		__builtin_memset(event->comm, 0, sizeof(event->comm));
	take_kernel_stack(ctx, event);
	begin_walk(ctx, task, scratch);
}

/* Some frames, then itself again: kernels without bpf_loop(). */
SEC("perf_event")
int walk_on(struct bpf_perf_event_data *ctx)
{
	struct scratch *scratch = get_scratch();

	if (!scratch)
		return 0;
	for (int i = 0; i < FRAMES_PER_CALL; i++)
		if (walk_one(scratch))
			break;
	if (!scratch->walk.done) {
		if (scratch->walk.calls++ < MAX_TAIL_CALLS)
			bpf_tail_call(ctx, &walk_programs, 0);
		walk_end(&scratch->walk, FT_OUTCOME_TRUNCATED);
	}
	finish(scratch);
	return 0;
}

SEC("perf_event")
int on_cpu_tick(struct bpf_perf_event_data *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scratch *scratch;
	struct ids ids;

	if ((__u32)bpf_get_current_pid_tgid() == 0)
		return 0; /* idle */
	if (!task_ids(task, &ids)) {
		count(FT_COUNT_FOREIGN_PIDNS);
		return 0;
	}
	if (settings.only_targets && !bpf_map_lookup_elem(&targets, &ids.pid))
		return 0;

	scratch = get_scratch();
	if (!scratch || scratch->claimed) {
		count(FT_COUNT_SCRATCH_BUSY);
		return 0;
	}
	scratch->claimed = 1;
	begin_sample(ctx, task, &ids, scratch);
	if (!scratch->walk.done && settings.no_bpf_loop) {
		bpf_tail_call(ctx, &walk_programs, 0);
		walk_end(&scratch->walk, FT_OUTCOME_TRUNCATED); /* it cannot be called */
	} else if (!scratch->walk.done) {
		bpf_loop(FT_MAX_USER_FRAMES + 1, walk_callback, NULL, 0);
	}
	finish(scratch);
	return 0;
}
