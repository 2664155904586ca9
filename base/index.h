/* index.h - a bounded hash index over things the caller numbers.
 *
 * It stores (hash, id) pairs only; what an id means and when two things are
 * equal is the caller's business. The building block of every interner here:
 * strings, stacks, label sets, locations. Ids are any values but FT_INDEX_NONE. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

#define FT_INDEX_NONE UINT32_MAX

struct ft_index_slot {
	uint32_t hash;
	uint32_t id;
};

struct ft_index {
	struct ft_index_slot *slots;
	uint32_t n;	/* ids stored */
	uint32_t n_cap; /* slots, a power of two or 0 */
};

typedef bool (*ft_index_equal)(const void *context, const void *key, uint32_t id);

/* Free the memory; the index is empty and may be used again. A zeroed struct is
 * an empty index. */
void ft_index_deinit(struct ft_index *index);
/* Forget all ids, keep the memory. */
void ft_index_clear(struct ft_index *index);

/* The id stored under hash for which equal(context, key, id) holds, or FT_INDEX_NONE. */
uint32_t ft_index_find(const struct ft_index *index, uint64_t hash, ft_index_equal equal,
		       const void *context, const void *key);
/* Store id, which must not be there yet. 0 or -ENOMEM. */
int ft_index_add(struct ft_index *index, uint64_t hash, uint32_t id) FT_MUST_CHECK;
/* Remove id as stored under hash; nothing happens when it is not there. */
void ft_index_remove(struct ft_index *index, uint64_t hash, uint32_t id);

/* Hash of bytes / of one number: fast, well spread, not secret. */
uint64_t ft_hash_bytes(const void *bytes, size_t len);
uint64_t ft_hash_u64(uint64_t value);
static inline uint64_t ft_hash_mix(uint64_t a, uint64_t b)
{
	return ft_hash_u64(a ^ (b + 0x9e3779b97f4a7c15ull + (a << 6) + (a >> 2)));
}
