/* kallsyms.h - names of kernel addresses, from /proc/kallsyms.
 *
 * The text is fed in pieces of any length; each line is an address, a type letter, a name
 * and perhaps "[module]". Only code is kept (types t T w W); other symbols serve to end
 * the code before them. A symbol reaches to the next one, at most FT_KALLSYMS_MAX_REACH. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

#define FT_KALLSYMS_MAX_SYMBOLS (1u << 20)
#define FT_KALLSYMS_MAX_NAMES	(48u << 20) /* bytes of names */
#define FT_KALLSYMS_MAX_LINE	1024u	    /* bytes; longer lines are skipped */
#define FT_KALLSYMS_MAX_REACH	(1u << 20)  /* bytes from the start of a symbol */

struct ft_kallsyms;
struct ft_kallsyms_parser;

/* Ordinary outcome: there is no code, or the kernel hides its addresses as zeros
 * (kernel.kptr_restrict). */
enum { FT_KALLSYMS_HIDDEN = 1 };

struct ft_kallsym {
	/* NUL-terminated, borrowed from the table; module is empty for the kernel proper. */
	const char *name, *module;
	uint32_t name_len, module_len;
};

/* Start to parse; the caller owns *ret_parser. 0 or -ENOMEM. */
int ft_kallsyms_parser_new(struct ft_kallsyms_parser **ret_parser) FT_MUST_CHECK;
void ft_kallsyms_parser_freep(struct ft_kallsyms_parser **p);
#define _cleanup_kallsyms_parser_ FT_CLEANUP(ft_kallsyms_parser_freep)

/* The next piece. Lines that are not of the form are skipped. 0, -E2BIG past a limit, or
 * -ENOMEM. */
int ft_kallsyms_feed(struct ft_kallsyms_parser *parser, const char *text, size_t len) FT_MUST_CHECK;

/* No more comes (a last line without newline is dropped). The caller owns *ret_table; the
 * parser is used up. 0, FT_KALLSYMS_HIDDEN or -ENOMEM. */
int ft_kallsyms_finish(struct ft_kallsyms_parser *parser,
		       struct ft_kallsyms **ret_table) FT_MUST_CHECK;

/* All of fd from its beginning, read in pieces. 0, FT_KALLSYMS_HIDDEN or -errno. */
int ft_kallsyms_load(int fd, struct ft_kallsyms **ret_table) FT_MUST_CHECK;
void ft_kallsyms_freep(struct ft_kallsyms **p);
#define _cleanup_kallsyms_ FT_CLEANUP(ft_kallsyms_freep)

/* 1 when something covers address, else 0. */
int ft_kallsyms_find(const struct ft_kallsyms *table, uint64_t address,
		     struct ft_kallsym *ret_sym) FT_MUST_CHECK;

/* Memory it takes, and symbols it holds. */
size_t ft_kallsyms_bytes(const struct ft_kallsyms *table);
uint32_t ft_kallsyms_count(const struct ft_kallsyms *table);
