/* ft_alloc.h - make the n-th allocation fail.
 *
 * Every unit test is linked with --wrap for malloc, calloc, realloc, reallocarray,
 * strdup and strndup, so calls from flametrail's own objects and from the test are
 * counted; those inside shared libraries are not. One failure per arming, so a
 * module that tries again is caught when it pretends that nothing happened.
 *
 *	for (unsigned int n = 1; n < FT_ALLOC_MAX; n++) {
 *		ft_alloc_fail_at(n);
 *		r = code_under_test();
 *		if (!ft_alloc_stop()) {
 *			ck_assert_int_eq(r, 0);
 *			return;			// fewer than n allocations: all were tried
 *		}
 *		ck_assert_int_eq(r, -ENOMEM);
 *	}
 *	ck_abort_msg("never succeeded");
 *
 * ft_alloc_each is that loop. Keep ck_assert out of the armed part: check allocates
 * too. Leaks and wild frees are AddressSanitizer's to find. For one thread. */
#pragma once

#include <stdbool.h>

/* More allocations than any test makes; a loop that gets here does not end. */
#define FT_ALLOC_MAX 100000u

/* The n-th allocation from now (1: the next one) yields NULL with errno ENOMEM. */
void ft_alloc_fail_at(unsigned int n);

/* Disarm. Whether an allocation has failed since ft_alloc_fail_at. */
bool ft_alloc_stop(void);

/* Allocations since ft_alloc_fail_at. */
unsigned int ft_alloc_count(void);

/* Call run(context) with the 1st, 2nd, ... allocation failing until one call is done
 * before its failure comes. run builds, uses and frees everything it needs, asserts
 * nothing, and returns what the code under test said: every call that met a failure
 * must say -ENOMEM, the last one 0. Returns how many failures were tried, at least 1
 * (code that allocates nothing fails the test: it tests nothing). */
unsigned int ft_alloc_each(int (*run)(void *context), void *context);
