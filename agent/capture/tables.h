/* tables.h - unwind tables in the kernel's maps: put there, kept under a cap, taken out.
 *
 * Rows lie in chunks of 1 MiB that are made as they are needed and shared by all files;
 * rules are shared, too. When the cap is reached the table that no sample met for longest
 * goes; its file is asked for again when a sample meets it again. */
#pragma once

#include <stdint.h>

#include "base/base.h"
#include "flametrail/unwind.h"
#include "symbolizer/client.h"

struct ft_tables;

struct ft_tables_counts {
	uint64_t rows_bytes; /* in use */
	uint32_t n_files, n_pages, n_rules;
	uint64_t evicted, refused; /* refused: no room even so, or no rule or page left */
};

/* Map descriptors are borrowed; cap_bytes bounds the rows. 0 or -errno. */
int ft_tables_new(int row_chunks_map, int rules_map, int pages_map, uint64_t cap_bytes,
		  struct ft_tables **ret_tables) FT_MUST_CHECK;
void ft_tables_freep(struct ft_tables **p);

/* Put the (checked) table of a file there; any old one goes. 0; -ENOSPC: no room, or
 * another -errno; then nothing is said of the file. May wait for the kernel for some
 * milliseconds when a chunk is made. */
int ft_tables_put(struct ft_tables *tables, uint32_t file, const struct ft_symtable *table,
		  uint64_t now_ns) FT_MUST_CHECK;
/* Say of a file without rows what is to be expected of it. 0 or -errno. */
int ft_tables_declare(struct ft_tables *tables, uint32_t file,
		      enum ft_table_state state) FT_MUST_CHECK;
/* Is anything said of this file? */
bool ft_tables_has(const struct ft_tables *tables, uint32_t file);
/* Nothing is said of this file any more. */
void ft_tables_drop(struct ft_tables *tables, uint32_t file, uint64_t now_ns);
/* A sample met this file. */
void ft_tables_use(struct ft_tables *tables, uint32_t file, uint64_t now_ns);
struct ft_tables_counts ft_tables_counts(const struct ft_tables *tables);
