/* sampler.h - the BPF programs: loaded, fed with targets, attached to CPUs, drained. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/capture/cpus.h"
#include "base/base.h"
#include "base/why.h"
#include "flametrail/event.h"

#define FT_SAMPLER_HZ_MAX 1000u

struct ft_sampler;

struct ft_sampler_options {
	uint32_t hz;	      /* samples per second and CPU, 1..FT_SAMPLER_HZ_MAX */
	bool cycles;	      /* count hardware cycles in place of the CPU clock */
	bool only_targets;    /* sample targets alone, else everything */
	bool follow_children; /* children of targets are targets */
	bool tail_calls;      /* walk as on kernels without bpf_loop() */
};

/* Descriptors of the maps that unwinding stands on, borrowed. */
struct ft_sampler_maps {
	int processes, code_ranges, row_chunks, rules, pages;
};

/* Load the programs; nothing is attached yet. 0, or -errno with the reason in why. */
int ft_sampler_new(const struct ft_sampler_options *options, struct ft_why *why,
		   struct ft_sampler **ret_sampler) FT_MUST_CHECK;
/* Detach and unload everything. */
void ft_sampler_freep(struct ft_sampler **p);

/* What one sample stands for: ns of CPU time; 0 for cycles, where it varies. */
uint64_t ft_sampler_period_ns(const struct ft_sampler *sampler);

/* For poll(2): readable when a program has started, so that user space looks at once. */
int ft_sampler_fd(const struct ft_sampler *sampler);
struct ft_sampler_maps ft_sampler_maps(const struct ft_sampler *sampler);

/* Begin or end to sample a process (our PID namespace). 0 or -errno. */
int ft_sampler_add_target(struct ft_sampler *sampler, uint32_t pid) FT_MUST_CHECK;
void ft_sampler_remove_target(struct ft_sampler *sampler, uint32_t pid);

/* Attach to exactly these CPUs; they tick once ft_sampler_start() was called. 0, or
 * -errno with why; CPUs that could be opened are sampled all the same. */
int ft_sampler_set_cpus(struct ft_sampler *sampler, const struct ft_cpus *cpus,
			struct ft_why *why) FT_MUST_CHECK;
/* Detach from the CPUs that were away since the last call, for however short a time: the
 * kernel ended their events for good. Takes them out of *cpus and returns their number.
 * Calls lie half a second apart at least. */
uint32_t ft_sampler_drop_ended(struct ft_sampler *sampler, struct ft_cpus *cpus);
/* Begin to sample: now, and later on CPUs that come. Needs no privileges. 0 or -errno. */
int ft_sampler_start(struct ft_sampler *sampler) FT_MUST_CHECK;

/* Hand over every event that is there, one ring after another, borrowed for the call. */
typedef void (*ft_sampler_event)(void *context, const struct ft_sample_event *event, size_t len);
void ft_sampler_drain(struct ft_sampler *sampler, ft_sampler_event take, void *context);

/* Counters since load, summed over CPUs. */
void ft_sampler_counters(const struct ft_sampler *sampler, uint64_t counters[static FT_COUNTERS]);
