#include "agent/capture/sideband.h"

#include <errno.h>
#include <time.h>

#include "agent/profile/process_event.h"

struct ft_sideband {
	struct ft_perf_ring rings[FT_CPUS_MAX]; /* by CPU */
	uint32_t n_cpus;			/* one past the highest CPU ever listened to */
};

int ft_sideband_new(struct ft_sideband **ret_sideband)
{
	struct ft_sideband *sideband = malloc(sizeof(*sideband));

	if (!sideband)
		return -ENOMEM;
	sideband->n_cpus = 0;
	*ret_sideband = sideband;
	return 0;
}

void ft_sideband_freep(struct ft_sideband **p)
{
	struct ft_sideband *sideband = FT_TAKE(*p);

	if (!sideband)
		return;
	for (uint32_t cpu = 0; cpu < sideband->n_cpus; cpu++)
		ft_perf_ring_close(&sideband->rings[cpu]);
	free(sideband);
}

static int listen_on(struct ft_perf_ring *ring, uint32_t cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = FT_SIDEBAND_SAMPLE_TYPE,
		.sample_id_all = 1,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
		.wakeup_watermark = UINT32_MAX, /* never: we come by ourselves */
	};

	return ft_perf_ring_open(&attr, (int)cpu, FT_SIDEBAND_RING_BYTES, ring);
}

int ft_sideband_set_cpus(struct ft_sideband *sideband, const struct ft_cpus *cpus)
{
	int result = 0;

	for (uint32_t cpu = 0; cpu < FT_CPUS_MAX; cpu++) {
		struct ft_perf_ring *ring = &sideband->rings[cpu];
		int r = 0;

		if (!ft_cpus_has(cpus, cpu)) {
			if (cpu < sideband->n_cpus)
				ft_perf_ring_close(ring);
			continue;
		}
		for (; sideband->n_cpus <= cpu; sideband->n_cpus++)
			sideband->rings[sideband->n_cpus] = FT_PERF_RING_CLOSED;
		if (ring->fd < 0)
			r = listen_on(ring, cpu);
		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}

void ft_sideband_drain(struct ft_sideband *sideband, ft_perf_record take, void *context)
{
	for (uint32_t cpu = 0; cpu < sideband->n_cpus; cpu++)
		if (sideband->rings[cpu].fd >= 0)
			ft_perf_ring_drain(&sideband->rings[cpu], take, context);
}
