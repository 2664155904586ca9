/* gather.h - slices into a profile: the sink `record` and tests use.
 *
 * Keeps what slices said until the end, because names come after the samples that
 * need them; ft_gather_profile() then builds the profile with the latest names. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/profile/profile.h"
#include "agent/profile/slice.h"

struct ft_gather;

/* What becomes a label beside the set the slice carries (pid, comm). */
struct ft_gather_options {
	uint32_t kind; /* slice kind id to take; 0: the first one defined */
	bool with_tid;
	bool with_thread; /* thread name */
	bool with_cpu;
	/* Samples in [from, to) only; to 0: no bound. A sample without a time of its own
	 * counts where its span begins; losses count with a span that overlaps. */
	uint64_t from_ns, to_ns;
};

int ft_gather_new(const struct ft_gather_options *options,
		  struct ft_gather **ret_gather) FT_MUST_CHECK;
void ft_gather_freep(struct ft_gather **p);
#define _cleanup_gather_ FT_CLEANUP(ft_gather_freep)

/* Take one payload. 0, -EBADMSG, -ENOMEM, -E2BIG, or -EOVERFLOW when the counts or the
 * values of all samples together leave int64. After an error the gather still holds
 * what came before. */
int ft_gather_slice(struct ft_gather *gather, const uint8_t *payload, size_t len) FT_MUST_CHECK;

/* The profile of everything taken so far; the caller owns it. Its comments tell
 * outcomes and losses ("outcome complete 4711", "lost ring_full 3"), the host and the
 * agent. Its two sample types are the kind's; before a kind is known there is one,
 * samples/count, and no row. 0, -ENOMEM or -E2BIG. */
int ft_gather_profile(const struct ft_gather *gather,
		      struct ft_profile **ret_profile) FT_MUST_CHECK;
