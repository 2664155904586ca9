/* ranges.h - from symbols that nest and overlap to ranges that do not.
 *
 * Pure: numbers in, numbers out. Addresses count from a base that the caller knows; a name
 * is a number that means something to the caller. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* Larger is better; a rank is the sum of one of each row. */
enum { FT_RANK_LOCAL = 0, FT_RANK_WEAK = 1, FT_RANK_GLOBAL = 2 };
enum { FT_RANK_LABEL = 0, FT_RANK_FUNCTION = 4 };
enum { FT_RANK_UNSIZED = 0, FT_RANK_SIZED = 8 };

struct ft_symbol {
	uint32_t start;
	uint32_t size; /* an unsized one has been given one, too */
	uint32_t name;
	uint8_t rank;
};

struct ft_range {
	uint32_t start, end; /* end is the first address after it */
	uint32_t name;
};

struct ft_ranges {
	struct ft_range *ranges; /* by start, not overlapping */
	uint32_t n, n_cap;
};

/* By start, then the better ones last. For qsort(3). */
int ft_symbol_compare(const void *a, const void *b);

/* symbols must be in the order of ft_symbol_compare. Sized symbols cover their size, the
 * innermost wins, at one start the better one. Unsized ones matter only where no sized one
 * covers or starts. The caller owns what *ret_ranges holds. 0 or -ENOMEM. */
int ft_ranges_make(const struct ft_symbol *symbols, uint32_t n,
		   struct ft_ranges *ret_ranges) FT_MUST_CHECK;
void ft_ranges_deinit(struct ft_ranges *ranges);

/* The range that covers address, or NULL. */
const struct ft_range *ft_ranges_find(const struct ft_ranges *ranges, uint32_t address);
