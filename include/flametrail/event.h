/* event.h - what the kernel side sends and user space reads: the only types both
 * sides share. Fixed widths, no pointers, no padding, sizes asserted, no includes
 * beyond the kernel's own __uNN types. */
#pragma once

#include <linux/types.h>

/* The kernel's own limit on its stacks (kernel.perf_event_max_stack) by default. */
#define FT_MAX_KERNEL_FRAMES 127
#define FT_MAX_USER_FRAMES   1024
#define FT_COMM_BYTES	     16 /* TASK_COMM_LEN, the NUL included */

enum ft_event_kind { FT_EVENT_SAMPLE = 1, FT_EVENT_WAKE = 2 };

/* How the walk of the user stack ended. Travels with the sample into every export
 * (as a label when it is not FT_OUTCOME_COMPLETE). Numbers are kept in files:
 * append only. */
enum ft_outcome {
	FT_OUTCOME_COMPLETE = 0,   /* reached the root, or there is no user stack */
	FT_OUTCOME_TRUNCATED = 1,  /* deeper than the frame limit */
	FT_OUTCOME_BROKEN = 2,	   /* the chain of frame pointers led nowhere */
	FT_OUTCOME_UNREADABLE = 3, /* stack memory was not resident */
	FT_OUTCOME_NO_REGS = 4,	   /* user registers could not be had */
	FT_OUTCOME_COMPAT = 5,	   /* a 32-bit task */
	FT_OUTCOME_NO_RULE = 6,	   /* in code whose file does not tell how to unwind it */
	FT_OUTCOME_NO_TABLE = 7,   /* in a file whose table was not ready */
	FT_OUTCOME_NO_MAPPING = 8, /* at an address where no code is known to be mapped */
	FT_OUTCOME_NO_PROCESS = 9, /* in a process that was not known yet */
	FT_OUTCOMES
};

/* Indexes of the counters map: samples by what became of them. */
enum ft_counter {
	FT_COUNT_SAMPLES,	/* sent to user space */
	FT_COUNT_RING_FULL,	/* lost: user space too slow */
	FT_COUNT_SCRATCH_BUSY,	/* lost: interrupted another sample on this CPU */
	FT_COUNT_FOREIGN_PIDNS, /* skipped: not visible from our PID namespace */
	FT_COUNT_KSTACK_FAILED, /* sent without its kernel part */
	FT_COUNT_TARGETS_FULL,	/* a child could not be followed */
	FT_COUNT_WAKE_FAILED,	/* a new program was not announced at once, only later */
	FT_COUNTERS
};

/* Says nothing but: look now. */
struct ft_wake_event {
	__u32 kind;	/* FT_EVENT_WAKE */
	__u32 reserved; /* 0 */
};

/* One stack at one instant. Only the used part of frames[] is sent. */
struct ft_sample_event {
	__u32 kind; /* FT_EVENT_SAMPLE */
	__u32 cpu;
	__u32 pid; /* thread group, in flametrail's PID namespace */
	__u32 tid;
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 period;  /* what this sample stands for: ns of CPU time, or cycles */
	__u16 n_kernel;
	__u16 n_user;
	__u16 outcome;						 /* enum ft_outcome */
	__u16 reserved;						 /* 0 */
	char comm[FT_COMM_BYTES];				 /* of the thread */
	__u64 frames[FT_MAX_KERNEL_FRAMES + FT_MAX_USER_FRAMES]; /* kernel, then user; leaf first */
};

#define FT_SAMPLE_EVENT_HEAD 56 /* bytes before frames[] */
_Static_assert(__builtin_offsetof(struct ft_sample_event, frames) == FT_SAMPLE_EVENT_HEAD,
	       "ft_sample_event has padding");
_Static_assert(sizeof(struct ft_sample_event) ==
		       FT_SAMPLE_EVENT_HEAD + 8 * (FT_MAX_KERNEL_FRAMES + FT_MAX_USER_FRAMES),
	       "ft_sample_event has padding");
