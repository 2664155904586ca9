/* regs.bpf.h - the user registers of what was interrupted, per architecture. */
#pragma once

#include "vmlinux/vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "flametrail/event.h"
#include "unwind_step.h"

#if defined(__TARGET_ARCH_x86)

#define USER_CS_32 0x23

static __always_inline bool in_user_mode(struct bpf_perf_event_data *ctx)
{
	return ctx->regs.cs & 3;
}

static __always_inline enum ft_outcome regs_of_user(struct bpf_perf_event_data *ctx,
						    struct ft_unwind_state *state)
{
	if (ctx->regs.cs == USER_CS_32)
		return FT_OUTCOME_COMPAT;
	state->pc = ctx->regs.rip;
	state->sp = ctx->regs.rsp;
	state->fp = ctx->regs.rbp;
	return FT_OUTCOME_COMPLETE;
}

static __always_inline enum ft_outcome regs_of_task(struct task_struct *task,
						    struct ft_unwind_state *state)
{
	struct pt_regs___kernel *regs = (void *)bpf_task_pt_regs((void *)task);

	if (!regs)
		return FT_OUTCOME_NO_REGS;
	if (BPF_CORE_READ(regs, cs) == USER_CS_32)
		return FT_OUTCOME_COMPAT;
	state->pc = BPF_CORE_READ(regs, ip);
	state->sp = BPF_CORE_READ(regs, sp);
	state->fp = BPF_CORE_READ(regs, bp);
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
	return FT_OUTCOME_COMPLETE;
}

#endif

/* The registers user code had when it was interrupted or entered the kernel. */
static __always_inline enum ft_outcome
user_regs(struct bpf_perf_event_data *ctx, struct task_struct *task, struct ft_unwind_state *state)
{
	if (in_user_mode(ctx))
		return regs_of_user(ctx, state);
	return regs_of_task(task, state);
}
