/* Folded stacks go into scripts of others: the marks, the separators and the order are
 * the format, there is nothing else to hold on to. */
#include <errno.h>
#include <string.h>

#include "agent/profile/formats.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"
#include "tests/ft_stacks.h"

#define MAX_BYTES (16u << 20)
#define ROWS	  5

static const struct {
	const char *rows[ROWS];
	uint32_t type;
	const char *text;
} cases[] = {
	{ .text = "" },
	{ .rows = { "sh;main;work 3" }, .text = "sh;main;work 3\n" },
	{ .rows = { "sh;main;work 3 7" }, .type = 1, .text = "sh;main;work 7\n" },
	/* By bytes, a stack before those that go on from it. */
	{ .rows = { "sh;main;b 1", "sh;main;a 2", "sh;main 3", "cc;z 4", "sh;main.x 5" },
	  .text = "cc;z 4\nsh;main 3\nsh;main.x 5\nsh;main;a 2\nsh;main;b 1\n" },
	/* Addresses and libraries do not show, so they do not tell lines apart. */
	{ .rows = { "sh;f~1 1", "sh;f~2 2", "sh;f@b~1 4", "sh;f>g 8", "sh;f;g 16" },
	  .text = "sh;f 7\nsh;f;g 16\nsh;f;g_[i] 8\n" },
	{ .rows = { "sh;main;read@[kernel.kallsyms];do>it@[kernel.kallsyms] 1" },
	  .text = "sh;main;read_[k];do_[k];it_[k] 1\n" },
	{ .rows = { "node;main;jitted@[anon] 1" }, .text = "node;main;jitted_[j] 1\n" },
	{ .rows = { "sh;main>a>b;c>d 1" }, .text = "sh;main;a_[i];b_[i];c;d_[i] 1\n" },
	{ .rows = { "sh;?1f@app;?ff@[kernel] 1" }, .text = "sh;app+0x1f;[kernel]+0xff_[k] 1\n" },
	{ .rows = { "my\tproc x;two\nlines and more 1" },
	  .text = "my_proc_x;two lines and more 1\n" },
	{ .rows = { ";main 1" }, .text = "main 1\n" },
	{ .rows = { "sh 2", " 3" }, .text = "[unknown] 3\nsh 2\n" },
	{ .rows = { "sh;a -5", "sh;b 0", "sh;c 3", "sh;d 4", "sh;d~1 -4" }, .text = "sh;c 3\n" },
	{ .rows = { "sh;bad\xff name 1" }, .text = "sh;bad? name 1\n" },
};

static size_t count_rows(const char *const *rows)
{
	size_t n = 0;

	while (n < ROWS && rows[n])
		n++;
	return n;
}

START_TEST(gives_lines)
{
	size_t n = count_rows(cases[_i].rows);
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(cases[_i].rows, n);
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);

	ck_assert_int_eq(ft_folded_write(profile, cases[_i].type, &out), 0);
	ft_buffer_put_u8(&out, 0);
	ck_assert_str_eq((char *)out.data, cases[_i].text);
}
END_TEST

/* Names as only a hostile program has them; the helper's syntax cannot say them. */
START_TEST(replaces_separators)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_empty();
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);
	struct ft_profile_function function = { .name = ft_stacks_string(profile, "a;b c\nd") };
	struct ft_profile_line line = { 0 };
	struct ft_profile_location location = { .n_lines = 1, .lines = &line };
	struct ft_label label = { .key = ft_stacks_string(profile, "comm"),
				  .text = ft_stacks_string(profile, "x;y z") };
	const int64_t values[] = { 1, 1 };
	uint32_t id, stack, labels;

	ck_assert_int_eq(ft_profile_function(profile, &function, &line.function), 0);
	ck_assert_int_eq(ft_profile_location(profile, &location, &id), 0);
	ck_assert_int_eq(ft_profile_stack(profile, &id, 1, &stack), 0);
	ck_assert_int_eq(ft_profile_labels(profile, &label, 1, &labels), 0);
	ck_assert_int_eq(ft_profile_add(profile, stack, labels, values), 0);
	ck_assert_int_eq(ft_folded_write(profile, 0, &out), 0);
	ft_buffer_put_u8(&out, 0);
	ck_assert_str_eq((char *)out.data, "x:y_z;a:b c d 1\n");
}
END_TEST

START_TEST(stops_at_the_limit_of_the_buffer)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(cases[3].rows, 5);

	for (size_t max = 0; max < strlen(cases[3].text); max++) {
		_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(max);

		ck_assert_int_eq(ft_folded_write(profile, 0, &out), -EFBIG);
	}
}
END_TEST

static int write_folded(void *context)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);

	return ft_folded_write(context, 0, &out);
}

START_TEST(survives_lack_of_memory)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(cases[9].rows, 1);

	ft_alloc_each(write_folded, profile);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, gives_lines, 0, FT_CASES(cases));
	tcase_add_test(tc, replaces_separators);
	tcase_add_test(tc, stops_at_the_limit_of_the_buffer);
	tcase_add_test(tc, survives_lack_of_memory);
}

FT_CHECK_MAIN("folded", add_tests)
