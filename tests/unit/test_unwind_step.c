/* One step up a stack by each kind of rule, on memory that the test lays out, and walks by
 * any rules over any memory: they end, and each step leads up the stack. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tests/ft_check.h"

/* User memory: WORDS words at STACK, nothing else. */
#define WORDS 512u
#define STACK 0x7ffc00000000ull
#define AT(i) (STACK + 8 * (i))

static uint64_t words[WORDS];

static int read_user(void *to, size_t bytes, uint64_t address)
{
	if (address < STACK || address > AT(WORDS) - bytes)
		return -1;
	memcpy(to, (const char *)words + (address - STACK), bytes);
	return 0;
}

#define FT_READ_USER(to, bytes, address) read_user(to, bytes, address)
#include "bpf/unwind_step.h"

/* What word i holds where a case does not say: an address of code that tells which. */
#define CODE(i) (0x400000ull + 16 * (i))

#define PC 0x1005ull
#define SP AT(10)
#define FP AT(20)

struct word {
	uint32_t at;
	uint64_t value;
};

struct expected {
	enum ft_step step;
	uint64_t pc, sp, fp; /* when there is a next frame */
};

#define NEXT(pc, sp, fp)                       \
	{                                      \
		FT_STEP_NEXT, (pc), (sp), (fp) \
	}
#define END(step)               \
	{                       \
		(step), 0, 0, 0 \
	}
#define UNDEFINED FT_RULE_FP_UNDEFINED
#define MINUS	  FT_RULE_STEP_MINUS
#define BEYOND	  FT_USER_SPACE_END

static const struct step_case {
	const char *what;
	struct ft_unwind_rule rule;
	struct expected expected;
	uint32_t distance;
	struct word words[3];
	uint64_t pc, fp; /* 0: PC, FP */
} cases[] = {
	{ .what = "nothing known", { FT_RULE_NONE, 0, 0, 8 }, END(FT_STEP_NO_RULE) },
	{ .what = "a kind of tomorrow", { FT_RULE_KINDS, 0, 0, 8 }, END(FT_STEP_NO_RULE) },
	{ .what = "root", { FT_RULE_ROOT, 0, 0, 8 }, END(FT_STEP_ROOT) },

	{ .what = "sp, fp unchanged", { FT_RULE_SP, 0, 0, 16 }, NEXT(CODE(11), AT(12), FP) },
	{ .what = "sp, fp undefined", { FT_RULE_SP, 0, UNDEFINED, 16 }, NEXT(CODE(11), AT(12), 0) },
	{ .what = "sp, fp below ra", { FT_RULE_SP, 0, -2, 24 }, NEXT(CODE(12), AT(13), CODE(11)) },
	{ .what = "sp, fp deeper", { FT_RULE_SP, 0, -5, 64 }, NEXT(CODE(17), AT(18), CODE(13)) },
	{ .what = "sp, fp above", { FT_RULE_SP, 0, 3, 16 }, NEXT(CODE(11), AT(12), CODE(15)) },
	{ .what = "sp, fp at fp",
	  { FT_RULE_SP, 0, FT_RULE_FP_AT_FP, 16 },
	  NEXT(CODE(11), AT(12), CODE(20)) },
	{ .what = "fp", { FT_RULE_FP, 0, -2, 16 }, NEXT(CODE(21), AT(22), CODE(20)) },
	{ .what = "fp, cfa below it", { FT_RULE_FP, 0, 0, -16 }, NEXT(CODE(17), AT(18), FP) },

	{ .what = "before a step", { FT_RULE_SP, 5, 0, 16 }, NEXT(CODE(11), AT(12), FP), 4 },
	{ .what = "at a step", { FT_RULE_SP, 5, 0, 16 }, NEXT(CODE(12), AT(13), FP), 5 },
	{ .what = "after a step", { FT_RULE_SP, 5, 0, 16 }, NEXT(CODE(12), AT(13), FP), 9999 },
	{ .what = "before a step down",
	  { FT_RULE_SP, MINUS | 127, 0, 24 },
	  NEXT(CODE(12), AT(13), FP),
	  126 },
	{ .what = "after a step down",
	  { FT_RULE_SP, MINUS | 127, 0, 24 },
	  NEXT(CODE(11), AT(12), FP),
	  127 },
	{ .what = "fp after a step", { FT_RULE_FP, 1, 0, 16 }, NEXT(CODE(22), AT(23), FP), 1 },
	{ .what = "fp after a step down",
	  { FT_RULE_FP, MINUS | 1, 0, 24 },
	  NEXT(CODE(21), AT(22), FP),
	  1 },
	{ .what = "a step is not for others",
	  { FT_RULE_DEREF_SP, 1, 0, 32 },
	  NEXT(CODE(29), AT(30), FP),
	  1,
	  { { 14, AT(30) } } },

	{ .what = "*sp",
	  { FT_RULE_DEREF_SP, 0, 0, 32 | 2 },
	  NEXT(CODE(31), AT(32), FP),
	  0,
	  { { 14, AT(30) } } },
	{ .what = "*sp below",
	  { FT_RULE_DEREF_SP, 0, -2, -16 | 7 },
	  NEXT(CODE(36), AT(37), CODE(35)),
	  0,
	  { { 8, AT(30) } } },
	{ .what = "*fp below",
	  { FT_RULE_DEREF_FP, 0, -5, -16 },
	  NEXT(CODE(29), AT(30), CODE(25)),
	  0,
	  { { 18, AT(30) } } },
	{ .what = "*fp, fp at fp",
	  { FT_RULE_DEREF_FP, 0, FT_RULE_FP_AT_FP, -8 },
	  NEXT(CODE(29), AT(30), AT(50)),
	  0,
	  { { 19, AT(30) }, { 20, AT(50) } } },
	{ .what = "*fp unreadable", { FT_RULE_DEREF_FP, 0, 0, 8000 }, END(FT_STEP_UNREADABLE) },
	{ .what = "*fp of no stack", { FT_RULE_DEREF_FP, 0, 0, 0 }, END(FT_STEP_BROKEN) },

	{ .what = "plt, before its push",
	  { FT_RULE_PLT, 0, 0, 11 },
	  NEXT(CODE(10), AT(11), FP),
	  0,
	  { { 0 } },
	  0x100a },
	{ .what = "plt, after its push",
	  { FT_RULE_PLT, 0, 0, 11 },
	  NEXT(CODE(11), AT(12), FP),
	  0,
	  { { 0 } },
	  0x100b },
	{ .what = "plt, last byte",
	  { FT_RULE_PLT, 0, 0, 11 },
	  NEXT(CODE(11), AT(12), FP),
	  0,
	  { { 0 } },
	  0x100f },

	{ .what = "frame pointer",
	  { FT_RULE_FRAME_POINTER, 0, 0, 0 },
	  NEXT(CODE(21), AT(22), AT(30)),
	  0,
	  { { 20, AT(30) } } },
	{ .what = "frame pointer, last frame",
	  { FT_RULE_FRAME_POINTER, 0, 0, 0 },
	  NEXT(CODE(21), AT(22), 0),
	  0,
	  { { 20, 0 } } },
	{ .what = "frame pointer 0",
	  { FT_RULE_FRAME_POINTER, 0, 0, 0 },
	  END(FT_STEP_ROOT),
	  0,
	  { { 0 } },
	  0,
	  1 },

	{ .what = "frame pointer below sp",
	  { FT_RULE_FRAME_POINTER, 0, 0, 0 },
	  END(FT_STEP_BROKEN),
	  0,
	  { { 0 } },
	  0,
	  AT(9) },
	{ .what = "frame pointer at sp",
	  { FT_RULE_FRAME_POINTER, 0, 0, 0 },
	  NEXT(CODE(11), AT(12), 0),
	  0,
	  { { 10, 0 } },
	  0,
	  SP },
	{ .what = "frame pointer misaligned",
	  { FT_RULE_FRAME_POINTER, 0, 0, 0 },
	  END(FT_STEP_BROKEN),
	  0,
	  { { 0 } },
	  0,
	  FP + 4 },
	{ .what = "frame pointer to itself",
	  { FT_RULE_FRAME_POINTER, 0, 0, 0 },
	  END(FT_STEP_BROKEN),
	  0,
	  { { 20, FP } } },
	{ .what = "frame pointer beyond",
	  { FT_RULE_FRAME_POINTER, 0, 0, 0 },
	  END(FT_STEP_BROKEN),
	  0,
	  { { 0 } },
	  0,
	  BEYOND },
	{ .what = "frame pointer into the kernel",
	  { FT_RULE_FRAME_POINTER, 0, 0, 0 },
	  END(FT_STEP_BROKEN),
	  0,
	  { { 20, AT(30) }, { 21, BEYOND } } },
	{ .what = "frame pointer not resident",
	  { FT_RULE_FRAME_POINTER, 0, 0, 0 },
	  END(FT_STEP_UNREADABLE),
	  0,
	  { { 0 } },
	  0,
	  SP + FT_STACK_REACH - 8 },
	{ .what = "frame pointer to no stack",
	  { FT_RULE_FRAME_POINTER, 0, 0, 0 },
	  END(FT_STEP_BROKEN),
	  0,
	  { { 0 } },
	  0,
	  SP + FT_STACK_REACH },

	{ .what = "cfa not above sp", { FT_RULE_SP, 0, 0, 0 }, END(FT_STEP_BROKEN) },
	{ .what = "cfa below sp", { FT_RULE_FP, 0, 0, -88 }, END(FT_STEP_BROKEN) },
	{ .what = "cfa misaligned", { FT_RULE_SP, 0, 0, 20 }, END(FT_STEP_BROKEN) },
	{ .what = "cfa beyond user space",
	  { FT_RULE_FP, 0, 0, 0 },
	  END(FT_STEP_BROKEN),
	  0,
	  { { 0 } },
	  0,
	  BEYOND },
	{ .what = "ra above the memory",
	  { FT_RULE_SP, 0, 0, 8 * (WORDS - 10) + 8 },
	  END(FT_STEP_UNREADABLE) },
	{ .what = "ra last of the memory",
	  { FT_RULE_SP, 0, 0, 8 * (WORDS - 10) },
	  NEXT(CODE(WORDS - 1), AT(WORDS), FP) },
	{ .what = "fp above the memory", { FT_RULE_SP, 0, WORDS, 16 }, END(FT_STEP_UNREADABLE) },
	{ .what = "fp below the memory", { FT_RULE_SP, 0, -13, 16 }, END(FT_STEP_UNREADABLE) },
	{ .what = "far cfa", { FT_RULE_SP, 0, 0, 540128 }, END(FT_STEP_UNREADABLE) },
	{ .what = "return into the kernel",
	  { FT_RULE_SP, 0, 0, 16 },
	  END(FT_STEP_BROKEN),
	  0,
	  { { 11, 0xffffffff81000000 } } },
	{ .what = "return beyond user space",
	  { FT_RULE_SP, 0, 0, 16 },
	  END(FT_STEP_BROKEN),
	  0,
	  { { 11, BEYOND } } },
	{ .what = "return to the last byte",
	  { FT_RULE_SP, 0, 0, 16 },
	  NEXT(BEYOND - 1, AT(12), FP),
	  0,
	  { { 11, BEYOND - 1 } } },
	{ .what = "return to nowhere",
	  { FT_RULE_SP, 0, 0, 16 },
	  END(FT_STEP_ROOT),
	  0,
	  { { 11, 0 } } },
};

static struct ft_unwind_state prepare(const struct word *set, size_t n)
{
	struct ft_unwind_state state = { .pc = PC, .sp = SP, .fp = FP, .exact = 1, .has_regs = 1 };

	for (uint32_t i = 0; i < WORDS; i++)
		words[i] = CODE(i);
	for (size_t i = 0; i < n; i++)
		if (set[i].at)
			words[set[i].at] = set[i].value;
	return state;
}

static void check(const char *what, struct ft_unwind_state *state,
		  const struct ft_unwind_rule *rule, uint32_t distance,
		  const struct expected *expected)
{
	enum ft_step step = ft_step_by_rule(state, rule, distance);

	ck_assert_msg(step == expected->step, "%s: step %d", what, step);
	if (step != FT_STEP_NEXT)
		return;
	ck_assert_msg(state->pc == expected->pc, "%s: pc %llx", what, state->pc);
	ck_assert_msg(state->sp == expected->sp, "%s: sp %llx", what, state->sp);
	ck_assert_msg(state->fp == expected->fp, "%s: fp %llx", what, state->fp);
	ck_assert_msg(!state->has_regs, "%s: registers of another frame", what);
}

START_TEST(goes_by_the_rule)
{
	const struct step_case *c = &cases[_i];
	struct ft_unwind_state state = prepare(c->words, FT_COUNT(c->words));

	if (c->pc)
		state.pc = c->pc;
	if (c->fp)
		state.fp = c->fp == 1 ? 0 : c->fp;
	check(c->what, &state, &c->rule, c->distance, &c->expected);
	if (c->expected.step == FT_STEP_NEXT)
		ck_assert_uint_eq(state.exact, 0);
}
END_TEST

/* Rules that need a register of the topmost frame: number 12, which holds AT(40), or 13,
 * which holds 30. */
static const struct {
	const char *what;
	struct ft_unwind_rule rule;
	struct expected expected;
} register_cases[] = {
	{ "register", { FT_RULE_REGISTER, 12, -2, 16 }, NEXT(CODE(41), AT(42), CODE(40)) },
	{ "register, below", { FT_RULE_REGISTER, 12, 0, -16 }, NEXT(CODE(37), AT(38), FP) },
	{ "*register", { FT_RULE_DEREF_REGISTER, 12, 0, 8 | 1 }, NEXT(CODE(50), AT(51), FP) },
	{ "*(sp + register * 8)",
	  { FT_RULE_DEREF_INDEXED, 13, 0, 8 | 1 },
	  NEXT(CODE(50), AT(51), FP) },
	{ "return address in it", { FT_RULE_RA_REGISTER, 12, 0, 16 }, NEXT(AT(40), AT(12), FP) },
	{ "nothing left on the stack", { FT_RULE_RA_REGISTER, 12, 0, 0 }, NEXT(AT(40), SP, FP) },
	{ "less than nothing", { FT_RULE_RA_REGISTER, 12, 0, -8 }, END(FT_STEP_BROKEN) },
};

START_TEST(knows_registers_of_the_topmost_frame)
{
	static const struct word at_41 = { 41, AT(50) };

	for (uint32_t has_regs = 0; has_regs < 2; has_regs++) {
		struct ft_unwind_state state = prepare(&at_41, 1);
		static const struct expected none = END(FT_STEP_NO_RULE);

		if (register_cases[_i].rule.kind != FT_RULE_DEREF_REGISTER &&
		    register_cases[_i].rule.kind != FT_RULE_DEREF_INDEXED)
			words[41] = CODE(41);
		state.regs[12] = AT(40);
		state.regs[13] = 30;
		state.has_regs = has_regs;
		check(register_cases[_i].what, &state, &register_cases[_i].rule, 0,
		      has_regs ? &register_cases[_i].expected : &none);
	}
}
END_TEST

/* A made signal frame: struct sigcontext at sp + 40, rip its word 16, rsp 15, rbp 10. The
 * stack that was interrupted may lie below: the handler had one of its own. */
START_TEST(leaves_a_signal_handler)
{
	static const struct ft_unwind_rule rule = { FT_RULE_SIGNAL, 0, 0, 40 };
	static const struct ft_unwind_rule late = { FT_RULE_SIGNAL, 0, 0, 8 * (WORDS - 26) };
	static const struct expected next = NEXT(0x777, AT(3), AT(5));
	static const struct expected broken = END(FT_STEP_BROKEN);
	static const struct expected gone = END(FT_STEP_UNREADABLE);
	static const struct word saved[] = { { 25, AT(5) }, { 30, AT(3) }, { 31, 0x777 } };
	struct ft_unwind_state state = prepare(saved, FT_COUNT(saved));

	state.exact = 0;
	check("signal", &state, &rule, 0, &next);
	ck_assert_uint_eq(state.exact, 1);
	ck_assert_uint_eq(ft_step_lookup(&state), 0x777);
	state = prepare(saved, FT_COUNT(saved));
	check("signal frame cut", &state, &late, 0, &gone);
	state = prepare(saved, FT_COUNT(saved));
	words[31] = BEYOND;
	check("signal in the kernel", &state, &rule, 0, &broken);
}
END_TEST

START_TEST(looks_a_caller_up_at_its_call)
{
	struct ft_unwind_state state = prepare(NULL, 0);
	static const struct ft_unwind_rule rule = { FT_RULE_SP, 0, 0, 16 };

	ck_assert_uint_eq(ft_step_lookup(&state), PC);
	ck_assert_int_eq(ft_step_by_rule(&state, &rule, 0), FT_STEP_NEXT);
	ck_assert_uint_eq(ft_step_lookup(&state), CODE(11) - 1);
}
END_TEST

/* ---- any rules, any memory ---- */

static uint32_t any(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33) % below;
}

/* Mostly words that could lead on. */
static void fill_words(uint64_t *seed)
{
	for (uint32_t i = 0; i < WORDS; i++) {
		uint32_t kind = any(seed, 16);

		words[i] = kind < 9 ? CODE(i) : kind < 15 ? AT(any(seed, WORDS)) : *seed;
	}
}

static struct ft_unwind_rule any_rule(uint64_t *seed)
{
	static const int16_t fps[] = { 0, 0, -2, -2, -3, 1, UNDEFINED, FT_RULE_FP_AT_FP, 32767 };
	/* Those that go on weigh more. */
	uint32_t kind = any(seed, 8 * FT_RULE_KINDS);
	struct ft_unwind_rule rule = {
		.kind = (uint8_t)(kind < FT_RULE_KINDS ? kind
				  : kind % 8	       ? FT_RULE_SP
						       : FT_RULE_FP),
		.step = (uint8_t)any(seed, 256),
		.fp = fps[any(seed, FT_COUNT(fps))],
		.cfa = 8 * (int32_t)any(seed, 8) + 16,
	};

	if (any(seed, 50) == 0)
		rule.cfa = (int32_t)any(seed, 1u << 31) - (1 << 30);
	return rule;
}

/* Only a signal frame may lead down, to the stack it interrupted. */
static void check_progress(const struct ft_unwind_rule *rule, const struct ft_unwind_state *from,
			   const struct ft_unwind_state *to)
{
	ck_assert_uint_lt(to->pc, FT_USER_SPACE_END);
	ck_assert(!to->has_regs);
	if (rule->kind == FT_RULE_RA_REGISTER && from->has_regs)
		ck_assert_uint_ge(to->sp, from->sp);
	else if (rule->kind != FT_RULE_SIGNAL)
		ck_assert_uint_gt(to->sp, from->sp);
}

START_TEST(ends_on_random_memory)
{
	uint64_t seed = (uint64_t)_i * 7919 + 1;
	uint32_t longest = 0;

	for (uint32_t round = 0; round < 20000; round++) {
		struct ft_unwind_state state = { .pc = PC, .exact = 1, .has_regs = 1 }, before;
		uint32_t steps = 0, signals = 0;
		struct ft_unwind_rule rule;

		fill_words(&seed);
		state.sp = AT(any(&seed, 32));
		state.fp = state.sp + 8 * any(&seed, 32);
		for (uint32_t i = 0; i < FT_UNWIND_REGS; i++)
			state.regs[i] = AT(any(&seed, WORDS));
		do {
			before = state;
			rule = any_rule(&seed);
			signals += rule.kind == FT_RULE_SIGNAL;
			ck_assert_uint_le(++steps, (signals + 1) * (WORDS + 2));
			if (ft_step_by_rule(&state, &rule, any(&seed, 200)) != FT_STEP_NEXT)
				break;
			check_progress(&rule, &before, &state);
		} while (true);
		longest = FT_MAX(longest, steps);
	}
	ck_assert_uint_gt(longest, 15);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, goes_by_the_rule, 0, FT_CASES(cases));
	tcase_add_loop_test(tc, knows_registers_of_the_topmost_frame, 0, FT_CASES(register_cases));
	tcase_add_test(tc, leaves_a_signal_handler);
	tcase_add_test(tc, looks_a_caller_up_at_its_call);
	tcase_add_loop_test(tc, ends_on_random_memory, 0, 3);
}

FT_CHECK_MAIN("unwind_step", add_tests)
