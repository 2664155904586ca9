#include "agent/capture/host.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "agent/capture/cpus.h"
#include "base/io.h"

void ft_host_read(struct ft_host *host)
{
	struct utsname names;
	struct ft_cpus cpus;

	memset(host, 0, sizeof(*host));
	if (uname(&names) == 0) {
		snprintf(host->hostname, sizeof(host->hostname), "%s", names.nodename);
		snprintf(host->kernel, sizeof(host->kernel), "%s %s %s", names.sysname,
			 names.release, names.machine);
	}
	if (ft_read_line(AT_FDCWD, "/proc/sys/kernel/random/boot_id", host->boot_id,
			 sizeof(host->boot_id)) < 0)
		host->boot_id[0] = '\0';
	host->n_cpus = ft_cpus_online(&cpus) == 0 ? ft_cpus_count(&cpus) : 0;
}
