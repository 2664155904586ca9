/* profile_tables.h - the inside of struct ft_profile, for profile.c (adding) and
 * profile_read.c (reading) alone.
 *
 * Each dictionary is one array of fixed-size items, so that a profile of millions of
 * rows costs tens of bytes for each. Lists of different length (lines of a location,
 * frames of a stack, labels of a set) lie one after another in a pool; list i ends
 * where list i + 1 begins. Item i of an array has id i + 1. */
#pragma once

#include "agent/profile/profile.h"
#include "base/array.h"
#include "base/index.h"
#include "base/strings.h"

struct ft_profile_table {
	struct ft_index index; /* of ids */
	struct ft_array items;
};

struct ft_profile_lists {
	struct ft_index index; /* of ids */
	struct ft_array ends;  /* uint32_t: where list i + 1 begins in pool */
	struct ft_array pool;
};

struct ft_profile_place {
	uint64_t address;
	uint32_t mapping;
	uint32_t lines_end; /* in lines, as ends of a list */
};

struct ft_profile_key {
	uint32_t stack, labels;
};

struct ft_profile {
	struct ft_profile_info info;
	struct ft_strings strings;
	struct ft_profile_table functions; /* struct ft_profile_function */
	struct ft_profile_table mappings;  /* struct ft_profile_mapping */
	struct ft_profile_table locations; /* struct ft_profile_place */
	struct ft_array lines;		   /* struct ft_profile_line, of locations */
	struct ft_profile_lists stacks;	   /* uint32_t */
	struct ft_profile_lists labels;	   /* struct ft_label */
	struct ft_profile_table rows;	   /* struct ft_profile_key */
	struct ft_array values;		   /* int64_t, n_types for each row */
	struct ft_array comments;	   /* uint32_t: string */
	uint32_t n_types;		   /* as they were at the first row */
};
