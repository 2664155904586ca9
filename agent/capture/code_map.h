/* code_map.h - where the kernel side looks up which file an address of a process is in.
 *
 * A run of ranges per process, sorted, in one array; a hash from pid to run. A changed
 * process gets a new run before it is pointed to, and the old one is reused later. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/profile/processes.h"
#include "base/base.h"

struct ft_code_map;

/* Map descriptors are borrowed: `processes` (hash) and `code_ranges` (one mmapable
 * element). 0 or -errno. */
int ft_code_map_new(int processes_map, int ranges_map, struct ft_code_map **ret_map) FT_MUST_CHECK;
void ft_code_map_freep(struct ft_code_map **p);

/* Make the kernel side see what process has mapped, if it does not already. 1: published
 * now; 0: it was; -ENOSPC: no room, or another -errno; then the kernel side knows nothing
 * of it. anon_file is the number that stands for memory without a file. */
int ft_code_map_publish(struct ft_code_map *map, const struct ft_process *process,
			uint32_t anon_file, uint64_t now_ns) FT_MUST_CHECK;
/* Has no sample met this version of a published process yet? True once per version. */
bool ft_code_map_meets(struct ft_code_map *map, uint32_t pid);
/* The kernel side does not know pid, whatever it was told: publish it again next time. */
void ft_code_map_doubt(struct ft_code_map *map, uint32_t pid);
/* The kernel side forgets pid. */
void ft_code_map_remove(struct ft_code_map *map, uint32_t pid, uint64_t now_ns);
/* Remove those that processes does not know any more. */
void ft_code_map_sweep(struct ft_code_map *map, struct ft_processes *processes, uint64_t now_ns);
uint32_t ft_code_map_count(const struct ft_code_map *map);
