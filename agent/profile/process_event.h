/* process_event.h - what the kernel says of processes (perf side-band records):
 * born, replaced by another program, renamed, mapped code, gone.
 *
 * The bytes are struct perf_event_header and what follows it, as documented in
 * linux/perf_event.h, of an event opened with sample_id_all and the sample type
 * FT_SIDEBAND_SAMPLE_TYPE. The kernel is trusted, but names and paths in the records
 * are whatever programs chose. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* PERF_SAMPLE_TID | PERF_SAMPLE_TIME: what trails every record, in this order. */
#define FT_SIDEBAND_SAMPLE_TYPE ((1u << 1) | (1u << 2))

enum ft_process_event_kind {
	FT_PROCESS_FORK = 1, /* pid is new, ppid its parent; or a new thread: pid == ppid */
	FT_PROCESS_EXIT,     /* thread tid has gone */
	FT_PROCESS_EXEC,     /* pid runs another program; its mappings have gone. comm is new */
	FT_PROCESS_COMM,     /* thread tid is called comm now */
	FT_PROCESS_MMAP,     /* executable memory of pid */
	FT_PROCESS_LOST,     /* n_lost records did not fit the buffer */
};

/* A file as the kernel names it: two mappings with equal keys are of one inode. */
struct ft_inode {
	uint32_t major, minor;
	uint64_t number;
	uint64_t generation;
};

struct ft_process_event {
	uint8_t kind; /* enum ft_process_event_kind */
	uint32_t pid, tid, ppid;
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint64_t n_lost;
	uint64_t start, length, offset; /* bytes; offset in the file */
	struct ft_inode inode;		/* number 0: no file behind it */
	const char *name;		/* comm or path, NUL-terminated, borrowed from the record */
};

/* Outcomes beside 0. */
enum { FT_PROCESS_EVENT_IGNORED = 1 };

/* Read one record of len bytes. 0; FT_PROCESS_EVENT_IGNORED for a type that says
 * nothing of processes; -EBADMSG for a record that does not hold what it should. */
int ft_process_event_read(const void *record, size_t len,
			  struct ft_process_event *ret_event) FT_MUST_CHECK;
