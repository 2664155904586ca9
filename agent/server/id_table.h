/* id_table.h - from one numbering to another: slice ids to store ids, store ids to
 * profile ids. Ids are dense and small, so it is an array; 0 means "none". */
#pragma once

#include <stdint.h>

#include "base/base.h"

#define FT_ID_TABLE_MAX (1u << 28)

/* A zeroed struct is an empty table. */
struct ft_id_table {
	uint32_t *to;
	uint32_t n_cap;
};

void ft_id_table_deinit(struct ft_id_table *table);
/* Forget everything and give the memory back. */
void ft_id_table_clear(struct ft_id_table *table);

/* What from stands for; 0 when it was never set. */
static inline uint32_t ft_id_table_get(const struct ft_id_table *table, uint32_t from)
{
	return from < table->n_cap ? table->to[from] : 0;
}

/* 0, -ENOMEM, or -E2BIG for from >= FT_ID_TABLE_MAX. */
int ft_id_table_set(struct ft_id_table *table, uint32_t from, uint32_t to) FT_MUST_CHECK;
