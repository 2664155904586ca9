/* maps.bpf.h - the maps more than one program uses. Weak, so that the objects
 * that include this share one definition when they are linked. */
#pragma once

#include "vmlinux/vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "flametrail/event.h"

#define FT_MAX_RINGS   64
#define FT_MAX_TARGETS 16384

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* a pattern only: user space makes the real ones */
};

/* Events to user space, one ring per CPU or group of CPUs, so that CPUs do not
 * meet at a ring's lock: in NMI context a taken lock would lose the sample. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, FT_MAX_RINGS);
	__type(key, __u32);
	__array(values, struct ring);
} rings SEC(".maps") __weak;

/* Written here, summed over CPUs and reported by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FT_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps") __weak;

/* Thread groups to sample (as our PID namespace numbers them). Full: a child is
 * not followed, and counted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FT_MAX_TARGETS);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps") __weak;

static __always_inline void count(enum ft_counter which)
{
	__u32 key = which;
	__u64 *n = bpf_map_lookup_elem(&counters, &key);

	if (n)
		__sync_fetch_and_add(n, 1); /* an NMI may interrupt another writer here */
}
