#include "agent/server/rows.h"

#include <errno.h>
#include <string.h>

_Static_assert(sizeof(struct ft_row_key) == 24, "keys are compared and hashed as bytes");

void ft_rows_deinit(struct ft_rows *rows)
{
	free(rows->rows);
	ft_index_deinit(&rows->index);
	*rows = (struct ft_rows){ 0 };
}

static bool same_key(const void *context, const void *key, uint32_t id)
{
	const struct ft_rows *rows = context;

	return memcmp(&rows->rows[id].key, key, sizeof(struct ft_row_key)) == 0;
}

static int add_sums(struct ft_row *to, const struct ft_row *row)
{
	to->n_samples += row->n_samples;
	if (__builtin_add_overflow(to->count, row->count, &to->count) ||
	    __builtin_add_overflow(to->value, row->value, &to->value))
		return -EOVERFLOW;
	return 0;
}

int ft_rows_add(struct ft_rows *rows, const struct ft_row *row)
{
	uint64_t hash = ft_hash_bytes(&row->key, sizeof(row->key));
	uint32_t id = ft_index_find(&rows->index, hash, same_key, rows, &row->key);
	int r;

	if (id != FT_INDEX_NONE)
		return add_sums(&rows->rows[id], row);
	if (rows->n == FT_ROWS_MAX)
		return -E2BIG;
	if (rows->n == rows->n_cap) {
		uint32_t cap = rows->n_cap ? rows->n_cap * 2 : 256;
		struct ft_row *more = reallocarray(rows->rows, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		rows->rows = more;
		rows->n_cap = cap;
	}
	r = ft_index_add(&rows->index, hash, rows->n);
	if (r == 0)
		rows->rows[rows->n++] = *row;
	return r;
}
