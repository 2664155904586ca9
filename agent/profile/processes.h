/* processes.h - which processes there are and what code they have mapped, as of the
 * last event that was applied.
 *
 * Fed with side-band events in order of time, so that a sample finds the address
 * space as it was at that moment; processes older than flametrail are filled in from
 * /proc. A process that has exited stays for samples that are still on their way,
 * until ft_processes_reap(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/profile/mappings.h"
#include "base/base.h"

#define FT_PROCESSES_MAX 65536u /* beyond it new ones are not remembered, and counted */
#define FT_PROCESS_COMM	 16	/* bytes, the NUL included */

struct ft_processes;

enum ft_process_knowledge {
	FT_PROCESS_HEARD,    /* from some event only: its mappings are incomplete */
	FT_PROCESS_COMPLETE, /* seen from its exec, forked from a known one, or read from /proc */
};

struct ft_process {
	uint32_t pid, ppid; /* ppid 0: unknown */
	uint8_t knowledge;  /* enum ft_process_knowledge */
	bool exited;
	uint64_t exited_ns;
	char comm[FT_PROCESS_COMM]; /* of its main thread */
	struct ft_mappings *mappings;
	uint32_t version; /* changes whenever mappings does, also when pid is used anew */
	uint64_t read_ns; /* when /proc was last read for it; 0: never */
};

int ft_processes_new(struct ft_processes **ret_processes) FT_MUST_CHECK;
void ft_processes_freep(struct ft_processes **p);
#define _cleanup_processes_ FT_CLEANUP(ft_processes_freep)

/* Pointers below are borrowed until a process is added or reaped. */

/* The process, or NULL. */
struct ft_process *ft_processes_find(struct ft_processes *processes, uint32_t pid);
/* The process, made when it is not known. 0, -ENOMEM, or -E2BIG at the limit. */
int ft_processes_get(struct ft_processes *processes, uint32_t pid,
		     struct ft_process **ret_process) FT_MUST_CHECK;

/* What the events mean. Each gives 0, -ENOMEM or -E2BIG. */
int ft_processes_fork(struct ft_processes *processes, uint32_t pid, uint32_t ppid) FT_MUST_CHECK;
int ft_processes_exec(struct ft_processes *processes, uint32_t pid, const char *comm) FT_MUST_CHECK;
int ft_processes_comm(struct ft_processes *processes, uint32_t pid, const char *comm) FT_MUST_CHECK;
int ft_processes_map(struct ft_processes *processes, uint32_t pid,
		     const struct ft_mapping *mapping) FT_MUST_CHECK;
void ft_processes_exit(struct ft_processes *processes, uint32_t pid, uint64_t time_ns);

/* Forget processes that exited before time_ns. */
void ft_processes_reap(struct ft_processes *processes, uint64_t time_ns);

size_t ft_processes_count(const struct ft_processes *processes);
/* Process i < count, in no order; for walks that add and reap nothing. */
struct ft_process *ft_processes_at(struct ft_processes *processes, size_t i);
