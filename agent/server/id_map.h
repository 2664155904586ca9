/* id_map.h - from one numbering to another: slice ids to store ids, store ids to
 * profile ids. Ids are dense and small, so it is an array; 0 means "none". */
#pragma once

#include <stdint.h>

#include "base/base.h"

#define FT_ID_MAP_MAX (1u << 28)

/* A zeroed struct is an empty map. */
struct ft_id_map {
	uint32_t *to;
	uint32_t n_cap;
};

void ft_id_map_deinit(struct ft_id_map *map);
/* Forget everything and give the memory back. */
void ft_id_map_clear(struct ft_id_map *map);

/* What from stands for; 0 when it was never set. */
static inline uint32_t ft_id_map_get(const struct ft_id_map *map, uint32_t from)
{
	return from < map->n_cap ? map->to[from] : 0;
}

/* 0, -ENOMEM, or -E2BIG for from >= FT_ID_MAP_MAX. */
int ft_id_map_set(struct ft_id_map *map, uint32_t from, uint32_t to) FT_MUST_CHECK;
