#include "symbolizer/cfa.h"

#include <assert.h>
#include <errno.h>

#include "symbolizer/leb.h"

enum {
	CFA_ADVANCE_LOC = 1, /* these three are in the high two bits */
	CFA_OFFSET = 2,
	CFA_RESTORE = 3,

	CFA_NOP = 0x00,
	CFA_ADVANCE_LOC1 = 0x02,
	CFA_ADVANCE_LOC2 = 0x03,
	CFA_ADVANCE_LOC4 = 0x04,
	CFA_OFFSET_EXTENDED = 0x05,
	CFA_RESTORE_EXTENDED = 0x06,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REGISTER = 0x09,
	CFA_REMEMBER_STATE = 0x0a,
	CFA_RESTORE_STATE = 0x0b,
	CFA_DEF_CFA = 0x0c,
	CFA_DEF_CFA_REGISTER = 0x0d,
	CFA_DEF_CFA_OFFSET = 0x0e,
	CFA_DEF_CFA_EXPRESSION = 0x0f,
	CFA_EXPRESSION = 0x10,
	CFA_OFFSET_EXTENDED_SF = 0x11,
	CFA_DEF_CFA_SF = 0x12,
	CFA_DEF_CFA_OFFSET_SF = 0x13,
	CFA_VAL_OFFSET = 0x14,
	CFA_VAL_OFFSET_SF = 0x15,
	CFA_VAL_EXPRESSION = 0x16,
	CFA_GNU_ARGS_SIZE = 0x2e,
	CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

struct run {
	const struct ft_cfa_context *context;
	struct ft_cursor c;
	struct ft_cfa_state state;
	struct ft_cfa_state remembered[FT_CFA_MAX_REMEMBERED];
	uint32_t n_remembered;
	uint64_t at;	 /* bytes into the function */
	uint64_t length; /* of it */
	ft_cfa_row row;	 /* NULL in a CIE, where nothing may advance */
	void *sink;
};

static struct ft_saved *saved_of(const struct run *run, struct ft_cfa_state *state, uint64_t reg)
{
	if (reg == FT_X86_RBP)
		return &state->fp;
	return reg == run->context->ra_reg ? &state->ra : NULL;
}

/* Note where a register is, if it is one that matters. */
static int save(struct run *run, uint64_t reg, struct ft_saved saved)
{
	struct ft_saved *to = saved_of(run, &run->state, reg);

	if (to)
		*to = saved;
	return 0;
}

static int save_kind(struct run *run, uint64_t reg, enum ft_saved_kind kind)
{
	return save(run, reg, (struct ft_saved){ .kind = (uint8_t)kind });
}

static int save_at_cfa(struct run *run, uint64_t reg, int64_t factored)
{
	struct ft_saved saved = { .kind = FT_SAVED_AT_CFA };

	if (__builtin_mul_overflow(factored, run->context->data_align, &saved.offset))
		saved.kind = FT_SAVED_OTHER;
	return save(run, reg, saved);
}

static int restore(struct run *run, uint64_t reg)
{
	struct ft_saved *to = saved_of(run, &run->state, reg);

	if (!run->row)
		return -EBADMSG; /* a CIE has nothing to go back to */
	if (to)
		*to = *saved_of(run, run->context->initial, reg);
	return 0;
}

static int advance(struct run *run, uint64_t factored)
{
	uint64_t to;

	if (!run->row || __builtin_mul_overflow(factored, run->context->code_align, &to) ||
	    __builtin_add_overflow(run->at, to, &to))
		return -EBADMSG;
	if (to > run->at && run->at < run->length) {
		int r = run->row(run->sink, run->at, &run->state);

		if (r < 0)
			return r;
	}
	run->at = to;
	return 0;
}

static int define_cfa(struct run *run, uint64_t reg, int64_t offset)
{
	struct ft_term cfa = { .kind = FT_TERM_REGISTER, .reg = (uint8_t)reg };

	if (reg > UINT8_MAX || __builtin_add_overflow(offset, 0, &cfa.offset))
		cfa.kind = FT_TERM_UNKNOWN;
	run->state.cfa = cfa;
	return 0;
}

/* Change one half of reg + offset, which must have been there. */
static int define_cfa_register(struct run *run, uint64_t reg)
{
	if (run->state.cfa.kind != FT_TERM_REGISTER)
		return -EBADMSG;
	return define_cfa(run, reg, run->state.cfa.offset);
}

static int define_cfa_offset(struct run *run, int64_t offset)
{
	if (run->state.cfa.kind != FT_TERM_REGISTER)
		return -EBADMSG;
	return define_cfa(run, run->state.cfa.reg, offset);
}

static int define_cfa_factored(struct run *run, bool with_register)
{
	uint64_t reg = with_register ? ft_cursor_varint(&run->c) : run->state.cfa.reg;
	int64_t offset;

	if (__builtin_mul_overflow(ft_leb_signed(&run->c), run->context->data_align, &offset))
		return -EBADMSG;
	return with_register ? define_cfa(run, reg, offset) : define_cfa_offset(run, offset);
}

static struct ft_term take_expression(struct run *run, bool with_cfa)
{
	uint64_t n = ft_cursor_varint(&run->c);
	const uint8_t *bytes = ft_cursor_take(&run->c, n);

	return bytes ? ft_cfexpr_read(bytes, n, with_cfa) : (struct ft_term){ 0 };
}

/* The register is in memory at the value of an expression. */
static int save_at_expression(struct run *run)
{
	uint64_t reg = ft_cursor_varint(&run->c);
	struct ft_term term = take_expression(run, true);
	struct ft_saved saved = { .kind = FT_SAVED_OTHER, .reg = term.reg, .offset = term.offset };

	if (term.kind == FT_TERM_CFA)
		saved.kind = FT_SAVED_AT_CFA;
	else if (term.kind == FT_TERM_REGISTER)
		saved.kind = FT_SAVED_AT_TERM;
	return save(run, reg, saved);
}

static int save_in_register(struct run *run)
{
	uint64_t reg = ft_cursor_varint(&run->c), in = ft_cursor_varint(&run->c);
	struct ft_saved saved = { .kind = FT_SAVED_REGISTER, .reg = (uint8_t)in };

	if (in > UINT8_MAX)
		saved.kind = FT_SAVED_OTHER;
	return save(run, reg, saved);
}

static int remember(struct run *run)
{
	if (run->n_remembered == FT_CFA_MAX_REMEMBERED)
		return -EBADMSG;
	run->remembered[run->n_remembered++] = run->state;
	return 0;
}

static int recall(struct run *run)
{
	if (run->n_remembered == 0)
		return -EBADMSG;
	run->state = run->remembered[--run->n_remembered];
	return 0;
}

static int run_cfa_op(struct run *run, uint8_t op)
{
	struct ft_cursor *c = &run->c;
	uint64_t reg;

	switch (op) {
	case CFA_DEF_CFA:
		reg = ft_cursor_varint(c);
		return define_cfa(run, reg, (int64_t)ft_cursor_varint(c));
	case CFA_DEF_CFA_REGISTER:
		return define_cfa_register(run, ft_cursor_varint(c));
	case CFA_DEF_CFA_OFFSET:
		return define_cfa_offset(run, (int64_t)ft_cursor_varint(c));
	case CFA_DEF_CFA_SF:
	case CFA_DEF_CFA_OFFSET_SF:
		return define_cfa_factored(run, op == CFA_DEF_CFA_SF);
	case CFA_DEF_CFA_EXPRESSION:
		run->state.cfa = take_expression(run, false);
		return 0;
	default:
		return -EBADMSG;
	}
}

static int run_register_op(struct run *run, uint8_t op)
{
	struct ft_cursor *c = &run->c;
	uint64_t reg;

	switch (op) {
	case CFA_OFFSET_EXTENDED:
		reg = ft_cursor_varint(c);
		return save_at_cfa(run, reg, (int64_t)ft_cursor_varint(c));
	case CFA_OFFSET_EXTENDED_SF:
		reg = ft_cursor_varint(c);
		return save_at_cfa(run, reg, ft_leb_signed(c));
	case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
		reg = ft_cursor_varint(c);
		return save_at_cfa(run, reg, -(int64_t)(ft_cursor_varint(c) & INT64_MAX));
	case CFA_RESTORE_EXTENDED:
		return restore(run, ft_cursor_varint(c));
	case CFA_UNDEFINED:
		return save_kind(run, ft_cursor_varint(c), FT_SAVED_UNDEFINED);
	case CFA_SAME_VALUE:
		return save_kind(run, ft_cursor_varint(c), FT_SAVED_SAME);
	case CFA_REGISTER:
		return save_in_register(run);
	case CFA_EXPRESSION:
		return save_at_expression(run);
	case CFA_VAL_OFFSET:
	case CFA_VAL_OFFSET_SF:
		reg = ft_cursor_varint(c);
		ft_cursor_varint(c);
		return save_kind(run, reg, FT_SAVED_OTHER);
	case CFA_VAL_EXPRESSION:
		reg = ft_cursor_varint(c);
		take_expression(run, true);
		return save_kind(run, reg, FT_SAVED_OTHER);
	default:
		return run_cfa_op(run, op);
	}
}

static int run_op(struct run *run, uint8_t op)
{
	struct ft_cursor *c = &run->c;

	switch (op >> 6) {
	case CFA_ADVANCE_LOC:
		return advance(run, op & 0x3f);
	case CFA_OFFSET:
		return save_at_cfa(run, op & 0x3f, (int64_t)ft_cursor_varint(c));
	case CFA_RESTORE:
		return restore(run, op & 0x3f);
	default:
		break;
	}
	switch (op) {
	case CFA_NOP:
		return 0;
	case CFA_ADVANCE_LOC1:
		return advance(run, ft_cursor_u8(c));
	case CFA_ADVANCE_LOC2:
		return advance(run, ft_cursor_u16(c));
	case CFA_ADVANCE_LOC4:
		return advance(run, ft_cursor_u32(c));
	case CFA_REMEMBER_STATE:
		return remember(run);
	case CFA_RESTORE_STATE:
		return recall(run);
	case CFA_GNU_ARGS_SIZE: /* of arguments that unwinding for exceptions pops */
		ft_cursor_varint(c);
		return 0;
	default:
		return run_register_op(run, op);
	}
}

static int run_all(struct run *run)
{
	while (ft_cursor_left(&run->c) > 0) {
		int r = run_op(run, ft_cursor_u8(&run->c));

		if (r < 0)
			return r;
	}
	return run->c.failed ? -EBADMSG : 0;
}

int ft_cfa_run_initial(const struct ft_cfa_context *context, struct ft_cursor program,
		       struct ft_cfa_state *ret_state)
{
	struct run run = { .context = context, .c = program };
	int r;

	run.state.ra.kind = FT_SAVED_OTHER; /* nobody has said yet where it is */
	r = run_all(&run);
	if (r == 0)
		*ret_state = run.state;
	return r;
}

int ft_cfa_run(const struct ft_cfa_context *context, struct ft_cursor program, uint64_t length,
	       ft_cfa_row row, void *sink)
{
	struct run run;
	int r;

	assert(context->initial);
	assert(row);
	/* Not the remembered states, which would be most of the work. */
	run.context = context;
	run.c = program;
	run.state = *context->initial;
	run.n_remembered = 0;
	run.at = 0;
	run.length = length;
	run.row = row;
	run.sink = sink;
	r = run_all(&run);
	if (r < 0)
		return r;
	return run.at < length ? row(sink, run.at, &run.state) : 0;
}

static int16_t rule_fp(const struct ft_cfa_state *state)
{
	const struct ft_saved *fp = &state->fp;
	const struct ft_term *cfa = &state->cfa;
	int64_t offset = fp->offset;

	if (fp->kind == FT_SAVED_SAME)
		return FT_RULE_FP_SAME;
	if (fp->kind == FT_SAVED_AT_TERM && fp->reg == FT_X86_RBP && offset == 0)
		return FT_RULE_FP_AT_FP;
	if (fp->kind == FT_SAVED_AT_TERM && cfa->kind == FT_TERM_REGISTER && cfa->reg == fp->reg)
		offset -= cfa->offset;
	else if (fp->kind != FT_SAVED_AT_CFA)
		return FT_RULE_FP_UNDEFINED;
	if (offset == 0 || offset % 8 != 0 || offset / 8 > INT16_MAX ||
	    offset / 8 <= FT_RULE_FP_AT_FP)
		return FT_RULE_FP_UNDEFINED;
	return (int16_t)(offset / 8);
}

static struct ft_unwind_rule rule_of(enum ft_rule_kind kind, uint8_t reg, int32_t cfa, int16_t fp)
{
	/* A lie, or nothing that can be told: this place alone has no rule. */
	if (cfa <= -FT_RULE_CFA_LIMIT || cfa >= FT_RULE_CFA_LIMIT)
		return (struct ft_unwind_rule){ 0 };
	return (struct ft_unwind_rule){ .kind = (uint8_t)kind, .step = reg, .fp = fp, .cfa = cfa };
}

static struct ft_unwind_rule rule_of_register(const struct ft_cfa_state *state)
{
	const struct ft_term *cfa = &state->cfa;
	int16_t fp = rule_fp(state);

	if (cfa->reg >= FT_X86_RIP)
		return (struct ft_unwind_rule){ 0 };
	if (cfa->reg == FT_X86_RBP)
		return rule_of(FT_RULE_FP, 0, cfa->offset, fp);
	if (cfa->reg != FT_X86_RSP)
		return rule_of(FT_RULE_REGISTER, cfa->reg, cfa->offset, fp);
	if (cfa->offset < 0)
		return (struct ft_unwind_rule){ 0 };
	/* A return address below the stack pointer has been popped and thrown away: how
	 * musl's clone marks that a thread begins here. */
	if (cfa->offset < 8)
		return rule_of(FT_RULE_ROOT, 0, 0, 0);
	return rule_of(FT_RULE_SP, 0, cfa->offset, fp);
}

static struct ft_unwind_rule rule_of_deref(const struct ft_cfa_state *state)
{
	const struct ft_term *cfa = &state->cfa;
	int16_t fp = rule_fp(state);
	int32_t packed = cfa->offset | cfa->add / 8;

	if (cfa->reg >= FT_X86_RIP || cfa->offset % 8 != 0 || cfa->add % 8 != 0 || cfa->add < 0 ||
	    cfa->add > 56)
		return (struct ft_unwind_rule){ 0 };
	if (cfa->kind == FT_TERM_INDEXED && (cfa->reg != FT_X86_RSP || cfa->index >= FT_X86_RIP))
		return (struct ft_unwind_rule){ 0 };
	if (cfa->kind == FT_TERM_INDEXED)
		return rule_of(FT_RULE_DEREF_INDEXED, cfa->index, packed, fp);
	if (cfa->reg == FT_X86_RBP)
		return rule_of(FT_RULE_DEREF_FP, 0, packed, fp);
	if (cfa->reg == FT_X86_RSP)
		return rule_of(FT_RULE_DEREF_SP, 0, packed, fp);
	return rule_of(FT_RULE_DEREF_REGISTER, cfa->reg, packed, fp);
}

static bool is_large(int32_t offset)
{
	return offset <= -FT_RULE_CFA_LIMIT + 8 || offset >= FT_RULE_CFA_LIMIT - 8;
}

struct ft_unwind_rule ft_cfa_rule(const struct ft_cfa_state *state)
{
	const struct ft_saved *ra = &state->ra;
	const struct ft_term *cfa = &state->cfa;

	if (ra->kind == FT_SAVED_UNDEFINED)
		return rule_of(FT_RULE_ROOT, 0, 0, 0);
	if (is_large(cfa->offset))
		return (struct ft_unwind_rule){ 0 };
	if (ra->kind == FT_SAVED_REGISTER && ra->reg < FT_X86_RIP && ra->reg != FT_X86_RSP &&
	    cfa->kind == FT_TERM_REGISTER && cfa->reg == FT_X86_RSP)
		return rule_of(FT_RULE_RA_REGISTER, ra->reg, cfa->offset, rule_fp(state));
	if (ra->kind != FT_SAVED_AT_CFA || ra->offset != -8)
		return (struct ft_unwind_rule){ 0 };
	if (cfa->kind == FT_TERM_REGISTER)
		return rule_of_register(state);
	if (cfa->kind == FT_TERM_DEREF || cfa->kind == FT_TERM_INDEXED)
		return rule_of_deref(state);
	if (cfa->kind == FT_TERM_PLT)
		return rule_of(FT_RULE_PLT, 0, cfa->offset, rule_fp(state));
	return (struct ft_unwind_rule){ 0 };
}
