/* rows.h - samples added up by what tells them apart. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/index.h"

/* Beyond it a question is too large to answer. About 100 MiB. */
#define FT_ROWS_MAX (1u << 20)

/* Ids of the store; fields not asked for are 0. */
struct ft_row_key {
	uint32_t stack, labels, thread, tid, cpu, outcome;
};

struct ft_row {
	struct ft_row_key key;
	uint64_t n_samples;
	int64_t count, value;
};

/* A zeroed struct is empty. */
struct ft_rows {
	struct ft_row *rows;
	uint32_t n, n_cap;
	struct ft_index index;
};

void ft_rows_deinit(struct ft_rows *rows);
#define _cleanup_rows_ FT_CLEANUP(ft_rows_deinit)

/* 0, -ENOMEM, -E2BIG past FT_ROWS_MAX, -EOVERFLOW when a sum leaves int64. */
int ft_rows_add(struct ft_rows *rows, const struct ft_row *row) FT_MUST_CHECK;
