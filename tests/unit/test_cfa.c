/* Programs of call frame information come from the file: each operation does what DWARF
 * says, and what cannot be followed is refused or becomes a rule that says so. */
#include "symbolizer/cfa.h"

#include <errno.h>
#include <stdint.h>

#include "tests/ft_check.h"

#define MAX_ROWS 16

#define BYTES(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })

#define RULE(k, s, f, c)                                                \
	{                                                               \
		.kind = FT_RULE_##k, .step = (s), .fp = (f), .cfa = (c) \
	}
#define SP(c) RULE(SP, 0, 0, c)
#define LOST  FT_RULE_FP_UNDEFINED

struct row {
	uint64_t offset;
	struct ft_unwind_rule rule;
};

struct rows {
	struct row rows[MAX_ROWS];
	uint32_t n, stop_at;
};

static int on_row(void *sink, uint64_t offset, const struct ft_cfa_state *state)
{
	struct rows *rows = sink;

	ck_assert_uint_lt(rows->n, MAX_ROWS);
	rows->rows[rows->n++] = (struct row){ offset, ft_cfa_rule(state) };
	return rows->stop_at && rows->n == rows->stop_at ? -ENOMEM : 0;
}

/* As every CIE of x86-64: CFA = rsp + 8, the return address at CFA - 8. */
static const uint8_t common[] = { 0x0c, 7, 8, 0x90, 1 };

static int run(const uint8_t *program, size_t n, uint64_t length, struct rows *rows)
{
	struct ft_cfa_state initial;
	struct ft_cfa_context context = { .code_align = 1, .data_align = -8, .ra_reg = 16 };

	ck_assert_int_eq(
		ft_cfa_run_initial(&context, ft_cursor_of(common, sizeof(common)), &initial), 0);
	context.initial = &initial;
	return ft_cfa_run(&context, ft_cursor_of(program, n), length, on_row, rows);
}

static const struct {
	const char *what;
	uint8_t program[32];
	size_t n;
	struct row rows[MAX_ROWS]; /* the end: a rule of kind FT_RULE_KINDS */
} cases[] = {
	{ "nothing", { 0 }, 0, { { 0, SP(8) }, { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "push, then a frame",
	  BYTES(0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x5c, 0x0c, 7, 8, 0xc6),
	  { { 0, SP(8) },
	    { 1, RULE(SP, 0, -2, 16) },
	    { 4, RULE(FP, 0, -2, 16) },
	    { 32, SP(8) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "every advance",
	  BYTES(0x02, 1, 0x0e, 16, 0x03, 1, 0, 0x0e, 24, 0x04, 1, 0, 0, 0, 0x0e, 32),
	  { { 0, SP(8) },
	    { 1, SP(16) },
	    { 2, SP(24) },
	    { 3, SP(32) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "advance by nothing",
	  BYTES(0x40, 0x0e, 16, 0x02, 0, 0x0e, 24),
	  { { 0, SP(24) }, { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "advance past the end",
	  BYTES(0x0e, 16, 0x02, 200, 0x0e, 24, 0x41, 0x0e, 32),
	  { { 0, SP(16) }, { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "remember and restore",
	  BYTES(0x0e, 16, 0x0a, 0x41, 0x0e, 24, 0x86, 3, 0x0a, 0x41, 0x0e, 32, 0x41, 0x0b, 0x41,
		0x0b),
	  { { 0, SP(16) },
	    { 1, RULE(SP, 0, -3, 24) },
	    { 2, RULE(SP, 0, -3, 32) },
	    { 3, RULE(SP, 0, -3, 24) },
	    { 4, SP(16) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "large frames",
	  BYTES(0x0e, 0xf8, 0xfb, 0x20, 0x41, 0x13, 0x81, 0x80, 0x7c),
	  { { 0, SP(540152) }, { 1, SP(524280) }, { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "def_cfa in factors",
	  BYTES(0x12, 6, 0x7e),
	  { { 0, RULE(FP, 0, 0, 16) }, { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "other registers",
	  BYTES(0x0c, 10, 8, 0x41, 0x0c, 15, 0, 0x41, 0x0d, 0, 0x41, 0x0c, 16, 8),
	  { { 0, RULE(REGISTER, 10, 0, 8) },
	    { 1, RULE(REGISTER, 15, 0, 0) },
	    { 2, RULE(REGISTER, 0, 0, 0) },
	    { 3, RULE(NONE, 0, 0, 0) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "arguments do not matter",
	  BYTES(0x2e, 16, 0x41, 0x0e, 16, 0x00, 0x2e, 0),
	  { { 0, SP(8) }, { 1, SP(16) }, { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "other registers saved",
	  BYTES(0x83, 2, 0x8c, 3, 0x05, 14, 4, 0x11, 15, 5, 0x07, 3, 0x08, 12, 0xc3, 0x09, 3, 4),
	  { { 0, SP(8) }, { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "rbp saved in each way",
	  BYTES(0x05, 6, 2, 0x41, 0x11, 6, 3, 0x41, 0x2f, 6, 4, 0x41, 0x08, 6, 0x41, 0x86, 5, 0x41,
		0x06, 6),
	  { { 0, RULE(SP, 0, -2, 8) },
	    { 1, RULE(SP, 0, -3, 8) },
	    { 2, RULE(SP, 0, 4, 8) },
	    { 3, SP(8) },
	    { 4, RULE(SP, 0, -5, 8) },
	    { 5, SP(8) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "rbp lost in each way",
	  BYTES(0x07, 6, 0x41, 0x09, 6, 9, 0x41, 0x14, 6, 2, 0x41, 0x15, 6, 2, 0x41, 0x16, 6, 2,
		0x76, 0, 0x41, 0x86, 0),
	  { { 0, RULE(SP, 0, LOST, 8) },
	    { 1, RULE(SP, 0, LOST, 8) },
	    { 2, RULE(SP, 0, LOST, 8) },
	    { 3, RULE(SP, 0, LOST, 8) },
	    { 4, RULE(SP, 0, LOST, 8) },
	    { 5, RULE(SP, 0, LOST, 8) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "rbp by expression",
	  BYTES(0x10, 6, 2, 0x77, 0x70, 0x41, 0x10, 6, 2, 0x77, 0x00, 0x41, 0x10, 6, 2, 0x76, 8,
		0x41, 0x10, 6, 3, 0x11, 0x70, 0x22),
	  { { 0, RULE(SP, 0, -3, 8) },
	    { 1, RULE(SP, 0, -1, 8) },
	    { 2, RULE(SP, 0, LOST, 8) },
	    { 3, RULE(SP, 0, -2, 8) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "a realigned stack",
	  BYTES(0x0c, 10, 0, 0x41, 0x10, 6, 2, 0x76, 0, 0x41, 0x0f, 3, 0x76, 0x78, 0x06, 0x41, 0x0c,
		10, 0),
	  { { 0, RULE(REGISTER, 10, 0, 0) },
	    { 1, RULE(REGISTER, 10, FT_RULE_FP_AT_FP, 0) },
	    { 2, RULE(DEREF_FP, 0, FT_RULE_FP_AT_FP, -8) },
	    { 3, RULE(REGISTER, 10, FT_RULE_FP_AT_FP, 0) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "in memory",
	  BYTES(0x0f, 5, 0x77, 0x78, 0x06, 0x23, 8, 0x41, 0x0f, 3, 0x7a, 16, 0x06, 0x41, 0x0f, 5,
		0x77, 16, 0x06, 0x23, 56),
	  { { 0, RULE(DEREF_SP, 0, 0, -8 | 1) },
	    { 1, RULE(DEREF_REGISTER, 10, 0, 16) },
	    { 2, RULE(DEREF_SP, 0, 0, 16 | 7) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "in memory, behind an array",
	  BYTES(0x0f, 10, 0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 8, 0x41, 0x0f, 8, 0x76, 8,
		0x79, 0, 0x38, 0x1e, 0x22, 0x06),
	  { { 0, RULE(DEREF_INDEXED, 9, 0, 8 | 1) },
	    { 1, RULE(NONE, 0, 0, 0) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "in memory, but not to be packed",
	  BYTES(0x0f, 5, 0x77, 16, 0x06, 0x23, 64, 0x41, 0x0f, 3, 0x77, 4, 0x06, 0x41, 0x0f, 5,
		0x77, 8, 0x06, 0x23, 4, 0x41, 0x0f, 1, 0xff),
	  { { 0, RULE(NONE, 0, 0, 0) },
	    { 1, RULE(NONE, 0, 0, 0) },
	    { 2, RULE(NONE, 0, 0, 0) },
	    { 3, RULE(NONE, 0, 0, 0) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "PLT",
	  BYTES(0x0e, 16, 0x46, 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24,
		0x22),
	  { { 0, SP(16) }, { 6, RULE(PLT, 0, 0, 11) }, { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "roots: no return address, and one that was popped",
	  BYTES(0x0a, 0x07, 16, 0x41, 0x0b, 0x0e, 0, 0x41, 0x0e, 7, 0x41, 0x0e, 8),
	  { { 0, RULE(ROOT, 0, 0, 0) },
	    { 1, RULE(ROOT, 0, 0, 0) },
	    { 2, RULE(ROOT, 0, 0, 0) },
	    { 3, SP(8) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "return address in a register",
	  BYTES(0x09, 16, 5, 0x0e, 0, 0x41, 0x09, 16, 7, 0x41, 0x0c, 6, 0, 0x09, 16, 5),
	  { { 0, RULE(RA_REGISTER, 5, 0, 0) },
	    { 1, RULE(NONE, 0, 0, 0) },
	    { 2, RULE(NONE, 0, 0, 0) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "return address elsewhere",
	  BYTES(0x90, 2, 0x41, 0x08, 16, 0x41, 0x10, 16, 2, 0x77, 8, 0x41, 0x14, 16, 1, 0x41, 0xd0),
	  { { 0, RULE(NONE, 0, 0, 0) },
	    { 1, RULE(NONE, 0, 0, 0) },
	    { 2, RULE(NONE, 0, 0, 0) },
	    { 3, RULE(NONE, 0, 0, 0) },
	    { 4, SP(8) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "a CFA below the stack pointer",
	  BYTES(0x13, 1),
	  { { 0, RULE(NONE, 0, 0, 0) }, { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "rbp too far away",
	  BYTES(0x86, 0x80, 0x80, 0x02, 0x41, 0x86, 0xfe, 0xff, 0x01),
	  { { 0, RULE(SP, 0, LOST, 8) },
	    { 1, RULE(SP, 0, -32766, 8) },
	    { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "a frame of 1 GiB",
	  BYTES(0x0e, 0x80, 0x80, 0x80, 0x80, 0x04, 0x41, 0x0f, 7, 0x77, 0x80, 0x80, 0x80, 0x80,
		0x7c, 0x06),
	  { { 0, RULE(NONE, 0, 0, 0) }, { 1, RULE(NONE, 0, 0, 0) }, { 0, RULE(KINDS, 0, 0, 0) } } },
	{ "an offset of more than 32 bits",
	  BYTES(0x0c, 7, 0x80, 0x80, 0x80, 0x80, 0x10),
	  { { 0, RULE(NONE, 0, 0, 0) }, { 0, RULE(KINDS, 0, 0, 0) } } },
};

START_TEST(runs_a_program)
{
	struct rows rows = { 0 };
	uint32_t n = 0;

	ck_assert_int_eq(run(cases[_i].program, cases[_i].n, 100, &rows), 0);
	for (; cases[_i].rows[n].rule.kind != FT_RULE_KINDS; n++) {
		const struct row *want = &cases[_i].rows[n], *got = &rows.rows[n];

		ck_assert_msg(n < rows.n, "%s: only %u rows", cases[_i].what, rows.n);
		ck_assert_msg(got->offset == want->offset && got->rule.kind == want->rule.kind &&
				      got->rule.step == want->rule.step &&
				      got->rule.fp == want->rule.fp &&
				      got->rule.cfa == want->rule.cfa,
			      "%s: row %u is at %u: %u %u %d %d", cases[_i].what, n,
			      (unsigned int)got->offset, got->rule.kind, got->rule.step,
			      got->rule.fp, got->rule.cfa);
	}
	ck_assert_msg(n == rows.n, "%s: %u rows, not %u", cases[_i].what, rows.n, n);
}
END_TEST

static const struct {
	const char *what;
	uint8_t program[32];
	size_t n;
} bad[] = {
	{ "unknown operation", BYTES(0x3f) },
	{ "set_loc", BYTES(0x01, 0, 0, 0, 0, 0, 0, 0, 0) },
	{ "nothing to restore", BYTES(0x0b) },
	{ "more restored than remembered", BYTES(0x0a, 0x0b, 0x0b) },
	{ "remembered too often",
	  BYTES(10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10) },
	{ "cut", BYTES(0x41, 0x0c, 7) },
	{ "cut number", BYTES(0x41, 0x0e, 0x80) },
	{ "cut advance", BYTES(0x04, 1, 0, 0) },
	{ "expression past the end", BYTES(0x0f, 4, 0x77, 8, 0x06) },
	{ "endless number",
	  BYTES(0x0e, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1) },
	{ "half of an expression changed", BYTES(0x0f, 2, 0x77, 8, 0x0f, 3, 0x77, 8, 6, 0x0e, 16) },
	{ "register of an expression changed", BYTES(0x0f, 3, 0x77, 8, 6, 0x0d, 7) },
};

START_TEST(refuses_a_program)
{
	struct rows rows = { 0 };

	ck_assert_msg(run(bad[_i].program, bad[_i].n, 100, &rows) == -EBADMSG, "%s", bad[_i].what);
}
END_TEST

/* Sixteen states are what is allowed, and they come back in order. */
START_TEST(remembers_as_many_as_it_says)
{
	uint8_t program[FT_CFA_MAX_REMEMBERED * 5];
	struct rows rows = { 0 };
	size_t n = 0;

	for (uint8_t i = 0; i < FT_CFA_MAX_REMEMBERED; i++) {
		program[n++] = 0x0e;
		program[n++] = (uint8_t)(16 + i);
		program[n++] = 0x0a;
	}
	for (unsigned int i = 0; i < FT_CFA_MAX_REMEMBERED; i++)
		program[n++] = 0x0b;
	ck_assert_int_eq(run(program, n, 1, &rows), 0);
	ck_assert_uint_eq(rows.n, 1);
	ck_assert_int_eq(rows.rows[0].rule.cfa, 16);
}
END_TEST

START_TEST(stops_when_told)
{
	static const uint8_t program[] = { 0x41, 0x0e, 16, 0x41, 0x0e, 24 };
	struct rows rows = { .stop_at = (uint32_t)_i };

	ck_assert_int_eq(run(program, sizeof(program), 100, &rows), -ENOMEM);
	ck_assert_uint_eq(rows.n, (uint32_t)_i);
}
END_TEST

static const struct {
	uint8_t program[16];
	size_t n;
} bad_common[] = {
	{ BYTES(0x0c, 7, 8, 0x90, 1, 0x41) }, /* where would it advance to? */
	{ BYTES(0x0c, 7, 8, 0xd0) },	      /* what would it restore? */
	{ BYTES(0x0c, 7) },
};

START_TEST(refuses_a_common_program)
{
	struct ft_cfa_context context = { .code_align = 1, .data_align = -8, .ra_reg = 16 };
	struct ft_cfa_state state;

	ck_assert_int_eq(ft_cfa_run_initial(&context,
					    ft_cursor_of(bad_common[_i].program, bad_common[_i].n),
					    &state),
			 -EBADMSG);
}
END_TEST

/* A CIE that says nothing gives no rule, rather than a guess. */
START_TEST(says_nothing_of_nothing)
{
	struct ft_cfa_context context = { .code_align = 1, .data_align = -8, .ra_reg = 16 };
	struct ft_cfa_state state;

	ck_assert_int_eq(ft_cfa_run_initial(&context, ft_cursor_of(common, 0), &state), 0);
	ck_assert_int_eq(ft_cfa_rule(&state).kind, FT_RULE_NONE);
	ck_assert_int_eq(ft_cfa_run_initial(&context, ft_cursor_of(common, 3), &state), 0);
	ck_assert_int_eq(ft_cfa_rule(&state).kind, FT_RULE_NONE);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, runs_a_program, 0, FT_CASES(cases));
	tcase_add_loop_test(tc, refuses_a_program, 0, FT_CASES(bad));
	tcase_add_test(tc, remembers_as_many_as_it_says);
	tcase_add_loop_test(tc, stops_when_told, 1, 4);
	tcase_add_loop_test(tc, refuses_a_common_program, 0, FT_CASES(bad_common));
	tcase_add_test(tc, says_nothing_of_nothing);
}

FT_CHECK_MAIN("cfa", add_tests)
