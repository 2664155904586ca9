/* walk.bpf.h - the walk up a user stack, step by step with unwind_step.h. */
#pragma once

#include "vmlinux/vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "flametrail/event.h"
#include "unwind_step.h"

/* Write the frames from state on to frames[FT_MAX_USER_FRAMES], their number to *n. */
static __always_inline enum ft_outcome walk_user(struct ft_unwind_state *state, __u64 *frames,
						 __u16 *n)
{
	for (__u32 i = 0; i < FT_MAX_USER_FRAMES; i++) {
		struct ft_frame_record record;
		enum ft_step step;

		frames[i] = state->pc;
		*n = i + 1;
		step = ft_step_begin(state);
		if (step == FT_STEP_NEXT) {
			if (bpf_probe_read_user(&record, sizeof(record), (void *)state->fp))
				return ft_step_is_stack(state) ? FT_OUTCOME_UNREADABLE
							       : FT_OUTCOME_BROKEN;
			step = ft_step_frame_pointer(state, &record);
		}
		if (step == FT_STEP_ROOT)
			return FT_OUTCOME_COMPLETE;
		if (step == FT_STEP_BROKEN)
			return FT_OUTCOME_BROKEN;
	}
	return FT_OUTCOME_TRUNCATED;
}
