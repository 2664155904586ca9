// SPDX-License-Identifier: GPL-2.0-only
/* follow.bpf.c - children of targets become targets before their first instruction. */
#include "vmlinux/vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "flametrail/event.h"
#include "maps.bpf.h"
#include "pidns.bpf.h"
#include "settings.bpf.h"

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct ids from, to;
	__u32 one = 1;

	if (!settings.follow_children || !task_ids(parent, &from) || !task_ids(child, &to))
		return 0;
	if (to.pid == from.pid || !bpf_map_lookup_elem(&targets, &from.pid))
		return 0; /* a thread of a target is one already */
	if (bpf_map_update_elem(&targets, &to.pid, &one, BPF_ANY))
		count(FT_COUNT_TARGETS_FULL);
	return 0;
}
