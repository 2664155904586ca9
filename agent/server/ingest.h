/* ingest.h - a stream of slices into the store.
 *
 * Each slice is stored in one transaction with the dictionary entries it brings, so
 * a crash loses at most the last one. When a window is over, its slices become one
 * row. All text is made clean UTF-8 here: behind this door it can be trusted to
 * be text.
 *
 * When the store cannot be written, slices wait in memory (FT_INGEST_MAX_WAITING)
 * and are stored when it can be again; past that they are dropped, counted and
 * logged once per episode, and the stream is given up so that its writer begins
 * a new epoch: what a dropped slice defined would be missing otherwise. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/profile/slice.h"
#include "flametrail/event.h"

struct ft_ingest;
struct ft_store;

#define FT_INGEST_MAX_WAITING (4u << 20) /* bytes of slices not stored yet */
#define FT_INGEST_MAX_LOSSES  64u	 /* names counted one by one; the rest is "other" */

struct ft_ingest_loss {
	char name[48];
	uint64_t n;
};

/* Counted since the start of this process. */
struct ft_ingest_stats {
	uint64_t slices, late, dropped, write_errors, streams, bad_streams, damaged_windows;
	uint64_t samples[FT_OUTCOMES + 1]; /* by outcome; the last one: unknown outcomes */
	uint32_t n_losses;
	struct ft_ingest_loss losses[FT_INGEST_MAX_LOSSES];
	uint64_t latest_ns;    /* end of the latest slice stored, its own clock; 0 none */
	uint64_t stored_at_ns; /* when one was stored last, CLOCK_MONOTONIC; 0 never */
	int error;	       /* why the store cannot be written now; 0 it can */
};

/* Told when windows [from, to) are complete, after they were stored. */
typedef void (*ft_ingest_window_fn)(void *context, uint64_t from_ns, uint64_t to_ns);

/* store is borrowed and must outlive the ingest. Windows left open by whoever used the
 * store before are merged, unless read_only: then no slice may come. The caller owns *ret_ingest.
 * 0, -ENOMEM or an error of the store. */
int ft_ingest_new(struct ft_store *store, uint64_t window_ns, bool read_only,
		  ft_ingest_window_fn window_done, void *context,
		  struct ft_ingest **ret_ingest) FT_MUST_CHECK;
void ft_ingest_freep(struct ft_ingest **p);
#define _cleanup_ingest_ FT_CLEANUP(ft_ingest_freep)

/* Forget the stream so far: the next bytes begin a new one with its magic. */
void ft_ingest_restart(struct ft_ingest *ingest);

/* Take bytes of the stream, in any portions. 0; -EBADMSG: this is no stream of slices,
 * -ESTALE: it must begin again (see above), -ENOMEM. After an error call restart. */
int ft_ingest_bytes(struct ft_ingest *ingest, const uint8_t *bytes, size_t len) FT_MUST_CHECK;

/* Store what waits and merge all that is stored: the end. 0 or an error. */
int ft_ingest_finish(struct ft_ingest *ingest) FT_MUST_CHECK;

/* Borrowed for the life of the ingest. */
const struct ft_ingest_stats *ft_ingest_stats(const struct ft_ingest *ingest);
