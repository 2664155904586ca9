/* unwind_table.h - a small unwind table that breaks no rule, for tests to break. */
#pragma once

#include "flametrail/unwind.h"
#include "symbolizer/client.h"

#define TABLE_RULES 4
#define TABLE_PAGES 3
#define TABLE_ROWS  7

struct unwind_table {
	struct ft_unwind_rule rules[TABLE_RULES];
	struct ft_unwind_page pages[TABLE_PAGES];
	uint32_t rows[TABLE_ROWS];
};

static const struct unwind_table good_table = {
	.rules = { { .kind = FT_RULE_NONE },
		   { .kind = FT_RULE_SP, .step = FT_RULE_STEP_MINUS | 2, .fp = -2, .cfa = 16 },
		   { .kind = FT_RULE_DEREF_REGISTER,
		     .step = 16,
		     .fp = FT_RULE_FP_UNDEFINED,
		     .cfa = 1 - FT_RULE_CFA_LIMIT },
		   { .kind = FT_RULE_PLT, .cfa = 11 } },
	.pages = { { .number = 0, .first = 0, .n = 3 },
		   { .number = 1, .first = 3, .n = 1 },
		   { .number = FT_UNWIND_FILE_PAGES - 1, .first = 4, .n = 3 } },
	.rows = { FT_UNWIND_ROW(0, 0), FT_UNWIND_ROW(1, 1), FT_UNWIND_ROW(65535, 3),
		  FT_UNWIND_ROW(0, 2), FT_UNWIND_ROW(0, 1), FT_UNWIND_ROW(7, 0),
		  FT_UNWIND_ROW(8, 3) },
};

static inline struct ft_symtable symtable_of(const struct unwind_table *table)
{
	return (struct ft_symtable){ .n_rules = TABLE_RULES,
				     .n_pages = TABLE_PAGES,
				     .n_rows = TABLE_ROWS,
				     .rules = table->rules,
				     .pages = table->pages,
				     .rows = table->rows };
}
