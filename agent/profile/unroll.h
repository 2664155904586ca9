/* unroll.h - a profile as a stream of slices, so that a file made by any tool takes
 * the way recorded samples take. Pure. */
#pragma once

#include <stdint.h>

#include "agent/profile/profile.h"
#include "base/buffer.h"

/* Append a whole stream, its magic included, to out: every row becomes a sample
 * without time of its own, once per sample type with a value there. Each sample type
 * is a kind named as the type; the default type comes first. A sample counts as many
 * events as the count that stands before its type says ("samples/count" before
 * "cpu/nanoseconds"), else 1. A profile without a begin is put at time_ns; one without
 * a duration lasts a second. 0, -ENOMEM or -EFBIG. */
int ft_unroll(const struct ft_profile *profile, uint64_t time_ns,
	      struct ft_buffer *out) FT_MUST_CHECK;
