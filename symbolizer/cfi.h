/* cfi.h - a file's call frame information as an unwind table.
 *
 * Reads .eh_frame (found by .eh_frame_hdr when section headers are stripped) and
 * .debug_frame, and yields the rows and rules of flametrail/unwind.h: redundant rows
 * dropped, steps of 8 merged, equal rules once. What CFI does not cover is FT_RULE_NONE,
 * or FT_RULE_FRAME_POINTER where the code is seen to keep frame pointers.
 *
 * The bytes may be lies: every length, address and expression is checked, work and
 * memory are bounded, and a damaged file yields an error or fewer rows, never harm. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "flametrail/unwind.h"

#define FT_CFI_MAX_ROWS	 (4u << 20) /* of one file, merged */
#define FT_CFI_MAX_RULES 4096u	    /* of one file */

/* What the table covers, for `flametrail inspect` and for judging frame pointers. */
struct ft_cfi_facts {
	uint64_t text_bytes;	/* executable */
	uint64_t covered_bytes; /* of them, with a rule from CFI */
	uint32_t n_fdes, n_raw_rows;
	uint32_t n_bad_fdes;	   /* refused: damaged or not understood */
	uint32_t n_prologues;	   /* functions seen to begin by saving a frame pointer ... */
	uint32_t n_functions;	   /* ... of so many looked at where no CFI is */
	bool keeps_frame_pointers; /* what follows from that: gaps are FT_RULE_FRAME_POINTER */
};

struct ft_cfi_table {
	struct ft_unwind_rule *rules; /* by number, as rows name them */
	uint32_t *rows;		      /* FT_UNWIND_ROW */
	struct ft_unwind_page *pages; /* by number, ascending */
	uint32_t n_rules, n_rows, n_pages;
	struct ft_cfi_facts facts;
};

/* Outcome beside 0: the file has no frame information at all, and is not known to keep
 * frame pointers; *ret_table is not set. */
enum { FT_CFI_NONE = 1 };

/* Build the table of an open ELF file; the caller owns *ret_table. 0, FT_CFI_NONE,
 * -EBADMSG (damaged beyond use), -E2BIG (a limit), -ENOMEM, or another -errno of
 * reading. */
int ft_cfi_build(int fd, struct ft_cfi_table **ret_table) FT_MUST_CHECK;
void ft_cfi_table_freep(struct ft_cfi_table **p);
#define _cleanup_cfi_table_ FT_CLEANUP(ft_cfi_table_freep)

/* The rule for the byte at offset, with the step of 8 applied; FT_RULE_NONE where there
 * is no page. For tests, inspect, and stacks that are unwound here. */
struct ft_unwind_rule ft_cfi_find(const struct ft_cfi_table *table, uint64_t offset);
