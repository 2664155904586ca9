#include "agent/server/id_table.h"

#include <errno.h>
#include <string.h>

void ft_id_table_deinit(struct ft_id_table *table)
{
	free(table->to);
	*table = (struct ft_id_table){ 0 };
}

void ft_id_table_clear(struct ft_id_table *table)
{
	ft_id_table_deinit(table);
}

static int grow(struct ft_id_table *table, uint32_t from)
{
	uint32_t cap = table->n_cap ? table->n_cap : 256;
	uint32_t *to;

	while (cap <= from)
		cap *= 2;
	to = reallocarray(table->to, cap, sizeof(*to));
	if (!to)
		return -ENOMEM;
	memset(to + table->n_cap, 0, (cap - table->n_cap) * sizeof(*to));
	table->to = to;
	table->n_cap = cap;
	return 0;
}

int ft_id_table_set(struct ft_id_table *table, uint32_t from, uint32_t to)
{
	if (from >= FT_ID_TABLE_MAX)
		return -E2BIG;
	if (from >= table->n_cap) {
		int r = grow(table, from);

		if (r < 0)
			return r;
	}
	table->to[from] = to;
	return 0;
}
