/* Pages are what the walker searches: every address must find in them what was said of
 * it, wherever pages begin and whatever became one row with a step. */
#include "symbolizer/rowpages.h"

#include <errno.h>

#include "symbolizer/client.h"
#include "symbolizer/tablecheck.h"
#include "tests/cfi_shape.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

#define PAGE	      (1ull << FT_UNWIND_PAGE_BITS)
#define HIGH	      (PAGE * (FT_UNWIND_FILE_PAGES - 1))
#define RULE(k, f, c) ((struct ft_unwind_rule){ .kind = FT_RULE_##k, .fp = (f), .cfa = (c) })
#define SP(c)	      RULE(SP, 0, c)

struct said {
	uint64_t offset;
	struct ft_unwind_rule rule;
};

static int make(const struct said *said, size_t n, struct ft_cfi_table **ret_table)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = calloc(1, sizeof(*table));
	_cleanup_rowpages_ struct ft_rowpages pages = { 0 };
	int r = table ? ft_rowpages_init(&pages, 64) : -ENOMEM;

	for (size_t i = 0; i < n && r == 0; i++)
		r = ft_rowpages_add(&pages, said[i].offset, said[i].rule);
	if (r == 0)
		r = ft_rowpages_finish(&pages, table);
	if (r == 0)
		*ret_table = FT_TAKE(table);
	return r;
}

static bool same(struct ft_unwind_rule a, struct ft_unwind_rule b)
{
	return a.kind == b.kind && a.step == b.step && a.fp == b.fp && a.cfa == b.cfa;
}

/* The first offset in [start, end) that finds another rule; end: none. A
 * check per address would take minutes. */
static uint64_t find_other(const struct ft_cfi_table *table, struct ft_unwind_rule rule,
			   uint64_t start, uint64_t end)
{
	while (start < end && same(ft_cfi_find(table, start), rule))
		start++;
	return start;
}

/* Cases end at a rule of kind FT_RULE_KINDS. */
#define MAX_SAID 8

static const struct {
	const char *what;
	uint32_t n_rows, n_pages;
	struct said said[MAX_SAID];
} cases[] = {
	{ "one", 1, 1, { { 0, SP(8) }, { 9, RULE(KINDS, 0, 0) } } },
	{ "one that begins within", 2, 1, { { 5, SP(8) }, { 9, RULE(KINDS, 0, 0) } } },
	{ "the same again", 1, 1, { { 0, SP(8) }, { 4, SP(8) }, { 9, RULE(KINDS, 0, 0) } } },
	{ "a step up", 1, 1, { { 0, SP(8) }, { 1, SP(16) }, { 9, RULE(KINDS, 0, 0) } } },
	{ "a step down", 1, 1, { { 0, SP(16) }, { 4, SP(8) }, { 9, RULE(KINDS, 0, 0) } } },
	{ "too far for a step", 2, 1, { { 0, SP(8) }, { 5, SP(16) }, { 9, RULE(KINDS, 0, 0) } } },
	{ "too much for a step", 2, 1, { { 0, SP(8) }, { 1, SP(24) }, { 9, RULE(KINDS, 0, 0) } } },
	{ "rbp changes, too",
	  2,
	  1,
	  { { 0, SP(8) }, { 1, RULE(SP, -2, 16) }, { 9, RULE(KINDS, 0, 0) } } },
	{ "another register",
	  2,
	  1,
	  { { 0, SP(8) }, { 1, RULE(FP, 0, 16) }, { 9, RULE(KINDS, 0, 0) } } },
	{ "by rbp",
	  1,
	  1,
	  { { 0, RULE(FP, -2, 8) }, { 1, RULE(FP, -2, 16) }, { 9, RULE(KINDS, 0, 0) } } },
	{ "two steps and a half",
	  3,
	  1,
	  { { 0, SP(8) },
	    { 2, SP(16) },
	    { 4, SP(24) },
	    { 6, SP(32) },
	    { 8, SP(40) },
	    { 9, RULE(KINDS, 0, 0) } } },
	{ "no steps of other kinds",
	  2,
	  1,
	  { { 0, RULE(PLT, 0, 3) }, { 1, RULE(PLT, 0, 11) }, { 9, RULE(KINDS, 0, 0) } } },
	{ "into the next page",
	  3,
	  2,
	  { { 0, SP(8) }, { PAGE + 5, SP(64) }, { PAGE + 9, RULE(KINDS, 0, 0) } } },
	{ "a step that would cross",
	  3,
	  2,
	  { { 0, SP(64) },
	    { PAGE - 1, SP(8) },
	    { PAGE, SP(16) },
	    { PAGE + 9, RULE(KINDS, 0, 0) } } },
	{ "a step from a page's first byte",
	  2,
	  2,
	  { { 0, SP(8) }, { PAGE + 2, SP(16) }, { PAGE + 9, RULE(KINDS, 0, 0) } } },
	{ "over several pages",
	  5,
	  4,
	  { { 7, SP(8) }, { 3 * PAGE, SP(64) }, { 3 * PAGE + 9, RULE(KINDS, 0, 0) } } },
	{ "nothing known for pages",
	  5,
	  2,
	  { { 7, SP(8) },
	    { 9, RULE(NONE, 0, 0) },
	    { 5 * PAGE + 1, SP(8) },
	    { 5 * PAGE + 9, RULE(KINDS, 0, 0) } } },
	{ "nothing known from a page on",
	  1,
	  1,
	  { { 0, SP(8) }, { PAGE, RULE(NONE, 0, 0) }, { PAGE + 9, RULE(KINDS, 0, 0) } } },
	{ "the second word on a place",
	  2,
	  1,
	  { { 0, SP(8) }, { 6, SP(64) }, { 6, SP(72) }, { 9, RULE(KINDS, 0, 0) } } },
	{ "high up", 1, 1, { { HIGH, SP(8) }, { HIGH + 9, RULE(KINDS, 0, 0) } } },
};

START_TEST(finds_what_was_said)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	const struct said *said = cases[_i].said;
	const char *wrong;
	size_t n = 0;

	while (said[n].rule.kind != FT_RULE_KINDS)
		n++;
	ck_assert_int_eq(make(said, n, &table), 0);
	wrong = cfi_wrong(table);
	ck_assert_msg(!wrong, "%s: %s", cases[_i].what, wrong);
	ck_assert_msg(table->n_rows == cases[_i].n_rows && table->n_pages == cases[_i].n_pages,
		      "%s: %u rows, %u pages", cases[_i].what, table->n_rows, table->n_pages);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_ge(
			find_other(table, said[i].rule, said[i].offset, said[i + 1].offset),
			said[i + 1].offset);
	if (said[0].offset > 0)
		ck_assert_int_eq(ft_cfi_find(table, said[0].offset - 1).kind, FT_RULE_NONE);
}
END_TEST

/* Random walks with few rules, so that steps, repeats and page ends all happen. */
START_TEST(finds_anything_said)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	_cleanup_free_ struct said *said = calloc(4000, sizeof(*said));
	uint64_t offset = 0;
	const char *wrong;

	srandom((unsigned int)_i + 1);
	ck_assert_ptr_nonnull(said);
	for (size_t i = 0; i < 4000; i++) {
		long n = random();

		said[i].offset = offset;
		said[i].rule = RULE(SP, n & 0x70 ? 0 : -2, (int32_t)(8 * (1 + (n >> 8) % 3)));
		if (n % 64 == 0)
			said[i].rule = RULE(NONE, 0, 0);
		offset += n % 50 == 0 ? (uint64_t)(n % 70000) + 1 : 1 + (uint64_t)(n >> 12) % 6;
	}
	ck_assert_int_eq(make(said, 4000, &table), 0);
	wrong = cfi_wrong(table);
	ck_assert_msg(!wrong, "%s", wrong);
	for (size_t i = 0; i < 4000; i++) {
		uint64_t end = i + 1 < 4000 ? said[i + 1].offset : offset;

		ck_assert_uint_eq(find_other(table, said[i].rule, said[i].offset, end), end);
	}
}
END_TEST

/* When there are no numbers for rules with steps, rows without take their place. */
START_TEST(does_without_steps)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = calloc(1, sizeof(*table));
	_cleanup_rowpages_ struct ft_rowpages pages = { 0 };

	ck_assert_ptr_nonnull(table);
	ck_assert_int_eq(ft_rowpages_init(&pages, FT_CFI_MAX_RULES), 0);
	for (uint32_t i = 0; i < FT_CFI_MAX_RULES; i++)
		ck_assert_int_eq(ft_rowpages_add(&pages, 4 * i, SP((int32_t)(8 * (i % 4095)))), 0);
	ck_assert_int_eq(ft_rowpages_finish(&pages, table), 0);
	ck_assert_uint_eq(table->n_rules, FT_CFI_MAX_RULES);
	ck_assert_uint_eq(table->n_rows, FT_CFI_MAX_RULES);
	for (uint32_t i = 0; i < FT_CFI_MAX_RULES; i++)
		ck_assert(same(ft_cfi_find(table, 4 * i + 3), SP((int32_t)(8 * (i % 4095)))));
}
END_TEST

/* More rules than were announced, more pages than there may be. */
START_TEST(keeps_its_limits)
{
	_cleanup_rowpages_ struct ft_rowpages pages = { 0 };
	int r = 0;

	ck_assert_int_eq(ft_rowpages_init(&pages, 16), 0);
	for (uint32_t i = 0; i < 2 * FT_CFI_MAX_RULES && r == 0; i++)
		r = ft_rowpages_add(&pages, 16 * i, SP((int32_t)(8 * i)));
	ck_assert_int_eq(r, -E2BIG);
	ft_rowpages_deinit(&pages);
	ck_assert_int_eq(ft_rowpages_init(&pages, 16), 0);
	ck_assert_int_eq(ft_rowpages_add(&pages, 0, SP(8)), 0);
	ck_assert_int_eq(ft_rowpages_add(&pages, PAGE * FT_ROWPAGES_MAX, SP(64)), 0);
	ck_assert_int_eq(ft_rowpages_add(&pages, PAGE * FT_ROWPAGES_MAX + 100, SP(8)), -E2BIG);
	ft_rowpages_deinit(&pages);
	ck_assert_int_eq(ft_rowpages_init(&pages, 16), 0);
	ck_assert_int_eq(ft_rowpages_add(&pages, HIGH + PAGE, SP(8)), 0);
	ck_assert_int_eq(ft_rowpages_add(&pages, HIGH + PAGE + 100, SP(64)), -E2BIG);
}
END_TEST

/* A place has one row, however often it is spoken of. */
static const struct {
	struct {
		uint64_t offset;
		struct ft_unwind_rule rule;
	} adds[4];
	struct ft_unwind_rule found; /* at 0x20010 */
} places[] = {
	{ { { 0x20000, SP(8) },
	    { 0x20010, RULE(NONE, 0, 0) },
	    { 0x20010, RULE(ROOT, 0, 0) },
	    { 0x20020, RULE(NONE, 0, 0) } },
	  RULE(ROOT, 0, 0) },
	{ { { 0x20010, RULE(ROOT, 0, 0) },
	    { 0x20010, RULE(NONE, 0, 0) },
	    { 0x20010, SP(8) },
	    { 0x20011, SP(16) } },
	  SP(8) },
	{ { { 0x2000f, SP(8) },
	    { 0x20010, SP(16) },
	    { 0x20010, RULE(ROOT, 0, 0) },
	    { 0x20011, SP(16) } },
	  RULE(ROOT, 0, 0) },
	{ { { 0x1fff0, SP(8) }, { 0x20010, SP(16) }, { 0x20010, SP(64) }, { 0x20010, SP(8) } },
	  SP(8) },
};

START_TEST(keeps_one_row_of_a_place)
{
	_cleanup_rowpages_ struct ft_rowpages pages = { 0 };
	_cleanup_cfi_table_ struct ft_cfi_table *table = calloc(1, sizeof(*table));
	const struct ft_unwind_rule *expected = &places[_i].found;
	struct ft_unwind_rule found;
	struct ft_symtable seen;

	ck_assert_int_eq(ft_rowpages_init(&pages, 10), 0);
	for (size_t i = 0; i < FT_COUNT(places[_i].adds); i++)
		ck_assert_int_eq(
			ft_rowpages_add(&pages, places[_i].adds[i].offset, places[_i].adds[i].rule),
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

static int make_without_memory(void *context)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;

	(void)context;
	return make(cases[10].said, 5, &table);
}

START_TEST(survives_allocation_failure)
{
	ck_assert_uint_ge(ft_alloc_each(make_without_memory, NULL), 5);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, finds_what_was_said, 0, FT_CASES(cases));
	tcase_add_loop_test(tc, finds_anything_said, 0, 20);
	tcase_add_loop_test(tc, keeps_one_row_of_a_place, 0, FT_CASES(places));
	tcase_add_test(tc, does_without_steps);
	tcase_add_test(tc, keeps_its_limits);
	tcase_add_test(tc, survives_allocation_failure);
}

FT_CHECK_MAIN("rowpages", add_tests)
