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
#define FT_UNWIND_PAGE_ROWS_MAX 65536u	/* one per byte */
#define FT_UNWIND_FILE_PAGES	131072u /* that a file can have: no file is above 8 GiB */
#define FT_UNWIND_RULES_MAX	16384u	/* distinct rules of all files together */

/* A row: the low 16 bits of the offset, and above them the number of a rule. */
#define FT_UNWIND_ROW(offset, rule) (((__u32)(rule) << 16) | ((offset)&0xffff))
#define FT_UNWIND_ROW_OFFSET(row)   ((row)&0xffff)
#define FT_UNWIND_ROW_RULE(row)	    ((row) >> 16)

/* The rows of a page lie together, and those of all pages in the order of the pages. */
struct ft_unwind_page {
	__u32 number; /* offset >> FT_UNWIND_PAGE_BITS, below FT_UNWIND_FILE_PAGES */
	__u32 first;  /* index of its first row */
	__u32 n;      /* rows, at least 1 */
};

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

/* No frame is that large; sums with it stay far from where they wrap. */
#define FT_RULE_CFA_LIMIT (1 << 30)

struct ft_unwind_rule {
	__u8 kind; /* enum ft_rule_kind */
	__u8 step; /* FT_RULE_STEP_*; of rules with a register: its DWARF number */
	__s16 fp;  /* eighths, relative to the CFA; FT_RULE_FP_* */
	__s32 cfa; /* bytes, of magnitude below FT_RULE_CFA_LIMIT */
};

_Static_assert(sizeof(struct ft_unwind_rule) == 8, "ft_unwind_rule has padding");

/* ---- how the kernel side finds rows ---- */

/* Rows lie in chunks of the row arena; a page's rows are in one chunk. */
#define FT_ROW_CHUNK_BITS 18 /* rows of a chunk: 262,144, 1 MiB */
#define FT_ROW_CHUNK_ROWS (1u << FT_ROW_CHUNK_BITS)
#define FT_ROW_CHUNKS_MAX 64u

/* Files are numbered by the collector; the number is the table's name. */
#define FT_UNWIND_FILES_MAX (1u << 17)

struct ft_page_key {
	__u32 file;
	__u32 page; /* offset >> FT_UNWIND_PAGE_BITS; FT_PAGE_OF_FILE: the file itself */
};
#define FT_PAGE_OF_FILE 0xffffffffu

struct ft_page_rows {
	__u32 first; /* in the arena: chunk << FT_ROW_CHUNK_BITS | index in it */
	__u32 n;     /* rows of the page; of FT_PAGE_OF_FILE: enum ft_table_state */
};

/* What is to be expected of a file's pages. No entry: nothing is known yet. */
enum ft_table_state {
	FT_TABLE_READY = 1,	     /* what has no page has no rule */
	FT_TABLE_NONE = 2,	     /* no frame information: the walk ends here */
	FT_TABLE_FRAME_POINTERS = 3, /* none, but its code keeps frame pointers */
};

/* A range of a process's address space that holds code. */
struct ft_code_range {
	__u64 start, end; /* [start, end) */
	__u64 bias;	  /* offset in the file = address + bias (wraps) */
	__u32 file;	  /* number; FT_CODE_ANON: no file, assumed to keep frame pointers */
	__u32 reserved;
};
#define FT_CODE_ANON 0xffffffffu

/* All ranges of all known processes, in runs sorted by address. */
#define FT_CODE_RANGES	   32768u /* 1 MiB */
#define FT_CODE_RANGES_RUN 8192u  /* of one process */

struct ft_process_code {
	__u32 first, n; /* its run */
};

/* A user frame as it leaves the kernel: bit 63 set: 19 bits of file number and 44 bits of
 * offset in it; else the address itself, of code that belongs to no file. */
#define FT_FRAME_IN_FILE       (1ull << 63)
#define FT_FRAME_OFFSET_BITS   44
#define FT_FRAME(file, offset) (FT_FRAME_IN_FILE | (__u64)(file) << FT_FRAME_OFFSET_BITS | (offset))
#define FT_FRAME_FILE(frame)   ((__u32)(((frame) & ~FT_FRAME_IN_FILE) >> FT_FRAME_OFFSET_BITS))
#define FT_FRAME_OFFSET(frame) ((frame) & ((1ull << FT_FRAME_OFFSET_BITS) - 1))

_Static_assert(sizeof(struct ft_code_range) == 32, "ft_code_range has padding");
_Static_assert(sizeof(struct ft_unwind_page) == 12, "ft_unwind_page has padding");
