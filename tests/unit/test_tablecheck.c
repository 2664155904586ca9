/* What an unwind table may not be: each violation alone, in a table that is good but for it. */
#include "symbolizer/tablecheck.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "symbolizer/cfi.h"
#include "tests/ft_check.h"
#include "tests/unit/unwind_table.h"

START_TEST(accepts_a_good_table)
{
	const struct ft_symtable table = symtable_of(&good_table);

	ck_assert(ft_tablecheck_sizes(&table));
	ck_assert_uint_eq(ft_tablecheck_bytes(&table), sizeof(good_table));
	ck_assert_int_eq(ft_tablecheck_content(&table), 0);
}
END_TEST

static const struct {
	uint32_t n_rules, n_pages, n_rows;
	bool good;
} sizes[] = {
	{ 1, 1, 1, true },
	{ FT_CFI_MAX_RULES, FT_UNWIND_FILE_PAGES, FT_CFI_MAX_ROWS, true },
	{ 0, 1, 1, false },
	{ 1, 0, 1, false },
	{ 1, 1, 0, false },
	{ FT_CFI_MAX_RULES + 1, 1, 1, false },
	{ 1, 1, FT_CFI_MAX_ROWS + 1, false },
	{ 1, FT_UNWIND_FILE_PAGES + 1, FT_CFI_MAX_ROWS, false },
	{ 1, 5, 4, false }, /* a page without a row */
	{ UINT32_MAX, UINT32_MAX, UINT32_MAX, false },
};

START_TEST(limits_sizes)
{
	const struct ft_symtable table = { .n_rules = sizes[_i].n_rules,
					   .n_pages = sizes[_i].n_pages,
					   .n_rows = sizes[_i].n_rows };

	ck_assert_int_eq(ft_tablecheck_sizes(&table), sizes[_i].good);
	/* Without content: that must not even be looked at. */
	if (!sizes[_i].good)
		ck_assert_int_eq(ft_tablecheck_content(&table), -EBADMSG);
}
END_TEST

#define MAX_CFA (FT_RULE_CFA_LIMIT - 1)

static const struct {
	struct ft_unwind_rule rule;
	bool good;
} rules[] = {
	{ { .kind = FT_RULE_ROOT }, true },
	{ { .kind = FT_RULE_FP, .step = 0x7f, .fp = -32767, .cfa = -MAX_CFA }, true },
	{ { .kind = FT_RULE_FP, .step = 0xff, .cfa = MAX_CFA }, true },
	{ { .kind = FT_RULE_FRAME_POINTER }, true },
	{ { .kind = FT_RULE_SIGNAL, .cfa = 160 }, true },
	{ { .kind = FT_RULE_SP, .fp = INT16_MAX }, true },
	{ { .kind = FT_RULE_DEREF_FP, .fp = FT_RULE_FP_UNDEFINED, .cfa = -7 }, true },
	{ { .kind = FT_RULE_RA_REGISTER, .step = 16, .cfa = 8 }, true },
	{ { .kind = FT_RULE_PLT, .cfa = 16 }, true },
	{ { .kind = FT_RULE_KINDS }, false },
	{ { .kind = 255 }, false },
	{ { .kind = FT_RULE_SP, .cfa = MAX_CFA + 1 }, false },
	{ { .kind = FT_RULE_SP, .cfa = -MAX_CFA - 1 }, false },
	{ { .kind = FT_RULE_SP, .cfa = INT32_MIN }, false },
	{ { .kind = FT_RULE_SP, .step = FT_RULE_STEP_MINUS }, false },
	{ { .kind = FT_RULE_FP, .step = FT_RULE_STEP_MINUS }, false },
	{ { .kind = FT_RULE_NONE, .cfa = 8 }, false },
	{ { .kind = FT_RULE_NONE, .fp = -2 }, false },
	{ { .kind = FT_RULE_ROOT, .cfa = 8 }, false },
	{ { .kind = FT_RULE_ROOT, .fp = FT_RULE_FP_UNDEFINED }, false },
	{ { .kind = FT_RULE_FRAME_POINTER, .cfa = 16 }, false },
	{ { .kind = FT_RULE_FRAME_POINTER, .fp = -2 }, false },
	{ { .kind = FT_RULE_SIGNAL, .cfa = -8 }, false },
	{ { .kind = FT_RULE_SIGNAL, .cfa = MAX_CFA + 1 }, false },
	{ { .kind = FT_RULE_SIGNAL, .cfa = 160, .fp = 1 }, false },
	{ { .kind = FT_RULE_PLT, .cfa = 17 }, false },
	{ { .kind = FT_RULE_PLT, .cfa = -1 }, false },
	{ { .kind = FT_RULE_REGISTER, .step = 17 }, false },
	{ { .kind = FT_RULE_DEREF_REGISTER, .step = 17 }, false },
	{ { .kind = FT_RULE_DEREF_INDEXED, .step = 9, .cfa = 9 }, true },
	{ { .kind = FT_RULE_DEREF_INDEXED, .step = 17 }, false },
	{ { .kind = FT_RULE_RA_REGISTER, .step = 255 }, false },
	{ { .kind = FT_RULE_NONE, .step = 1 }, false },
	{ { .kind = FT_RULE_ROOT, .step = 1 }, false },
	{ { .kind = FT_RULE_DEREF_SP, .step = 8 }, false },
	{ { .kind = FT_RULE_DEREF_FP, .step = 8 }, false },
	{ { .kind = FT_RULE_PLT, .step = 1 }, false },
	{ { .kind = FT_RULE_SIGNAL, .step = 0x80 }, false },
	{ { .kind = FT_RULE_FRAME_POINTER, .step = 1 }, false },
};

START_TEST(checks_rules)
{
	struct unwind_table bytes = good_table;
	const struct ft_symtable table = symtable_of(&bytes);

	/* Each rule is looked at, and one that no row names too. */
	for (uint32_t i = 0; i < TABLE_RULES; i++) {
		bytes = good_table;
		bytes.rules[i] = rules[_i].rule;
		ck_assert_int_eq(ft_tablecheck_content(&table), rules[_i].good ? 0 : -EBADMSG);
	}
}
END_TEST

/* One number changed. */
#define PAGE(i, field) (offsetof(struct unwind_table, pages[i].field))
#define ROW(i)	       (offsetof(struct unwind_table, rows[i]))

static const struct {
	size_t at;
	uint32_t value;
} lies[] = {
	{ PAGE(0, first), 1 },
	{ PAGE(1, first), 2 }, /* overlap */
	{ PAGE(1, first), 4 }, /* gap */
	{ PAGE(2, first), UINT32_MAX },
	{ PAGE(0, n), 0 },
	{ PAGE(0, n), 2 },
	{ PAGE(0, n), 4 },
	{ PAGE(1, n), 0 },
	{ PAGE(2, n), 0 },
	{ PAGE(2, n), 2 }, /* a row that no page has */
	{ PAGE(2, n), 4 },
	{ PAGE(2, n), UINT32_MAX },
	{ PAGE(2, n), UINT32_MAX - 3 }, /* the sum wraps around to what it should be */
	{ PAGE(0, number), 1 },
	{ PAGE(0, number), 2 },
	{ PAGE(1, number), 0 },
	{ PAGE(1, number), FT_UNWIND_FILE_PAGES - 1 },
	{ PAGE(2, number), 1 },
	{ PAGE(2, number), FT_UNWIND_FILE_PAGES },
	{ PAGE(2, number), UINT32_MAX },
	{ ROW(0), FT_UNWIND_ROW(1, 0) },
	{ ROW(0), FT_UNWIND_ROW(0, TABLE_RULES) },
	{ ROW(1), FT_UNWIND_ROW(0, 1) },     /* twice the same */
	{ ROW(1), FT_UNWIND_ROW(65535, 1) }, /* the next one is not above */
	{ ROW(2), FT_UNWIND_ROW(0, 1) },
	{ ROW(3), FT_UNWIND_ROW(1, 2) }, /* the only row of its page */
	{ ROW(3), FT_UNWIND_ROW(0, 65535) },
	{ ROW(4), FT_UNWIND_ROW(3, 0) },
	{ ROW(6), FT_UNWIND_ROW(7, 0) },
	{ ROW(6), FT_UNWIND_ROW(6, 0) },
	{ ROW(6), FT_UNWIND_ROW(9, TABLE_RULES) },
};

START_TEST(refuses_a_lie)
{
	struct unwind_table bytes = good_table;
	const struct ft_symtable table = symtable_of(&bytes);

	memcpy((char *)&bytes + lies[_i].at, &lies[_i].value, sizeof(lies[_i].value));
	ck_assert_mem_ne(&bytes, &good_table, sizeof(bytes));
	ck_assert_int_eq(ft_tablecheck_content(&table), -EBADMSG);
}
END_TEST

/* Whatever the numbers say, no byte outside is read. */
START_TEST(stays_inside)
{
	for (size_t at = 0; at < sizeof(good_table); at++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			_cleanup_free_ struct unwind_table *bytes = malloc(sizeof(*bytes));
			struct ft_symtable table;
			int r;

			ck_assert_ptr_nonnull(bytes);
			*bytes = good_table;
			((uint8_t *)bytes)[at] ^= (uint8_t)(1u << bit);
			table = symtable_of(bytes);
			r = ft_tablecheck_content(&table);
			ck_assert(r == 0 || r == -EBADMSG);
		}
	}
}
END_TEST

/* A page may have a row for each of its bytes, and no more. */
START_TEST(fills_a_page)
{
	static uint32_t rows[FT_UNWIND_PAGE_ROWS_MAX + 1];
	const struct ft_unwind_rule rule = { .kind = FT_RULE_ROOT };
	struct ft_unwind_page page = { .n = FT_UNWIND_PAGE_ROWS_MAX };
	struct ft_symtable table = { .n_rules = 1,
				     .n_pages = 1,
				     .n_rows = FT_UNWIND_PAGE_ROWS_MAX,
				     .rules = &rule,
				     .pages = &page,
				     .rows = rows };

	for (uint32_t i = 0; i < FT_COUNT(rows); i++)
		rows[i] = FT_UNWIND_ROW(i, 0);
	ck_assert_int_eq(ft_tablecheck_content(&table), 0);
	table.n_rows = ++page.n;
	ck_assert_int_eq(ft_tablecheck_content(&table), -EBADMSG);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, accepts_a_good_table);
	tcase_add_loop_test(tc, limits_sizes, 0, FT_CASES(sizes));
	tcase_add_loop_test(tc, checks_rules, 0, FT_CASES(rules));
	tcase_add_loop_test(tc, refuses_a_lie, 0, FT_CASES(lies));
	tcase_add_test(tc, stays_inside);
	tcase_add_test(tc, fills_a_page);
}

FT_CHECK_MAIN("tablecheck", add_tests)
