/* The table is what a person sees first: shares of the whole, a function counted once
 * however often it calls itself, and no line wider than the terminal. */
#include <errno.h>
#include <string.h>

#include "agent/profile/formats.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"
#include "tests/ft_stacks.h"

#define MAX_BYTES (16u << 20)
#define ROWS	  4
#define HEAD	  "       flat   flat%         cum    cum%  name\n"

static const struct {
	const char *rows[ROWS];
	uint32_t type, n, columns;
	const char *unit; /* of type 1, when another than nanoseconds */
	const char *text;
} cases[] = {
	{ .n = 10, .text = "samples: 0 in total\n" HEAD },
	{ .rows = { "sh;main;work 60", "sh;main;other 30", "cc;main 10" },
	  .n = 10,
	  .text = "samples: 100 in total\n" HEAD
		  "         60   60.0%          60   60.0%  work (app)\n"
		  "         30   30.0%          30   30.0%  other (app)\n"
		  "         10   10.0%         100  100.0%  main (app)\n" },
	{ .rows = { "sh;main;work 60", "sh;main;other 30", "cc;main 10" },
	  .n = 1,
	  .type = 1,
	  .text = "cpu: 100 us in total\n" HEAD
		  "    60.0 us   60.0%     60.0 us   60.0%  work (app)\n" },
	{ .rows = { "sh;f;f;g;f 3", "sh;f>f 1" },
	  .n = 10,
	  .text = "samples: 4 in total\n" HEAD "          4  100.0%           4  100.0%  f (app)\n"
		  "          0    0.0%           3   75.0%  g (app)\n" },
	/* Equal weights by name; the same name in two libraries is two functions. */
	{ .rows = { "sh;b 1", "sh;a@two 1", "sh;a@one 1" },
	  .n = 10,
	  .text = "samples: 3 in total\n" HEAD "          1   33.3%           1   33.3%  a (one)\n"
		  "          1   33.3%           1   33.3%  a (two)\n"
		  "          1   33.3%           1   33.3%  b (app)\n" },
	{ .rows = { "sh;?1f@app 1", "sh 1" },
	  .n = 10,
	  .text = "samples: 2 in total\n" HEAD
		  "          1   50.0%           1   50.0%  [no stack]\n"
		  "          1   50.0%           1   50.0%  app+0x1f\n" },
	{ .rows = { "sh;grew 1 3145728", "sh;less 1 -1024", "sh;none 1 0" },
	  .n = 10,
	  .type = 1,
	  .unit = "bytes",
	  .text = "cpu: 3.0 MiB in total\n" HEAD
		  "    3.0 MiB  100.0%     3.0 MiB  100.0%  grew (app)\n"
		  "   -1.0 KiB   -0.0%    -1.0 KiB   -0.0%  less (app)\n" },
	{ .rows = { "sh;a_name_of_forty_characters_and_a_few_more 2", "sh;short 1" },
	  .n = 10,
	  .columns = 60,
	  .text = "samples: 3 in total\n" HEAD
		  "          2   66.7%           2   66.7%  a_name_of_forty_...\n"
		  "          1   33.3%           1   33.3%  short (app)\n" },
	/* Characters, not bytes, are counted and cut. */
	{ .rows = { "sh;"
		    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3"
		    "\xa9"
		    " 2",
		    "sh;"
		    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3"
		    "\xa9"
		    "_ 1" },
	  .n = 10,
	  .columns = 1,
	  .text = "samples: 3 in total\n" HEAD "          2   66.7%           2   66.7%  "
		  "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		  " (app)\n"
		  "          1   33.3%           1   33.3%  "
		  "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		  "_ (...\n" },
	{ .rows = { "sh;\x1b[31mred 1" },
	  .n = 10,
	  .text = "samples: 1 in total\n" HEAD
		  "          1  100.0%           1  100.0%  ?[31mred (app)\n" },
};

static size_t count_rows(const char *const *rows)
{
	size_t n = 0;

	while (n < ROWS && rows[n])
		n++;
	return n;
}

START_TEST(gives_table)
{
	size_t n = count_rows(cases[_i].rows);
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(cases[_i].rows, n);
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);

	if (cases[_i].unit)
		ft_profile_info(profile)->types[1].unit = ft_stacks_string(profile, cases[_i].unit);
	ck_assert_int_eq(
		ft_top_write(profile, cases[_i].type, cases[_i].n, cases[_i].columns, &out), 0);
	ft_buffer_put_u8(&out, 0);
	ck_assert_str_eq((char *)out.data, cases[_i].text);
}
END_TEST

START_TEST(says_how_many_samples)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(cases[1].rows, 3);
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);
	static const char want[] = "cpu?: 100 in total, 4711 samples\n";

	ft_profile_info(profile)->n_samples = 4711;
	/* From a file of anyone. */
	ft_profile_info(profile)->types[0].type = ft_stacks_string(profile, "cpu\x1b");
	ck_assert_int_eq(ft_top_write(profile, 0, 0, 80, &out), 0);
	ck_assert_mem_eq(out.data, want, sizeof(want) - 1);
	ck_assert_uint_eq(out.len, sizeof(want) - 1 + sizeof(HEAD) - 1);
}
END_TEST

START_TEST(stops_at_the_limit_of_the_buffer)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(cases[1].rows, 3);

	for (size_t max = 0; max < strlen(cases[1].text); max++) {
		_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(max);

		ck_assert_int_eq(ft_top_write(profile, 0, 10, 0, &out), -EFBIG);
	}
}
END_TEST

static int write_top(void *context)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);

	return ft_top_write(context, 0, 10, 80, &out);
}

START_TEST(survives_lack_of_memory)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(cases[5].rows, 2);

	ft_alloc_each(write_top, profile);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, gives_table, 0, FT_CASES(cases));
	tcase_add_test(tc, says_how_many_samples);
	tcase_add_test(tc, stops_at_the_limit_of_the_buffer);
	tcase_add_test(tc, survives_lack_of_memory);
}

FT_CHECK_MAIN("top", add_tests)
