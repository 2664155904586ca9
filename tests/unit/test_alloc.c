/* The failing allocator itself: a test built on one that never fails proves nothing. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

/* Kept from the optimiser, which may remove an allocation nobody looks at. */
static void *volatile seen;

static bool try_one(int which)
{
	void *p = NULL;

	switch (which) {
	case 0:
		p = malloc(8);
		break;
	case 1:
		p = calloc(2, 8);
		break;
	case 2:
		p = realloc(NULL, 8);
		break;
	case 3:
		p = reallocarray(NULL, 2, 8);
		break;
	case 4:
		p = strdup("text");
		break;
	case 5:
		p = strndup("text", 2);
		break;
	}
	seen = p;
	free(p);
	return seen != NULL;
}

START_TEST(fails_exactly_the_nth)
{
	bool worked[3];
	int error;

	ft_alloc_fail_at(2);
	for (size_t i = 0; i < 3; i++)
		worked[i] = try_one(_i);
	error = errno;
	ck_assert(ft_alloc_stop());
	ck_assert_uint_eq(ft_alloc_count(), 3);
	ck_assert(worked[0] && !worked[1] && worked[2]);
	ck_assert_int_eq(error, ENOMEM);
	ck_assert(try_one(_i));
}
END_TEST

START_TEST(says_when_nothing_failed)
{
	ft_alloc_fail_at(2);
	try_one(0);
	ck_assert(!ft_alloc_stop());
}
END_TEST

static int two_allocations(void *context)
{
	_cleanup_free_ char *one = malloc(1), *two = malloc(2);

	++*(int *)context;
	seen = one;
	seen = two;
	return one && two ? 0 : -ENOMEM;
}

START_TEST(tries_each_failure_once)
{
	int calls = 0;

	ck_assert_uint_eq(ft_alloc_each(two_allocations, &calls), 2);
	ck_assert_int_eq(calls, 3);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, fails_exactly_the_nth, 0, 6);
	tcase_add_test(tc, says_when_nothing_failed);
	tcase_add_test(tc, tries_each_failure_once);
}

FT_CHECK_MAIN("alloc", add_tests)
