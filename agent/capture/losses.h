/* losses.h - what was lost, cut or refused, per slice and reason.
 *
 * The parts count since they began; a slice carries what came since the last one. */
#pragma once

#include <stdint.h>

#include "agent/capture/names.h"
#include "agent/capture/sampler.h"
#include "agent/capture/slicer.h"
#include "agent/capture/tracker.h"
#include "agent/capture/unwinding.h"

struct ft_losses {
	uint64_t queue_full, slices_lost; /* counted here by the collector */
	uint64_t files_refused;
	/* Counters as they were at the end of the last slice. */
	uint64_t sampler[FT_COUNTERS];
	struct ft_tracker_counts tracker;
	struct ft_names_counts names;
	struct ft_unwinding_counts unwinding;
	/* Since the beginning. */
	uint64_t samples, lost;
};

/* Put what came since the last call into the open slice. */
void ft_losses_report(struct ft_losses *losses, const struct ft_sampler *sampler,
		      const struct ft_tracker *tracker, const struct ft_unwinding *unwinding,
		      const struct ft_files *files, struct ft_slicer *slicer);
