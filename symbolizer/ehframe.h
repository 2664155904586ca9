/* ehframe.h - reading the entries of .eh_frame and .debug_frame.
 *
 * Both are a chain of entries. A CIE says what many functions have in common; an FDE
 * names its CIE, a range of addresses, and the program that describes them (cfa.h). The
 * file is read through two windows, one that goes on and one that looks back at CIEs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/cursor.h"
#include "symbolizer/cfa.h"
#include "symbolizer/window.h"

#define FT_EHFRAME_CIES 64u /* kept, by offset; others are read again */

/* Where the entries are. */
struct ft_ehframe_extent {
	uint64_t offset, size; /* in the file */
	uint64_t address;      /* of its first byte; of .eh_frame */
	bool is_debug;	       /* .debug_frame */
	bool ends_at_zero;     /* its size is a guess: an empty entry is the end */
};

struct ft_cie {
	uint64_t offset; /* in the file; 0: this place of the cache is free */
	bool is_good;
	bool has_augmentation; /* FDEs have augmentation data, to be skipped */
	bool is_signal;	       /* for frames that the kernel made */
	uint8_t encoding;      /* of addresses in FDEs: DW_EH_PE_* */
	struct ft_cfa_context context;
	struct ft_cfa_state initial;
};

struct ft_ehframe {
	struct ft_ehframe_extent extent;
	uint64_t at; /* offset in the file of the next entry */
	struct ft_window entries, commons;
	struct ft_cie *cies; /* FT_EHFRAME_CIES */
};

/* A function. All is borrowed until the next call. */
struct ft_fde {
	uint64_t address, length;
	const struct ft_cie *cie;
	struct ft_cursor program;
};

/* Outcomes beside 0: no further entry; an entry that is refused, after which it goes on. */
enum { FT_EHFRAME_END = 1, FT_EHFRAME_BAD = 2 };

/* Begin at the start of extent, which the file need not hold. fd is borrowed. 0, -ENOMEM,
 * or -errno. */
int ft_ehframe_init(struct ft_ehframe *frames, int fd,
		    const struct ft_ehframe_extent *extent) FT_MUST_CHECK;
/* A zeroed struct is allowed. */
void ft_ehframe_deinit(struct ft_ehframe *frames);
#define _cleanup_ehframe_ FT_CLEANUP(ft_ehframe_deinit)

/* The next function. 0, an outcome above, -EBADMSG when the chain is broken and nothing
 * can follow, or -errno of reading. */
int ft_ehframe_next(struct ft_ehframe *frames, struct ft_fde *ret_fde) FT_MUST_CHECK;

/* The address in an encoded pointer that lies at address at, or relative to base when the
 * encoding says so (0: then it may not). False when it is cut, or of a kind that is not
 * followed (indirect, relative to text, aligned). */
bool ft_ehframe_pointer(struct ft_cursor *c, uint8_t encoding, uint64_t at, uint64_t base,
			uint64_t *ret_address);
