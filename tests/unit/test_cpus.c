/* Lists of CPUs as sysfs writes them. */
#include "agent/capture/cpus.h"

#include <errno.h>

#include "tests/ft_check.h"

static const struct {
	const char *text;
	int r;
	uint32_t count;
	uint32_t has, has_not;
} lists[] = {
	{ "", 0, 0, 0, 0 },
	{ "0", 0, 1, 0, 1 },
	{ "0-3", 0, 4, 3, 4 },
	{ "0-3,5", 0, 5, 5, 4 },
	{ "5,0-3", 0, 5, 0, 4 },
	{ "0-3,2-5", 0, 6, 5, 6 },
	{ "63-64", 0, 2, 64, 65 },
	{ "0-4095", 0, 4096, 4095, 0 },
	{ "4095", 0, 1, 4095, 4094 },
	{ "4096", -ERANGE, 0, 0, 0 },
	{ "0-4096", -ERANGE, 0, 0, 0 },
	{ "99999999999999999999", -ERANGE, 0, 0, 0 },
	{ "0-99999999999999999999", -ERANGE, 0, 0, 0 },
	{ "3-0", -EINVAL, 0, 0, 0 },
	{ "-1", -EINVAL, 0, 0, 0 },
	{ "0-", -EINVAL, 0, 0, 0 },
	{ "0--1", -EINVAL, 0, 0, 0 },
	{ "0-+1", -EINVAL, 0, 0, 0 },
	{ ",", -EINVAL, 0, 0, 0 },
	{ "0,,1", -EINVAL, 0, 0, 0 },
	{ " 0", -EINVAL, 0, 0, 0 },
	{ "0 1", -EINVAL, 0, 0, 0 },
	{ "0-1-2", -EINVAL, 0, 0, 0 },
	{ "0x1", -EINVAL, 0, 0, 0 },
	{ "a", -EINVAL, 0, 0, 0 },
};

START_TEST(reads_list)
{
	struct ft_cpus cpus = { .bits = { 1ull << 63 } };

	ck_assert_int_eq(ft_cpus_parse(lists[_i].text, &cpus), lists[_i].r);
	if (lists[_i].r < 0) {
		ck_assert_uint_eq(ft_cpus_count(&cpus), 1); /* as it was */
		return;
	}
	ck_assert_uint_eq(ft_cpus_count(&cpus), lists[_i].count);
	if (lists[_i].count == 0)
		return;
	ck_assert(ft_cpus_has(&cpus, lists[_i].has));
	if (lists[_i].count < FT_CPUS_MAX)
		ck_assert(!ft_cpus_has(&cpus, lists[_i].has_not));
}
END_TEST

START_TEST(somebody_runs_this)
{
	struct ft_cpus cpus;

	ck_assert_int_eq(ft_cpus_online(&cpus), 0);
	ck_assert_uint_eq(ft_cpus_count(&cpus), (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, reads_list, 0, FT_CASES(lists));
	tcase_add_test(tc, somebody_runs_this);
}

FT_CHECK_MAIN("cpus", add_tests)
