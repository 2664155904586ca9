/* A profile must number equal things equally and different things differently, keep
 * every unit of every value whatever the order of adding, and refuse rather than wrap. */
#include "agent/profile/profile.h"

#include <errno.h>
#include <string.h>

#include "tests/ft_check.h"

static uint32_t string(struct ft_profile *p, const char *text)
{
	uint32_t id;

	ck_assert_int_eq(ft_profile_string(p, text, strlen(text), &id), 0);
	return id;
}

static struct ft_profile *new_profile(uint32_t n_types)
{
	struct ft_profile *p = NULL;

	ck_assert_int_eq(ft_profile_new(&p), 0);
	ft_profile_info(p)->n_types = n_types;
	return p;
}

/* A location of its own for each address. */
static uint32_t place(struct ft_profile *p, uint64_t address)
{
	struct ft_profile_location l = { .address = address };
	uint32_t id;

	ck_assert_int_eq(ft_profile_location(p, &l, &id), 0);
	return id;
}

static uint32_t function(struct ft_profile *p, uint32_t name)
{
	struct ft_profile_function f = { .name = name };
	uint32_t id;

	ck_assert_int_eq(ft_profile_function(p, &f, &id), 0);
	return id;
}

START_TEST(empty)
{
	_cleanup_profile_ struct ft_profile *p = new_profile(1);
	uint32_t n = 7, id = 7;

	ck_assert_uint_eq(string(p, ""), 0);
	ck_assert_uint_eq(ft_profile_n_strings(p), 0);
	ck_assert_int_eq(ft_profile_stack(p, NULL, 0, &id), 0);
	ck_assert_uint_eq(id, 0);
	ck_assert_int_eq(ft_profile_labels(p, NULL, 0, &id), 0);
	ck_assert_uint_eq(id, 0);
	ft_profile_get_stack(p, 0, &n);
	ck_assert_uint_eq(n, 0);
	ft_profile_get_labels(p, 0, &n);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(ft_profile_total(p, 0), 0);
}
END_TEST

START_TEST(strings_hold_any_bytes)
{
	_cleanup_profile_ struct ft_profile *p = new_profile(1);
	uint32_t a, b, c;
	size_t len;

	ck_assert_int_eq(ft_profile_string(p, "x\0y", 3, &a), 0);
	ck_assert_int_eq(ft_profile_string(p, "x\0z", 3, &b), 0);
	ck_assert_int_eq(ft_profile_string(p, "x", 1, &c), 0);
	ck_assert(a != b && b != c && a != c);
	ck_assert_mem_eq(ft_profile_get_string(p, b, &len), "x\0z", 4);
	ck_assert_uint_eq(len, 3);
	ck_assert_uint_eq(ft_profile_n_strings(p), 3);
}
END_TEST

/* Each differs from the first in one field only. */
static const struct ft_profile_function functions[] = {
	{ 1, 2, 3, 4 }, { 2, 2, 3, 4 }, { 1, 3, 3, 4 }, { 1, 2, 1, 4 }, { 1, 2, 3, -4 },
};

START_TEST(functions_are_told_apart)
{
	_cleanup_profile_ struct ft_profile *p = new_profile(1);
	uint32_t id;

	string(p, "a"), string(p, "b"), string(p, "c");
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < FT_COUNT(functions); i++) {
			ck_assert_int_eq(ft_profile_function(p, &functions[i], &id), 0);
			ck_assert_uint_eq(id, i + 1);
		}
	ck_assert_uint_eq(ft_profile_n_functions(p), FT_COUNT(functions));
	ck_assert_int_eq(ft_profile_get_function(p, 5)->start_line, -4);
}
END_TEST

static const struct ft_profile_mapping mappings[] = {
	{ 1, 1, 2, 3, 10, 20, 30 }, { 2, 1, 2, 3, 10, 20, 30 }, { 1, 2, 2, 3, 10, 20, 30 },
	{ 1, 1, 3, 3, 10, 20, 30 }, { 1, 1, 2, 1, 10, 20, 30 }, { 1, 1, 2, 3, 11, 20, 30 },
	{ 1, 1, 2, 3, 10, 21, 30 }, { 1, 1, 2, 3, 10, 20, 31 },
};

START_TEST(mappings_are_told_apart)
{
	_cleanup_profile_ struct ft_profile *p = new_profile(1);
	uint32_t id;

	string(p, "a"), string(p, "b"), string(p, "c");
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < FT_COUNT(mappings); i++) {
			ck_assert_int_eq(ft_profile_mapping(p, &mappings[i], &id), 0);
			ck_assert_uint_eq(id, i + 1);
		}
	ck_assert_uint_eq(ft_profile_n_mappings(p), FT_COUNT(mappings));
	ck_assert_uint_eq(ft_profile_get_mapping(p, 8)->offset, 31);
}
END_TEST

static const struct ft_profile_line line_sets[][2] = {
	{ { 1, 5, 6, 1 }, { 2, 7, 8, 0 } },  { { 2, 5, 6, 1 }, { 2, 7, 8, 0 } },
	{ { 1, 4, 6, 1 }, { 2, 7, 8, 0 } },  { { 1, 5, 7, 1 }, { 2, 7, 8, 0 } },
	{ { 1, 5, 6, 3 }, { 2, 7, 8, 0 } },  { { 1, 5, 6, 1 }, { 2, 7, 9, 0 } },
	{ { 1, 5, 6, 1 }, { 2, -7, 8, 0 } },
};

START_TEST(locations_are_told_apart_by_lines)
{
	_cleanup_profile_ struct ft_profile *p = new_profile(1);
	uint32_t id;

	function(p, string(p, "f"));
	function(p, string(p, "g"));
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < FT_COUNT(line_sets); i++)
			for (uint32_t n = 0; n < 3; n++) {
				struct ft_profile_location l = { .address = i,
								 .n_lines = n,
								 .lines = line_sets[i] };

				/* One address for all, but for those without lines. */
				l.address = n ? 9 : i;
				ck_assert_int_eq(ft_profile_location(p, &l, &id), 0);
				l = ft_profile_get_location(p, id);
				ck_assert_uint_eq(l.n_lines, n);
				for (uint32_t k = 0; k < n; k++) {
					ck_assert_uint_eq(l.lines[k].function,
							  line_sets[i][k].function);
					ck_assert_int_eq(l.lines[k].line, line_sets[i][k].line);
					ck_assert_int_eq(l.lines[k].column, line_sets[i][k].column);
					ck_assert_uint_eq(l.lines[k].flags, line_sets[i][k].flags);
				}
			}
	/* 7 bare ones, 5 different first lines, 7 different pairs. */
	ck_assert_uint_eq(ft_profile_n_locations(p), 7 + 5 + 7);
}
END_TEST

START_TEST(labels_are_sorted_by_key_text)
{
	_cleanup_profile_ struct ft_profile *p = new_profile(1);
	uint32_t pid = string(p, "pid"), comm = string(p, "comm"), pi = string(p, "pi");
	struct ft_label one[] = { { .key = pid, .number = 7 },
				  { .key = comm, .text = pid },
				  { .key = pi, .text = pi } };
	struct ft_label two[] = { one[2], one[0], one[1] };
	struct ft_label other[] = { one[0], one[1], { .key = pi, .text = comm } };
	const struct ft_label *got;
	uint32_t a, b, c, n;

	ck_assert_int_eq(ft_profile_labels(p, one, 3, &a), 0);
	ck_assert_int_eq(ft_profile_labels(p, two, 3, &b), 0);
	ck_assert_int_eq(ft_profile_labels(p, other, 3, &c), 0);
	ck_assert_uint_eq(a, b);
	ck_assert_uint_ne(a, c);
	got = ft_profile_get_labels(p, a, &n);
	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(got[0].key, comm);
	ck_assert_uint_eq(got[1].key, pi);
	ck_assert_uint_eq(got[2].key, pid);
	ck_assert_int_eq(got[2].number, 7);
}
END_TEST

START_TEST(too_many_labels)
{
	_cleanup_profile_ struct ft_profile *p = new_profile(1);
	struct ft_label labels[FT_PROFILE_MAX_LABELS + 1];
	uint32_t key = string(p, "k"), id = 77, n;

	for (uint32_t i = 0; i < FT_COUNT(labels); i++)
		labels[i] = (struct ft_label){ .key = key, .number = i };
	ck_assert_int_eq(ft_profile_labels(p, labels, FT_COUNT(labels), &id), -E2BIG);
	ck_assert_uint_eq(id, 77);
	ck_assert_int_eq(ft_profile_labels(p, labels, FT_PROFILE_MAX_LABELS, &id), 0);
	/* Equal keys keep their order. */
	ck_assert_int_eq(ft_profile_get_labels(p, id, &n)[39].number, 39);
}
END_TEST

START_TEST(rows_add_up)
{
	_cleanup_profile_ struct ft_profile *p = new_profile(2);
	uint32_t at[2] = { place(p, 1), place(p, 2) };
	uint32_t stack;

	ck_assert_int_eq(ft_profile_stack(p, at, 2, &stack), 0);
	ck_assert_int_eq(ft_profile_add(p, stack, 0, (int64_t[]){ 1, 10 }), 0);
	ck_assert_int_eq(ft_profile_add(p, 0, 0, (int64_t[]){ 2, 20 }), 0);
	ck_assert_int_eq(ft_profile_add(p, stack, 0, (int64_t[]){ 3, -30 }), 0);
	ck_assert_uint_eq(ft_profile_n_rows(p), 2);
	ck_assert_int_eq(ft_profile_get_row(p, 0).values[0], 4);
	ck_assert_int_eq(ft_profile_get_row(p, 0).values[1], -20);
	ck_assert_uint_eq(ft_profile_get_row(p, 1).stack, 0);
	ck_assert_int_eq(ft_profile_total(p, 0), 6);
	ck_assert_int_eq(ft_profile_total(p, 1), 0);
}
END_TEST

START_TEST(overflow_changes_nothing)
{
	_cleanup_profile_ struct ft_profile *p = new_profile(2);

	ck_assert_int_eq(ft_profile_add(p, 0, 0, (int64_t[]){ 1, INT64_MAX - 1 }), 0);
	ck_assert_int_eq(ft_profile_add(p, 0, 0, (int64_t[]){ 5, 2 }), -EOVERFLOW);
	ck_assert_int_eq(ft_profile_get_row(p, 0).values[0], 1);
	ck_assert_int_eq(ft_profile_get_row(p, 0).values[1], INT64_MAX - 1);
	ck_assert_int_eq(ft_profile_add(p, 0, 0, (int64_t[]){ 5, 1 }), 0);
	ck_assert_int_eq(ft_profile_get_row(p, 0).values[1], INT64_MAX);
}
END_TEST

/* Against a list searched from its beginning. */
START_TEST(stacks_like_a_naive_list)
{
	enum { N = 3000, DEPTH = 4 };
	_cleanup_profile_ struct ft_profile *p = new_profile(1);
	static uint32_t seen[N][DEPTH], depth[N];
	uint32_t n_seen = 0, at[3], id;
	uint64_t random = 88172645463325252u;

	for (uint32_t i = 0; i < FT_COUNT(at); i++)
		at[i] = place(p, i);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t stack[DEPTH] = { 0 }, n, k;

		random = random * 6364136223846793005u + 1442695040888963407u;
		n = 1 + (uint32_t)(random >> 60) % DEPTH;
		for (uint32_t j = 0; j < n; j++)
			stack[j] = at[(random >> (33 + 2 * j)) % FT_COUNT(at)];
		for (k = 0; k < n_seen; k++)
			if (depth[k] == n && memcmp(seen[k], stack, n * sizeof(*stack)) == 0)
				break;
		if (k == n_seen) {
			memcpy(seen[k], stack, sizeof(stack));
			depth[n_seen++] = n;
		}
		ck_assert_int_eq(ft_profile_stack(p, stack, n, &id), 0);
		ck_assert_uint_eq(id, k + 1);
	}
	ck_assert_uint_eq(ft_profile_n_stacks(p), n_seen);
	for (uint32_t k = 0; k < n_seen; k++) {
		uint32_t n;
		const uint32_t *got = ft_profile_get_stack(p, k + 1, &n);

		ck_assert_uint_eq(n, depth[k]);
		ck_assert_mem_eq(got, seen[k], n * sizeof(*got));
	}
}
END_TEST

static const struct {
	const char *path, *name, *system;
	size_t size;
	const char *want;
} frames[] = {
	{ "/usr/lib/libc.so.6", "main", NULL, 64, "main" },
	{ "/usr/lib/libc.so.6", NULL, NULL, 64, "libc.so.6+0xabc" },
	{ "/usr/lib/libc.so.6", "", "_Zmain", 64, "_Zmain" },
	{ "/usr/lib/libc.so.6", "", NULL, 64, "libc.so.6+0xabc" },
	{ "[kernel.kallsyms]", NULL, NULL, 64, "[kernel.kallsyms]+0xabc" },
	{ "/trailing/", NULL, NULL, 64, "/trailing/+0xabc" },
	{ NULL, NULL, NULL, 64, "[unknown]+0xabc" },
	{ "", NULL, NULL, 64, "[unknown]+0xabc" },
	{ NULL, "a\x1b[2J\xff", NULL, 64, "a?[2J?" },
	{ "/usr/lib/libc.so.6", "long_name", NULL, 5, "long" },
	{ "/usr/lib/libc.so.6", NULL, NULL, 10, "lib+0xabc" },
	{ "/usr/lib/libc.so.6", NULL, NULL, 4, "+0x" },
	{ "/usr/lib/libc.so.6", NULL, NULL, 1, "" },
};

START_TEST(frame_names)
{
	_cleanup_profile_ struct ft_profile *p = new_profile(1);
	struct ft_profile_mapping m = { .kind = FT_FILE_ELF };
	struct ft_profile_function f = { 0 };
	struct ft_profile_line line = { 0 };
	struct ft_profile_location l = { .address = 0xabc, .lines = &line };
	char text[64];
	uint32_t id;

	if (frames[_i].path) {
		m.path = string(p, frames[_i].path);
		ck_assert_int_eq(ft_profile_mapping(p, &m, &l.mapping), 0);
	}
	if (frames[_i].name) {
		f.name = string(p, frames[_i].name);
		f.system = string(p, frames[_i].system ? frames[_i].system : "");
		ck_assert_int_eq(ft_profile_function(p, &f, &line.function), 0);
		l.n_lines = 1;
	}
	ck_assert_int_eq(ft_profile_location(p, &l, &id), 0);
	ck_assert_str_eq(ft_profile_frame_name(p, id, 0, text, frames[_i].size), frames[_i].want);
}
END_TEST

START_TEST(comments_keep_their_order)
{
	_cleanup_profile_ struct ft_profile *p = new_profile(1);

	ck_assert_int_eq(ft_profile_comment(p, "b"), 0);
	ck_assert_int_eq(ft_profile_comment(p, "a"), 0);
	ck_assert_int_eq(ft_profile_comment(p, "b"), 0);
	ck_assert_uint_eq(ft_profile_n_comments(p), 3);
	ck_assert_str_eq(ft_profile_get_string(p, ft_profile_get_comment(p, 1), NULL), "a");
	ck_assert_str_eq(ft_profile_get_string(p, ft_profile_get_comment(p, 2), NULL), "b");
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, empty);
	tcase_add_test(tc, strings_hold_any_bytes);
	tcase_add_test(tc, functions_are_told_apart);
	tcase_add_test(tc, mappings_are_told_apart);
	tcase_add_test(tc, locations_are_told_apart_by_lines);
	tcase_add_test(tc, labels_are_sorted_by_key_text);
	tcase_add_test(tc, too_many_labels);
	tcase_add_test(tc, rows_add_up);
	tcase_add_test(tc, overflow_changes_nothing);
	tcase_add_test(tc, stacks_like_a_naive_list);
	tcase_add_loop_test(tc, frame_names, 0, FT_CASES(frames));
	tcase_add_test(tc, comments_keep_their_order);
}

FT_CHECK_MAIN("profile", add_tests)
