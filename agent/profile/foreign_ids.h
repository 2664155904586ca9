/* foreign_ids.h - from the 64-bit ids of someone else's file to ours. */
#pragma once

#include <stdint.h>

#include "base/array.h"
#include "base/base.h"
#include "base/index.h"

/* Outcome: the id is there already, nothing was changed. */
enum { FT_FOREIGN_IDS_TAKEN = 1 };

struct ft_foreign_ids {
	struct ft_index index;
	struct ft_array pairs;
};

void ft_foreign_ids_init(struct ft_foreign_ids *map);
void ft_foreign_ids_deinit(struct ft_foreign_ids *map);

/* 0, FT_FOREIGN_IDS_TAKEN, -ENOMEM or -E2BIG. */
int ft_foreign_ids_add(struct ft_foreign_ids *map, uint64_t theirs, uint32_t ours) FT_MUST_CHECK;
/* Our id, or 0 when theirs is not there; ours are never 0. */
uint32_t ft_foreign_ids_find(const struct ft_foreign_ids *map, uint64_t theirs);
