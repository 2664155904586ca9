/* A path id must lead to the same frames here and in the viewer, and the part below it
 * must weigh exactly what it weighs in the whole tree. */
#include "agent/server/subtree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/profile.h"
#include "agent/profile/tree.h"
#include "agent/profile/unroll.h"
#include "agent/server/ingest.h"
#include "agent/server/query.h"
#include "agent/server/store.h"
#include "base/buffer.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

static uint32_t string(struct ft_profile *p, const char *text)
{
	uint32_t id;

	ck_assert_int_eq(ft_profile_string(p, text, strlen(text), &id), 0);
	return id;
}

/* A location whose chain of names is given innermost first, split by spaces. */
static uint32_t location(struct ft_profile *p, const char *path, const char *names)
{
	struct ft_profile_mapping mapping = { .kind = FT_FILE_OTHER, .path = string(p, path) };
	struct ft_profile_line lines[4] = { 0 };
	struct ft_profile_location l = { .lines = lines };
	uint32_t id;
	char copy[64], *save, *name;

	snprintf(copy, sizeof(copy), "%s", names);
	for (name = strtok_r(copy, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		struct ft_profile_function f = { .name = string(p, name) };

		ck_assert_int_eq(ft_profile_function(p, &f, &lines[l.n_lines].function), 0);
		lines[l.n_lines++].flags = FT_LINE_INLINED;
	}
	lines[l.n_lines - 1].flags = 0;
	ck_assert_int_eq(ft_profile_mapping(p, &mapping, &l.mapping), 0);
	ck_assert_int_eq(ft_profile_location(p, &l, &id), 0);
	return id;
}

static void row(struct ft_profile *p, const uint32_t *frames, uint32_t n, const char *comm,
		int64_t value)
{
	struct ft_label label = { .key = string(p, "comm"), .text = string(p, comm) };
	int64_t values[2] = { 1, value };
	uint32_t stack, labels;

	ck_assert_int_eq(ft_profile_stack(p, frames, n, &stack), 0);
	ck_assert_int_eq(ft_profile_labels(p, &label, 1, &labels), 0);
	ck_assert_int_eq(ft_profile_add(p, stack, labels, values), 0);
}

/* app: main > (outer > inner) > leaf 30; main > outer 4; main 2. db: main 8. */
static struct ft_profile *make(void)
{
	struct ft_profile *p = NULL;
	struct ft_profile_info *info;
	uint32_t m, chain, outer, leaf;

	ck_assert_int_eq(ft_profile_new(&p), 0);
	info = ft_profile_info(p);
	info->n_types = 2;
	info->default_type = 1;
	info->types[0] = (struct ft_value_type){ string(p, "samples"), string(p, "count") };
	info->types[1] = (struct ft_value_type){ string(p, "cpu"), string(p, "nanoseconds") };
	m = location(p, "/usr/bin/app", "main");
	chain = location(p, "/usr/lib/libx.so", "inner outer");
	outer = location(p, "/usr/lib/libx.so", "outer");
	leaf = location(p, "/usr/lib/libx.so", "leaf");
	row(p, (uint32_t[]){ leaf, chain, m }, 3, "app", 30);
	row(p, (uint32_t[]){ outer, m }, 2, "app", 4);
	row(p, (uint32_t[]){ m }, 1, "app", 2);
	row(p, (uint32_t[]){ m }, 1, "db", 8);
	return p;
}

/* FNV-1a written once more, over "name\0lib\0..." */
static uint64_t id_of(const char *bytes, size_t len)
{
	uint64_t hash = 14695981039346656037ull;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211ull;
	return hash;
}

#define PATH(text) text, sizeof(text)

static const struct {
	const char *path;
	size_t len; /* the last NUL included */
	int64_t total;
	const char *tree; /* depth, name, self of each node */
} cases[] = {
	{ PATH("app\0"), 36, "0 all 0;1 main 2;2 outer 4;3 inner 0;4 leaf 30;" },
	{ PATH("db\0"), 8, "0 all 0;1 main 8;" },
	{ PATH("app\0\0main\0app"), 36, "0 all 2;1 outer 4;2 inner 0;3 leaf 30;" },
	{ PATH("app\0\0main\0app\0outer\0libx.so"), 34, "0 all 4;1 inner 0;2 leaf 30;" },
	{ PATH("app\0\0main\0app\0outer\0libx.so\0inner\0libx.so"), 30, "0 all 0;1 leaf 30;" },
	{ PATH("app\0\0main\0app\0outer\0libx.so\0inner\0libx.so\0leaf\0libx.so"), 30,
	  "0 all 30;" },
	{ PATH("main\0app"), 0, "0 all 0;" },
	{ PATH("app\0\0main\0libx.so"), 0, "0 all 0;" },
};

static void describe(const struct ft_profile *profile, char *text, size_t size)
{
	struct ft_tree_options options = { .type = 1, .max_nodes = 1000 };
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(1u << 20);
	_cleanup_tree_ struct ft_tree *tree = NULL;
	size_t used = 0;

	ck_assert_int_eq(ft_tree_write(profile, &options, &out), 0);
	ck_assert_int_eq(ft_tree_read(out.data, out.len, &tree), 0);
	for (uint32_t i = 0; i < tree->n_nodes; i++)
		used += (size_t)snprintf(text + used, size - used, "%u %s %llu;",
					 tree->nodes[i].depth, tree->names[tree->nodes[i].frame],
					 (unsigned long long)(tree->nodes[i].self *
							      tree->scale_num / tree->scale_den));
}

START_TEST(below_a_path)
{
	_cleanup_profile_ struct ft_profile *profile = make(), *below = NULL;
	uint64_t id = id_of(cases[_i].path, cases[_i].len);
	char text[1024];

	ck_assert_int_eq(ft_subtree_of(profile, id, &below), 0);
	ck_assert_int_eq(ft_profile_total(below, 1), cases[_i].total);
	describe(below, text, sizeof(text));
	ck_assert_str_eq(text, cases[_i].tree);
}
END_TEST

static const struct {
	const char *text;
	int r;
	uint64_t id;
} ids[] = {
	{ "aaaaaaaaaaaaa", 0, 0 },
	{ "aaaaaaaaaaaac", 0, 1 },
	{ "7777777777776", 0, UINT64_MAX },
	{ "qaaaaaaaaaaaa", 0, 1ull << 63 },
	{ "", -EINVAL, 0 },
	{ "aaaaaaaaaaaa", -EINVAL, 0 },
	{ "aaaaaaaaaaaaaa", -EINVAL, 0 },
	{ "AAAAAAAAAAAAA", -EINVAL, 0 },
	{ "aaaaaaaaaaaa1", -EINVAL, 0 },
};

START_TEST(parses_ids)
{
	uint64_t id = 0;

	ck_assert_int_eq(ft_path_id_parse(ids[_i].text, &id), ids[_i].r);
	ck_assert_uint_eq(id, ids[_i].id);
}
END_TEST

static int cut(void *context)
{
	struct ft_profile *below = NULL;
	int r = ft_subtree_of(context, id_of(PATH("app\0\0main\0app")), &below);

	ft_profile_freep(&below);
	return r;
}

START_TEST(no_memory)
{
	_cleanup_profile_ struct ft_profile *profile = make();

	ck_assert_uint_ge(ft_alloc_each(cut, profile), 5);
}
END_TEST

/* What view does with a pprof file: nothing may be lost on the way through the store,
 * though here every place has the same address, 0. */
START_TEST(unrolled_into_a_store)
{
	_cleanup_profile_ struct ft_profile *profile = make(), *back = NULL;
	_cleanup_buffer_ struct ft_buffer slices = FT_BUFFER_INIT(1u << 20);
	_cleanup_store_ struct ft_store *store = NULL;
	_cleanup_ingest_ struct ft_ingest *ingest = NULL;
	struct ft_store_kind kinds[FT_STORE_MAX_KINDS];
	struct ft_query query = { .kind = kinds, .to_ns = INT64_MAX, .pid = -1 };
	struct ft_query_facts facts;
	char before[1024], after[1024];
	uint32_t n = 0;

	ck_assert_int_eq(ft_unroll(profile, 1700000000000000000ull, &slices), 0);
	ck_assert_int_eq(ft_store_open(NULL, FT_STORE_WRITE, &store), 0);
	ck_assert_int_eq(ft_ingest_new(store, 10000000000ull, false, NULL, NULL, &ingest), 0);
	ck_assert_int_eq(ft_ingest_bytes(ingest, slices.data, slices.len), 0);
	ck_assert_int_eq(ft_store_kinds(store, kinds, &n), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(kinds[0].name, "cpu"); /* the default type first */
	ck_assert_str_eq(kinds[0].events, "samples");
	ck_assert_str_eq(kinds[1].name, "samples");
	ck_assert_int_eq(ft_query_profile(store, &query, &facts, &back), 0);
	ck_assert_uint_eq(facts.n_samples, 4);
	ck_assert_int_eq(ft_profile_total(back, 1), ft_profile_total(profile, 1));
	ck_assert_int_eq(ft_profile_total(back, 0), ft_profile_total(profile, 0));
	describe(profile, before, sizeof(before));
	describe(back, after, sizeof(after));
	ck_assert_str_eq(before, after);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, below_a_path, 0, FT_CASES(cases));
	tcase_add_loop_test(tc, parses_ids, 0, FT_CASES(ids));
	tcase_add_test(tc, no_memory);
	tcase_add_test(tc, unrolled_into_a_store);
}

FT_CHECK_MAIN("subtree", add_tests)
