/* files.h - the files whose code was mapped, numbered; what is known of each.
 *
 * A number stands for one inode (device, inode, generation) and path as the kernel
 * told it. Numbers below FT_FILES_FIRST are places that are no files. A number is given
 * again only after its owner took it back (ft_files_vacate); at FT_FILES_MAX further files
 * are one nameless other. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/profile/dictionary.h"
#include "agent/profile/process_event.h"
#include "base/base.h"
#include "symbolizer/client.h"

#define FT_FILES_MAX  65536u
#define FT_FILES_MANY 49152u /* time to vacate what no process has mapped any more */

enum {
	FT_FILES_UNKNOWN = 0, /* nothing is mapped there, as far as we know */
	FT_FILES_KERNEL = 1,
	FT_FILES_VDSO = 2,
	FT_FILES_ANON = 3,  /* executable memory without a file */
	FT_FILES_OTHER = 4, /* a file past the limit */
	FT_FILES_FIRST = 5,
};

enum ft_file_state {
	FT_FILE_CLOSED,	   /* not sent to the symbolizer, or it has forgotten */
	FT_FILE_OPEN,	   /* the symbolizer has it */
	FT_FILE_REFUSED,   /* may not be opened, or cannot be; try again later */
	FT_FILE_SET_ASIDE, /* the symbolizer died over it; not before retry_ns */
};

enum ft_file_table {
	FT_FILE_TABLE_UNASKED,
	FT_FILE_TABLE_WANTED,
	FT_FILE_TABLE_ASKED,
	FT_FILE_TABLE_ANSWERED,
};

struct ft_file {
	struct ft_inode inode;
	uint8_t kind;	    /* enum ft_file_kind of slice.h */
	uint8_t state;	    /* enum ft_file_state */
	uint8_t n_failures; /* how often it was refused or killed the symbolizer in a row */
	uint8_t n_segments;
	uint8_t table;	  /* enum ft_file_table: its unwind table */
	uint32_t n_asked; /* places of it the symbolizer still has to answer */
	char *path;	  /* NULL: vacant */
	char *build_id;	  /* hexadecimal; NULL: none known */
	struct ft_segment *segments;
	uint64_t retry_ns; /* CLOCK_MONOTONIC */
	uint64_t used_ns;  /* CLOCK_MONOTONIC of the last request for a name */
};

struct ft_files;

int ft_files_new(const char *boot_id, struct ft_files **ret_files) FT_MUST_CHECK;
void ft_files_freep(struct ft_files **p);

/* The number of what is mapped under this name; never fails, at worst FT_FILES_OTHER. */
uint32_t ft_files_number(struct ft_files *files, const struct ft_inode *inode, const char *path,
			 size_t path_len);
/* File number < count, borrowed until a number is given. */
struct ft_file *ft_files_at(struct ft_files *files, uint32_t number);
uint32_t ft_files_count(const struct ft_files *files);
/* How often a file found no number of its own. */
uint64_t ft_files_refused(const struct ft_files *files);

/* Numbers that are not vacant. */
uint32_t ft_files_used(const struct ft_files *files);
/* Forget file number, FT_FILES_FIRST or above: nothing may mention it any more. */
void ft_files_vacate(struct ft_files *files, uint32_t number);

/* Keep what the symbolizer says of a file. 0 or -ENOMEM. */
int ft_files_learn(struct ft_files *files, const struct ft_symfile_info *info) FT_MUST_CHECK;
/* How a slice describes it; texts borrowed until it learns. */
struct ft_dictionary_file ft_files_describe(const struct ft_files *files, uint32_t number);
