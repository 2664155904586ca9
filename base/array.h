/* array.h - items of one size in one growing piece of memory, numbered from 0.
 *
 * The pool behind tables that number what they keep: it grows by half, so a table
 * of millions wastes little, and gives no item an allocation of its own. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct ft_array {
	void *items; /* n of them; they may move with the next push */
	uint32_t n, n_cap;
	uint32_t item_bytes; /* at least 1 */
};

#define FT_ARRAY_INIT(type) ((struct ft_array){ .item_bytes = sizeof(type) })

/* Free the memory; the array is empty and may be used again. */
void ft_array_deinit(struct ft_array *array);
#define _cleanup_array_ FT_CLEANUP(ft_array_deinit)

/* Append copies of n items, which may not lie in the array itself. With items NULL the
 * new ones are zeroed. 0, -ENOMEM, or -E2BIG past 4 Gi items; then nothing is appended. */
int ft_array_push(struct ft_array *array, const void *items, uint32_t n) FT_MUST_CHECK;
/* Forget all items from number n on; n is at most the count. Keeps the memory. */
void ft_array_cut(struct ft_array *array, uint32_t n);
/* Item i < n, borrowed until the next push. */
void *ft_array_at(const struct ft_array *array, uint32_t i);
