/* settings.h - what user space tells the BPF programs before they are loaded. */
#pragma once

#include <linux/types.h>

struct ft_settings {
	__u64 fixed_period;   /* what a sample stands for; 0: ask the event */
	__u32 pidns_inum;     /* our PID namespace; 0: the initial one, no translation */
	__u32 n_rings;	      /* entries of `rings` in use, at least 1 */
	__u8 only_targets;    /* sample the processes in `targets` and no others */
	__u8 follow_children; /* children of targets become targets */
	__u8 no_bpf_loop;     /* walk with tail calls, as on kernels before 5.17 */
	__u8 reserved[5];
};

_Static_assert(sizeof(struct ft_settings) == 24, "ft_settings has padding");
