/* unwinding.h - keeps the kernel side supplied with what it unwinds by: the code ranges of
 * processes that samples meet, and the tables of the files they have mapped.
 *
 * Code ranges of a process are there as soon as it is known, so that its first sample can be
 * unwound; they cost little. Tables are asked for when a sample meets the process: what is
 * never sampled costs none. What changes (dlopen, exec, exit) follows with the next tick. */
#pragma once

#include <stdint.h>

#include "agent/capture/files.h"
#include "agent/capture/names.h"
#include "agent/capture/sampler.h"
#include "agent/profile/processes.h"
#include "base/base.h"

#define FT_UNWINDING_CAP_BYTES (24u << 20) /* of unwind rows in the kernel */

struct ft_unwinding;

struct ft_unwinding_counts {
	uint64_t tables_refused, tables_evicted, processes_refused;
	uint64_t rows_bytes;
	uint32_t n_tables, n_processes;
};

/* All pointers are borrowed for the life of this. 0 or -errno. */
int ft_unwinding_new(const struct ft_sampler_maps *maps, struct ft_files *files,
		     struct ft_processes *processes, struct ft_names *names,
		     struct ft_unwinding **ret_unwinding) FT_MUST_CHECK;
void ft_unwinding_freep(struct ft_unwinding **p);

/* A sample met this process: let the kernel side know it, and ask for missing tables. */
void ft_unwinding_meet(struct ft_unwinding *unwinding, const struct ft_process *process,
		       uint64_t now_ns);
/* A sample went through these files. */
void ft_unwinding_use(struct ft_unwinding *unwinding, const struct ft_sample_event *event,
		      uint64_t now_ns);
/* The symbolizer's answer; table as in symbolizer/client.h. */
void ft_unwinding_table(struct ft_unwinding *unwinding, uint32_t file,
			enum ft_symtable_status status, const struct ft_symtable *table,
			uint64_t now_ns);
/* This process has ended. */
void ft_unwinding_exit(struct ft_unwinding *unwinding, uint32_t pid, uint64_t now_ns);
/* This file's number will stand for another. */
void ft_unwinding_drop_file(struct ft_unwinding *unwinding, uint32_t file, uint64_t now_ns);
/* Once per tick; changed: mappings were announced since the last one. */
void ft_unwinding_tick(struct ft_unwinding *unwinding, bool changed, uint64_t now_ns);

struct ft_unwinding_counts ft_unwinding_counts(const struct ft_unwinding *unwinding);
