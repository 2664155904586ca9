/* perf_event.h - perf events of one CPU, and the buffer an event may fill. */
#pragma once

#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/why.h"

/* perf_event_open(2) for everything that runs on cpu. A descriptor, or -errno. */
int ft_perf_event_open(struct perf_event_attr *attr, int cpu) FT_MUST_CHECK;

/* May this process open events of whole CPUs? 0, or the kernel's -errno. */
int ft_perf_event_try(void) FT_MUST_CHECK;
/* Say which privilege -EACCES or -EPERM of an open is about; returns error. */
int ft_perf_event_refused(struct ft_why *why, int error);

struct ft_perf_ring {
	int fd; /* -1: closed */
	void *map;
	size_t map_bytes;
};

#define FT_PERF_RING_CLOSED ((struct ft_perf_ring){ .fd = -1 })

/* Open attr on cpu with a buffer of at least bytes. 0 or -errno. */
int ft_perf_ring_open(struct perf_event_attr *attr, int cpu, size_t bytes,
		      struct ft_perf_ring *ret_ring) FT_MUST_CHECK;
void ft_perf_ring_close(struct ft_perf_ring *ring);

/* Hand every record that is there to take(), oldest first, each whole and 8-byte
 * aligned, borrowed for the call. */
typedef void (*ft_perf_record)(void *context, const void *record, size_t len);
void ft_perf_ring_drain(struct ft_perf_ring *ring, ft_perf_record take, void *context);
