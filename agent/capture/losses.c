#include "agent/capture/losses.h"

static void report_kernel(struct ft_losses *losses, const struct ft_sampler *sampler,
			  struct ft_slicer *slicer)
{
	static const char *const names[FT_COUNTERS] = {
		[FT_COUNT_RING_FULL] = "ring_full",
		[FT_COUNT_SCRATCH_BUSY] = "scratch_busy",
		[FT_COUNT_FOREIGN_PIDNS] = "foreign_pid_namespace",
		[FT_COUNT_KSTACK_FAILED] = "kernel_stack_failed",
		[FT_COUNT_TARGETS_FULL] = "targets_full",
		[FT_COUNT_WAKE_FAILED] = "wake_failed",
	};
	uint64_t counts[FT_COUNTERS];

	ft_sampler_counters(sampler, counts);
	for (uint32_t i = 0; i < FT_COUNTERS; i++) {
		uint64_t n = counts[i] - losses->sampler[i];

		if (i == FT_COUNT_SAMPLES)
			losses->samples += n;
		if (i == FT_COUNT_RING_FULL || i == FT_COUNT_SCRATCH_BUSY)
			losses->lost += n;
		if (names[i])
			ft_slicer_count(slicer, names[i], n);
		losses->sampler[i] = counts[i];
	}
}

static void report_tracker(struct ft_losses *losses, const struct ft_tracker *tracker,
			   struct ft_slicer *slicer)
{
	struct ft_tracker_counts now = ft_tracker_counts(tracker);
	const struct ft_tracker_counts *then = &losses->tracker;

	ft_slicer_count(slicer, "sideband_lost", now.sideband_lost - then->sideband_lost);
	ft_slicer_count(slicer, "process_limit", now.refused - then->refused);
	ft_slicer_count(slicer, "proc_failed", now.proc_failures - then->proc_failures);
	losses->tracker = now;
}

static void report_names(struct ft_losses *losses, struct ft_slicer *slicer)
{
	struct ft_names_counts now = ft_names_counts(ft_slicer_names(slicer));
	const struct ft_names_counts *then = &losses->names;

	ft_slicer_count(slicer, "name_dropped", now.dropped - then->dropped);
	ft_slicer_count(slicer, "file_refused", now.refused - then->refused);
	ft_slicer_count(slicer, "symbolizer_died", now.symbolizer_deaths - then->symbolizer_deaths);
	losses->names = now;
}

static void report_unwinding(struct ft_losses *losses, const struct ft_unwinding *unwinding,
			     struct ft_slicer *slicer)
{
	struct ft_unwinding_counts now = ft_unwinding_counts(unwinding);
	const struct ft_unwinding_counts *then = &losses->unwinding;

	ft_slicer_count(slicer, "table_refused", now.tables_refused - then->tables_refused);
	ft_slicer_count(slicer, "table_evicted", now.tables_evicted - then->tables_evicted);
	ft_slicer_count(slicer, "process_refused", now.processes_refused - then->processes_refused);
	losses->unwinding = now;
}

void ft_losses_report(struct ft_losses *losses, const struct ft_sampler *sampler,
		      const struct ft_tracker *tracker, const struct ft_unwinding *unwinding,
		      const struct ft_files *files, struct ft_slicer *slicer)
{
	uint64_t files_refused = ft_files_refused(files);

	report_kernel(losses, sampler, slicer);
	report_tracker(losses, tracker, slicer);
	report_names(losses, slicer);
	report_unwinding(losses, unwinding, slicer);
	ft_slicer_count(slicer, "file_limit", files_refused - losses->files_refused);
	losses->files_refused = files_refused;
	ft_slicer_count(slicer, "queue_full", losses->queue_full);
	ft_slicer_count(slicer, "slice_lost", losses->slices_lost);
	losses->lost += losses->queue_full;
	losses->queue_full = 0;
	losses->slices_lost = 0;
}
