// SPDX-License-Identifier: GPL-2.0-only
/* follow.bpf.c - a child begins with what its parent has: its code, so that its first sample
 * can be unwound, and its being a target. */
#include "vmlinux/vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "flametrail/event.h"
#include "maps.bpf.h"
#include "pidns.bpf.h"
#include "settings.bpf.h"
#include "tables.bpf.h"

/* The child points to its parent's run of ranges until user space gives it one of its own;
 * a run is reused only long after that. */
static __always_inline void inherit_code(__u32 parent, __u32 child)
{
	const struct ft_process_code *code = bpf_map_lookup_elem(&processes, &parent);

	/* No room: it is published later, like any other. */
	if (code)
		bpf_map_update_elem(&processes, &child, code, BPF_ANY);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct ids from, to;
	__u32 one = 1;

	if (!task_ids(parent, &from) || !task_ids(child, &to))
		return 0;
	if (to.pid == from.pid)
		return 0; /* a thread */
	inherit_code(from.pid, to.pid);
	if (!settings.only_targets)
		return 0;
	if (!settings.follow_children || !bpf_map_lookup_elem(&targets, &from.pid)) {
		/* The number may have been that of a target which has ended. */
		bpf_map_delete_elem(&targets, &to.pid);
		return 0;
	}
	if (bpf_map_update_elem(&targets, &to.pid, &one, BPF_ANY))
		count(FT_COUNT_TARGETS_FULL);
	return 0;
}
