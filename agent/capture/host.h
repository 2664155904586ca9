/* host.h - facts of this host that slices carry. */
#pragma once

#include <stdint.h>

struct ft_host {
	char hostname[256];
	char kernel[256]; /* "Linux 6.1.0-18-amd64 x86_64" */
	char boot_id[64];
	uint32_t n_cpus; /* online now */
};

/* What cannot be learnt is empty. */
void ft_host_read(struct ft_host *host);
