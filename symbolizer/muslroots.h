/* muslroots.h - where stacks begin in musl, which is built without frame information.
 *
 * Its code calls main, and the function of a thread, in the same way: through a register
 * or memory, and the result becomes the argument of exit or its like. What is above such
 * a call is nobody's interest, so the call is as good as a root. Looked for only in files
 * that begin a process as musl does, since other code may look like that by chance. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "symbolizer/window.h"

#define FT_MUSLROOTS_MAX   8u
#define FT_MUSLROOTS_BYTES (4ull << 20) /* looked at in one file */

struct ft_muslroot {
	uint64_t start, end; /* offsets of the call and of what follows it */
};

struct ft_muslroots {
	uint64_t n_bytes; /* looked at */
	uint32_t n;
	struct ft_muslroot roots[FT_MUSLROOTS_MAX]; /* ascending */
};

/* Is the code at offset where musl begins a process, or its dynamic loader? 0 or -errno. */
int ft_muslroots_check_entry(struct ft_window *window, uint64_t offset,
			     bool *ret_is_musl) FT_MUST_CHECK;

/* Look at code without frame information at [start, end). Calls come by growing offset;
 * past a limit above they do nothing. 0 or -errno. */
int ft_muslroots_look(struct ft_muslroots *roots, struct ft_window *window, uint64_t start,
		      uint64_t end) FT_MUST_CHECK;
