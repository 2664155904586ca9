/* rowpages.h - from rules along a file's code to pages of rows.
 *
 * Rules come by growing offset, each valid to the next. Kept is what the walker needs:
 * nothing where the rule does not change, one row for two that differ by a step, and at
 * the start of each page the rule that holds there. A page that knows nothing is none. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/array.h"
#include "base/base.h"
#include "base/index.h"
#include "flametrail/unwind.h"
#include "symbolizer/cfi.h"

#define FT_ROWPAGES_MAX 65536u /* pages of one file: 4 GiB of code, below FT_UNWIND_FILE_PAGES */

/* Rules by number; equal ones have one number. Rule 0 is FT_RULE_NONE. */
struct ft_rules {
	struct ft_array rules;
	struct ft_index index;
	struct ft_index_slot recent[256]; /* by hash: most rows repeat one of these */
};

/* 0 or -ENOMEM. */
int ft_rules_init(struct ft_rules *rules) FT_MUST_CHECK;
void ft_rules_deinit(struct ft_rules *rules);
#define _cleanup_rules_ FT_CLEANUP(ft_rules_deinit)
/* The number of a rule, which is new or not: below max, or -E2BIG; or -ENOMEM. */
int ft_rules_number(struct ft_rules *rules, struct ft_unwind_rule rule, uint32_t max) FT_MUST_CHECK;

struct ft_rowpages {
	struct ft_rules rules;
	struct ft_array rows, pages;
	uint32_t max_stepped; /* rule numbers that a rule with a step may have */
	bool is_open;	      /* there is a last row, not written yet: it may take a step */
	uint64_t offset;      /* of the last row */
	struct ft_unwind_rule row, now; /* of the last row, and what holds at its end */
};

/* At most n_plain different rules will come. 0 or -ENOMEM. */
int ft_rowpages_init(struct ft_rowpages *pages, uint32_t n_plain) FT_MUST_CHECK;
void ft_rowpages_deinit(struct ft_rowpages *pages);
#define _cleanup_rowpages_ FT_CLEANUP(ft_rowpages_deinit)

/* From offset on, not below the last one, this rule holds; it has no step. For the same
 * offset it takes the place of the last one. 0, -E2BIG past FT_CFI_MAX_ROWS or FT_ROWPAGES_MAX, or
 * -ENOMEM. */
int ft_rowpages_add(struct ft_rowpages *pages, uint64_t offset,
		    struct ft_unwind_rule rule) FT_MUST_CHECK;

/* Hand over what there is; pages is empty then. table has rules, rows and pages set, the
 * caller owns them. 0, -E2BIG or -ENOMEM. */
int ft_rowpages_finish(struct ft_rowpages *pages, struct ft_cfi_table *table) FT_MUST_CHECK;
