#include "symbolizer/cfexpr.h"

#include <string.h>

#include "base/base.h"
#include "base/cursor.h"
#include "symbolizer/leb.h"

/* Deeper than any expression that can be told apart here. */
#define STACK_MAX 4u

enum {
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08,
	OP_CONST1S = 0x09,
	OP_CONST2U = 0x0a,
	OP_CONST2S = 0x0b,
	OP_CONST4U = 0x0c,
	OP_CONST4S = 0x0d,
	OP_CONSTU = 0x10,
	OP_CONSTS = 0x11,
	OP_MINUS = 0x1c,
	OP_MUL = 0x1e,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_LIT0 = 0x30,
	OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f,
	OP_BREGX = 0x92,
	OP_NOP = 0x96,
};

/* A value is a constant, or a term that constants can be added to. Its constant part is
 * kept in 64 bits until the end. */
enum value_kind {
	CONSTANT,
	REGISTER,
	SCALED, /* index * 8 */
	SUM,	/* reg + index * 8 */
	DEREF,
	DEREF_SUM,
	CFA
};

struct value {
	enum value_kind kind;
	uint8_t reg, index;
	int64_t offset; /* under the dereference */
	int64_t add;	/* the constant, or what is added last */
};

struct machine {
	struct value stack[STACK_MAX];
	uint32_t n;
	bool failed;
};

static void push(struct machine *m, enum value_kind kind, uint64_t reg, int64_t add)
{
	if (m->n == STACK_MAX || reg > UINT8_MAX) {
		m->failed = true;
		return;
	}
	m->stack[m->n++] = (struct value){ .kind = kind, .reg = (uint8_t)reg, .add = add };
}

static struct value *top(struct machine *m)
{
	if (m->n == 0)
		m->failed = true;
	return m->failed ? NULL : &m->stack[m->n - 1];
}

static void add_constant(struct machine *m, int64_t constant)
{
	struct value *value = top(m);

	if (value && __builtin_add_overflow(value->add, constant, &value->add))
		m->failed = true;
}

static void deref(struct machine *m)
{
	struct value *value = top(m);

	if (!value)
		return;
	if (value->kind != REGISTER && value->kind != SUM) {
		m->failed = true;
		return;
	}
	*value = (struct value){ .kind = value->kind == SUM ? DEREF_SUM : DEREF,
				 .reg = value->reg,
				 .index = value->index,
				 .offset = value->add };
}

/* Only a register by 8: assembler that looks for its caller's stack pointer behind an
 * array of so many numbers. */
static void scale(struct machine *m)
{
	struct value *left;

	m->failed |= m->n < 2;
	if (m->failed)
		return;
	left = &m->stack[m->n - 2];
	if (left->kind != REGISTER || left->add != 0 || left[1].kind != CONSTANT ||
	    left[1].add != 8) {
		m->failed = true;
		return;
	}
	*left = (struct value){ .kind = SCALED, .index = left->reg };
	m->n--;
}

/* One of the two must be a constant, and of a difference the right one; or a register
 * that was scaled is added to another. */
static void combine(struct machine *m, bool minus)
{
	struct value *left, *right;
	int64_t constant;

	if (m->n < 2) {
		m->failed = true;
		return;
	}
	left = &m->stack[m->n - 2];
	right = &m->stack[m->n - 1];
	if (!minus && left->kind == CONSTANT) {
		struct value swapped = *left;

		*left = *right;
		*right = swapped;
	}
	constant = right->add;
	if (!minus && left->kind == REGISTER && right->kind == SCALED) {
		left->kind = SUM;
		left->index = right->index;
		m->n--;
		return;
	}
	if (right->kind != CONSTANT || (minus && __builtin_sub_overflow(0, constant, &constant))) {
		m->failed = true;
		return;
	}
	m->n--;
	add_constant(m, constant);
}

static void run_constant(struct machine *m, struct ft_cursor *c, uint8_t op)
{
	switch (op) {
	case OP_CONST1U:
		push(m, CONSTANT, 0, ft_cursor_u8(c));
		break;
	case OP_CONST1S:
		push(m, CONSTANT, 0, (int8_t)ft_cursor_u8(c));
		break;
	case OP_CONST2U:
		push(m, CONSTANT, 0, ft_cursor_u16(c));
		break;
	case OP_CONST2S:
		push(m, CONSTANT, 0, (int16_t)ft_cursor_u16(c));
		break;
	case OP_CONST4U:
		push(m, CONSTANT, 0, ft_cursor_u32(c));
		break;
	case OP_CONST4S:
		push(m, CONSTANT, 0, (int32_t)ft_cursor_u32(c));
		break;
	case OP_CONSTU:
		push(m, CONSTANT, 0, (int64_t)ft_cursor_varint(c));
		break;
	case OP_CONSTS:
		push(m, CONSTANT, 0, ft_leb_signed(c));
		break;
	default:
		m->failed = true;
	}
}

static void run_op(struct machine *m, struct ft_cursor *c, uint8_t op)
{
	uint64_t reg;

	if (op >= OP_LIT0 && op <= OP_LIT31) {
		push(m, CONSTANT, 0, op - OP_LIT0);
		return;
	}
	if (op >= OP_BREG0 && op <= OP_BREG31) {
		push(m, REGISTER, op - OP_BREG0, ft_leb_signed(c));
		return;
	}
	switch (op) {
	case OP_BREGX:
		reg = ft_cursor_varint(c);
		push(m, REGISTER, reg, ft_leb_signed(c));
		break;
	case OP_DEREF:
		deref(m);
		break;
	case OP_PLUS_UCONST:
		add_constant(m, (int64_t)ft_cursor_varint(c));
		break;
	case OP_PLUS:
	case OP_MINUS:
		combine(m, op == OP_MINUS);
		break;
	case OP_MUL:
		scale(m);
		break;
	case OP_NOP:
		break;
	default:
		run_constant(m, c, op);
	}
}

/* Linkers write this one for .plt, byte for byte but for the number of the byte in an
 * entry at which its push is done. */
static bool is_plt(const uint8_t *bytes, size_t n, uint8_t *ret_threshold)
{
	static const uint8_t head[] = { 0x77, 8, 0x80, 0, 0x3f, 0x1a };
	static const uint8_t tail[] = { 0x2a, 0x33, 0x24, 0x22 };
	const size_t at = sizeof(head);

	if (n != sizeof(head) + 1 + sizeof(tail) || memcmp(bytes, head, sizeof(head)) != 0 ||
	    memcmp(bytes + at + 1, tail, sizeof(tail)) != 0 || bytes[at] < OP_LIT0 ||
	    bytes[at] > OP_LIT0 + 15)
		return false;
	*ret_threshold = (uint8_t)(bytes[at] - OP_LIT0);
	return true;
}

static struct ft_term to_term(const struct value *value)
{
	struct ft_term term = { .reg = value->reg, .index = value->index };
	bool fits;

	if (value->kind == DEREF || value->kind == DEREF_SUM)
		fits = !__builtin_add_overflow(value->offset, 0, &term.offset) &&
		       !__builtin_add_overflow(value->add, 0, &term.add);
	else
		fits = !__builtin_add_overflow(value->add, 0, &term.offset);
	if (!fits)
		return (struct ft_term){ 0 };
	if (value->kind == REGISTER)
		term.kind = FT_TERM_REGISTER;
	else if (value->kind == DEREF)
		term.kind = FT_TERM_DEREF;
	else if (value->kind == DEREF_SUM)
		term.kind = FT_TERM_INDEXED;
	else if (value->kind == CFA)
		term.kind = FT_TERM_CFA;
	return term;
}

struct ft_term ft_cfexpr_read(const uint8_t *bytes, size_t n, bool with_cfa)
{
	struct ft_cursor c = ft_cursor_of(bytes, n);
	struct machine m = { 0 };
	uint8_t threshold;

	if (!with_cfa && is_plt(bytes, n, &threshold))
		return (struct ft_term){ .kind = FT_TERM_PLT, .offset = threshold };
	if (with_cfa)
		push(&m, CFA, 0, 0);
	while (ft_cursor_left(&c) > 0 && !m.failed)
		run_op(&m, &c, ft_cursor_u8(&c));
	if (m.failed || c.failed || m.n == 0)
		return (struct ft_term){ 0 };
	return to_term(&m.stack[m.n - 1]);
}
