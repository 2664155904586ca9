/* fdes.h - the functions that a file's frame information describes, sorted.
 *
 * Every FDE is run once, in the order of the file, and its rows are kept in short form;
 * then the functions are sorted by where they lie. What is damaged, lies outside of
 * executable segments or overlaps is left out and counted. */
#pragma once

#include <stdint.h>

#include "base/array.h"
#include "base/base.h"
#include "symbolizer/codemap.h"
#include "symbolizer/rowpages.h"

#define FT_FDES_MAX	 (2u << 20) /* of one file; further ones are refused */
#define FT_FDES_ROWS_MAX (6u << 20) /* rows before any merging */
/* Different rules before any merging; functions with further ones are left out. Some
 * numbers remain for what is not in FDEs. */
#define FT_FDES_RULES_MAX (FT_CFI_MAX_RULES - 64u)

/* Rows of one function follow each other; the first one's delta is 0, no other's is. */
struct ft_raw_row {
	uint32_t delta; /* bytes into the function */
	uint32_t rule;	/* number */
};

struct ft_function {
	uint64_t offset; /* in the file */
	uint32_t length;
	uint32_t first; /* index of its first row */
};

struct ft_fdes {
	struct ft_array functions; /* struct ft_function */
	struct ft_array rows;	   /* struct ft_raw_row */
	struct ft_rules rules;	   /* no steps */
	uint32_t n_fdes;	   /* looked at */
	uint32_t n_bad;		   /* of them, left out */
	uint32_t n_raw_rows;	   /* before equal neighbours became one */
};

/* 0 or -ENOMEM. */
int ft_fdes_init(struct ft_fdes *fdes) FT_MUST_CHECK;
void ft_fdes_deinit(struct ft_fdes *fdes);
#define _cleanup_fdes_ FT_CLEANUP(ft_fdes_deinit)

/* Read .eh_frame, then .debug_frame for what that does not cover, and sort. Of functions
 * that overlap, the later one begins where it says and the earlier one ends there. 0,
 * -ENOMEM, or -errno of reading. */
int ft_fdes_read(struct ft_fdes *fdes, int fd, const struct ft_codemap *map) FT_MUST_CHECK;
