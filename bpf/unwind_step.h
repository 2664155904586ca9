/* unwind_step.h - one step up a user stack. Pure: no helper, no map, no memory but its
 * arguments and what it reads of the stack, so that the same code runs in BPF, in the
 * symbolizer and in tests. Who includes this defines first how user memory is read:
 *	FT_READ_USER(to, bytes, address)	0 when it was read */
#pragma once

#include "flametrail/unwind.h"

/* Addresses at or above this belong to the kernel (also with 5-level tables, for
 * programs that did not ask for more). */
#define FT_USER_SPACE_END 0x00ff000000000000ull

/* A stack that is not resident is told from a frame pointer that is no pointer by
 * its distance from the stack pointer. */
#define FT_STACK_REACH (8ull << 20)

/* x86-64: 0 rax 1 rdx 2 rcx 3 rbx 4 rsi 5 rdi 6 rbp 7 rsp 8-15 r8-r15, as DWARF counts. */
#define FT_UNWIND_REGS 16

struct ft_unwind_state {
	__u64 pc;
	__u64 sp;
	__u64 fp;
	/* pc is where it stopped, not where a call returns to: in the topmost frame and
	 * in one that a signal interrupted. */
	__u32 exact;
	/* regs[] are this frame's: in the topmost frame alone. */
	__u32 has_regs;
	__u64 regs[FT_UNWIND_REGS];
};

enum ft_step {
	FT_STEP_NEXT,	    /* state is now the caller's */
	FT_STEP_ROOT,	    /* there is no caller */
	FT_STEP_BROKEN,	    /* what was found cannot be a frame */
	FT_STEP_NO_RULE,    /* nothing tells how to go on from here */
	FT_STEP_UNREADABLE, /* stack memory was not resident */
};

/* The address to look up for this frame: that of the call, not of its return, which may
 * be in the next function. */
static inline __u64 ft_step_lookup(const struct ft_unwind_state *state)
{
	return state->exact ? state->pc : state->pc - 1;
}

static inline enum ft_step ft_step_to(struct ft_unwind_state *state, __u64 pc, __u64 sp, __u64 fp)
{
	state->pc = pc;
	state->sp = sp;
	state->fp = fp;
	state->exact = 0;
	state->has_regs = 0;
	if (pc == 0)
		return FT_STEP_ROOT;
	return pc < FT_USER_SPACE_END ? FT_STEP_NEXT : FT_STEP_BROKEN;
}

/* By the frame pointer: at fp lie the caller's fp and the return address. Process entry
 * and thread start clear fp, so 0 is the root. Frames lie at growing addresses; one that
 * does not is no frame, which also excludes loops. */
static inline enum ft_step ft_step_frame_pointer(struct ft_unwind_state *state)
{
	__u64 record[2];

	if (state->fp == 0)
		return FT_STEP_ROOT;
	if (state->fp & 7 || state->fp < state->sp || state->fp >= FT_USER_SPACE_END)
		return FT_STEP_BROKEN;
	if (FT_READ_USER(record, sizeof(record), state->fp))
		return state->fp - state->sp < FT_STACK_REACH ? FT_STEP_UNREADABLE : FT_STEP_BROKEN;
	if (record[0] != 0 && record[0] <= state->fp)
		return FT_STEP_BROKEN;
	return ft_step_to(state, record[1], state->fp + sizeof(record), record[0]);
}

/* Out of a signal handler: the kernel put all registers on the stack, rip as number 16 of
 * struct sigcontext, whose order is its own. */
static inline enum ft_step ft_step_signal(struct ft_unwind_state *state, __s32 at)
{
	enum { SAVED_RBP = 10, SAVED_RSP = 15, SAVED_RIP = 16, SAVED = 17 };
	__u64 saved[SAVED];
	enum ft_step step;

	if (FT_READ_USER(saved, sizeof(saved), state->sp + (__u64)at))
		return FT_STEP_UNREADABLE;
	step = ft_step_to(state, saved[SAVED_RIP], saved[SAVED_RSP], saved[SAVED_RBP]);
	state->exact = 1;
	return step;
}

static inline int ft_step_needs_regs(const struct ft_unwind_rule *rule)
{
	return rule->kind == FT_RULE_REGISTER || rule->kind == FT_RULE_DEREF_REGISTER ||
	       rule->kind == FT_RULE_DEREF_INDEXED || rule->kind == FT_RULE_RA_REGISTER;
}

/* A register of the topmost frame. */
static inline __u64 ft_step_register(const struct ft_unwind_state *state, __u8 number)
{
	return state->regs[number & (FT_UNWIND_REGS - 1)];
}

/* *(base + offset) + small offset: how realigned stacks keep their old end. */
static inline enum ft_step ft_step_dereference(__u64 base, __s32 cfa, __u64 *value)
{
	if (FT_READ_USER(value, sizeof(*value), base + (__u64)(cfa & ~7)))
		return FT_STEP_UNREADABLE;
	*value += (__u64)(cfa & 7) * 8;
	return FT_STEP_NEXT;
}

static inline __u64 ft_step_fp_slot(const struct ft_unwind_state *state,
				    const struct ft_unwind_rule *rule, __u64 cfa)
{
	return rule->fp == FT_RULE_FP_AT_FP ? state->fp : cfa + (__u64)(rule->fp * 8);
}

/* Return address and frame pointer, given the CFA. Mostly they lie side by side, and one
 * read of user memory is worth several lookups. */
static inline enum ft_step ft_step_load(struct ft_unwind_state *state,
					const struct ft_unwind_rule *rule, __u64 cfa)
{
	__u64 pair[2] = { 0, 0 };
	__u64 fp = state->fp;

	if (rule->fp == -2) {
		if (FT_READ_USER(pair, sizeof(pair), cfa - 16))
			return FT_STEP_UNREADABLE;
		fp = pair[0];
	} else {
		if (FT_READ_USER(&pair[1], sizeof(pair[1]), cfa - 8))
			return FT_STEP_UNREADABLE;
		if (rule->fp == FT_RULE_FP_UNDEFINED)
			fp = 0;
		else if (rule->fp != FT_RULE_FP_SAME &&
			 FT_READ_USER(&fp, sizeof(fp), ft_step_fp_slot(state, rule, cfa)))
			return FT_STEP_UNREADABLE;
	}
	if (rule->kind == FT_RULE_RA_REGISTER)
		pair[1] = ft_step_register(state, rule->step);
	return ft_step_to(state, pair[1], cfa, fp);
}

/* distance: bytes between the row's address and the one looked up. */
static inline enum ft_step ft_step_by_rule(struct ft_unwind_state *state,
					   const struct ft_unwind_rule *rule, __u32 distance)
{
	enum ft_step step = FT_STEP_NEXT;
	__u64 cfa = 0;
	__s32 add = rule->cfa;

	if ((rule->kind == FT_RULE_SP || rule->kind == FT_RULE_FP) && rule->step &&
	    distance >= FT_RULE_STEP_BYTES(rule->step))
		add += rule->step & FT_RULE_STEP_MINUS ? -8 : 8;

	if (ft_step_needs_regs(rule) && !state->has_regs)
		return FT_STEP_NO_RULE;
	switch (rule->kind) {
	case FT_RULE_ROOT:
		return FT_STEP_ROOT;
	case FT_RULE_SP:
	case FT_RULE_RA_REGISTER:
		cfa = state->sp + (__u64)add;
		break;
	case FT_RULE_FP:
		cfa = state->fp + (__u64)add;
		break;
	case FT_RULE_PLT:
		cfa = state->sp + 8 + ((state->pc & 15) >= (__u32)add ? 8 : 0);
		break;
	case FT_RULE_DEREF_SP:
		step = ft_step_dereference(state->sp, add, &cfa);
		break;
	case FT_RULE_DEREF_FP:
		step = ft_step_dereference(state->fp, add, &cfa);
		break;
	case FT_RULE_REGISTER:
		cfa = ft_step_register(state, rule->step) + (__u64)add;
		break;
	case FT_RULE_DEREF_REGISTER:
		step = ft_step_dereference(ft_step_register(state, rule->step), add, &cfa);
		break;
	case FT_RULE_DEREF_INDEXED:
		step = ft_step_dereference(state->sp + 8 * ft_step_register(state, rule->step), add,
					   &cfa);
		break;
	case FT_RULE_SIGNAL:
		return ft_step_signal(state, add);
	case FT_RULE_FRAME_POINTER:
		return ft_step_frame_pointer(state);
	default:
		return FT_STEP_NO_RULE;
	}
	if (step != FT_STEP_NEXT)
		return step;
	/* A call pushed something: the caller's frame ends above ours, but where the return
	 * address has been taken off the stack already. */
	if (cfa & 7 || cfa < state->sp || cfa >= FT_USER_SPACE_END ||
	    (cfa == state->sp && rule->kind != FT_RULE_RA_REGISTER))
		return FT_STEP_BROKEN;
	return ft_step_load(state, rule, cfa);
}
