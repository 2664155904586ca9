/* slicer.h - samples into slices.
 *
 * Turns addresses into locations, asks for their names, and writes the record stream
 * of slice.h: a new epoch at start, when a reader connects and when the dictionary is
 * full. Names that arrive go into the slice that is open then. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/capture/files.h"
#include "agent/capture/names.h"
#include "agent/profile/processes.h"
#include "agent/profile/slice.h"
#include "base/base.h"
#include "flametrail/event.h"

struct ft_slicer;

/* The kind of sample all of them are. */
#define FT_SLICER_KIND 1u

/* files and processes are borrowed for the life of this; host and kind (id
 * FT_SLICER_KIND) are, too. */
int ft_slicer_new(const struct ft_slice_host *host, const struct ft_slice_kind *kind,
		  struct ft_files *files, struct ft_processes *processes,
		  struct ft_slicer **ret_slicer) FT_MUST_CHECK;
void ft_slicer_freep(struct ft_slicer **p);

/* Hand unwind tables that arrive to table(context, ...); names.h says how they come. */
typedef void (*ft_slicer_table)(void *context, uint32_t file, enum ft_symtable_status status,
				struct ft_symtable *table);
void ft_slicer_on_table(struct ft_slicer *slicer, ft_slicer_table table, void *context);

/* Who is asked for names: connect, poll and count through it. Borrowed. */
struct ft_names *ft_slicer_names(struct ft_slicer *slicer);

/* Begin a slice at a moment of CLOCK_MONOTONIC; with new_epoch for a new reader. True:
 * it begins an epoch, so it can be read without those before it. */
bool ft_slicer_begin(struct ft_slicer *slicer, uint64_t from_ns, bool new_epoch);
/* Add a sample; process may be NULL when nothing is known. */
void ft_slicer_sample(struct ft_slicer *slicer, const struct ft_sample_event *event,
		      const struct ft_process *process);
/* Add n to what was lost for this reason in this slice. */
void ft_slicer_count(struct ft_slicer *slicer, const char *name, uint64_t n);
/* End the slice and append its block to out. 0, or the buffer's error: the slice is
 * lost and the next one begins a new epoch. */
int ft_slicer_end(struct ft_slicer *slicer, uint64_t to_ns, struct ft_buffer *out) FT_MUST_CHECK;
