/* extents.h - runs of slots in one fixed space, given and taken back.
 *
 * The kernel side may still read a run that was taken back a moment ago, so it is given
 * again only after a while. Pure: the caller tells the time. */
#pragma once

#include <stdint.h>

#include "base/array.h"
#include "base/base.h"

#define FT_EXTENTS_QUARANTINE_NS 2000000000ull /* longer than any walk takes */

struct ft_extents {
	uint32_t n_slots, n_used; /* used: given, or waiting to be free again */
	struct ft_array free;	  /* struct ft_extent, by first, never touching */
	struct ft_array waiting;  /* struct ft_extent, in the order they were taken back */
};

struct ft_extent {
	uint32_t first, n;
	uint64_t until_ns; /* of waiting ones: when they are free */
};

/* n_slots free slots. 0 or -ENOMEM. */
int ft_extents_init(struct ft_extents *extents, uint32_t n_slots) FT_MUST_CHECK;
void ft_extents_deinit(struct ft_extents *extents);

/* A run of n slots, n >= 1, into *ret_first. 0, or -ENOSPC. */
int ft_extents_take(struct ft_extents *extents, uint32_t n, uint64_t now_ns,
		    uint32_t *ret_first) FT_MUST_CHECK;
/* Give a run back. Without memory to remember it, it is lost for good. */
void ft_extents_give(struct ft_extents *extents, uint32_t first, uint32_t n, uint64_t now_ns);
