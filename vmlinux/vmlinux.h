/* vmlinux.h - the few kernel types our BPF programs read, by hand.
 *
 * Only the fields we use: with preserve_access_index libbpf finds their real
 * offsets in the running kernel's BTF when it loads the programs, so this is the
 * same for every kernel and architecture, and a reader sees at a glance which
 * parts of the kernel we depend on. What differs by architecture is in
 * x86_64.h and arm64.h beside this file. To add a field, look it up with
 *	bpftool btf dump file /sys/kernel/btf/vmlinux format c
 * and copy its type; the order of fields does not matter. */
#pragma once

#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <stdbool.h>

#if defined(__TARGET_ARCH_x86)
#include "vmlinux/x86_64.h"
#elif defined(__TARGET_ARCH_arm64)
#include "vmlinux/arm64.h"
#else
#error "flametrail knows x86-64 and arm64"
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum; /* as in readlink /proc/self/ns/pid */
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;    /* of the namespace it was made in; 0 is the initial one */
	struct upid numbers[]; /* level + 1 of them */
};

struct mm_struct;

struct task_struct {
	int pid;
	int tgid;
	unsigned int flags; /* PF_* */
	struct mm_struct *mm;
	struct task_struct *group_leader;
	struct pid *thread_pid;
};

#pragma clang attribute pop

#define PF_KTHREAD 0x00200000
