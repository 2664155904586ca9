/* clock.h - the clocks of this host, in nanoseconds. */
#pragma once

#include <stdint.h>
#include <time.h>

#define FT_NS_PER_SEC 1000000000ull
#define FT_NS_PER_MS  1000000ull
#define FT_NS_PER_US  1000ull

static inline uint64_t ft_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * FT_NS_PER_SEC + (uint64_t)now.tv_nsec;
}

/* CLOCK_MONOTONIC, the clock of samples and side-band records. */
static inline uint64_t ft_monotonic_ns(void)
{
	return ft_clock_ns(CLOCK_MONOTONIC);
}

/* Since 1970, UTC: what slices, windows and exports carry. */
static inline uint64_t ft_realtime_ns(void)
{
	return ft_clock_ns(CLOCK_REALTIME);
}
