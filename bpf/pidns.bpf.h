/* pidns.bpf.h - process ids as our own PID namespace sees them.
 *
 * The kernel's helpers speak in ids of the initial namespace. In a container the
 * caller's ids, /proc and the side-band records are all of another one, so a
 * sample must be translated before it is compared with anything. */
#pragma once

#include "vmlinux/vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "settings.bpf.h"

#define MAX_PIDNS_LEVEL 32 /* MAX_PID_NS_LEVEL of the kernel */

struct ids {
	__u32 pid; /* thread group */
	__u32 tid;
};

/* The number of pid in our namespace, 0 when it is not visible there. */
static __always_inline __u32 pid_number(struct pid *pid)
{
	__u32 level = BPF_CORE_READ(pid, level);

	for (__u32 i = 0; i <= MAX_PIDNS_LEVEL; i++) {
		struct upid *number = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      i * bpf_core_type_size(struct upid);

		if (i > level)
			break;
		if (BPF_CORE_READ(number, ns, ns.inum) == settings.pidns_inum)
			return BPF_CORE_READ(number, nr);
	}
	return 0;
}

/* False when the task is not visible from our namespace. */
static __always_inline bool task_ids(struct task_struct *task, struct ids *ids)
{
	if (settings.pidns_inum == 0) {
		ids->pid = BPF_CORE_READ(task, tgid);
		ids->tid = BPF_CORE_READ(task, pid);
		return true;
	}
	ids->pid = pid_number(BPF_CORE_READ(task, group_leader, thread_pid));
	ids->tid = pid_number(BPF_CORE_READ(task, thread_pid));
	return ids->pid != 0 && ids->tid != 0;
}
