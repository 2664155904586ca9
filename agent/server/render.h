/* render.h - rows of store ids as rows of a profile: the names, files and labels
 * that rows lead to are looked up, and nothing else. */
#pragma once

#include <stdint.h>

#include "base/base.h"

struct ft_database;
struct ft_profile;
struct ft_query;
struct ft_rows;

/* Add the rows that query selects to profile, which has two sample types, count and
 * value; the number of samples they stand for to *ret_n. 0, -ENOMEM, -E2BIG,
 * -EOVERFLOW or an error of the store. */
int ft_render(struct ft_database *database, const struct ft_rows *rows,
	      const struct ft_query *query, struct ft_profile *profile,
	      uint64_t *ret_n) FT_MUST_CHECK;
