/* regs.bpf.h - the user registers of what was interrupted, per architecture. */
#pragma once

#include "vmlinux/vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "flametrail/event.h"
#include "user_step.bpf.h"

#if defined(__TARGET_ARCH_x86)

#define USER_CS_32 0x23

/* The kernel keeps user registers as struct pt_regs of <asm/ptrace.h>, an ABI. */
#define TAKE_REGS(state, from)                   \
	do {                                     \
		(state)->regs[0] = (from)->rax;  \
		(state)->regs[1] = (from)->rdx;  \
		(state)->regs[2] = (from)->rcx;  \
		(state)->regs[3] = (from)->rbx;  \
		(state)->regs[4] = (from)->rsi;  \
		(state)->regs[5] = (from)->rdi;  \
		(state)->regs[6] = (from)->rbp;  \
		(state)->regs[7] = (from)->rsp;  \
		(state)->regs[8] = (from)->r8;   \
		(state)->regs[9] = (from)->r9;   \
		(state)->regs[10] = (from)->r10; \
		(state)->regs[11] = (from)->r11; \
		(state)->regs[12] = (from)->r12; \
		(state)->regs[13] = (from)->r13; \
		(state)->regs[14] = (from)->r14; \
		(state)->regs[15] = (from)->r15; \
		(state)->pc = (from)->rip;       \
		(state)->sp = (from)->rsp;       \
		(state)->fp = (from)->rbp;       \
		(state)->has_regs = 1;           \
	} while (0)

static __always_inline bool in_user_mode(struct bpf_perf_event_data *ctx)
{
	return ctx->regs.cs & 3;
}

static __always_inline enum ft_outcome regs_of_user(struct bpf_perf_event_data *ctx,
						    struct ft_unwind_state *state)
{
	if (ctx->regs.cs == USER_CS_32)
		return FT_OUTCOME_COMPAT;
	TAKE_REGS(state, &ctx->regs);
	state->exact = 1;
	return FT_OUTCOME_COMPLETE;
}

static __always_inline enum ft_outcome regs_of_task(struct task_struct *task,
						    struct ft_unwind_state *state)
{
	void *kernel = (void *)bpf_task_pt_regs((void *)task);
	struct pt_regs regs;

	if (!kernel || bpf_probe_read_kernel(&regs, sizeof(regs), kernel))
		return FT_OUTCOME_NO_REGS;
	if ((regs.cs & 0xffff) == USER_CS_32)
		return FT_OUTCOME_COMPAT;
	if (!(regs.cs & 3))
		return FT_OUTCOME_NO_REGS; /* it never was in user space */
	TAKE_REGS(state, &regs);
	/* In a system call pc is what follows the instruction: it returns there. */
	state->exact = (long)regs.orig_rax == -1;
	return FT_OUTCOME_COMPLETE;
}

#elif defined(__TARGET_ARCH_arm64)

#define PSTATE_MODE_32	 0x10
#define PSTATE_MODE_MASK 0x0f
#define REG_FP		 29

static __always_inline bool in_user_mode(struct bpf_perf_event_data *ctx)
{
	return (ctx->regs.pstate & PSTATE_MODE_MASK) == 0;
}

static __always_inline enum ft_outcome regs_of_user(struct bpf_perf_event_data *ctx,
						    struct ft_unwind_state *state)
{
	if (ctx->regs.pstate & PSTATE_MODE_32)
		return FT_OUTCOME_COMPAT;
	state->pc = ctx->regs.pc;
	state->sp = ctx->regs.sp;
	state->fp = ctx->regs.regs[REG_FP];
	state->exact = 1;
	return FT_OUTCOME_COMPLETE;
}

static __always_inline enum ft_outcome regs_of_task(struct task_struct *task,
						    struct ft_unwind_state *state)
{
	struct user_pt_regs___kernel *regs = (void *)bpf_task_pt_regs((void *)task);

	if (!regs)
		return FT_OUTCOME_NO_REGS;
	if (BPF_CORE_READ(regs, pstate) & PSTATE_MODE_32)
		return FT_OUTCOME_COMPAT;
	state->pc = BPF_CORE_READ(regs, pc);
	state->sp = BPF_CORE_READ(regs, sp);
	state->fp = BPF_CORE_READ(regs, regs[REG_FP]);
	state->exact = 1;
	return FT_OUTCOME_COMPLETE;
}

#endif

/* The registers user code had when it was interrupted or entered the kernel. */
static __always_inline enum ft_outcome
user_regs(struct bpf_perf_event_data *ctx, struct task_struct *task, struct ft_unwind_state *state)
{
	state->has_regs = 0;
	if (in_user_mode(ctx))
		return regs_of_user(ctx, state);
	return regs_of_task(task, state);
}
