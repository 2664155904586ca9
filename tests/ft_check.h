/* ft_check.h - one main() per test program; check does the rest. */
#pragma once

#include <check.h>
#include <stdlib.h>

#include "base/base.h"

/* Loop tests want an int. */
#define FT_CASES(a) ((int)FT_COUNT(a))

/* A program that ran no test (CK_RUN_SUITE and CK_RUN_CASE may choose none) fails. */
#define FT_CHECK_MAIN(name, add_tests)                          \
	int main(void)                                          \
	{                                                       \
		Suite *ft_suite = suite_create(name);           \
		TCase *ft_case = tcase_create(name);            \
		SRunner *ft_runner = srunner_create(ft_suite);  \
		int ft_failed;                                  \
                                                                \
		suite_add_tcase(ft_suite, ft_case);             \
		add_tests(ft_case);                             \
		srunner_run_all(ft_runner, CK_NORMAL);          \
		ft_failed = srunner_ntests_failed(ft_runner) || \
			    srunner_ntests_run(ft_runner) == 0; \
		srunner_free(ft_runner);                        \
		return ft_failed ? EXIT_FAILURE : EXIT_SUCCESS; \
	}
