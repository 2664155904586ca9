/* cfi_shape.h - what whoever walks by an unwind table relies on, for tests and fuzzing. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "symbolizer/cfi.h"
#include "symbolizer/client.h"
#include "symbolizer/tablecheck.h"

static inline const char *cfi_wrong_page(const struct ft_cfi_table *table, uint32_t p)
{
	const struct ft_unwind_page *page = &table->pages[p];

	if (p > 0 && page->number <= page[-1].number)
		return "pages are not ascending";
	if (page->first != (p > 0 ? page[-1].first + page[-1].n : 0))
		return "pages do not follow each other";
	if (page->n == 0 || page->n > table->n_rows - page->first)
		return "a page has no rows, or too many";
	if (FT_UNWIND_ROW_OFFSET(table->rows[page->first]) != 0)
		return "a page does not begin with its first byte";
	for (uint32_t i = page->first; i < page->first + page->n; i++) {
		uint32_t row = table->rows[i];

		if (i > page->first &&
		    FT_UNWIND_ROW_OFFSET(row) <= FT_UNWIND_ROW_OFFSET(table->rows[i - 1]))
			return "rows are not ascending";
		if (FT_UNWIND_ROW_RULE(row) >= table->n_rules)
			return "a row has no rule";
	}
	return NULL;
}

static inline const char *cfi_wrong_rule(const struct ft_unwind_rule *rule)
{
	switch (rule->kind) {
	case FT_RULE_SP:
	case FT_RULE_FP:
		return NULL;
	case FT_RULE_REGISTER:
	case FT_RULE_DEREF_REGISTER:
	case FT_RULE_RA_REGISTER:
	case FT_RULE_DEREF_INDEXED:
		return rule->step < 16 ? NULL : "a register that is none";
	case FT_RULE_PLT:
		if (rule->cfa < 0 || rule->cfa > 15)
			return "a PLT entry of more than 16 bytes";
		break;
	default:
		break;
	}
	if (rule->kind >= FT_RULE_KINDS)
		return "a rule of no kind";
	return rule->step ? "a step where there is none" : NULL;
}

/* What is wrong with the table, or NULL. */
static inline const char *cfi_wrong(const struct ft_cfi_table *table)
{
	const struct ft_symtable seen = { .n_rules = table->n_rules,
					  .n_pages = table->n_pages,
					  .n_rows = table->n_rows,
					  .rules = table->rules,
					  .pages = table->pages,
					  .rows = table->rows };
	const char *wrong = NULL;
	uint32_t n = 0;

	if (table->n_pages == 0 || table->n_rules == 0 || table->n_rules > FT_CFI_MAX_RULES ||
	    table->n_rows > FT_CFI_MAX_ROWS)
		return "a number is out of bounds";
	for (uint32_t p = 0; p < table->n_pages && !wrong; p++) {
		wrong = cfi_wrong_page(table, p);
		n += table->pages[p].n;
	}
	for (uint32_t i = 0; i < table->n_rules && !wrong; i++)
		wrong = cfi_wrong_rule(&table->rules[i]);
	if (!wrong && table->facts.covered_bytes > table->facts.text_bytes)
		wrong = "more is covered than there is";
	if (!wrong && n != table->n_rows)
		wrong = "rows without a page";
	if (!wrong && ft_tablecheck_content(&seen) != 0)
		wrong = "who checks tables would not take it";
	return wrong;
}
