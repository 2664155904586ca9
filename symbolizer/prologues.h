/* prologues.h - what code without frame information says about itself.
 *
 * Compilers that keep frame pointers begin every function with the same few bytes. Where
 * functions begin is guessed by alignment and by what fills the space before; so the
 * numbers are samples, good enough to tell "most" from "hardly any". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "symbolizer/window.h"

#define FT_PROLOGUES_FUNCTIONS 8192u	     /* looked at in one file */
#define FT_PROLOGUES_BYTES     (16ull << 20) /* read of one file */
#define FT_PROLOGUES_SIGNALS   4u

struct ft_prologues {
	uint32_t n_functions; /* beginnings seen */
	uint32_t n_prologues; /* of them, saving a frame pointer */
	uint64_t n_bytes;     /* looked at */
	uint32_t n_signals;
	uint64_t signals[FT_PROLOGUES_SIGNALS]; /* offsets of signal return code, ascending */
};

/* Bytes of the code that returns from a signal handler: mov $15,%rax; syscall. */
#define FT_PROLOGUES_SIGNAL_BYTES 9u

/* Look at the code at [start, end), of which nothing is known. Calls come by growing
 * offset; past a limit above they do nothing. 0 or -errno; a file that ends before is
 * looked at as far as it goes. */
int ft_prologues_look(struct ft_prologues *seen, struct ft_window *window, uint64_t start,
		      uint64_t end) FT_MUST_CHECK;

/* Do functions save a frame pointer, in general? */
bool ft_prologues_keep(const struct ft_prologues *seen);

/* Where the code that begins a process at offset ends: behind its call of main's caller,
 * at most limit. 0 or -errno. */
int ft_prologues_entry_end(struct ft_window *window, uint64_t offset, uint64_t limit,
			   uint64_t *ret_end) FT_MUST_CHECK;
