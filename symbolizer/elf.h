/* elf.h - the few facts of an ELF file that names and mappings need.
 *
 * Only 64-bit little-endian programs and libraries for x86-64 and arm64: nothing else
 * runs where flametrail does. Every number in the file is a claim; what is returned here
 * has been checked against the file's size and the limits below. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "symbolizer/client.h"
#include "symbolizer/window.h"

#define FT_ELF_MAX_HEADERS  4096u   /* program headers looked at */
#define FT_ELF_MAX_SECTIONS 131072u /* more: the file is refused */
#define FT_ELF_MAX_NOTES    65536u  /* bytes of one note segment or section looked at */

/* A symbol table and its strings, all within the file. size 0: there is none. */
struct ft_elf_symbols {
	uint64_t offset, size; /* entries of FT_ELF_SYMBOL_BYTES */
	uint64_t strings, strings_size;
};
#define FT_ELF_SYMBOL_BYTES 24u

struct ft_elf_section {
	uint32_t name; /* offset of it in the section of names */
	uint32_t type, link, info;
	uint64_t flags, address, offset, size;
};

/* A program header: what of the file is mapped where, or lies where. */
struct ft_elf_header {
	uint32_t type, flags;
	uint64_t offset, address, file_size, memory_size, align;
};

struct ft_elf {
	uint16_t machine; /* EM_X86_64 or EM_AARCH64 */
	bool is_program;  /* entry is where a process begins */
	uint64_t entry;
	uint32_t n_headers;
	uint64_t headers;    /* offset of the program headers */
	uint32_t n_segments; /* executable ones, the first FT_SYM_MAX_SEGMENTS */
	struct ft_symfile_segment segments[FT_SYM_MAX_SEGMENTS];
	uint8_t n_build_id; /* bytes, 0: none */
	uint8_t build_id[FT_SYM_BUILD_ID_MAX];
	uint32_t n_sections;
	uint32_t names;	   /* number of the section that holds their names; 0: none */
	uint64_t sections; /* offset of the section headers */
	struct ft_elf_symbols symtab, dynsym;
};

/* window must take FT_WINDOW_LARGE. 0; -EBADMSG: not ELF, or one that lies; -ENOTSUP: of
 * another kind; -ENODATA: it ends too early; -E2BIG: past a limit; or -errno. */
int ft_elf_read(struct ft_window *window, struct ft_elf *ret_elf) FT_MUST_CHECK;

/* Program header number index < n_headers. Its offset and sizes are unchecked. */
int ft_elf_header(struct ft_window *window, const struct ft_elf *elf, uint32_t index,
		  struct ft_elf_header *ret_header) FT_MUST_CHECK;

/* Section header number index < n_sections. Its offset and size are unchecked. */
int ft_elf_section(struct ft_window *window, const struct ft_elf *elf, uint32_t index,
		   struct ft_elf_section *ret_section) FT_MUST_CHECK;

/* From an offset in the file to the address the linker gave it, by the executable
 * segments. Whether there is one. */
bool ft_elf_address_of(const struct ft_elf *elf, uint64_t offset, uint64_t *ret_address);
