/* profile.h - a profile in memory: what every export is made from.
 *
 * Dictionaries of strings, functions, mappings, locations, stacks and label sets,
 * each interned and numbered from 1 (0: none; string 0: ""), and rows: one per
 * distinct (stack, labels) with one value per sample type. Filled from slices
 * (`record`), from the store (queries) or from a pprof file; read by the pprof,
 * folded, speedscope, tree and table writers. Values are sums of what samples
 * stand for, so totals never depend on how rows are merged. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/profile/slice.h"
#include "base/base.h"

#define FT_PROFILE_MAX_TYPES 8u
/* Of one set: those of a slice's sample, and what readers add (tid, outcome, ...). */
#define FT_PROFILE_MAX_LABELS (FT_SLICE_MAX_LABELS + 8u)

struct ft_profile;

struct ft_value_type {
	uint32_t type; /* string */
	uint32_t unit; /* string */
};

struct ft_profile_info {
	uint64_t time_ns;     /* begin, since 1970 UTC; 0 unknown */
	uint64_t duration_ns; /* 0 unknown */
	struct ft_value_type period_type;
	int64_t period;
	uint32_t n_types; /* 1..FT_PROFILE_MAX_TYPES */
	struct ft_value_type types[FT_PROFILE_MAX_TYPES];
	uint32_t default_type; /* index into types: what viewers show first */
	/* How many records were sampled, whatever they stand for; 0 unknown. Statistics
	 * on the page come from it. */
	uint64_t n_samples;
};

struct ft_profile_function {
	uint32_t name, system, file; /* strings; system 0: same as name */
	int64_t start_line;	     /* 0 unknown */
};

struct ft_profile_mapping {
	uint8_t kind;			   /* enum ft_file_kind */
	uint32_t path, build_id, identity; /* strings */
	uint64_t start, limit, offset;	   /* where pprof should think it is mapped; 0 unknown */
};

struct ft_profile_line {
	uint32_t function; /* function id */
	int64_t line, column;
	uint8_t flags; /* enum ft_line_flags */
};

struct ft_profile_location {
	uint32_t mapping;		     /* 0: none */
	uint64_t address;		     /* as in the mapping's address space */
	uint32_t n_lines;		     /* 0: no name is known */
	const struct ft_profile_line *lines; /* innermost first; borrowed until it is set again */
};

struct ft_profile_row {
	uint32_t stack, labels; /* 0: none */
	const int64_t *values;	/* n_types of them */
};

/* The caller owns *ret_profile. 0 or -ENOMEM. */
int ft_profile_new(struct ft_profile **ret_profile) FT_MUST_CHECK;
void ft_profile_freep(struct ft_profile **p);
#define _cleanup_profile_ FT_CLEANUP(ft_profile_freep)

/* Facts about the whole; set types before the first row. Borrowed, writable. */
struct ft_profile_info *ft_profile_info(struct ft_profile *profile);
const struct ft_profile_info *ft_profile_info_const(const struct ft_profile *profile);

/* Interning: same content, same id. Each gives 0 with *ret_id, or -ENOMEM, or -E2BIG
 * at a limit (FT_SLICE_MAX_IDS entries, 1 GiB of strings). Ids referred to must exist. */
int ft_profile_string(struct ft_profile *profile, const char *text, size_t len,
		      uint32_t *ret_id) FT_MUST_CHECK;
int ft_profile_function(struct ft_profile *profile, const struct ft_profile_function *function,
			uint32_t *ret_id) FT_MUST_CHECK;
int ft_profile_mapping(struct ft_profile *profile, const struct ft_profile_mapping *mapping,
		       uint32_t *ret_id) FT_MUST_CHECK;
/* Keyed by (mapping, address, lines): the lines are copied. */
int ft_profile_location(struct ft_profile *profile, const struct ft_profile_location *location,
			uint32_t *ret_id) FT_MUST_CHECK;
/* Location ids, leaf first. */
int ft_profile_stack(struct ft_profile *profile, const uint32_t *locations, uint32_t n,
		     uint32_t *ret_id) FT_MUST_CHECK;
/* Sorted by key text by this function; ids of strings of this profile. At most
 * FT_PROFILE_MAX_LABELS of them, else -E2BIG. */
int ft_profile_labels(struct ft_profile *profile, const struct ft_label *labels, uint32_t n,
		      uint32_t *ret_id) FT_MUST_CHECK;

/* Add values to the row of (stack, labels). 0, -ENOMEM, -E2BIG, or -EOVERFLOW when a
 * sum leaves int64. */
int ft_profile_add(struct ft_profile *profile, uint32_t stack, uint32_t labels,
		   const int64_t *values) FT_MUST_CHECK;

/* A line of free text for people reading the export: losses, outcomes. 0 or -errno. */
int ft_profile_comment(struct ft_profile *profile, const char *text) FT_MUST_CHECK;

/* Reading. Ids run from 1 to count inclusive; rows and comments from 0 to count - 1. */
uint32_t ft_profile_n_strings(const struct ft_profile *profile);
uint32_t ft_profile_n_functions(const struct ft_profile *profile);
uint32_t ft_profile_n_mappings(const struct ft_profile *profile);
uint32_t ft_profile_n_locations(const struct ft_profile *profile);
uint32_t ft_profile_n_stacks(const struct ft_profile *profile);
uint32_t ft_profile_n_label_sets(const struct ft_profile *profile);
uint32_t ft_profile_n_rows(const struct ft_profile *profile);
uint32_t ft_profile_n_comments(const struct ft_profile *profile);

/* All borrowed: pointers stay valid until the next call that adds. */
const char *ft_profile_get_string(const struct ft_profile *profile, uint32_t id, size_t *ret_len);
const struct ft_profile_function *ft_profile_get_function(const struct ft_profile *profile,
							  uint32_t id);
const struct ft_profile_mapping *ft_profile_get_mapping(const struct ft_profile *profile,
							uint32_t id);
struct ft_profile_location ft_profile_get_location(const struct ft_profile *profile, uint32_t id);
/* Location ids, leaf first; n to *ret_n. Stack 0 is empty. */
const uint32_t *ft_profile_get_stack(const struct ft_profile *profile, uint32_t id,
				     uint32_t *ret_n);
const struct ft_label *ft_profile_get_labels(const struct ft_profile *profile, uint32_t id,
					     uint32_t *ret_n);
struct ft_profile_row ft_profile_get_row(const struct ft_profile *profile, uint32_t index);
uint32_t ft_profile_get_comment(const struct ft_profile *profile, uint32_t index);

/* Sum of one sample type over all rows. */
int64_t ft_profile_total(const struct ft_profile *profile, uint32_t type);

/* The name to show for a frame: its function, else module+0xaddress ("[unknown]+0x.."
 * without a mapping). line is an index into the location's lines, 0 when there are
 * none. Written to text, cut to size; returns text. */
const char *ft_profile_frame_name(const struct ft_profile *profile, uint32_t location,
				  uint32_t line, char *text, size_t size);
