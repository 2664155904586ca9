/* windows.h - rows of samples over time, as stored.
 *
 * A slice becomes rows of level 0, one per kind and window it touches. When a
 * window is over its rows are merged into one of level 1 (several when it holds
 * more than FT_COLUMNS_MAX_SAMPLES). Readers treat both alike. Totals never change
 * in a merge. Errors are those of database.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/profile/columns.h"

struct ft_database;

struct ft_window {
	uint32_t kind; /* id in the store */
	uint32_t level;
	uint64_t from_ns, to_ns; /* [from, to) covers every sample; from is a whole microsecond */
	bool untimed;		 /* samples have no time of their own */
	uint32_t n_samples;
	uint64_t count; /* sums over the samples */
	int64_t value;
};

/* Store samples as one row; the sums in window are computed here. Needs an open
 * transaction. -EOVERFLOW when a sum leaves its type. */
int ft_windows_put(struct ft_database *database, const struct ft_window *window,
		   const struct ft_columns *samples) FT_MUST_CHECK;
int ft_windows_put_loss(struct ft_database *database, uint64_t from_ns, uint64_t to_ns,
			uint32_t name, uint64_t n) FT_MUST_CHECK;

/* Merge all of level 0 that begins before before_ns, window by window, in one
 * transaction of its own. Rows that cannot be read are left out, their number goes
 * to *ret_damaged. */
int ft_windows_merge(struct ft_database *database, uint64_t window_ns, uint64_t before_ns,
		     uint64_t *ret_damaged) FT_MUST_CHECK;

/* Reading rows of one kind that touch [from, to), by end time. fn is told the row and
 * its packed samples, both borrowed, and must not change the store; a negative
 * result of it ends the reading. */
typedef int (*ft_window_fn)(void *context, const struct ft_window *window, const uint8_t *packed,
			    size_t len);
int ft_windows_each(struct ft_database *database, uint32_t kind, uint64_t from_ns, uint64_t to_ns,
		    ft_window_fn fn, void *context) FT_MUST_CHECK;
/* The same for losses; name is a string id. */
typedef int (*ft_loss_fn)(void *context, uint64_t from_ns, uint64_t to_ns, uint32_t name,
			  uint64_t n);
int ft_windows_each_loss(struct ft_database *database, uint64_t from_ns, uint64_t to_ns,
			 ft_loss_fn fn, void *context) FT_MUST_CHECK;

/* The span stored of a kind: 1, or 0 when nothing is. */
int ft_windows_bounds(struct ft_database *database, uint32_t kind, uint64_t *ret_from_ns,
		      uint64_t *ret_to_ns) FT_MUST_CHECK;
/* Number of rows. */
int ft_windows_count(struct ft_database *database, uint64_t *ret_n) FT_MUST_CHECK;
