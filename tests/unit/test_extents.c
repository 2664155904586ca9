/* Against a table of slots: a run is given only of slots that are free, and those taken
 * back are free again after their quarantine, not before. */
#include "agent/capture/extents.h"

#include <errno.h>
#include <string.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

#define SLOTS 256u
#define REST  FT_EXTENTS_QUARANTINE_NS
#define GIVEN UINT64_MAX

struct model {
	uint64_t free_ns[SLOTS]; /* since when a slot is free; GIVEN: it is not */
};

static uint32_t roll(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33) % below;
}

/* The longest run of free slots. */
static uint32_t longest(const struct model *model, uint64_t now_ns)
{
	uint32_t best = 0, run = 0;

	for (uint32_t i = 0; i < SLOTS; i++) {
		run = model->free_ns[i] <= now_ns ? run + 1 : 0;
		best = FT_MAX(best, run);
	}
	return best;
}

static uint32_t used(const struct model *model, uint64_t now_ns)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SLOTS; i++)
		n += model->free_ns[i] > now_ns;
	return n;
}

/* A run is given exactly when there is one, and it was free. */
static bool take(struct ft_extents *extents, struct model *model, uint32_t n, uint64_t now_ns,
		 uint32_t *ret_first)
{
	bool possible = longest(model, now_ns) >= n;
	uint32_t first = 0;
	int r = ft_extents_take(extents, n, now_ns, &first);

	ck_assert_int_eq(r, possible ? 0 : -ENOSPC);
	if (r < 0)
		return false;
	ck_assert_uint_le(first, SLOTS - n);
	for (uint32_t i = first; i < first + n; i++) {
		ck_assert_uint_le(model->free_ns[i], now_ns);
		model->free_ns[i] = GIVEN;
	}
	ck_assert_uint_eq(extents->n_used, used(model, now_ns));
	*ret_first = first;
	return true;
}

static void give(struct ft_extents *extents, struct model *model, uint32_t first, uint32_t n,
		 uint64_t now_ns)
{
	ft_extents_give(extents, first, n, now_ns);
	for (uint32_t i = first; i < first + n; i++)
		model->free_ns[i] = now_ns + REST;
}

START_TEST(is_what_a_table_of_slots_says)
{
	struct {
		uint32_t first, n;
	} held[SLOTS];
	struct model model = { { 0 } };
	uint64_t seed = (uint64_t)_i + 1, now_ns = 0;
	uint32_t n_held = 0, refused = 0, first = 0;
	struct ft_extents extents;

	ck_assert_int_eq(ft_extents_init(&extents, SLOTS), 0);
	for (uint32_t step = 0; step < 20000; step++) {
		uint32_t n = 1 + roll(&seed, roll(&seed, 8) ? 12 : 90);

		now_ns += roll(&seed, (uint32_t)(REST / 8));
		if (n_held && roll(&seed, 100) < 50) {
			uint32_t i = roll(&seed, n_held);

			/* Sometimes only the end of it, as code_map does. */
			n = roll(&seed, 3) ? held[i].n : 1 + roll(&seed, held[i].n);
			held[i].n -= n;
			give(&extents, &model, held[i].first + held[i].n, n, now_ns);
			if (held[i].n == 0)
				held[i] = held[--n_held];
		} else if (take(&extents, &model, n, now_ns, &first)) {
			held[n_held].first = first;
			held[n_held++].n = n;
		} else {
			refused++;
		}
	}
	ck_assert_uint_gt(refused, 100);
	while (n_held--)
		give(&extents, &model, held[n_held].first, held[n_held].n, now_ns);
	ck_assert(take(&extents, &model, SLOTS, now_ns + REST, &first)); /* joined again */
	ft_extents_deinit(&extents);
}
END_TEST

START_TEST(rests_what_was_taken_back)
{
	struct ft_extents extents;
	uint32_t first = 0;

	ck_assert_int_eq(ft_extents_init(&extents, SLOTS), 0);
	ck_assert_int_eq(ft_extents_take(&extents, SLOTS + 1, 0, &first), -ENOSPC);
	ck_assert_int_eq(ft_extents_take(&extents, SLOTS, 0, &first), 0);
	ck_assert_uint_eq(first, 0);
	ck_assert_int_eq(ft_extents_take(&extents, 1, 0, &first), -ENOSPC);
	ft_extents_give(&extents, 0, SLOTS, 5);
	ck_assert_int_eq(ft_extents_take(&extents, 1, 5 + REST - 1, &first), -ENOSPC);
	ck_assert_uint_eq(extents.n_used, SLOTS);
	ck_assert_int_eq(ft_extents_take(&extents, 1, 5 + REST, &first), 0);
	ck_assert_uint_eq(extents.n_used, 1);
	ft_extents_deinit(&extents);
}
END_TEST

/* Without memory to remember them runs are lost, but none is given twice. */
START_TEST(loses_runs_for_lack_of_memory)
{
	uint32_t firsts[64], again = 0, n = 0, later[SLOTS];
	bool seen[SLOTS] = { false };
	struct ft_extents extents;

	ck_assert_int_eq(ft_extents_init(&extents, SLOTS), 0);
	for (uint32_t i = 0; i < FT_COUNT(firsts); i++)
		ck_assert_int_eq(ft_extents_take(&extents, 2, 0, &firsts[i]), 0);
	ft_alloc_fail_at((unsigned int)_i + 1);
	for (uint32_t i = 0; i < FT_COUNT(firsts); i += 2)
		ft_extents_give(&extents, firsts[i], 2, 0);
	while (ft_extents_take(&extents, 1, REST, &again) == 0 && n < SLOTS)
		later[n++] = again;
	ft_alloc_stop();
	for (uint32_t i = 0; i < n; i++) {
		ck_assert(!seen[later[i]]);
		seen[later[i]] = true;
	}
	for (uint32_t i = 1; i < FT_COUNT(firsts); i += 2)
		ck_assert(!seen[firsts[i]] && !seen[firsts[i] + 1]);
	ck_assert_uint_ge(n, SLOTS - 2 * FT_COUNT(firsts));
	ft_extents_deinit(&extents);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, is_what_a_table_of_slots_says, 0, 4);
	tcase_add_test(tc, rests_what_was_taken_back);
	tcase_add_loop_test(tc, loses_runs_for_lack_of_memory, 0, 6);
}

FT_CHECK_MAIN("extents", add_tests)
