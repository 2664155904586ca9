/* symtab.h - an immutable index from address to the symbol that covers it.
 *
 * Made from .symtab, or from .dynsym where the former has no functions. It keeps ranges
 * and where in the file the names stand, no names: 12 bytes for most symbols.
 *
 *	- Functions count, and labels without type in executable sections (assembler).
 *	- A symbol of size 0 reaches to the next symbol or the end of its section, but never
 *	  into a sized one. Between sized symbols there are gaps, which have no name.
 *	- Where symbols nest, the innermost wins. At one start: sized over unsized, functions
 *	  over labels, global over weak over local, small over large, then the better name.
 *	- The entry point of a program without a symbol is "_start". */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "symbolizer/elf.h"
#include "symbolizer/window.h"

#define FT_SYMTAB_MAX_SYMBOLS 1500000u /* functions and labels of one file; -E2BIG beyond */

struct ft_symtab;

/* Read the tables elf tells of through window (at least FT_WINDOW_LARGE). The caller owns
 * *ret_table, which may turn out empty. 0, -E2BIG, -ENOMEM, -ENODATA for a file that got
 * shorter, or -errno. */
int ft_symtab_new(struct ft_window *window, const struct ft_elf *elf,
		  struct ft_symtab **ret_table) FT_MUST_CHECK;
void ft_symtab_freep(struct ft_symtab **p);
#define _cleanup_symtab_ FT_CLEANUP(ft_symtab_freep)

/* The name of what covers address (as the linker gave it) into name, NUL-terminated and
 * cut to size bytes, read from window, which is on the same file. Its length; 0 when
 * nothing covers it; or -errno when the file has changed. */
int ft_symtab_name(const struct ft_symtab *table, struct ft_window *window, uint64_t address,
		   char *name, uint32_t size) FT_MUST_CHECK;

/* Memory it takes, and ranges it holds. */
size_t ft_symtab_bytes(const struct ft_symtab *table);
uint32_t ft_symtab_count(const struct ft_symtab *table);
