/* formats.h - a profile as bytes for other programs, and back. Each writer appends
 * to out; errors stay in the buffer and are also returned. */
#pragma once

#include "agent/profile/profile.h"
#include "base/buffer.h"

/* pprof: gzip'd protobuf of perftools.profiles.Profile (github.com/google/pprof,
 * proto/profile.proto). Mapping 1 is the main binary. Outcomes that are not
 * complete are already labels of the profile. 0, -ENOMEM or -EFBIG. */
int ft_pprof_write(const struct ft_profile *profile, struct ft_buffer *out) FT_MUST_CHECK;
/* Read pprof, gzip'd or not, made by any tool. The caller owns *ret_profile. 0;
 * -EBADMSG: not a valid pprof file, *ret_why (static text) says what is wrong;
 * -EFBIG: over 1 GiB when inflated, or more of something than a profile holds;
 * -ENOMEM. */
int ft_pprof_read(const uint8_t *bytes, size_t len, struct ft_profile **ret_profile,
		  const char **ret_why) FT_MUST_CHECK;

/* Folded stacks, one line per distinct stack: command;root;...;leaf number. Kernel
 * frames end in _[k], inlined ones in _[i], JIT code in _[j]. type is an index
 * into the profile's sample types. Sorted, so that equal profiles give equal text.
 * Sums that are not above 0 are left out. */
int ft_folded_write(const struct ft_profile *profile, uint32_t type,
		    struct ft_buffer *out) FT_MUST_CHECK;

/* speedscope's JSON file format, one sampled profile of sample type `type`, shown under
 * `name`. Frames are functions: their line is where the function begins, else the first
 * line of it that ran. */
int ft_speedscope_write(const struct ft_profile *profile, uint32_t type, const char *name,
			struct ft_buffer *out) FT_MUST_CHECK;

/* A table of the n heaviest functions by self value, for a terminal of `columns`; 0: names
 * are not cut. Fewer lines when there are fewer functions. */
int ft_top_write(const struct ft_profile *profile, uint32_t type, uint32_t n, uint32_t columns,
		 struct ft_buffer *out) FT_MUST_CHECK;
