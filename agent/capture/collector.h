/* collector.h - the kernel edge as one thing: samples and process events in, slices
 * out, once a second.
 *
 * It is driven: the owner waits on a clock and on ft_collector_poll(), and calls
 * ft_collector_tick(). One thread; nothing here blocks for longer than a read of
 * /proc takes. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/why.h"

#define FT_COLLECTOR_MAX_PIDS 1024u
#define FT_COLLECTOR_SLICE_NS 1000000000ull

struct ft_collector;

struct ft_collector_options {
	uint32_t hz;
	bool cycles;	      /* hardware cycles in place of the CPU clock */
	bool follow_children; /* of the targets */
	bool only_targets;    /* else the whole host */
	bool tail_calls;      /* walk stacks as on kernels before 5.17, for tests */
	const char *agent;    /* "flametrail 0.1.0"; kept by reference */
};

struct ft_collector_sink {
	/* One block of the slice stream, borrowed for the call. False: it was not taken;
	 * that is counted, and the next one begins a new epoch. */
	bool (*slice)(void *context, const uint8_t *block, size_t len);
	/* The symbolizer is gone or stuck: kill it, start another, and connect it. */
	void (*symbolizer_lost)(void *context);
	/* A CPU that came later may not be sampled by whom this process has become: a
	 * collector begun anew could. May be NULL, when nothing was given up. */
	void (*cpu_refused)(void *context);
};

/* What it counted since it began, for a closing report. */
struct ft_collector_totals {
	uint64_t samples, lost, names_asked, names_answered;
};

/* Load and attach everything: what comes after needs no privileges for perf events, unless
 * CPUs come, too. 0, or -errno with why. */
int ft_collector_new(const struct ft_collector_options *options,
		     const struct ft_collector_sink *sink, void *context, struct ft_why *why,
		     struct ft_collector **ret_collector) FT_MUST_CHECK;
void ft_collector_freep(struct ft_collector **p);

/* Sample this process. 0 or -errno. */
int ft_collector_add_target(struct ft_collector *collector, uint32_t pid) FT_MUST_CHECK;

/* Begin to sample. 0, or -errno with why. */
int ft_collector_start(struct ft_collector *collector, struct ft_why *why) FT_MUST_CHECK;

/* Use this symbolizer from now on; takes over the socket. 0 or -ENOMEM. */
int ft_collector_connect(struct ft_collector *collector, int symbolizer) FT_MUST_CHECK;
/* The next slice begins a new epoch, since its reader knows nothing yet. */
void ft_collector_new_reader(struct ft_collector *collector);

/* Take what the kernel has, hand on what is due. Returns the time of CLOCK_MONOTONIC
 * by which it wants to be called again: soon while processes come and go, seldom when
 * nothing happens. */
uint64_t ft_collector_tick(struct ft_collector *collector);

/* What to poll(2) beside the clock; after any of them is ready, tick. */
#define FT_COLLECTOR_FDS 3
void ft_collector_poll(const struct ft_collector *collector,
		       struct pollfd fds[static FT_COLLECTOR_FDS]);

/* Stop sampling, take the rest, wait for outstanding names at most until deadline_ns
 * (CLOCK_MONOTONIC), and hand out the last slice. */
void ft_collector_finish(struct ft_collector *collector, uint64_t deadline_ns);

struct ft_collector_totals ft_collector_totals(const struct ft_collector *collector);
