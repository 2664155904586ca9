/* Tables in real maps, searched as the kernel side does: each byte of a file has the rule
 * its table says, through eviction and renewal; past a limit tables are refused, and those
 * that are there stay right. */
#include "agent/capture/tables.h"

#include "agent/capture/extents.h"
#include "tests/ft_alloc.h"
#include "tests/unit/bpf_maps.h"

#define RULES_BYTES (FT_UNWIND_RULES_MAX * sizeof(struct ft_unwind_rule))
#define REST	    FT_EXTENTS_QUARANTINE_NS
#define CHUNK	    ROW_CHUNK_BYTES

struct stage {
	int chunks_map, rules_map, pages_map;
	const struct ft_unwind_rule *rules; /* as the kernel side sees them */
	struct ft_tables *tables;
};

static bool open_stage(struct stage *s, uint64_t cap_bytes, uint32_t max_pages)
{
	if (!have_bpf())
		return false;
	*s = (struct stage){ .chunks_map = make_row_chunks(),
			     .rules_map = make_big(RULES_BYTES),
			     .pages_map = make_map(BPF_MAP_TYPE_HASH, sizeof(struct ft_page_key),
						   sizeof(struct ft_page_rows), max_pages, 0, -1) };
	ck_assert_int_ge(s->chunks_map, 0);
	ck_assert_int_ge(s->pages_map, 0);
	s->rules = map_big(s->rules_map, RULES_BYTES);
	ck_assert_int_eq(
		ft_tables_new(s->chunks_map, s->rules_map, s->pages_map, cap_bytes, &s->tables), 0);
	return true;
}

static void close_stage(struct stage *s)
{
	ft_tables_freep(&s->tables);
	munmap((void *)(uintptr_t)s->rules, RULES_BYTES);
	ft_closep(&s->chunks_map);
	ft_closep(&s->rules_map);
	ft_closep(&s->pages_map);
}

/* A made table: n_pages pages, every second number, of n_rows rows each, some bytes apart;
 * its rules follow from seed, the same seed gives the same table. */
struct made {
	struct ft_unwind_rule *rules;
	struct ft_unwind_page *pages;
	uint32_t *rows;
	struct ft_symtable table;
};

static struct made make(uint32_t seed, uint32_t n_pages, uint32_t n_rows, uint32_t n_rules)
{
	struct made m = { .rules = calloc(n_rules, sizeof(*m.rules)),
			  .pages = calloc(n_pages, sizeof(*m.pages)),
			  .rows = calloc(n_pages * n_rows, sizeof(*m.rows)) };

	ck_assert(m.rules && m.pages && m.rows);
	for (uint32_t i = 0; i < n_rules; i++)
		m.rules[i] = (struct ft_unwind_rule){ .kind = FT_RULE_SP,
						      .fp = -2,
						      .cfa = (int32_t)(8 * (seed + i)) };
	for (uint32_t p = 0; p < n_pages; p++) {
		m.pages[p] = (struct ft_unwind_page){ 2 * p, p * n_rows, n_rows };
		for (uint32_t i = 0; i < n_rows; i++)
			m.rows[p * n_rows + i] = FT_UNWIND_ROW(i * (65536 / n_rows),
							       (i * 7 + p + seed) % n_rules);
	}
	m.table = (struct ft_symtable){ .n_rules = n_rules,
					.n_pages = n_pages,
					.n_rows = n_pages * n_rows,
					.rules = m.rules,
					.pages = m.pages,
					.rows = m.rows };
	return m;
}

static void made_deinit(struct made *m)
{
	free(m->rules);
	free(m->pages);
	free(m->rows);
}
#define _cleanup_made_ FT_CLEANUP(made_deinit)

/* An entry of the pages map; n is 0 without one. */
static struct ft_page_rows page_of(const struct stage *s, uint32_t file, uint32_t page)
{
	struct ft_page_key key = { file, page };
	struct ft_page_rows rows = { 0, 0 };

	if (bpf_map_lookup_elem(s->pages_map, &key, &rows) < 0)
		rows.n = 0;
	return rows;
}

static uint32_t state_of(const struct stage *s, uint32_t file)
{
	return page_of(s, file, FT_PAGE_OF_FILE).n;
}

/* The rule that the kernel side finds is the one of the table, at every row's first and
 * last byte. */
static void check_file(const struct stage *s, uint32_t file, const struct ft_symtable *table)
{
	ck_assert_uint_eq(state_of(s, file), FT_TABLE_READY);
	for (uint32_t p = 0; p < table->n_pages; p++) {
		const struct ft_unwind_page *page = &table->pages[p];
		struct ft_page_rows at = page_of(s, file, page->number);

		ck_assert_uint_eq(at.n, page->n);
		ck_assert_uint_eq(page_of(s, file, page->number + 1).n, 0);
		for (uint32_t i = 0; i < page->n; i += 1 + page->n / 50) {
			uint32_t want = table->rows[page->first + i], row = 0, low[2];

			low[0] = FT_UNWIND_ROW_OFFSET(want);
			low[1] = i + 1 < page->n
					 ? FT_UNWIND_ROW_OFFSET(table->rows[page->first + i + 1]) -
						   1
					 : 0xffff;
			for (uint32_t k = 0; k < 2; k++) {
				ck_assert(search_row(s->chunks_map, &at, low[k], &row));
				ck_assert_uint_eq(FT_UNWIND_ROW_OFFSET(row), low[0]);
				ck_assert_mem_eq(&s->rules[FT_UNWIND_ROW_RULE(row)],
						 &table->rules[FT_UNWIND_ROW_RULE(want)],
						 sizeof(struct ft_unwind_rule));
			}
		}
	}
}

START_TEST(the_kernel_side_finds_every_rule)
{
	_cleanup_made_ struct made a = make(1, 3, 100, 40), b = make(20, 2, 1, 1);
	struct ft_tables_counts counts;
	struct stage s;

	if (!open_stage(&s, CHUNK, 64))
		return;
	ck_assert(!ft_tables_has(s.tables, 10));
	ck_assert_int_eq(ft_tables_put(s.tables, 10, &a.table, 0), 0);
	ck_assert_int_eq(ft_tables_put(s.tables, 11, &b.table, 0), 0);
	ck_assert_int_eq(ft_tables_put(s.tables, 12, &a.table, 0), 0);
	check_file(&s, 10, &a.table);
	check_file(&s, 11, &b.table);
	check_file(&s, 12, &a.table);
	counts = ft_tables_counts(s.tables);
	ck_assert_uint_eq(counts.n_files, 3);
	ck_assert_uint_eq(counts.n_pages, 8);
	ck_assert_uint_eq(counts.n_rules, 40); /* all have those of the first */
	ck_assert_uint_eq(counts.rows_bytes, (300 + 2 + 300) * sizeof(uint32_t));
	ck_assert_int_eq(ft_tables_put(s.tables, 10, &b.table, 1), 0); /* another one */
	check_file(&s, 10, &b.table);
	check_file(&s, 12, &a.table);
	ck_assert_uint_eq(page_of(&s, 10, 4).n, 0);
	ft_tables_drop(s.tables, 12, 2);
	ft_tables_drop(s.tables, 12, 2);
	ck_assert(!ft_tables_has(s.tables, 12));
	ck_assert_uint_eq(state_of(&s, 12), 0);
	ck_assert_uint_eq(page_of(&s, 12, 0).n, 0);
	check_file(&s, 10, &b.table);
	check_file(&s, 11, &b.table);
	ck_assert_uint_eq(ft_tables_counts(s.tables).rows_bytes, 4 * sizeof(uint32_t));
	close_stage(&s);
}
END_TEST

START_TEST(says_what_to_expect_without_rows)
{
	_cleanup_made_ struct made a = make(1, 1, 10, 4);
	struct stage s;

	if (!open_stage(&s, CHUNK, 64))
		return;
	ck_assert_uint_eq(state_of(&s, 5), 0);
	ck_assert_int_eq(ft_tables_declare(s.tables, 5, FT_TABLE_FRAME_POINTERS), 0);
	ck_assert_uint_eq(state_of(&s, 5), FT_TABLE_FRAME_POINTERS);
	ck_assert(ft_tables_has(s.tables, 5));
	ck_assert_int_eq(ft_tables_declare(s.tables, 5, FT_TABLE_NONE), 0);
	ck_assert_uint_eq(state_of(&s, 5), FT_TABLE_NONE);
	ck_assert_int_eq(ft_tables_put(s.tables, 5, &a.table, 0), 0);
	check_file(&s, 5, &a.table);
	ck_assert_uint_eq(ft_tables_counts(s.tables).n_files, 1);
	close_stage(&s);
}
END_TEST

/* Room for three and a half tables of 64 Ki rows and more. What was not met for longest
 * goes; its rows rest before they are another's. */
START_TEST(pushes_out_what_was_not_met_for_longest)
{
	_cleanup_made_ struct made big = make(3, 1, 65536, 4);
	struct stage s;

	if (!open_stage(&s, CHUNK, 64))
		return;
	for (uint32_t file = 1; file <= 4; file++)
		ck_assert_int_eq(ft_tables_put(s.tables, file, &big.table, file), 0);
	ft_tables_use(s.tables, 1, 50);
	ft_tables_use(s.tables, 77, 50); /* not there */
	ck_assert_int_eq(ft_tables_put(s.tables, 5, &big.table, 60), -ENOSPC);
	ck_assert_uint_eq(ft_tables_counts(s.tables).refused, 1);
	ck_assert_uint_eq(ft_tables_counts(s.tables).evicted, 1);
	ck_assert(!ft_tables_has(s.tables, 5));
	ck_assert(!ft_tables_has(s.tables, 2));
	ck_assert_uint_eq(state_of(&s, 2), 0);
	ck_assert_uint_eq(page_of(&s, 2, 0).n, 0);
	ck_assert_uint_eq(page_of(&s, 5, 0).n, 0);
	ck_assert_int_eq(ft_tables_put(s.tables, 5, &big.table, 60 + REST), 0);
	for (uint32_t file = 1; file <= 5; file++)
		if (file != 2)
			check_file(&s, file, &big.table);
	ck_assert_uint_eq(ft_tables_counts(s.tables).rows_bytes, CHUNK);
	close_stage(&s);
}
END_TEST

/* More chunks come as they are needed, and pages do not cross from one to the next. */
START_TEST(grows_up_to_its_cap)
{
	_cleanup_made_ struct made big = make(3, 1, 50000, 4);
	uint32_t n = 0;
	struct stage s;

	if (!open_stage(&s, 3 * CHUNK + 5, 64))
		return;
	while (ft_tables_put(s.tables, n + 1, &big.table, n) == 0)
		n++;
	ck_assert_uint_eq(n, 3 * (FT_ROW_CHUNK_ROWS / 50000));
	ck_assert(!ft_tables_has(s.tables, 1));
	for (uint32_t file = 2; file <= n; file++)
		check_file(&s, file, &big.table);
	close_stage(&s);
}
END_TEST

/* Pushing a table out makes no room for rules, as they are never taken out. */
START_TEST(refuses_more_rules_than_there_are)
{
	_cleanup_made_ struct made all = make(0, 1, 16384, FT_UNWIND_RULES_MAX);
	_cleanup_made_ struct made old = make(100, 1, 10, 10);
	_cleanup_made_ struct made new = make(FT_UNWIND_RULES_MAX - 5, 1, 10, 10);
	struct stage s;

	if (!open_stage(&s, CHUNK, 64))
		return;
	ck_assert_int_eq(ft_tables_put(s.tables, 1, &all.table, 1), 0);
	ck_assert_int_eq(ft_tables_put(s.tables, 2, &old.table, 2), 0);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(ft_tables_put(s.tables, 3, &new.table, 3), -ENOSPC);
	ck_assert_uint_eq(ft_tables_counts(s.tables).refused, 3);
	ck_assert_uint_eq(ft_tables_counts(s.tables).evicted, 0);
	ck_assert_uint_eq(ft_tables_counts(s.tables).n_rules, FT_UNWIND_RULES_MAX);
	ck_assert_uint_eq(state_of(&s, 3), 0);
	check_file(&s, 1, &all.table);
	check_file(&s, 2, &old.table);
	close_stage(&s);
}
END_TEST

/* The map of pages is full in the middle of a table: nothing of it stays. */
START_TEST(refuses_more_pages_than_there_are)
{
	_cleanup_made_ struct made small = make(1, 3, 4, 4), large = make(1, 9, 4, 4);
	struct stage s;

	if (!open_stage(&s, CHUNK, 10))
		return;
	ck_assert_int_eq(ft_tables_put(s.tables, 1, &small.table, 1), 0);
	ck_assert_int_eq(ft_tables_put(s.tables, 2, &small.table, 2), 0);
	ck_assert_int_lt(ft_tables_put(s.tables, 3, &large.table, 3), 0);
	for (uint32_t page = 0; page < 9; page++)
		ck_assert_uint_eq(page_of(&s, 3, 2 * page).n, 0);
	check_file(&s, 2, &small.table);
	ck_assert(!ft_tables_has(s.tables, 3));
	ck_assert(!ft_tables_has(s.tables, 1)); /* it made room for a next try */
	ck_assert_uint_eq(ft_tables_counts(s.tables).n_pages, 3);
	close_stage(&s);
}
END_TEST

/* Whichever allocation fails: nothing of the file is there, and the next try is whole. */
START_TEST(survives_lack_of_memory)
{
	_cleanup_made_ struct made a = make(1, 3, 100, 40);
	uint32_t tried = 0;
	bool failed = true;
	struct stage s;

	if (!open_stage(&s, CHUNK, 640))
		return;
	for (uint32_t file = 1; failed; file++) {
		int r;

		ft_alloc_fail_at(file);
		r = ft_tables_put(s.tables, file, &a.table, 0);
		failed = ft_alloc_stop();
		tried += failed;
		ck_assert_int_eq(r, failed ? -ENOMEM : 0);
		ck_assert_int_eq(ft_tables_has(s.tables, file), !failed);
		if (failed)
			ck_assert_uint_eq(page_of(&s, file, 0).n + state_of(&s, file), 0);
		ck_assert_int_eq(ft_tables_put(s.tables, file, &a.table, 0), 0);
		check_file(&s, file, &a.table);
		ft_tables_drop(s.tables, file, 0);
		ck_assert_uint_eq(ft_tables_counts(s.tables).rows_bytes, 0);
		ck_assert_uint_eq(ft_tables_counts(s.tables).n_pages, 0);
		/* Begin anew, so that every allocation comes again. */
		ft_tables_freep(&s.tables);
		ck_assert_int_eq(
			ft_tables_new(s.chunks_map, s.rules_map, s.pages_map, CHUNK, &s.tables), 0);
	}
	ck_assert_uint_gt(tried, 3);
	close_stage(&s);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, survives_lack_of_memory);

	tcase_add_test(tc, the_kernel_side_finds_every_rule);
	tcase_add_test(tc, says_what_to_expect_without_rows);
	tcase_add_test(tc, pushes_out_what_was_not_met_for_longest);
	tcase_add_test(tc, grows_up_to_its_cap);
	tcase_add_test(tc, refuses_more_rules_than_there_are);
	tcase_add_test(tc, refuses_more_pages_than_there_are);
}

FT_CHECK_MAIN("tables", add_tests)
