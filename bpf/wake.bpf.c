// SPDX-License-Identifier: GPL-2.0-only
/* wake.bpf.c - a program has started: what was known of its process holds no more, and user
 * space is told at once.
 *
 * Samples wake nobody. But a program can be unwound only when its mappings have been
 * published, and may live no longer than user space sleeps. Wakes are rationed: a storm of
 * programs is no reason to run more often than this. */
#include "vmlinux/vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "flametrail/event.h"
#include "maps.bpf.h"
#include "pidns.bpf.h"
#include "tables.bpf.h"

#define WAKE_AFTER_NS 10000000ull

/* Raced for by CPUs: at worst one wakes too often. */
__u64 last_wake_ns;

static __always_inline void forget_code(void)
{
	struct ids ids;

	/* Until it is published anew: better unknown than another program's code. */
	if (task_ids(bpf_get_current_task_btf(), &ids))
		bpf_map_delete_elem(&processes, &ids.pid);
}

SEC("tp_btf/sched_process_exec")
int on_exec(void *ctx)
{
	struct ft_wake_event event = { .kind = FT_EVENT_WAKE };
	__u64 now_ns = bpf_ktime_get_ns();
	__u32 zero = 0;
	void *map;

	forget_code();
	if (now_ns - last_wake_ns < WAKE_AFTER_NS)
		return 0;
	last_wake_ns = now_ns;
	map = bpf_map_lookup_elem(&rings, &zero);
	if (!map || bpf_ringbuf_output(map, &event, sizeof(event), BPF_RB_FORCE_WAKEUP))
		count(FT_COUNT_WAKE_FAILED);
	return 0;
}
