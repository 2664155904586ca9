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
	struct ft_sample_event event;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} tick_scratch SEC(".maps");

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

static __always_inline void take_user_stack(struct bpf_perf_event_data *ctx,
					    struct task_struct *task, struct ft_sample_event *event)
{
	struct ft_unwind_state state = {};
	__u32 at = event->n_kernel;

	event->n_user = 0;
	event->outcome = FT_OUTCOME_COMPLETE;
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD || !BPF_CORE_READ(task, mm))
		return; /* there is no user part to miss */
	event->outcome = user_regs(ctx, task, &state);
	if (event->outcome != FT_OUTCOME_COMPLETE)
		return;
	if (at > FT_MAX_KERNEL_FRAMES) /* for the verifier: never so */
		return;
	event->outcome = walk_user(&state, &event->frames[at], &event->n_user);
}

static __always_inline void send(struct ft_sample_event *event)
{
	__u32 ring = event->cpu % settings.n_rings;
	__u32 frames = event->n_kernel + event->n_user;
	__u64 bytes = FT_SAMPLE_EVENT_HEAD + frames * sizeof(__u64);
	void *map = bpf_map_lookup_elem(&rings, &ring);

	if (bytes > sizeof(*event)) /* for the verifier: never so */
		return;
	if (!map || bpf_ringbuf_output(map, event, bytes, BPF_RB_NO_WAKEUP))
		count(FT_COUNT_RING_FULL);
	else
		count(FT_COUNT_SAMPLES);
}

static __always_inline void sample(struct bpf_perf_event_data *ctx, struct task_struct *task,
				   const struct ids *ids, struct ft_sample_event *event)
{
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
	take_user_stack(ctx, task, event);
	send(event);
}

SEC("perf_event")
int on_cpu_tick(struct bpf_perf_event_data *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scratch *scratch;
	struct ids ids;
	__u32 zero = 0;

	if ((__u32)bpf_get_current_pid_tgid() == 0)
		return 0; /* idle */
	if (!task_ids(task, &ids)) {
		count(FT_COUNT_FOREIGN_PIDNS);
		return 0;
	}
	if (settings.only_targets && !bpf_map_lookup_elem(&targets, &ids.pid))
		return 0;

	scratch = bpf_map_lookup_elem(&tick_scratch, &zero);
	if (!scratch || scratch->claimed) {
		count(FT_COUNT_SCRATCH_BUSY);
		return 0;
	}
	scratch->claimed = 1;
	sample(ctx, task, &ids, &scratch->event);
	scratch->claimed = 0;
	return 0;
}
