#include "tests/ft_alloc.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct {
	unsigned int fail_at; /* 0: disarmed */
	unsigned int count;
	bool failed;
} state;

void ft_alloc_fail_at(unsigned int n)
{
	state.fail_at = n;
	state.count = 0;
	state.failed = false;
}

bool ft_alloc_stop(void)
{
	state.fail_at = 0;
	return state.failed;
}

unsigned int ft_alloc_count(void)
{
	return state.count;
}

unsigned int ft_alloc_each(int (*run)(void *context), void *context)
{
	for (unsigned int n = 1; n < FT_ALLOC_MAX; n++) {
		int r;

		ft_alloc_fail_at(n);
		r = run(context);
		if (!ft_alloc_stop()) {
			ck_assert_int_eq(r, 0);
			ck_assert_uint_gt(n, 1);
			return n - 1;
		}
		ck_assert_msg(r == -ENOMEM, "allocation %u failed, result %d", n, r);
	}
	ck_abort_msg("no end of allocations");
	return 0;
}

static bool fails_now(void)
{
	if (state.fail_at == 0 || ++state.count != state.fail_at)
		return false;
	state.failed = true;
	errno = ENOMEM;
	return true;
}

/* The linker sends calls of X to __wrap_X, and __real_X to the true one. */
#define WRAP(type, name, parameters, arguments)                      \
	type __real_##name parameters;                               \
	type __wrap_##name parameters;                               \
	type __wrap_##name parameters                                \
	{                                                            \
		return fails_now() ? NULL : __real_##name arguments; \
	}

WRAP(void *, malloc, (size_t size), (size))
WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, (void *old, size_t size), (old, size))
WRAP(void *, reallocarray, (void *old, size_t n, size_t size), (old, n, size))
WRAP(char *, strdup, (const char *text), (text))
WRAP(char *, strndup, (const char *text, size_t n), (text, n))
