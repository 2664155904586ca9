#include "agent/capture/sideband.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

#include "agent/profile/process_event.h"

struct ft_sideband {
	struct ft_perf_ring rings[FT_CPUS_MAX]; /* by CPU */
	uint32_t n_cpus;			/* one past the highest CPU ever listened to */
	int epoll;				/* of all open rings */
};

int ft_sideband_new(struct ft_sideband **ret_sideband)
{
	struct ft_sideband *sideband = malloc(sizeof(*sideband));

	if (!sideband)
		return -ENOMEM;
	sideband->n_cpus = 0;
	sideband->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (sideband->epoll < 0) {
		int r = -errno;

		free(sideband);
		return r;
	}
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
	ft_closep(&sideband->epoll);
	free(sideband);
}

static int listen_on(struct ft_sideband *sideband, uint32_t cpu)
{
	struct epoll_event interest = { .events = EPOLLIN };
	struct ft_perf_ring *ring = &sideband->rings[cpu];
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
		.wakeup_watermark = FT_SIDEBAND_RING_BYTES / 4,
	};
	int r;

	r = ft_perf_ring_open(&attr, (int)cpu, FT_SIDEBAND_RING_BYTES, ring);
	if (r < 0)
		return r;
	/* A ring that cannot wake us is drained all the same, only later. */
	return epoll_ctl(sideband->epoll, EPOLL_CTL_ADD, ring->fd, &interest) < 0 ? -errno : 0;
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
			r = listen_on(sideband, cpu);
		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}

int ft_sideband_fd(const struct ft_sideband *sideband)
{
	return sideband->epoll;
}

void ft_sideband_drain(struct ft_sideband *sideband, ft_perf_record take, void *context)
{
	for (uint32_t cpu = 0; cpu < sideband->n_cpus; cpu++)
		if (sideband->rings[cpu].fd >= 0)
			ft_perf_ring_drain(&sideband->rings[cpu], take, context);
}
