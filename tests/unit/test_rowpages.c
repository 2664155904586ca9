/* A place has one row, however often it is spoken of. */
#include <errno.h>

#include "symbolizer/client.h"
#include "symbolizer/rowpages.h"
#include "symbolizer/tablecheck.h"
#include "tests/ft_check.h"

#define SP(bytes) ((struct ft_unwind_rule){ .kind = FT_RULE_SP, .cfa = (bytes) })
#define NONE	  ((struct ft_unwind_rule){ .kind = FT_RULE_NONE })
#define ROOT	  ((struct ft_unwind_rule){ .kind = FT_RULE_ROOT })

static const struct {
	struct {
		uint64_t offset;
		struct ft_unwind_rule rule;
	} adds[4];
	struct ft_unwind_rule found; /* at 0x20010 */
} cases[] = {
	{ { { 0x20000, SP(8) }, { 0x20010, NONE }, { 0x20010, ROOT }, { 0x20020, NONE } }, ROOT },
	{ { { 0x20010, ROOT }, { 0x20010, NONE }, { 0x20010, SP(8) }, { 0x20011, SP(16) } },
	  SP(8) },
	{ { { 0x2000f, SP(8) }, { 0x20010, SP(16) }, { 0x20010, ROOT }, { 0x20011, SP(16) } },
	  ROOT },
	{ { { 0x1fff0, SP(8) }, { 0x20010, SP(16) }, { 0x20010, SP(64) }, { 0x20010, SP(8) } },
	  SP(8) },
};

START_TEST(keeps_one_row_of_a_place)
{
	_cleanup_rowpages_ struct ft_rowpages pages = { 0 };
	_cleanup_cfi_table_ struct ft_cfi_table *table = calloc(1, sizeof(*table));
	const struct ft_unwind_rule *expected = &cases[_i].found;
	struct ft_unwind_rule found;
	struct ft_symtable seen;

	ck_assert_int_eq(ft_rowpages_init(&pages, 10), 0);
	for (size_t i = 0; i < FT_COUNT(cases[_i].adds); i++)
		ck_assert_int_eq(
			ft_rowpages_add(&pages, cases[_i].adds[i].offset, cases[_i].adds[i].rule),
			0);
	ck_assert_int_eq(ft_rowpages_finish(&pages, table), 0);
	seen = (struct ft_symtable){ .n_rules = table->n_rules,
				     .n_pages = table->n_pages,
				     .n_rows = table->n_rows,
				     .rules = table->rules,
				     .pages = table->pages,
				     .rows = table->rows };
	ck_assert_int_eq(ft_tablecheck_content(&seen), 0);
	found = ft_cfi_find(table, 0x20010);
	ck_assert_mem_eq(&found, expected, sizeof(found));
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, keeps_one_row_of_a_place, 0, FT_CASES(cases));
}

FT_CHECK_MAIN("rowpages", add_tests)
