/* unwind.h - unwind tables as the kernel side walks by them.
 *
 * A table belongs to one file and says, for every address of its code, how to get from
 * a frame to its caller. Addresses are offsets in the file, so that a table serves
 * every process whatever it maps where, and neither the kernel side nor the collector
 * needs to know how the file wants to be laid out.
 *
 * Rows are grouped by pages of 64 KiB. A page begins with a row for its first byte, so
 * that no search leaves it. A row holds from its address to the next row's. */
#pragma once

#include <linux/types.h>

#define FT_UNWIND_PAGE_BITS	16
#define FT_UNWIND_PAGE_ROWS_MAX 65536u /* one per byte */
#define FT_UNWIND_RULES_MAX	16384u /* distinct rules of all files together */

/* A row: the low 16 bits of the offset, and above them the number of a rule. */
#define FT_UNWIND_ROW(offset, rule) (((__u32)(rule) << 16) | ((offset)&0xffff))
#define FT_UNWIND_ROW_OFFSET(row)   ((row)&0xffff)
#define FT_UNWIND_ROW_RULE(row)	    ((row) >> 16)

/* How to find the canonical frame address (CFA: what the stack pointer is after return).
 * The return address is at CFA - 8 except where said. */
enum ft_rule_kind {
	FT_RULE_NONE = 0,	   /* nothing is known here */
	FT_RULE_ROOT = 1,	   /* the outermost frame: it has no caller */
	FT_RULE_SP = 2,		   /* CFA = sp + cfa */
	FT_RULE_FP = 3,		   /* CFA = fp + cfa */
	FT_RULE_DEREF_SP = 4,	   /* CFA = *(sp + (cfa & ~7)) + (cfa & 7) * 8 */
	FT_RULE_DEREF_FP = 5,	   /* CFA = *(fp + (cfa & ~7)) + (cfa & 7) * 8 */
	FT_RULE_PLT = 6,	   /* CFA = sp + 8 + ((pc & 15) >= cfa ? 8 : 0) */
	FT_RULE_SIGNAL = 7,	   /* a signal frame: all registers are saved at sp + cfa */
	FT_RULE_FRAME_POINTER = 8, /* no table, but this code keeps frame pointers */
	/* In the topmost frame only, where all registers are known: */
	FT_RULE_REGISTER = 9,	     /* CFA = reg + cfa */
	FT_RULE_DEREF_REGISTER = 10, /* CFA = *(reg + (cfa & ~7)) + (cfa & 7) * 8 */
	FT_RULE_RA_REGISTER = 11,    /* CFA = sp + cfa; the return address is in reg */
	FT_RULE_DEREF_INDEXED = 12,  /* CFA = *(sp + reg * 8 + (cfa & ~7)) + (cfa & 7) * 8 */
	FT_RULE_KINDS
};

/* The caller's frame pointer: saved at CFA + 8 * fp, or: */
#define FT_RULE_FP_SAME	     0 /* the callee has not changed it */
#define FT_RULE_FP_UNDEFINED (-32768)
#define FT_RULE_FP_AT_FP     (-32767) /* saved where the frame pointer points */

/* Push and pop sequences change the CFA by 8 every byte or two: two neighbouring rows
 * whose rules differ only in that are one row, whose rule says after how many bytes the
 * step comes (FT_RULE_SP and FT_RULE_FP only). 0: no step. */
#define FT_RULE_STEP_BYTES(step) ((step)&0x7f)
#define FT_RULE_STEP_MINUS	 0x80 /* the CFA's offset goes down by 8, not up */

struct ft_unwind_rule {
	__u8 kind; /* enum ft_rule_kind */
	__u8 step; /* FT_RULE_STEP_*; of rules with a register: its DWARF number */
	__s16 fp;  /* eighths, relative to the CFA; FT_RULE_FP_* */
	__s32 cfa; /* bytes */
};

_Static_assert(sizeof(struct ft_unwind_rule) == 8, "ft_unwind_rule has padding");
