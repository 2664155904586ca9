/* truth.h - what the programs with a known profile share: burning CPU time by counted
 * work, CPU clocks, and the report they print at their end as lines "name value". */
#pragma once

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRUTH_NOINLINE __attribute__((noinline, noclone))

static inline uint64_t clock_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* CPU time of this thread, ns. */
static inline uint64_t thread_ns(void)
{
	return clock_of(CLOCK_THREAD_CPUTIME_ID);
}

static inline uint64_t wall_ns(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

/* Arithmetic in the function that says it, so that its samples are that function's own,
 * until this thread has used ns of CPU time. The clock is a system call: it is asked once
 * in about 100 us. */
#define BURN(ns)                                                                     \
	do {                                                                         \
		uint64_t burn_end = thread_ns() + (ns);                              \
		do {                                                                 \
			for (volatile uint32_t burn_i = 0; burn_i < 40000; burn_i++) \
				;                                                    \
		} while (thread_ns() < burn_end);                                    \
	} while (0)

/* The next of a sequence without rhythm: work that beats in time with the sampler would
 * be seen always or never. state must not be 0. */
static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Between 0.5 and 1.5 times ns. */
static inline uint64_t jitter(uint64_t *state, uint64_t ns)
{
	return ns / 2 + next_random(state) % ns;
}

static inline void tell(const char *name, uint64_t value)
{
	printf("%s %llu\n", name, (unsigned long long)value);
	fflush(stdout); /* a reader may wait for it */
}

static volatile sig_atomic_t truth_stopped;

static inline void truth_stop(int signal_number)
{
	(void)signal_number;
	truth_stopped = 1;
}

/* Tell the pid, let SIGTERM and SIGINT end the work early. When it is to end, from the
 * seconds in argv[1] (default 10), as wall_ns(). */
static inline uint64_t truth_begin(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 10;
	struct sigaction action = { .sa_handler = truth_stop };

	if (seconds <= 0) {
		fprintf(stderr, "usage: %s [SECONDS]\n", argv[0]);
		exit(2);
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	tell("pid", (uint64_t)getpid());
	return wall_ns() + (uint64_t)(seconds * 1e9);
}

static inline int truth_goes_on(uint64_t end)
{
	return !truth_stopped && wall_ns() < end;
}
