/* files.h - the files the symbolizer knows, and the tables made from them.
 *
 * Files have the numbers the collector gave them. Tables are made when first asked for;
 * together they stay below FT_SYMFILES_MAX_BYTES by forgetting the least recently used,
 * which is made again when asked again. A file that cannot be read is kept as damaged: it
 * has no names, says so once in the log, and harms nothing else. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "symbolizer/client.h"

#define FT_SYMFILES_MAX_BYTES (12u << 20) /* of all tables; one alone may be larger for a while */

struct ft_cfi_table;
struct ft_symfiles;

/* What covers an address. Texts are NUL-terminated, as the file has them. */
struct ft_symfiles_name {
	char text[FT_SYM_MAX_NAME]; /* empty: no name */
	char module[64];
};

int ft_symfiles_new(struct ft_symfiles **ret_files) FT_MUST_CHECK;
void ft_symfiles_freep(struct ft_symfiles **p);
#define _cleanup_symfiles_ FT_CLEANUP(ft_symfiles_freep)

/* Take over fd (-1: it did not arrive) under number. 0 with what is known of the file;
 * -EEXIST, -EMFILE past FT_SYM_MAX_FILES, or -ENOMEM. */
int ft_symfiles_add(struct ft_symfiles *files, uint32_t number, enum ft_symfile_kind kind, int fd,
		    struct ft_symfile_info *ret_info) FT_MUST_CHECK;
/* Close and forget. 0 or -ENOENT. */
int ft_symfiles_remove(struct ft_symfiles *files, uint32_t number) FT_MUST_CHECK;

/* Names of addresses, one by one: begin makes the table. Others may be forgotten for it,
 * and any other call here may do the same to this one. -ENOENT: no such file. */
int ft_symfiles_begin(struct ft_symfiles *files, uint32_t number) FT_MUST_CHECK;
void ft_symfiles_name(struct ft_symfiles *files, uint64_t address,
		      struct ft_symfiles_name *ret_name);

/* The unwind table of a file, made anew at each call and kept by the caller alone. It may
 * be NULL in every status but READY; then nothing is known of the file. 0 or -ENOENT. */
int ft_symfiles_build(struct ft_symfiles *files, uint32_t number,
		      enum ft_symtable_status *ret_status,
		      struct ft_cfi_table **ret_table) FT_MUST_CHECK;

/* Nothing to do for a while: give back what is held beyond the cap. */
void ft_symfiles_idle(struct ft_symfiles *files);
/* Memory of all tables. */
size_t ft_symfiles_bytes(const struct ft_symfiles *files);
