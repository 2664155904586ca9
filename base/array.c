#include "base/array.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void ft_array_deinit(struct ft_array *array)
{
	free(array->items);
	*array = (struct ft_array){ .item_bytes = array->item_bytes };
}

static int reserve(struct ft_array *array, uint32_t need)
{
	uint64_t n_cap = array->n_cap;
	void *items;

	if (need <= array->n_cap)
		return 0;
	n_cap = FT_MAX(n_cap + n_cap / 2, (uint64_t)need);
	n_cap = FT_MIN(FT_MAX(n_cap, (uint64_t)16), (uint64_t)UINT32_MAX);
	items = reallocarray(array->items, n_cap, array->item_bytes);
	if (!items)
		return -ENOMEM;
	array->items = items;
	array->n_cap = (uint32_t)n_cap;
	return 0;
}

int ft_array_push(struct ft_array *array, const void *items, uint32_t n)
{
	uint32_t need;
	uint8_t *at;
	int r;

	assert(array->item_bytes);
	if (__builtin_add_overflow(array->n, n, &need))
		return -E2BIG;
	if (n == 0)
		return 0;
	r = reserve(array, need);
	if (r < 0)
		return r;
	at = (uint8_t *)array->items + (size_t)array->n * array->item_bytes;
	if (items)
		memcpy(at, items, (size_t)n * array->item_bytes);
	else
		memset(at, 0, (size_t)n * array->item_bytes);
	array->n = need;
	return 0;
}

void ft_array_cut(struct ft_array *array, uint32_t n)
{
	assert(n <= array->n);
	array->n = n;
}

void *ft_array_at(const struct ft_array *array, uint32_t i)
{
	assert(i < array->n);
	return (uint8_t *)array->items + (size_t)i * array->item_bytes;
}
