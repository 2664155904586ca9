#include "agent/server/id_map.h"

#include <errno.h>
#include <string.h>

void ft_id_map_deinit(struct ft_id_map *map)
{
	free(map->to);
	*map = (struct ft_id_map){ 0 };
}

void ft_id_map_clear(struct ft_id_map *map)
{
	ft_id_map_deinit(map);
}

static int grow(struct ft_id_map *map, uint32_t from)
{
	uint32_t cap = map->n_cap ? map->n_cap : 256;
	uint32_t *to;

	while (cap <= from)
		cap *= 2;
	to = reallocarray(map->to, cap, sizeof(*to));
	if (!to)
		return -ENOMEM;
	memset(to + map->n_cap, 0, (cap - map->n_cap) * sizeof(*to));
	map->to = to;
	map->n_cap = cap;
	return 0;
}

int ft_id_map_set(struct ft_id_map *map, uint32_t from, uint32_t to)
{
	if (from >= FT_ID_MAP_MAX)
		return -E2BIG;
	if (from >= map->n_cap) {
		int r = grow(map, from);

		if (r < 0)
			return r;
	}
	map->to[from] = to;
	return 0;
}
