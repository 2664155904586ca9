/* frames.h - the frames people see, made from a profile's locations.
 *
 * Every writer of stacks for people needs the same: inline chains taken apart, one
 * frame for a function however many addresses it was seen at, a name for what has
 * none, and text that a browser can show. Frames are numbered from 0 as they are
 * first asked for; ft_frames_rank() gives an order that does not depend on that. */
#pragma once

#include <stdint.h>

#include "agent/profile/profile.h"
#include "base/array.h"
#include "base/index.h"
#include "base/strings.h"

/* What tells frames apart, beside name and library. */
enum ft_frames_by {
	FT_FRAMES_BY_KIND = 1, /* kernel, inlined, JIT, ... */
	FT_FRAMES_BY_LINE = 2, /* the source file and line that ran */
};

struct ft_frame {
	uint32_t name, file; /* of ft_frames.strings; file 0: unknown */
	uint32_t lib;	     /* of ft_frames.libs; 0: none */
	uint32_t line; /* by line: the line that ran; else where the function begins; 0 unknown */
	uint8_t kind;  /* enum ft_frame_kind of tree.h; without FT_FRAMES_BY_KIND the first met */
};

struct ft_frame_lib {
	uint32_t name;	   /* of ft_frames.strings: last part of the path */
	uint32_t build_id; /* the same; 0: unknown, or files of this name differ in it */
};

struct ft_frames_span {
	uint32_t begin, n;
};

struct ft_frames {
	struct ft_strings strings; /* clean UTF-8 without control characters */
	struct ft_array items;	   /* struct ft_frame */
	struct ft_array libs;	   /* struct ft_frame_lib; 0 is "none" */

	/* the rest is private */
	const struct ft_profile *profile; /* borrowed, may not change meanwhile */
	unsigned int by;
	uint32_t comm;		   /* string of the profile: "comm"; FT_INDEX_NONE: nowhere in it */
	struct ft_index index;	   /* of items */
	struct ft_index lib_index; /* of libs */
	struct ft_array ids;	   /* uint32_t: frames of locations, one after another */
	struct ft_frames_span *spans; /* by location; n 0: not asked for yet */
	uint32_t *texts;	      /* by string of the profile: clean string + 1 */
	uint32_t *lib_of;	      /* by mapping */
};

/* by: enum ft_frames_by, or'd. 0, -ENOMEM or -E2BIG; deinit either way. */
int ft_frames_init(struct ft_frames *frames, const struct ft_profile *profile,
		   unsigned int by) FT_MUST_CHECK;
void ft_frames_deinit(struct ft_frames *frames);
#define _cleanup_frames_ FT_CLEANUP(ft_frames_deinit)

/* The frames of a location, outermost function first, at least one; borrowed until
 * the next call. 0, -ENOMEM or -E2BIG. */
int ft_frames_of(struct ft_frames *frames, uint32_t location, const uint32_t **ret_frames,
		 uint32_t *ret_n) FT_MUST_CHECK;
/* The clean form of a string of the profile, as one of ft_frames.strings. The same errors. */
int ft_frames_clean(struct ft_frames *frames, uint32_t string, uint32_t *ret_string) FT_MUST_CHECK;
/* A frame without a place: the root, a process. The same errors. */
int ft_frames_named(struct ft_frames *frames, const char *text, size_t len, uint8_t kind,
		    uint32_t *ret_frame) FT_MUST_CHECK;

/* The string of the profile that is this label's key; FT_INDEX_NONE: it has no such
 * label. Looks at every string: ask once. */
uint32_t ft_frames_key(const struct ft_profile *profile, const char *key);
/* The text of the label of that key in a label set, as a string of the profile; 0: none. */
uint32_t ft_frames_label(const struct ft_frames *frames, uint32_t labels, uint32_t key);
/* The command name. */
static inline uint32_t ft_frames_comm(const struct ft_frames *frames, uint32_t labels)
{
	return ft_frames_label(frames, labels, frames->comm);
}

static inline uint32_t ft_frames_count(const struct ft_frames *frames)
{
	return frames->items.n;
}
static inline const struct ft_frame *ft_frames_get(const struct ft_frames *frames, uint32_t frame)
{
	return (const struct ft_frame *)frames->items.items + frame;
}
static inline const struct ft_frame_lib *ft_frames_lib(const struct ft_frames *frames, uint32_t lib)
{
	return (const struct ft_frame_lib *)frames->libs.items + lib;
}
static inline const char *ft_frames_text(const struct ft_frames *frames, uint32_t string,
					 size_t *ret_len)
{
	return ft_strings_get(&frames->strings, string, ret_len);
}

/* For each frame its place in the order by name, then library, kind, file and line, as
 * bytes: ranks 0 to count - 1, no two alike. The caller frees *ret_ranks. 0 or -ENOMEM. */
int ft_frames_rank(const struct ft_frames *frames, uint32_t **ret_ranks) FT_MUST_CHECK;
