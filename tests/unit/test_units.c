/* What people type as numbers: all of it or nothing, and limits that are exact. */
#include <errno.h>
#include <stdint.h>

#include "base/units.h"
#include "tests/ft_check.h"

static const struct {
	const char *text;
	uint64_t ns;
} durations[] = {
	{ "10s", 10000000000ull },
	{ "5m", 300000000000ull },
	{ "1h", 3600000000000ull },
	{ "1d", 86400000000000ull },
	{ "250ms", 250000000 },
	{ "1.5s", 1500000000 },
	{ "7us", 7000 },
	{ "1ns", 1 },
	{ "10", 10000000000ull },
	{ "0.1", 100000000 },
	{ "366d", 31622400000000000ull },
};

START_TEST(durations_are_read)
{
	uint64_t ns = 77;

	ck_assert_int_eq(ft_parse_duration(durations[_i].text, &ns), 0);
	ck_assert_uint_eq(ns, durations[_i].ns);
}
END_TEST

static const char *const bad_durations[] = {
	"",	     "s",   "-1s", "+1s",   " 1s",  "1 s",  "1s ",  "1ss",
	"1S",	     "0",   "0s",  "0.4ns", "367d", "1e3s", "1E3",  "0x10s",
	"1.2.3s",    ".5s", "nan", "inf",   "1,5s", "1w",   "1s\n", "99999999999999999999999d",
	"1infinity",
};

START_TEST(bad_durations_are_refused)
{
	uint64_t ns = 77;

	ck_assert_int_eq(ft_parse_duration(bad_durations[_i], &ns), -EINVAL);
	ck_assert_uint_eq(ns, 77);
}
END_TEST

static const struct {
	const char *text;
	uint64_t bytes;
} sizes[] = {
	{ "0", 0 },	     { "100", 100 },	      { "100B", 100 },	    { "512K", 512 << 10 },
	{ "64M", 64 << 20 }, { "64MiB", 64 << 20 },   { "2G", 2ull << 30 }, { "1T", 1ull << 40 },
	{ "1.5K", 1536 },    { "4096T", 1ull << 52 },
};

START_TEST(sizes_are_read)
{
	uint64_t bytes = 77;

	ck_assert_int_eq(ft_parse_size(sizes[_i].text, &bytes), 0);
	ck_assert_uint_eq(bytes, sizes[_i].bytes);
}
END_TEST

static const char *const bad_sizes[] = { "",	  "M",	    "-1",  "1k",  "1MB",  "1 M", "1P",
					 "4097T", "0x1000", "1e6", "1M1", "1.M.", "M1",	 "1\xff" };

START_TEST(bad_sizes_are_refused)
{
	uint64_t bytes = 77;

	ck_assert_int_eq(ft_parse_size(bad_sizes[_i], &bytes), -EINVAL);
	ck_assert_uint_eq(bytes, 77);
}
END_TEST

static const struct {
	const char *text;
	int r;
	uint32_t ppm;
} percents[] = {
	{ "1%", 0, 10000 },	 { "0.5%", 0, 5000 },	 { "100%", 0, 1000000 },
	{ "0%", 0, 0 },		 { "0.0001%", 0, 1 },	 { "1", -EINVAL, 77 },
	{ "101%", -EINVAL, 77 }, { "-1%", -EINVAL, 77 }, { "100.001%", -EINVAL, 77 },
	{ "%", -EINVAL, 77 },	 { "1%%", -EINVAL, 77 }, { "1 %", -EINVAL, 77 },
};

START_TEST(percents_need_their_sign)
{
	uint32_t ppm = 77;

	ck_assert_int_eq(ft_parse_percent(percents[_i].text, &ppm), percents[_i].r);
	ck_assert_uint_eq(ppm, percents[_i].ppm);
}
END_TEST

static const struct {
	const char *text;
	uint64_t min, max;
	int r;
	uint64_t number;
} numbers[] = {
	{ "0", 0, 9, 0, 0 },
	{ "9", 0, 9, 0, 9 },
	{ "10", 0, 9, -EINVAL, 77 },
	{ "1", 2, 9, -EINVAL, 77 },
	{ "007", 0, 9, 0, 7 },
	{ "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
	{ "18446744073709551616", 0, UINT64_MAX, -EINVAL, 77 },
	{ "-1", 0, UINT64_MAX, -EINVAL, 77 },
	{ "+1", 0, 9, -EINVAL, 77 },
	{ " 1", 0, 9, -EINVAL, 77 },
	{ "1 ", 0, 9, -EINVAL, 77 },
	{ "0x1", 0, 9, -EINVAL, 77 },
	{ "1.0", 0, 9, -EINVAL, 77 },
	{ "", 0, 9, -EINVAL, 77 },
};

START_TEST(numbers_within_limits)
{
	uint64_t number = 77;

	ck_assert_int_eq(
		ft_parse_number(numbers[_i].text, numbers[_i].min, numbers[_i].max, &number),
		numbers[_i].r);
	ck_assert_uint_eq(number, numbers[_i].number);
}
END_TEST

static const struct {
	uint64_t ns;
	const char *text;
} formatted[] = {
	{ 0, "0 ns" },
	{ 999, "999 ns" },
	{ 1000, "1.00 us" },
	{ 9994, "9.99 us" },
	{ 9996, "10.0 us" },
	{ 12345, "12.3 us" },
	{ 99960, "100 us" },
	{ 999400, "999 us" },
	{ 999600, "1.00 ms" },
	{ 12300000, "12.3 ms" },
	{ 123456789, "123 ms" },
	{ 1500000000, "1.50 s" },
	{ 3600000000000ull, "3600 s" },
};

START_TEST(durations_have_three_figures)
{
	char text[32];

	ck_assert_ptr_eq(ft_format_duration(formatted[_i].ns, text, sizeof(text)), text);
	ck_assert_str_eq(text, formatted[_i].text);
}
END_TEST

START_TEST(format_is_cut_to_size)
{
	char text[8] = "xxxxxxx";

	ft_format_duration(123456789, text, 4);
	ck_assert_str_eq(text, "123");
	ck_assert_int_eq(text[4], 'x');
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, durations_are_read, 0, FT_CASES(durations));
	tcase_add_loop_test(tc, bad_durations_are_refused, 0, FT_CASES(bad_durations));
	tcase_add_loop_test(tc, sizes_are_read, 0, FT_CASES(sizes));
	tcase_add_loop_test(tc, bad_sizes_are_refused, 0, FT_CASES(bad_sizes));
	tcase_add_loop_test(tc, percents_need_their_sign, 0, FT_CASES(percents));
	tcase_add_loop_test(tc, numbers_within_limits, 0, FT_CASES(numbers));
	tcase_add_loop_test(tc, durations_have_three_figures, 0, FT_CASES(formatted));
	tcase_add_test(tc, format_is_cut_to_size);
}

FT_CHECK_MAIN("units", add_tests)
