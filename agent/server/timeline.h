/* timeline.h - how much was sampled when: one number per column of time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

#define FT_TIMELINE_MAX_COLUMNS 2000u

struct ft_store;

struct ft_timeline_column {
	double value;	     /* sum over the samples of this column, in the kind's unit */
	uint64_t covered_ns; /* of the column, by stored windows; 0: nothing is known of it */
	uint64_t lost;	     /* samples lost */
};

/* Fill n columns (1..FT_TIMELINE_MAX_COLUMNS) of step_us each from from_us on, for one
 * kind of sample (its id in the store). Samples count where their own time is; those
 * without one, and losses, are spread evenly over their window. 0, -ENOMEM or an
 * error of the store. */
int ft_timeline_read(struct ft_store *store, uint32_t kind, uint64_t from_us, uint64_t step_us,
		     struct ft_timeline_column *columns, uint32_t n) FT_MUST_CHECK;
