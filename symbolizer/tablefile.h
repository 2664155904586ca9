/* tablefile.h - an unwind table on its way between two processes.
 *
 * A memory file whose content and size nobody can change any more: first all rules, then
 * all pages, then all rows, as the structs of flametrail/unwind.h lie in memory, without
 * padding between them. Their numbers are told beside it. */
#pragma once

#include "base/base.h"

struct ft_symtable;

/* Write rules, pages and rows into a new file, whose descriptor the caller owns. 0,
 * -EBADMSG when the table is none that read would take, or -errno. */
int ft_tablefile_write(const struct ft_symtable *table, int *ret_fd) FT_MUST_CHECK;

/* Read and check what somebody says is the file of a table with the numbers that are set
 * in *table, all within their limits. Sets the rest but facts; the caller owns block. 0;
 * -EBADMSG: it is not; -ENOMEM. */
int ft_tablefile_read(int fd, struct ft_symtable *table) FT_MUST_CHECK;
