/* id_map.h - from the 64-bit ids of someone else's file to ours. */
#pragma once

#include <stdint.h>

#include "base/array.h"
#include "base/base.h"
#include "base/index.h"

/* Outcome: the id is there already, nothing was changed. */
enum { FT_ID_MAP_TAKEN = 1 };

struct ft_id_map {
	struct ft_index index;
	struct ft_array pairs;
};

void ft_id_map_init(struct ft_id_map *map);
void ft_id_map_deinit(struct ft_id_map *map);

/* 0, FT_ID_MAP_TAKEN, -ENOMEM or -E2BIG. */
int ft_id_map_add(struct ft_id_map *map, uint64_t theirs, uint32_t ours) FT_MUST_CHECK;
/* Our id, or 0 when theirs is not there; ours are never 0. */
uint32_t ft_id_map_find(const struct ft_id_map *map, uint64_t theirs);
