/* tablecheck.h - whether an unwind table is one that may be walked by.
 *
 * The table comes from a process that reads files of strangers and may have been taken
 * over by one of them. What passes here can be wrong about the file, but it can lead
 * nobody outside of the table:
 *
 *	- pages ascend, each below FT_UNWIND_FILE_PAGES, and share out the rows: the first
 *	  page begins at row 0, each next one where the one before ends, the last one ends
 *	  with the rows;
 *	- a page has 1 to FT_UNWIND_PAGE_ROWS_MAX rows, the first at offset 0, ascending;
 *	- a row names a rule of the table;
 *	- a rule is of a known kind, its numbers in the range its kind allows. */
#pragma once

#include <stdbool.h>

#include "base/base.h"

struct ft_symtable;

/* Whether the numbers of rules, pages and rows are in their limits, at least 1 each, and
 * could be those of one table. */
bool ft_tablecheck_sizes(const struct ft_symtable *table);
/* Bytes of rules, pages and rows together, of numbers that are in their limits. */
size_t ft_tablecheck_bytes(const struct ft_symtable *table);
/* All of the above, numbers and content. 0 or -EBADMSG. */
int ft_tablecheck_content(const struct ft_symtable *table) FT_MUST_CHECK;
