/* cfa.h - the little programs of call frame information, for x86-64.
 *
 * A program goes through the code of a function and says at each place how to find the
 * caller's stack pointer (CFA), frame pointer and return address. What else is saved does
 * not matter here. Pure: bytes in, states out; a program does at most one thing for each
 * of its bytes. */
#pragma once

#include <stdint.h>

#include "base/base.h"
#include "base/cursor.h"
#include "flametrail/unwind.h"
#include "symbolizer/cfexpr.h"

/* DWARF numbers of registers. */
enum { FT_X86_RBP = 6, FT_X86_RSP = 7, FT_X86_RIP = 16 };

/* In a frame that the kernel made for a signal handler, registers are saved this far from
 * the stack pointer, once the handler has returned. */
#define FT_CFA_SIGNAL_REGISTERS 40

#define FT_CFA_MAX_REMEMBERED 16u /* states on the stack of remember_state */

enum ft_saved_kind {
	FT_SAVED_SAME,	    /* the function has not changed it */
	FT_SAVED_AT_CFA,    /* in memory at CFA + offset */
	FT_SAVED_AT_TERM,   /* in memory at reg + offset */
	FT_SAVED_REGISTER,  /* in another register */
	FT_SAVED_UNDEFINED, /* lost; of the return address: there is no caller */
	FT_SAVED_OTHER	    /* in a way not followed here */
};

struct ft_saved {
	uint8_t kind; /* enum ft_saved_kind */
	uint8_t reg;
	int32_t offset;
};

struct ft_cfa_state {
	struct ft_term cfa;
	struct ft_saved fp, ra;
};

/* What the CIE says of all its programs. */
struct ft_cfa_context {
	uint64_t code_align;
	int64_t data_align;
	uint8_t ra_reg;		      /* the column of the return address */
	struct ft_cfa_state *initial; /* after the CIE's program; what restore goes back to */
};

/* From offset bytes into the function on, until the next row. Rows come by growing
 * offset. A negative value ends the run and is its result. */
typedef int (*ft_cfa_row)(void *sink, uint64_t offset, const struct ft_cfa_state *state);

/* Run a CIE's own program, from nothing known to *ret_state. 0 or -EBADMSG. */
int ft_cfa_run_initial(const struct ft_cfa_context *context, struct ft_cursor program,
		       struct ft_cfa_state *ret_state) FT_MUST_CHECK;

/* Run the program of one function of length bytes. 0, -EBADMSG for one that is damaged or
 * not understood (some rows may have been given), or what row returned. */
int ft_cfa_run(const struct ft_cfa_context *context, struct ft_cursor program, uint64_t length,
	       ft_cfa_row row, void *sink) FT_MUST_CHECK;

/* The rule of a state: FT_RULE_NONE for one that the walker cannot follow. */
struct ft_unwind_rule ft_cfa_rule(const struct ft_cfa_state *state);
