/* base.h - the few macros every folder may use: cleanup attributes, taking
 * ownership, counting. No word about profiling. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define FT_CLEANUP(fn)	__attribute__((__cleanup__(fn)))
#define FT_MUST_CHECK	__attribute__((__warn_unused_result__))
#define FT_PRINTF(f, a) __attribute__((__format__(__printf__, f, a)))

/* Number of elements of a real array. */
#define FT_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Each argument is evaluated once; both must have one type. */
#define FT_MIN(a, b)                                       \
	({                                                 \
		__auto_type ft_min_a = (a);                \
		__auto_type ft_min_b = (b);                \
		ft_min_a < ft_min_b ? ft_min_a : ft_min_b; \
	})
#define FT_MAX(a, b)                                       \
	({                                                 \
		__auto_type ft_max_a = (a);                \
		__auto_type ft_max_b = (b);                \
		ft_max_a > ft_max_b ? ft_max_a : ft_max_b; \
	})

/* The pointer's value; the pointer itself becomes NULL, so the caller of this owns it. */
#define FT_TAKE(p)                      \
	({                              \
		__auto_type ft_p = (p); \
		(p) = NULL;             \
		ft_p;                   \
	})

/* The same for a descriptor; the variable becomes -1. */
#define FT_TAKE_FD(fd)            \
	({                        \
		int ft_fd = (fd); \
		(fd) = -1;        \
		ft_fd;            \
	})

static inline void ft_freep(void *p)
{
	void **q = p;

	free(*q);
	*q = NULL;
}

static inline void ft_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

#define _cleanup_free_	FT_CLEANUP(ft_freep)
#define _cleanup_close_ FT_CLEANUP(ft_closep)
