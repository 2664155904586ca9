/* The walk over frame pointers on memory that may hold anything: it ends, it reads only
 * aligned places above the stack pointer, and it says why it ended. */
#include "bpf/unwind_step.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tests/ft_check.h"

#define WORDS 512u
#define STACK 0x7ffc00000000ull

/* How a walk over WORDS words at STACK ends. */
struct walk {
	uint32_t n;
	bool unreadable;
	enum ft_step step;
	struct ft_unwind_state state;
};

static struct walk walk(const uint64_t *words, uint64_t sp, uint64_t fp)
{
	struct walk w = { .state = { .pc = 1, .sp = sp, .fp = fp } };

	while (w.n < 10 * WORDS) {
		uint64_t at = w.state.fp - STACK, before = w.state.fp;
		struct ft_frame_record record;

		w.step = ft_step_begin(&w.state);
		if (w.step != FT_STEP_NEXT)
			return w;
		ck_assert_uint_eq(w.state.fp % 8, 0);
		ck_assert(w.state.fp >= w.state.sp && w.state.fp < FT_USER_SPACE_END);
		if (w.state.fp < STACK || at > (WORDS - 2) * 8) {
			w.unreadable = true;
			return w;
		}
		memcpy(&record, &words[at / 8], sizeof(record));
		w.step = ft_step_frame_pointer(&w.state, &record);
		if (w.step != FT_STEP_NEXT)
			return w;
		ck_assert(w.state.fp == 0 || w.state.fp > before);
		ck_assert_uint_eq(w.state.sp, before + 16);
		ck_assert_uint_eq(w.state.pc, record.return_address);
		w.n++;
	}
	ck_abort_msg("a walk that does not end");
}

#define AT(i) (STACK + 8 * (i))

static const struct {
	const char *what;
	uint64_t fp;
	struct {
		uint32_t word;
		uint64_t value;
	} words[6];
	uint32_t n;
	enum ft_step step;
	bool unreadable;
} cases[] = {
	{ .what = "no frame pointer at all", .step = FT_STEP_ROOT },
	{ "root by frame pointer 0",
	  AT(2),
	  { { 2, AT(6) }, { 3, 77 }, { 6, 0 }, { 7, 78 } },
	  2,
	  FT_STEP_ROOT,
	  false },
	{ "root by return address 0",
	  AT(2),
	  { { 2, AT(6) }, { 3, 77 }, { 6, AT(9) } },
	  1,
	  FT_STEP_ROOT,
	  false },
	{ "loop to itself", AT(2), { { 2, AT(2) }, { 3, 77 } }, 0, FT_STEP_BROKEN, false },
	{ "loop of two",
	  AT(2),
	  { { 2, AT(6) }, { 3, 77 }, { 6, AT(2) }, { 7, 78 } },
	  1,
	  FT_STEP_BROKEN,
	  false },
	{ "decreasing", AT(6), { { 6, AT(4) }, { 7, 77 } }, 0, FT_STEP_BROKEN, false },
	{ "misaligned at once", AT(2) + 4, { { 2, 0 } }, 0, FT_STEP_BROKEN, false },
	{ "misaligned later", AT(2), { { 2, AT(6) + 1 }, { 3, 77 } }, 1, FT_STEP_BROKEN, false },
	{ "overlapping its caller", AT(2), { { 2, AT(3) }, { 3, 77 } }, 1, FT_STEP_BROKEN, false },
	{ "below the stack pointer", AT(0) - 8, { { 2, 0 } }, 0, FT_STEP_BROKEN, false },
	{ "return into the kernel",
	  AT(2),
	  { { 2, AT(6) }, { 3, 0xffffffff81000000 } },
	  0,
	  FT_STEP_BROKEN,
	  false },
	{ "first address beyond user space",
	  AT(2),
	  { { 2, AT(6) }, { 3, FT_USER_SPACE_END } },
	  0,
	  FT_STEP_BROKEN,
	  false },
	{ "last address of user space",
	  AT(2),
	  { { 2, 0 }, { 3, FT_USER_SPACE_END - 1 } },
	  1,
	  FT_STEP_ROOT,
	  false },
	{ "frame pointer beyond user space",
	  AT(2),
	  { { 2, FT_USER_SPACE_END }, { 3, 77 } },
	  1,
	  FT_STEP_BROKEN,
	  false },
	{ "frame pointer into the heap of the void",
	  AT(2),
	  { { 2, AT(9999999) }, { 3, 77 } },
	  1,
	  FT_STEP_NEXT,
	  true },
};

START_TEST(ends_as_it_should)
{
	uint64_t words[WORDS] = { 0 };
	struct walk w;

	for (size_t i = 0; i < FT_COUNT(cases[_i].words); i++)
		if (cases[_i].words[i].value)
			words[cases[_i].words[i].word] = cases[_i].words[i].value;
	w = walk(words, STACK, cases[_i].fp);
	ck_assert_msg(w.step == cases[_i].step, "%s: step %d", cases[_i].what, w.step);
	ck_assert_msg(w.n == cases[_i].n, "%s: %u frames", cases[_i].what, w.n);
	ck_assert_int_eq(w.unreadable, cases[_i].unreadable);
}
END_TEST

/* A step that is not taken leaves the state as it was. */
START_TEST(a_broken_step_changes_nothing)
{
	struct ft_unwind_state state = { 1, AT(0), AT(2) };
	struct ft_frame_record record = { AT(2), 77 };

	ck_assert_int_eq(ft_step_frame_pointer(&state, &record), FT_STEP_BROKEN);
	ck_assert_uint_eq(state.pc, 1);
	ck_assert_uint_eq(state.sp, AT(0));
	ck_assert_uint_eq(state.fp, AT(2));
}
END_TEST

/* Without a stack pointer every frame pointer is possible. */
START_TEST(works_without_stack_pointer)
{
	uint64_t words[WORDS] = { [2] = AT(6), [3] = 77, [7] = 78 };

	ck_assert_uint_eq(walk(words, 0, AT(2)).n, 2);
}
END_TEST

START_TEST(tells_stack_from_wild_pointer)
{
	struct ft_unwind_state near = { 1, AT(0), AT(2) }, blind = { 1, 0, AT(2) };
	struct ft_unwind_state far = { 1, AT(0), AT(0) + FT_STACK_REACH };
	struct ft_unwind_state last = { 1, AT(0), AT(0) + FT_STACK_REACH - 1 };
	struct ft_unwind_state below = { 1, AT(2), AT(0) };

	ck_assert(ft_step_is_stack(&near));
	ck_assert(ft_step_is_stack(&last));
	ck_assert(!ft_step_is_stack(&far));
	ck_assert(!ft_step_is_stack(&blind));
	ck_assert(!ft_step_is_stack(&below));
}
END_TEST

/* Words that are often, but not always, what a frame could hold. */
START_TEST(ends_on_random_memory)
{
	uint64_t words[WORDS], seed = (uint64_t)_i * 7919 + 1;
	uint32_t longest = 0;

	for (uint32_t round = 0; round < 2000; round++) {
		for (uint32_t i = 0; i < WORDS; i++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			words[i] = seed >> 40 & 1 ? seed >> 7 : AT((seed >> 33) % WORDS);
			if (seed >> 60)
				words[i] &= ~7ull;
		}
		longest = FT_MAX(longest, walk(words, STACK, AT(round % 8)).n);
	}
	ck_assert_uint_gt(longest, 2);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, ends_as_it_should, 0, FT_CASES(cases));
	tcase_add_test(tc, a_broken_step_changes_nothing);
	tcase_add_test(tc, works_without_stack_pointer);
	tcase_add_test(tc, tells_stack_from_wild_pointer);
	tcase_add_loop_test(tc, ends_on_random_memory, 0, 3);
}

FT_CHECK_MAIN("unwind_step", add_tests)
