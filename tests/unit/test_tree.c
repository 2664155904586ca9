/* The tree is what people look at: every weight must be somewhere in it, whatever was
 * merged, pruned, cut or had no name, and equal profiles must give equal bytes. */
#include <errno.h>
#include <string.h>

#include "agent/profile/tree.h"
#include "agent/profile/trie.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"
#include "tests/ft_stacks.h"

#define MAX_BYTES (64u << 20)

static void write_tree(const struct ft_profile *profile, const struct ft_tree_options *options,
		       struct ft_buffer *out)
{
	*out = FT_BUFFER_INIT(MAX_BYTES);
	ck_assert_int_eq(ft_tree_write(profile, options, out), 0);
}

static struct ft_tree *read_back(const struct ft_profile *profile,
				 const struct ft_tree_options *options)
{
	_cleanup_buffer_ struct ft_buffer out;
	struct ft_tree *tree = NULL;

	write_tree(profile, options, &out);
	ck_assert_int_eq(ft_tree_read(out.data, out.len, &tree), 0);
	return tree;
}

/* "depth name self/total" for each node, with spaces between. */
static void describe(const struct ft_tree *tree, struct ft_buffer *text)
{
	for (uint32_t i = 0; i < tree->n_nodes; i++) {
		const struct ft_tree_node *node = &tree->nodes[i];

		ft_buffer_printf(text, "%s%u %s %lu/%lu", i ? ", " : "", node->depth,
				 tree->names[node->frame], node->self, node->total);
	}
	ft_buffer_put_u8(text, 0);
	ck_assert_int_eq(text->error, 0);
}

#define ROWS 6

static const struct {
	const char *rows[ROWS];
	struct ft_tree_options options;
	const char *tree;
	uint64_t scale, pruned;
} cases[] = {
	{ .tree = "0 all 0/0", .scale = 1 },
	{ .rows = { ";main;work 3", ";main 4" },
	  .tree = "0 all 0/7, 1 main 4/7, 2 work 3/3",
	  .scale = 1 },
	/* One function at two addresses is one node; weights lose their common factor. */
	{ .rows = { ";main;work~10 30", ";main;work~20 20", ";main 5" },
	  .tree = "0 all 0/11, 1 main 1/11, 2 work 10/10",
	  .scale = 5 },
	/* The same name in another library is not the same function. */
	{ .rows = { ";main;work@b 3", ";main;work@a 2" },
	  .tree = "0 all 0/5, 1 main 0/5, 2 work 2/2, 2 work 3/3",
	  .scale = 1 },
	/* Nor is the same function inlined and called. */
	{ .rows = { ";main;work 3", ";main>work 2" },
	  .tree = "0 all 0/5, 1 main 0/5, 2 work 3/3, 2 work 2/2",
	  .scale = 1 },
	/* By name, not by weight or by order of arrival. */
	{ .rows = { ";m;zeta 9", ";m;Beta 1", ";m;alpha 3", ";m;al 1", ";m;alphabeta-long 1",
		    ";m;alphabeta-lonf 1" },
	  .tree = "0 all 0/16, 1 m 0/16, 2 Beta 1/1, 2 al 1/1, 2 alpha 3/3, 2 alphabeta-lonf 1/1, "
		  "2 alphabeta-long 1/1, 2 zeta 9/9",
	  .scale = 1 },
	{ .rows = { "sh;main 3", "cc;main 2", ";main 1", "all;main 1" },
	  .options = { .with_process = true },
	  .tree = "0 all 0/7, 1 all 0/1, 2 main 1/1, 1 cc 0/2, 2 main 2/2, 1 main 1/1, 1 sh 0/3, "
		  "2 main 3/3",
	  .scale = 1 },
	{ .rows = { "sh;main 3", "cc;main 2" }, .tree = "0 all 0/1, 1 main 1/1", .scale = 5 },
	{ .rows = { ";main>outer>inner;leaf>in 1" },
	  .tree = "0 all 0/1, 1 main 0/1, 2 outer 0/1, 3 inner 0/1, 4 leaf 0/1, 5 in 1/1",
	  .scale = 1 },
	{ .rows = { ";main;?1f@app;?ff@[kernel.kallsyms] 1" },
	  .tree = "0 all 0/1, 1 main 0/1, 2 app+0x1f 0/1, 3 [kernel.kallsyms]+0xff 1/1",
	  .scale = 1 },
	{ .rows = { "sh 2", " 3" },
	  .options = { .with_process = true },
	  .tree = "0 all 3/5, 1 sh 2/2",
	  .scale = 1 },
	{ .rows = { ";caf\xc3\xa9 1", ";bad\xff\xc3 1", ";two\nlines 1", ";a\tb\x01 1" },
	  .tree = "0 all 0/4, 1 a b? 1/1, 1 bad?? 1/1, 1 caf\xc3\xa9 1/1, 1 two lines 1/1",
	  .scale = 1 },
	/* Names that differ only in what cannot be shown become one. */
	{ .rows = { ";x\xff 1", ";x\xfe 1", ";x? 1" }, .tree = "0 all 0/1, 1 x? 1/1", .scale = 3 },
	{ .rows = { ";main;work 10 7", ";main 1 0" },
	  .options = { .type = 1 },
	  .tree = "0 all 0/1, 1 main 0/1, 2 work 1/1",
	  .scale = 7 },
	/* A diff made elsewhere. */
	{ .rows = { ";main;gone -5", ";main;new 5", ";less 5", ";less~1 -2", ";only -7" },
	  .tree = "0 all 0/8, 1 less 3/3, 1 main 0/5, 2 new 5/5",
	  .scale = 1 },
	/* Rows 1000 ppm of the total and lighter. */
	{ .rows = { ";m;a 998", ";m;b 1", ";m;c 1" },
	  .options = { .min_ppm = 1000 },
	  .tree = "0 all 0/1000, 1 m 0/1000, 2 a 998/998, 2 b 1/1, 2 c 1/1",
	  .scale = 1 },
	{ .rows = { ";m;a 998", ";m;b;x 1", ";m;c 1" },
	  .options = { .min_ppm = 1001 },
	  .tree = "0 all 0/1000, 1 m 0/1000, 2 a 998/998",
	  .scale = 1,
	  .pruned = 2 },
	{ .rows = { ";m;a 5", ";m;b;x 3", ";n;c 2", ";m 1" },
	  .options = { .max_nodes = 4 },
	  .tree = "0 all 0/11, 1 m 1/9, 2 a 5/5, 2 b 0/3",
	  .scale = 1,
	  .pruned = 5 },
	{ .rows = { ";m;a 5" },
	  .options = { .max_nodes = 1 },
	  .tree = "0 all 0/1",
	  .scale = 5,
	  .pruned = 1 },
	/* Of equals the first by name stay. */
	{ .rows = { ";d 1", ";c;z 1", ";b 1", ";a 1" },
	  .options = { .max_nodes = 4 },
	  .tree = "0 all 0/4, 1 a 1/1, 1 b 1/1, 1 c 0/1",
	  .scale = 1,
	  .pruned = 2 },
	/* Past what a browser counts to, the weights or the scale. */
	{ .rows = { ";a 9223372036854775807" },
	  .tree = "0 all 0/9007199254740991, 1 a 9007199254740991/9007199254740991",
	  .scale = 1024 },
	{ .rows = { ";a 9223372036854775807", ";b 9223372036854775806" },
	  .tree = "0 all 0/9007199254740990, 1 a 4503599627370495/4503599627370495, "
		  "1 b 4503599627370495/4503599627370495",
	  .scale = 2048 },
};

static size_t count_rows(const char *const *rows)
{
	size_t n = 0;

	while (n < ROWS && rows[n])
		n++;
	return n;
}

START_TEST(gives_tree)
{
	size_t n = count_rows(cases[_i].rows);
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(cases[_i].rows, n);
	_cleanup_tree_ struct ft_tree *tree = read_back(profile, &cases[_i].options);
	_cleanup_buffer_ struct ft_buffer text = FT_BUFFER_INIT(MAX_BYTES);

	describe(tree, &text);
	/* What is pruned is below a node, so the first case of it sets all totals. */
	ck_assert_uint_eq(tree->pruned, cases[_i].pruned);
	ck_assert_uint_eq(tree->scale_num, cases[_i].scale);
	ck_assert_uint_eq(tree->scale_den, 1);
	ck_assert_str_eq((char *)text.data, cases[_i].tree);
}
END_TEST

START_TEST(order_of_rows_does_not_matter)
{
	size_t n = count_rows(cases[_i].rows);
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(cases[_i].rows, n);
	_cleanup_buffer_ struct ft_buffer want;

	write_tree(profile, &cases[_i].options, &want);
	for (size_t turn = 1; turn < n; turn++) {
		_cleanup_profile_ struct ft_profile *other = NULL;
		_cleanup_buffer_ struct ft_buffer have;
		const char *rows[ROWS];

		for (size_t i = 0; i < n; i++)
			rows[i] = cases[_i].rows[(n - 1 - i + turn) % n];
		other = ft_stacks_profile(rows, n);
		write_tree(other, &cases[_i].options, &have);
		ck_assert_uint_eq(have.len, want.len);
		ck_assert_mem_eq(have.data, want.data, want.len);
	}
}
END_TEST

START_TEST(says_what_is_asked_in_the_head)
{
	static const char *const rows[] = { ";main!a.c:7;work>in!b.c:9 2", ";main!a.c:8 4",
					    ";main!a.c:8~8 2" };
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(rows, FT_COUNT(rows));
	struct ft_tree_options options = { .with_lines = true,
					   .lost_ppm = 77,
					   .window_us = 0x123456789a };
	_cleanup_tree_ struct ft_tree *tree = NULL;
	_cleanup_buffer_ struct ft_buffer out, text = FT_BUFFER_INIT(MAX_BYTES);

	ft_profile_info(profile)->n_samples = 0x1122334455;
	out = FT_BUFFER_INIT(MAX_BYTES);
	ft_buffer_put_text(&out, "before");
	ck_assert_int_eq(ft_tree_write(profile, &options, &out), 0);
	ck_assert_mem_eq(out.data, "beforeFTTR\x01\0\x04\0", 14);
	ft_buffer_consume(&out, 6);
	ck_assert_mem_eq(out.data + 40, "\x9a\x78\x56\x34\x12\0\0\0", 8);
	ck_assert_mem_eq(out.data + 80, "\x55\x44\x33\x22\x11\0\0\0", 8);
	ck_assert_mem_eq(out.data + 100, "\x4d\0\0\0", 4);
	ck_assert_int_eq(ft_tree_read(out.data, out.len, &tree), 0);
	ck_assert_uint_eq(tree->samples, 0x1122334455);
	/* By line, main is two frames. */
	describe(tree, &text);
	ck_assert_str_eq((char *)text.data,
			 "0 all 0/4, 1 main 0/1, 2 work 0/1, 3 in 1/1, 1 main 3/3");
	ck_assert_ptr_nonnull(memmem(out.data, out.len, "a.c\0", 4));
	ck_assert_ptr_nonnull(memmem(out.data, out.len, "b01d\0", 5));
}
END_TEST

/* The bytes themselves, once: what the viewer's decoder is written against. */
START_TEST(has_the_bytes_of_the_format)
{
	static const char *const rows[] = { "sh;m;k@[kernel] 300", "sh;m;k@[kernel];?1@[a] 100",
					    "sh;m>i 100" };
	static const char want[] = "\0\0\0" /* all */
				   "\0\4\0" /* sh */
				   "\0\3\0" /* m */
				   "\0\1\1" /* i */
				   "\1\2\3" /* k */;
	static const char sections[] = "NODE\xa4\0\0\0\x0f\0\0\0FRAM\xb3\0\0\0";
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(rows, FT_COUNT(rows));
	struct ft_tree_options options = { .with_process = true, .max_nodes = 5 };
	_cleanup_buffer_ struct ft_buffer out;

	write_tree(profile, &options, &out);
	ck_assert_mem_eq(out.data, "FTTR\1\0\2\0\5\0\0\0\5\0\0\0\3\0\0\0\5\0\0\0", 24);
	ck_assert_mem_eq(out.data + 24, "\5\0\0\0\0\0\0\0", 8);	  /* total */
	ck_assert_mem_eq(out.data + 56, "\x64\0\0\0\0\0\0\0", 8); /* scale 100 / 1 */
	ck_assert_mem_eq(out.data + 64, "\1\0\0\0\0\0\0\0", 8);
	ck_assert_mem_eq(out.data + 72, "\1\0\0\0\0\0\0\0", 8); /* pruned */
	ck_assert_mem_eq(out.data + 104, sections, sizeof(sections) - 1);
	ck_assert_mem_eq(out.data + 164, want, sizeof(want) - 1);
	/* One child of weight 1 hidden below node 4. */
	ck_assert_mem_eq(out.data + out.len - 3, "\4\1\1", 3);
}
END_TEST

START_TEST(tells_how_stacks_ended)
{
	static const char *const rows[] = { ";main;work 400", ";main 200" };
	static const char *const hows[] = { "truncated", "broken", "truncated", "no\nregs" };
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(rows, FT_COUNT(rows));
	_cleanup_tree_ struct ft_tree *tree = NULL;
	_cleanup_buffer_ struct ft_buffer out;
	const struct ft_tree_options options = { 0 };
	const int64_t values[] = { 100, 100 };

	for (uint32_t i = 0; i < FT_COUNT(hows); i++) {
		struct ft_label labels[] = {
			{ .key = ft_stacks_string(profile, "outcome"),
			  .text = ft_stacks_string(profile, hows[i]) },
			{ .key = ft_stacks_string(profile, "n"), .number = i },
		};
		uint32_t id;

		ck_assert_int_eq(ft_profile_labels(profile, labels, 2, &id), 0);
		ck_assert_int_eq(ft_profile_add(profile, 1, id, values), 0);
	}
	write_tree(profile, &options, &out);
	ck_assert_int_eq(ft_tree_read(out.data, out.len, &tree), 0);
	ck_assert_uint_eq(out.data[20], 6);
	ck_assert_mem_eq(out.data + 164, "OUTC", 4);
	/* all, work, main, app, b01d, and then: heaviest first, equal ones by name. */
	ck_assert_mem_eq(out.data + out.len - 6, "\6\2\7\1\10\1", 6);
	ck_assert_ptr_nonnull(memmem(out.data, out.len, "truncated\0broken\0no regs\0", 25));
}
END_TEST

START_TEST(cuts_what_is_too_deep)
{
	enum { DEEP = 2 * FT_TREE_MAX_DEPTH };
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_empty();
	static uint32_t frames[DEEP];
	char name[] = "f0";
	struct ft_tree_options options = { 0 };
	const int64_t values[] = { 5, 5 };
	uint32_t stack;

	for (uint32_t i = 0; i < DEEP; i++) {
		char copy[sizeof(name)];

		name[1] = (char)('0' + i % 7);
		memcpy(copy, name, sizeof(name));
		frames[i] = ft_stacks_location(profile, copy);
	}
	for (uint32_t depth = DEEP; depth >= FT_TREE_MAX_DEPTH - 2; depth -= DEEP / 4 - 1) {
		_cleanup_tree_ struct ft_tree *tree = NULL;

		ck_assert_int_eq(ft_profile_stack(profile, frames + DEEP - depth, depth, &stack),
				 0);
		ck_assert_int_eq(ft_profile_add(profile, stack, 0, values), 0);
		tree = read_back(profile, &options);
		ck_assert_uint_eq(tree->n_nodes, FT_TREE_MAX_DEPTH);
		ck_assert_uint_eq(tree->nodes[tree->n_nodes - 1].depth, FT_TREE_MAX_DEPTH - 1);
	}
}
END_TEST

/* Many random stacks under every pair of limits: no weight is lost. */
START_TEST(pruning_keeps_totals)
{
	static const struct ft_tree_options limits[] = {
		{ .max_nodes = 1 },
		{ .max_nodes = 2 },
		{ .max_nodes = 10, .with_process = true },
		{ .max_nodes = 100 },
		{ .max_nodes = 1000, .min_ppm = 500 },
		{ .min_ppm = 50 },
		{ .min_ppm = 100000 },
		{ .min_ppm = 1000000 },
		{ .min_ppm = UINT32_MAX, .max_nodes = UINT32_MAX },
	};
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_empty();
	unsigned int random = 12345;

	for (int i = 0; i < 1000; i++) {
		char row[512] = "comm";
		size_t len = 4;

		random = random * 1103515245 + 12345;
		for (unsigned int k = 0, n = random >> 16 & 15; k < n; k++) {
			random = random * 1103515245 + 12345;
			len += (size_t)snprintf(row + len, sizeof(row) - len, ";f%u",
						random >> 16 & 7);
		}
		snprintf(row + len, sizeof(row) - len, " %u", random >> 20 & 255);
		ft_stacks_row(profile, row);
	}
	for (size_t i = 0; i < FT_COUNT(limits); i++) {
		_cleanup_tree_ struct ft_tree *tree = read_back(profile, &limits[i]);
		uint64_t selves = 0;

		for (uint32_t k = 0; k < tree->n_nodes; k++)
			selves += tree->nodes[k].self;
		ck_assert_uint_eq(selves + tree->pruned, tree->total);
		ck_assert_uint_eq(tree->total * tree->scale_num,
				  (uint64_t)ft_profile_total(profile, 0));
		if (limits[i].max_nodes && limits[i].max_nodes < 250000)
			ck_assert_uint_le(tree->n_nodes, limits[i].max_nodes);
		if (limits[i].max_nodes && !limits[i].min_ppm && tree->pruned)
			ck_assert_uint_eq(tree->n_nodes, limits[i].max_nodes);
	}
}
END_TEST

static const char *const sample[] = { "sh;main;work>in 3", "sh;main;?7 1", "cc;main;work 2",
				      "cc;lib@libc.so 1" };

/* Bytes that are cut or changed anywhere are refused or read; nothing else. */
START_TEST(refuses_damage)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(sample, FT_COUNT(sample));
	struct ft_tree_options options = { .with_process = true,
					   .with_lines = true,
					   .max_nodes = 6 };
	_cleanup_buffer_ struct ft_buffer out;

	write_tree(profile, &options, &out);
	for (size_t len = 0; len < out.len; len++) {
		_cleanup_free_ uint8_t *part = malloc(len + 1);
		struct ft_tree *tree = NULL;

		memcpy(part, out.data, len);
		ck_assert_int_eq(ft_tree_read(part, len, &tree), -EBADMSG);
		ck_assert_ptr_null(tree);
	}
	for (size_t bit = 0; bit < out.len * 8; bit++) {
		_cleanup_tree_ struct ft_tree *tree = NULL;
		int r;

		out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		r = ft_tree_read(out.data, out.len, &tree);
		ck_assert(r == 0 || r == -EBADMSG);
		out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ft_buffer_put_u8(&out, 0);
	{
		struct ft_tree *tree = NULL;

		ck_assert_int_eq(ft_tree_read(out.data, out.len, &tree), -EBADMSG);
	}
}
END_TEST

START_TEST(stops_at_the_limit_of_the_buffer)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(sample, FT_COUNT(sample));
	struct ft_tree_options options = { 0 };
	_cleanup_buffer_ struct ft_buffer whole;

	write_tree(profile, &options, &whole);
	for (size_t max = 0; max < whole.len; max++) {
		_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(max);

		ck_assert_int_eq(ft_tree_write(profile, &options, &out), -EFBIG);
	}
}
END_TEST

static int write_and_read(void *context)
{
	struct ft_tree_options options = { .with_process = true };
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);
	_cleanup_tree_ struct ft_tree *tree = NULL;
	int r = ft_tree_write(context, &options, &out);

	return r < 0 ? r : ft_tree_read(out.data, out.len, &tree);
}

START_TEST(survives_lack_of_memory)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(sample, FT_COUNT(sample));

	ft_alloc_each(write_and_read, profile);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, gives_tree, 0, FT_CASES(cases));
	tcase_add_loop_test(tc, order_of_rows_does_not_matter, 0, FT_CASES(cases));
	tcase_add_test(tc, says_what_is_asked_in_the_head);
	tcase_add_test(tc, has_the_bytes_of_the_format);
	tcase_add_test(tc, tells_how_stacks_ended);
	tcase_add_test(tc, cuts_what_is_too_deep);
	tcase_add_test(tc, pruning_keeps_totals);
	tcase_add_test(tc, refuses_damage);
	tcase_add_test(tc, stops_at_the_limit_of_the_buffer);
	tcase_add_test(tc, survives_lack_of_memory);
}

FT_CHECK_MAIN("tree", add_tests)
