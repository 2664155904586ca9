/* mappings.h - the executable memory of one address space.
 *
 * A sorted list of ranges that do not overlap: what is mapped last wins, as in the
 * kernel. Shared between a process and its forked children until one of them
 * changes it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

#define FT_MAPPINGS_MAX 8192u /* ranges of one address space */

struct ft_mapping {
	uint64_t start, end; /* [start, end) */
	uint64_t offset;     /* in the file, of the byte at start */
	uint32_t file;	     /* the caller's number for it */
};

struct ft_mappings;

/* An empty list with one owner. 0 or -ENOMEM. */
int ft_mappings_new(struct ft_mappings **ret_mappings) FT_MUST_CHECK;
/* Another owner of the same list. */
struct ft_mappings *ft_mappings_share(struct ft_mappings *mappings);
/* One owner less; the last one frees. *p may be NULL and becomes NULL. */
void ft_mappings_dropp(struct ft_mappings **p);
#define _cleanup_mappings_ FT_CLEANUP(ft_mappings_dropp)

/* Put mapping over whatever was there. *p is the caller's share and may be replaced
 * by an own copy. 0, -EINVAL for an empty range, -E2BIG past FT_MAPPINGS_MAX, or
 * -ENOMEM; then nothing has changed. */
int ft_mappings_insert(struct ft_mappings **p, const struct ft_mapping *mapping) FT_MUST_CHECK;

/* The range that covers address, borrowed until the next change, or NULL. */
const struct ft_mapping *ft_mappings_find(const struct ft_mappings *mappings, uint64_t address);
size_t ft_mappings_count(const struct ft_mappings *mappings);
/* Range i < count, in order of address. */
const struct ft_mapping *ft_mappings_at(const struct ft_mappings *mappings, size_t i);
