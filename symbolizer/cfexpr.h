/* cfexpr.h - the DWARF expressions of call frame information that matter.
 *
 * Compilers and assembler authors write only a few: a register plus an offset, what lies
 * there in memory, and the one that linkers give to lazily bound PLT entries. Those are
 * recognised by computing with symbols; everything else is FT_TERM_UNKNOWN. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ft_term_kind {
	FT_TERM_UNKNOWN,
	FT_TERM_REGISTER, /* register + offset */
	FT_TERM_DEREF,	  /* *(register + offset) + add */
	FT_TERM_INDEXED,  /* *(register + index * 8 + offset) + add */
	FT_TERM_CFA,	  /* CFA + offset */
	FT_TERM_PLT	  /* rsp + 8 + ((rip & 15) >= offset ? 8 : 0) */
};

struct ft_term {
	uint8_t kind; /* enum ft_term_kind */
	uint8_t reg;  /* DWARF number */
	int32_t offset, add;
	uint8_t index; /* DWARF number */
};

/* Any number of any bytes. with_cfa: the CFA is on the stack to begin with, as for the
 * place of a register. */
struct ft_term ft_cfexpr_read(const uint8_t *bytes, size_t n, bool with_cfa);
