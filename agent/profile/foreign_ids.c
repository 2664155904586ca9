#include "agent/profile/foreign_ids.h"

struct pair {
	uint64_t theirs;
	uint32_t ours;
};

void ft_foreign_ids_init(struct ft_foreign_ids *map)
{
	*map = (struct ft_foreign_ids){ .pairs = FT_ARRAY_INIT(struct pair) };
}

void ft_foreign_ids_deinit(struct ft_foreign_ids *map)
{
	ft_index_deinit(&map->index);
	ft_array_deinit(&map->pairs);
}

static bool same(const void *context, const void *key, uint32_t id)
{
	const struct ft_foreign_ids *map = context;
	const struct pair *pair = ft_array_at(&map->pairs, id);

	return pair->theirs == *(const uint64_t *)key;
}

static const struct pair *find(const struct ft_foreign_ids *map, uint64_t theirs)
{
	uint32_t at = ft_index_find(&map->index, ft_hash_u64(theirs), same, map, &theirs);

	return at == FT_INDEX_NONE ? NULL : ft_array_at(&map->pairs, at);
}

int ft_foreign_ids_add(struct ft_foreign_ids *map, uint64_t theirs, uint32_t ours)
{
	struct pair pair = { theirs, ours };
	uint32_t at = map->pairs.n;
	int r;

	if (find(map, theirs))
		return FT_FOREIGN_IDS_TAKEN;
	r = ft_array_push(&map->pairs, &pair, 1);
	if (r < 0)
		return r;
	return ft_index_add(&map->index, ft_hash_u64(theirs), at);
}

uint32_t ft_foreign_ids_find(const struct ft_foreign_ids *map, uint64_t theirs)
{
	const struct pair *pair = find(map, theirs);

	return pair ? pair->ours : 0;
}
