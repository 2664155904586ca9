#include "symbolizer/tablecheck.h"

#include <errno.h>
#include <stddef.h>

#include "symbolizer/cfi.h"
#include "symbolizer/client.h"

#define N_REGISTERS 17 /* of DWARF on x86-64: 16 and the return address */
#define PLT_BYTES   16 /* of one entry */

bool ft_tablecheck_sizes(const struct ft_symtable *table)
{
	if (table->n_rules < 1 || table->n_rules > FT_CFI_MAX_RULES)
		return false;
	if (table->n_rows < 1 || table->n_rows > FT_CFI_MAX_ROWS)
		return false;
	return table->n_pages >= 1 && table->n_pages <= FT_UNWIND_FILE_PAGES &&
	       table->n_pages <= table->n_rows;
}

size_t ft_tablecheck_bytes(const struct ft_symtable *table)
{
	return table->n_rules * sizeof(*table->rules) + table->n_pages * sizeof(*table->pages) +
	       table->n_rows * sizeof(*table->rows);
}

/* What step means depends on the kind. */
static bool step_is_good(const struct ft_unwind_rule *rule)
{
	switch (rule->kind) {
	case FT_RULE_SP:
	case FT_RULE_FP:
		return rule->step != FT_RULE_STEP_MINUS; /* a direction, and no step */
	case FT_RULE_REGISTER:
	case FT_RULE_DEREF_REGISTER:
	case FT_RULE_RA_REGISTER:
	case FT_RULE_DEREF_INDEXED:
		return rule->step < N_REGISTERS;
	default:
		return rule->step == 0;
	}
}

/* Any slot is a place that may be read, if there is a CFA to count from. */
static bool cfa_and_fp_are_good(const struct ft_unwind_rule *rule)
{
	switch (rule->kind) {
	case FT_RULE_NONE:
	case FT_RULE_ROOT:
	case FT_RULE_FRAME_POINTER:
		return rule->cfa == 0 && rule->fp == 0;
	case FT_RULE_SIGNAL:
		return rule->cfa >= 0 && rule->cfa < FT_RULE_CFA_LIMIT && rule->fp == 0;
	case FT_RULE_PLT:
		return rule->cfa >= 0 && rule->cfa <= PLT_BYTES;
	default:
		return rule->cfa > -FT_RULE_CFA_LIMIT && rule->cfa < FT_RULE_CFA_LIMIT;
	}
}

static bool rule_is_good(const struct ft_unwind_rule *rule)
{
	return rule->kind < FT_RULE_KINDS && step_is_good(rule) && cfa_and_fp_are_good(rule);
}

static bool rows_are_good(const struct ft_symtable *table, const struct ft_unwind_page *page)
{
	const uint32_t *rows = table->rows + page->first;

	if (FT_UNWIND_ROW_OFFSET(rows[0]) != 0)
		return false;
	for (uint32_t i = 0; i < page->n; i++) {
		if (FT_UNWIND_ROW_RULE(rows[i]) >= table->n_rules)
			return false;
		if (i > 0 && FT_UNWIND_ROW_OFFSET(rows[i]) <= FT_UNWIND_ROW_OFFSET(rows[i - 1]))
			return false;
	}
	return true;
}

static bool pages_are_good(const struct ft_symtable *table)
{
	uint32_t n_rows = 0;

	for (uint32_t i = 0; i < table->n_pages; i++) {
		const struct ft_unwind_page *page = &table->pages[i];

		if (page->number >= FT_UNWIND_FILE_PAGES ||
		    (i > 0 && page->number <= table->pages[i - 1].number))
			return false;
		if (page->n < 1 ||
		    page->n > FT_MIN(FT_UNWIND_PAGE_ROWS_MAX, table->n_rows - n_rows))
			return false;
		if (page->first != n_rows || !rows_are_good(table, page))
			return false;
		n_rows += page->n;
	}
	return n_rows == table->n_rows;
}

int ft_tablecheck_content(const struct ft_symtable *table)
{
	if (!ft_tablecheck_sizes(table))
		return -EBADMSG;
	for (uint32_t i = 0; i < table->n_rules; i++)
		if (!rule_is_good(&table->rules[i]))
			return -EBADMSG;
	return pages_are_good(table) ? 0 : -EBADMSG;
}
