/* Merging must add what is equal in content, whatever its ids, and leave the source as
 * it was. */
#include "agent/profile/merge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

/* All steps of making a row; the first failure is the result. */
struct maker {
	struct ft_profile *p;
	int r;
};

static uint32_t string(struct maker *m, const char *text)
{
	uint32_t id = 0;

	if (m->r == 0)
		m->r = ft_profile_string(m->p, text, strlen(text), &id);
	return id;
}

/* A frame with one function in /bin/MODULE. */
static uint32_t frame(struct maker *m, const char *module, const char *name)
{
	struct ft_profile_mapping mapping = { .kind = FT_FILE_ELF, .start = 0x1000 };
	struct ft_profile_function function = { .start_line = 3 };
	struct ft_profile_line line = { .line = 5, .column = 6, .flags = FT_LINE_INLINED };
	struct ft_profile_location location = { .address = 0x10, .n_lines = 1, .lines = &line };
	uint32_t id = 0;

	mapping.path = string(m, module);
	mapping.build_id = string(m, "b1d");
	mapping.identity = string(m, "digest");
	function.name = string(m, name);
	function.system = string(m, "sys");
	function.file = string(m, "a.c");
	if (m->r == 0)
		m->r = ft_profile_mapping(m->p, &mapping, &location.mapping);
	if (m->r == 0)
		m->r = ft_profile_function(m->p, &function, &line.function);
	if (m->r == 0)
		m->r = ft_profile_location(m->p, &location, &id);
	return id;
}

static void row(struct maker *m, const char *leaf, const char *root, int64_t pid, int64_t value)
{
	uint32_t frames[2] = { frame(m, "/bin/a", leaf), frame(m, "/bin/b", root) };
	struct ft_label labels[2] = { { .number = pid }, { 0 } };
	uint32_t stack = 0, set = 0;

	labels[0].key = string(m, "pid");
	labels[0].unit = string(m, "id");
	labels[1].key = string(m, "comm");
	labels[1].text = string(m, leaf);
	if (m->r == 0)
		m->r = ft_profile_stack(m->p, frames, 2, &stack);
	if (m->r == 0)
		m->r = ft_profile_labels(m->p, labels, 2, &set);
	if (m->r == 0)
		m->r = ft_profile_add(m->p, stack, set, &value);
}

static struct maker make(void)
{
	struct maker m = { 0 };

	m.r = ft_profile_new(&m.p);
	if (m.r == 0)
		ft_profile_info(m.p)->n_types = 1;
	return m;
}

/* "leaf;root comm=leaf pid(id)=1 value" for each row, one a line. */
static void describe(const struct ft_profile *p, char *out, size_t size)
{
	size_t len = 0;

	for (uint32_t i = 0; i < ft_profile_n_rows(p); i++) {
		struct ft_profile_row r = ft_profile_get_row(p, i);
		uint32_t n_frames, n_labels;
		const uint32_t *frames = ft_profile_get_stack(p, r.stack, &n_frames);
		const struct ft_label *l = ft_profile_get_labels(p, r.labels, &n_labels);
		char leaf[32], root[32];

		ck_assert_uint_eq(n_frames, 2);
		ck_assert_uint_eq(n_labels, 2);
		len += (size_t)snprintf(out + len, size - len, "%s;%s %s=%s %s(%s)=%d %d\n",
					ft_profile_frame_name(p, frames[0], 0, leaf, sizeof(leaf)),
					ft_profile_frame_name(p, frames[1], 0, root, sizeof(root)),
					ft_profile_get_string(p, l[0].key, NULL),
					ft_profile_get_string(p, l[0].text, NULL),
					ft_profile_get_string(p, l[1].key, NULL),
					ft_profile_get_string(p, l[1].unit, NULL), (int)l[1].number,
					(int)r.values[0]);
	}
}

START_TEST(content_counts_not_ids)
{
	struct maker into = make(), from = make();
	struct ft_profile_location l;
	char text[512];

	row(&into, "x", "main", 1, 10);
	row(&into, "y", "main", 1, 20);
	string(&from, "every id of a string is another one");
	row(&from, "z", "run", 2, 1);
	row(&from, "y", "main", 1, 2);
	row(&from, "x", "main", 2, 4);
	ck_assert_int_eq(into.r | from.r, 0);
	ck_assert_int_eq(ft_profile_merge(into.p, from.p), 0);
	describe(into.p, text, sizeof(text));
	ck_assert_str_eq(text, "x;main comm=x pid(id)=1 10\n"
			       "y;main comm=y pid(id)=1 22\n"
			       "z;run comm=z pid(id)=2 1\n"
			       "x;main comm=x pid(id)=2 4\n");
	describe(from.p, text, sizeof(text));
	ck_assert_str_eq(text, "z;run comm=z pid(id)=2 1\n"
			       "y;main comm=y pid(id)=1 2\n"
			       "x;main comm=x pid(id)=2 4\n");
	ck_assert_uint_eq(ft_profile_n_mappings(into.p), 2);
	ck_assert_uint_eq(ft_profile_n_functions(into.p), 5);
	l = ft_profile_get_location(into.p, ft_profile_n_locations(into.p));
	ck_assert_uint_eq(l.address, 0x10);
	ck_assert_int_eq(l.lines[0].line, 5);
	ck_assert_int_eq(l.lines[0].column, 6);
	ck_assert_uint_eq(l.lines[0].flags, FT_LINE_INLINED);
	ck_assert_uint_eq(ft_profile_get_mapping(into.p, 2)->start, 0x1000);
	ft_profile_freep(&into.p);
	ft_profile_freep(&from.p);
}
END_TEST

START_TEST(merged_twice_is_double)
{
	struct maker into = make(), from = make();

	row(&from, "x", "main", 1, 7);
	row(&from, "y", "main", 1, -3);
	ck_assert_int_eq(ft_profile_add(from.p, 0, 0, (int64_t[]){ 100 }), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(ft_profile_merge(into.p, from.p), 0);
	ck_assert_int_eq(ft_profile_total(into.p, 0), 208);
	ck_assert_uint_eq(ft_profile_n_rows(into.p), 3);
	ck_assert_uint_eq(ft_profile_n_strings(into.p), ft_profile_n_strings(from.p));
	ck_assert_uint_eq(ft_profile_n_locations(into.p), ft_profile_n_locations(from.p));
	ck_assert_uint_eq(ft_profile_n_label_sets(into.p), ft_profile_n_label_sets(from.p));
	ft_profile_freep(&into.p);
	ft_profile_freep(&from.p);
}
END_TEST

START_TEST(sums_never_wrap)
{
	struct maker into = make(), from = make();

	row(&into, "x", "main", 1, INT64_MAX);
	row(&from, "x", "main", 1, 1);
	ck_assert_int_eq(ft_profile_merge(into.p, from.p), -EOVERFLOW);
	ck_assert_int_eq(ft_profile_total(into.p, 0), INT64_MAX);
	ft_profile_freep(&into.p);
	ft_profile_freep(&from.p);
}
END_TEST

static int make_and_merge(void *context)
{
	struct maker into = make(), from = make();
	int r;

	(void)context;
	if (into.r == 0) {
		row(&into, "x", "main", 1, 1);
		/* Enough to make tables grow. */
		for (int64_t pid = 0; from.r == 0 && pid < 60; pid++)
			row(&from, pid % 2 ? "x" : "y", "main", pid, 1);
	}
	r = into.r ? into.r : from.r;
	if (r == 0)
		r = ft_profile_merge(into.p, from.p);
	ft_profile_freep(&into.p);
	ft_profile_freep(&from.p);
	return r;
}

START_TEST(survives_lack_of_memory)
{
	ft_alloc_each(make_and_merge, NULL);
}
END_TEST

/* A failed step must leave a profile that can be used as if it had not been tried. */
START_TEST(failed_step_changes_nothing)
{
	static const char last[] = "\nv;exit comm=v pid(id)=9 5\n";

	for (unsigned int at = 1; at < 200; at++) {
		struct maker m = make();
		char before[8192], after[8192];
		bool failed;

		row(&m, "x", "main", 1, 1);
		row(&m, "y", "main", 1, 2);
		describe(m.p, before, sizeof(before));
		ft_alloc_fail_at(at);
		for (int i = 100; m.r == 0 && i < 180; i++) {
			char name[16];

			snprintf(name, sizeof(name), "w%d", i);
			row(&m, name, "run", i, 0);
		}
		failed = ft_alloc_stop();
		ck_assert_int_eq(m.r, failed ? -ENOMEM : 0);
		m.r = 0;
		row(&m, "v", "exit", 9, 5);
		ck_assert_int_eq(m.r, 0);
		describe(m.p, after, sizeof(after));
		ck_assert_mem_eq(after, before, strlen(before));
		ck_assert_str_eq(after + strlen(after) - strlen(last), last);
		ck_assert_int_eq(ft_profile_total(m.p, 0), 8);
		ft_profile_freep(&m.p);
		if (!failed)
			return;
	}
	ck_abort_msg("no end of allocations");
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, content_counts_not_ids);
	tcase_add_test(tc, merged_twice_is_double);
	tcase_add_test(tc, sums_never_wrap);
	tcase_add_test(tc, survives_lack_of_memory);
	tcase_add_test(tc, failed_step_changes_nothing);
}

FT_CHECK_MAIN("merge", add_tests)
