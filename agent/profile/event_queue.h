/* event_queue.h - records of many buffers, merged into one order by time.
 *
 * Each buffer is in order by itself; together they are not. Records wait here until
 * the caller is sure that nothing older can still come. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

#define FT_EVENT_QUEUE_MAX_BYTES (32u << 20) /* of records waiting */

struct ft_event_queue;

struct ft_queued_event {
	uint64_t time_ns;
	uint32_t source;      /* the caller's mark: what kind of bytes these are */
	const uint8_t *bytes; /* 8-byte aligned, borrowed until the next pop or push */
	size_t len;
};

int ft_event_queue_new(struct ft_event_queue **ret_queue) FT_MUST_CHECK;
void ft_event_queue_freep(struct ft_event_queue **p);
#define _cleanup_event_queue_ FT_CLEANUP(ft_event_queue_freep)

/* Copy a record. 0, -E2BIG when the limit is reached (nothing is copied), -ENOMEM. */
int ft_event_queue_push(struct ft_event_queue *queue, uint64_t time_ns, uint32_t source,
			const void *bytes, size_t len) FT_MUST_CHECK;

/* The oldest record not younger than until_ns. Records of one time come in the order
 * they were pushed. False: there is none. Popped records stay in memory until the
 * queue is told to ft_event_queue_compact(). */
bool ft_event_queue_pop(struct ft_event_queue *queue, uint64_t until_ns,
			struct ft_queued_event *ret_event);
/* Reuse the memory of what was popped. Call once after a run of pops. */
void ft_event_queue_compact(struct ft_event_queue *queue);

size_t ft_event_queue_count(const struct ft_event_queue *queue);
