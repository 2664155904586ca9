/* codemap.h - where the code of a file is, and what describes its frames.
 *
 * By section headers where they are, else by program headers. Everything has been checked
 * against the file's size. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "symbolizer/ehframe.h"
#include "symbolizer/elf.h"
#include "symbolizer/window.h"

#define FT_CODEMAP_REGIONS	128u	     /* more sections of code: segments are taken */
#define FT_CODEMAP_FRAMES_BYTES (256u << 20) /* of .eh_frame or .debug_frame; more: refused */

enum ft_region_kind {
	FT_REGION_CODE,
	FT_REGION_PLT,	   /* lazily bound: a head of 16 bytes, entries of 16 that push */
	FT_REGION_PLT_JUMP /* entries that only jump */
};

/* Code at [start, end) in the file. */
struct ft_code_region {
	uint64_t start, end;
	enum ft_region_kind kind;
};

struct ft_codemap {
	struct ft_elf elf;
	uint32_t n_regions; /* by start, not overlapping, all in executable segments */
	struct ft_code_region regions[FT_CODEMAP_REGIONS];
	struct ft_ehframe_extent eh_frame, debug_frame; /* size 0: there is none */
	bool is_go;					/* keeps frame pointers by its ABI */
	uint64_t entry;					/* offset; 0: it is no program */
};

/* window must take FT_WINDOW_LARGE. 0, an error of ft_elf_read, or -E2BIG past
 * FT_CODEMAP_FRAMES_BYTES. */
int ft_codemap_read(struct ft_window *window, struct ft_codemap *ret_map) FT_MUST_CHECK;

/* From an address of the linker's to an offset in an executable segment, with the bytes
 * that are left of it from there on. */
bool ft_codemap_offset_of(const struct ft_codemap *map, uint64_t address, uint64_t *ret_offset,
			  uint64_t *ret_left);
