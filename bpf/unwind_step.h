/* unwind_step.h - one step up a user stack. Pure: no helper, no map, no memory but
 * its arguments, so that the same code runs in BPF, in the symbolizer and in tests. */
#pragma once

#include <linux/types.h>

/* Addresses at or above this belong to the kernel (also with 5-level tables, for
 * programs that did not ask for more). */
#define FT_USER_SPACE_END 0x00ff000000000000ull

/* A stack that is not resident is told from a frame pointer that is no pointer by
 * its distance from the stack pointer. */
#define FT_STACK_REACH (8ull << 20)

struct ft_unwind_state {
	__u64 pc;
	__u64 sp; /* 0 when unknown */
	__u64 fp;
};

/* What a function that keeps a frame pointer stores at it. */
struct ft_frame_record {
	__u64 caller_fp;
	__u64 return_address;
};

enum ft_step {
	FT_STEP_NEXT,	/* state is now the caller's */
	FT_STEP_ROOT,	/* there is no caller */
	FT_STEP_BROKEN, /* what should be a frame pointer is none */
};

/* May a frame record be read at state->fp? FT_STEP_NEXT: yes. The ABI lets process
 * entry and thread start clear the frame pointer, so 0 is the root. */
static inline enum ft_step ft_step_begin(const struct ft_unwind_state *state)
{
	if (state->fp == 0)
		return FT_STEP_ROOT;
	if (state->fp & 7 || state->fp < state->sp || state->fp >= FT_USER_SPACE_END)
		return FT_STEP_BROKEN;
	return FT_STEP_NEXT;
}

/* Move to the caller, given the record read at state->fp. Frames lie at growing
 * addresses; one that does not is no frame, which also excludes loops. */
static inline enum ft_step ft_step_frame_pointer(struct ft_unwind_state *state,
						 const struct ft_frame_record *record)
{
	if (record->return_address == 0)
		return FT_STEP_ROOT;
	if (record->return_address >= FT_USER_SPACE_END)
		return FT_STEP_BROKEN;
	if (record->caller_fp != 0 && record->caller_fp <= state->fp)
		return FT_STEP_BROKEN;
	state->pc = record->return_address;
	state->sp = state->fp + sizeof(*record);
	state->fp = record->caller_fp;
	return FT_STEP_NEXT;
}

/* Was a failed read at fp a stack that is not resident (true) or a wild pointer? */
static inline int ft_step_is_stack(const struct ft_unwind_state *state)
{
	return state->sp != 0 && state->fp - state->sp < FT_STACK_REACH;
}
