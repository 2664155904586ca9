/* cpus.h - which CPUs are online. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

#define FT_CPUS_MAX 4096u /* CPU numbers beyond are not sampled, and that is logged */

struct ft_cpus {
	uint64_t bits[FT_CPUS_MAX / 64];
};

static inline bool ft_cpus_has(const struct ft_cpus *cpus, uint32_t cpu)
{
	return cpus->bits[cpu / 64] >> (cpu % 64) & 1;
}

/* Read a list like "0-3,5" (sysfs). 0, or -EINVAL; a CPU past FT_CPUS_MAX is -ERANGE. */
int ft_cpus_parse(const char *text, struct ft_cpus *ret_cpus) FT_MUST_CHECK;
/* The CPUs online now. 0 or -errno. */
int ft_cpus_online(struct ft_cpus *ret_cpus) FT_MUST_CHECK;
uint32_t ft_cpus_count(const struct ft_cpus *cpus);
