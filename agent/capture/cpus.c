#include "agent/capture/cpus.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#include "base/io.h"

int ft_cpus_parse(const char *text, struct ft_cpus *ret_cpus)
{
	struct ft_cpus cpus = { 0 };

	while (*text) {
		unsigned long first, last;
		char *end;

		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		first = last = strtoul(text, &end, 10);
		if (*end == '-') {
			if (!isdigit((unsigned char)end[1]))
				return -EINVAL;
			last = strtoul(end + 1, &end, 10);
		}
		if (last < first || (*end && *end != ','))
			return -EINVAL;
		if (last >= FT_CPUS_MAX)
			return -ERANGE;
		for (unsigned long cpu = first; cpu <= last; cpu++)
			cpus.bits[cpu / 64] |= 1ull << (cpu % 64);
		text = *end ? end + 1 : end;
	}
	*ret_cpus = cpus;
	return 0;
}

int ft_cpus_online(struct ft_cpus *ret_cpus)
{
	char text[8192];
	int r = ft_read_line(AT_FDCWD, "/sys/devices/system/cpu/online", text, sizeof(text));

	return r < 0 ? r : ft_cpus_parse(text, ret_cpus);
}

uint32_t ft_cpus_count(const struct ft_cpus *cpus)
{
	uint32_t n = 0;

	for (size_t i = 0; i < FT_COUNT(cpus->bits); i++)
		n += (uint32_t)__builtin_popcountll(cpus->bits[i]);
	return n;
}
