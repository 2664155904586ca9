/* An array must keep what was pushed while it grows, and be unchanged when it cannot. */
#include "base/array.h"

#include <errno.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

struct odd {
	uint32_t a;
	uint8_t b[3];
};

START_TEST(keeps_items_while_it_grows)
{
	_cleanup_array_ struct ft_array array = FT_ARRAY_INIT(struct odd);
	struct odd items[7];

	for (uint32_t i = 0; i < 1000; i++) {
		for (uint32_t k = 0; k < FT_COUNT(items); k++)
			items[k] = (struct odd){ 7 * i + k, { (uint8_t)i, (uint8_t)k, 9 } };
		ck_assert_int_eq(ft_array_push(&array, items, FT_COUNT(items)), 0);
	}
	ck_assert_uint_eq(array.n, 7000);
	for (uint32_t i = 0; i < array.n; i++) {
		const struct odd *item = ft_array_at(&array, i);

		ck_assert_uint_eq(item->a, i);
		ck_assert_uint_eq(item->b[0], i / 7 % 256);
		ck_assert_uint_eq(item->b[1], i % 7);
	}
	/* Grows by half, so the waste is bounded. */
	ck_assert_uint_le(array.n_cap, 7000 + 3500);
}
END_TEST

START_TEST(new_items_are_zero_also_after_a_cut)
{
	_cleanup_array_ struct ft_array array = FT_ARRAY_INIT(uint32_t);

	ck_assert_int_eq(ft_array_push(&array, (uint32_t[]){ 1, 2, 3 }, 3), 0);
	ft_array_cut(&array, 1);
	ck_assert_int_eq(ft_array_push(&array, NULL, 2), 0);
	ck_assert_uint_eq(array.n, 3);
	ck_assert_uint_eq(*(uint32_t *)ft_array_at(&array, 0), 1);
	ck_assert_uint_eq(*(uint32_t *)ft_array_at(&array, 1), 0);
	ck_assert_uint_eq(*(uint32_t *)ft_array_at(&array, 2), 0);
	ck_assert_int_eq(ft_array_push(&array, NULL, 0), 0);
	ck_assert_uint_eq(array.n, 3);
}
END_TEST

START_TEST(failure_changes_nothing)
{
	_cleanup_array_ struct ft_array array = FT_ARRAY_INIT(uint64_t);
	uint64_t value = 5;
	int r;

	ck_assert_int_eq(ft_array_push(&array, &value, 1), 0);
	ft_alloc_fail_at(1);
	r = ft_array_push(&array, NULL, 100);
	ft_alloc_stop();
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert_uint_eq(array.n, 1);
	ck_assert_uint_eq(*(uint64_t *)ft_array_at(&array, 0), 5);
	ck_assert_int_eq(ft_array_push(&array, &value, UINT32_MAX), -E2BIG);
	ck_assert_uint_eq(array.n, 1);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, keeps_items_while_it_grows);
	tcase_add_test(tc, new_items_are_zero_also_after_a_cut);
	tcase_add_test(tc, failure_changes_nothing);
}

FT_CHECK_MAIN("array", add_tests)
