/* sideband.h - process events of the whole host, per CPU, on the clock of samples. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/capture/cpus.h"
#include "agent/capture/perf_event.h"
#include "base/base.h"

struct ft_sideband;

/* Records wait in a buffer of this many bytes per CPU until they are drained; what
 * does not fit is announced by a record of its own. */
#define FT_SIDEBAND_RING_BYTES (128u << 10)

int ft_sideband_new(struct ft_sideband **ret_sideband) FT_MUST_CHECK;
void ft_sideband_freep(struct ft_sideband **p);

/* Listen on exactly these CPUs from now on. 0 or the first -errno; the other CPUs are
 * listened to all the same. */
int ft_sideband_set_cpus(struct ft_sideband *sideband, const struct ft_cpus *cpus) FT_MUST_CHECK;

/* For poll(2): readable when some CPU's buffer has filled by a quarter. Until then
 * nobody is woken; the owner comes by itself. */
int ft_sideband_fd(const struct ft_sideband *sideband);

/* Hand over what came since last time, one CPU after another, each in order. */
void ft_sideband_drain(struct ft_sideband *sideband, ft_perf_record take, void *context);
