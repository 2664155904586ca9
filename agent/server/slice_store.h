/* slice_store.h - what one slice says, written to the store.
 *
 * Translates the ids of a stream's epoch to the store's and gathers the samples
 * of the slice until its end. The caller opens and closes the transaction. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/profile/slice.h"

struct ft_ingest_stats;
struct ft_slice_store;
struct ft_store;

/* Both are borrowed. 0 or -ENOMEM. */
int ft_slice_store_new(struct ft_store *store, uint64_t window_ns,
		       struct ft_slice_store **ret_slices) FT_MUST_CHECK;
void ft_slice_store_freep(struct ft_slice_store **p);
#define _cleanup_slice_store_ FT_CLEANUP(ft_slice_store_freep)

/* Forget the epoch and its ids. */
void ft_slice_store_restart(struct ft_slice_store *slices);

/* Write the payload of one slice. 0; -EBADMSG for bytes that are no slice or that refer
 * to what was not stored; -EOVERFLOW for sums out of range; or an error of the store.
 * After an error the transaction must be rolled back; the same payload may be
 * tried again. */
int ft_slice_store_write(struct ft_slice_store *slices, const uint8_t *payload,
			 size_t len) FT_MUST_CHECK;
/* Forget that the last slice was written: its transaction was lost. */
void ft_slice_store_undo(struct ft_slice_store *slices);

/* What the last payload covered. */
const struct ft_slice_span *ft_slice_store_span(const struct ft_slice_store *slices);
/* Add what the last payload counted to stats: call once it is committed. */
void ft_slice_store_count(const struct ft_slice_store *slices, struct ft_ingest_stats *stats);
