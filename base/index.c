#include "base/index.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Open addressing with linear probing, at most 3/4 full. Removal shifts later
 * entries back instead of leaving tombstones, so lookups never slow down. */

void ft_index_deinit(struct ft_index *index)
{
	free(index->slots);
	*index = (struct ft_index){ 0 };
}

static void wipe(struct ft_index_slot *slots, uint32_t n)
{
	if (n)
		memset(slots, 0xff, n * sizeof(*slots));
}

void ft_index_clear(struct ft_index *index)
{
	wipe(index->slots, index->n_cap);
	index->n = 0;
}

uint32_t ft_index_find(const struct ft_index *index, uint64_t hash, ft_index_equal equal,
		       const void *context, const void *key)
{
	uint32_t mask = index->n_cap - 1;

	if (index->n == 0)
		return FT_INDEX_NONE;
	for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
		const struct ft_index_slot *slot = &index->slots[i];

		if (slot->id == FT_INDEX_NONE)
			return FT_INDEX_NONE;
		if (slot->hash == (uint32_t)hash && equal(context, key, slot->id))
			return slot->id;
	}
}

static void place(struct ft_index_slot *slots, uint32_t n_cap, struct ft_index_slot slot)
{
	uint32_t mask = n_cap - 1;
	uint32_t i = slot.hash & mask;

	while (slots[i].id != FT_INDEX_NONE)
		i = (i + 1) & mask;
	slots[i] = slot;
}

static int grow(struct ft_index *index)
{
	uint32_t n_cap = index->n_cap ? index->n_cap * 2 : 64;
	struct ft_index_slot *slots;

	if (n_cap > UINT32_MAX / 4)
		return -ENOMEM;
	slots = reallocarray(NULL, n_cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	wipe(slots, n_cap);
	for (uint32_t i = 0; i < index->n_cap; i++)
		if (index->slots[i].id != FT_INDEX_NONE)
			place(slots, n_cap, index->slots[i]);
	free(index->slots);
	index->slots = slots;
	index->n_cap = n_cap;
	return 0;
}

int ft_index_add(struct ft_index *index, uint64_t hash, uint32_t id)
{
	int r;

	assert(id != FT_INDEX_NONE);
	if (index->n + 1 > index->n_cap / 4 * 3) {
		r = grow(index);
		if (r < 0)
			return r;
	}
	place(index->slots, index->n_cap,
	      (struct ft_index_slot){ .hash = (uint32_t)hash, .id = id });
	index->n++;
	return 0;
}

void ft_index_remove(struct ft_index *index, uint64_t hash, uint32_t id)
{
	uint32_t mask = index->n_cap - 1;
	uint32_t i = (uint32_t)hash & mask;

	if (index->n == 0)
		return;
	while (index->slots[i].id != id) {
		if (index->slots[i].id == FT_INDEX_NONE)
			return;
		i = (i + 1) & mask;
	}
	for (uint32_t next = (i + 1) & mask; index->slots[next].id != FT_INDEX_NONE;
	     next = (next + 1) & mask) {
		uint32_t home = index->slots[next].hash & mask;

		/* The entry may fill the gap only if its home is not between gap and itself. */
		if (((next - home) & mask) < ((next - i) & mask))
			continue;
		index->slots[i] = index->slots[next];
		i = next;
	}
	index->slots[i].id = FT_INDEX_NONE;
	index->n--;
}

uint64_t ft_hash_u64(uint64_t value)
{
	value ^= value >> 32;
	value *= 0xd6e8feb86659fd93ull;
	value ^= value >> 32;
	value *= 0xd6e8feb86659fd93ull;
	return value ^ (value >> 32);
}

uint64_t ft_hash_bytes(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t hash = len * 0x9e3779b97f4a7c15ull;
	uint64_t word;

	for (; len >= 8; at += 8, len -= 8) {
		memcpy(&word, at, 8);
		hash = ft_hash_mix(hash, word);
	}
	word = 0;
	if (len)
		memcpy(&word, at, len);
	return ft_hash_mix(hash, word);
}
