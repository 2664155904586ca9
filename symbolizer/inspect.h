/* inspect.h - what is known of a file's frames, as text for people and for tests. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/base.h"

struct ft_inspect_what {
	bool rows;	  /* every row, instead of the summary */
	bool has_address; /* one rule, instead of the summary */
	uint64_t address; /* as the linker counts */
};

/* Read the open ELF file and print to out what was asked. A row is "offset CFA rbp ra":
 * the offset in the file in hexadecimal, from which on this holds; the CFA as a register
 * plus a number, *(...) for what lies there in memory, "plt+N", "signal+N", "frame-pointer",
 * "root" or "none"; the caller's rbp and the return address: "c-16" is in memory at
 * CFA - 16, "=" unchanged, "*rbp" where rbp points, "u" undefined, else a register.
 *
 * 0, FT_CFI_NONE, an error of ft_cfi_build, or -ENXIO when the address is not code. */
int ft_inspect_print(int fd, const struct ft_inspect_what *what, FILE *out) FT_MUST_CHECK;
