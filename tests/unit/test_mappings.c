/* Whatever is mapped over whatever: the list says the same as one entry per page would,
 * sharers do not see each other's changes, and an error changes nothing. */
#include "agent/profile/mappings.h"

#include <errno.h>
#include <string.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

#define PAGES 64u
#define PAGE  0x1000ull
#define BASE  0x400000ull

/* One entry per page: file 0 means nothing is there. */
struct model {
	struct {
		uint32_t file;
		uint64_t offset;
	} pages[PAGES];
};

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static struct ft_mapping random_mapping(uint32_t *seed, uint32_t file)
{
	uint32_t first = next(seed) % PAGES, n = 1 + next(seed) % (PAGES - first);

	if (next(seed) % 2)
		n = 1 + n / 16;
	return (struct ft_mapping){ .start = BASE + first * PAGE,
				    .end = BASE + (first + n) * PAGE,
				    .offset = (next(seed) % 100) * PAGE,
				    .file = file };
}

static void model_insert(struct model *model, const struct ft_mapping *m)
{
	for (uint64_t at = m->start; at < m->end; at += PAGE) {
		model->pages[(at - BASE) / PAGE].file = m->file;
		model->pages[(at - BASE) / PAGE].offset = m->offset + (at - m->start);
	}
}

static bool agree(const struct ft_mappings *m, const struct model *model)
{
	uint64_t end = 0;

	for (size_t i = 0; i < ft_mappings_count(m); i++) {
		const struct ft_mapping *at = ft_mappings_at(m, i);

		if (at->start < end || at->start >= at->end)
			return false;
		end = at->end;
	}
	if (ft_mappings_find(m, BASE - 1) || ft_mappings_find(m, BASE + PAGES * PAGE))
		return false;
	for (uint32_t i = 0; i < PAGES; i++) {
		for (uint64_t within = 0; within < PAGE; within += PAGE - 1) {
			uint64_t address = BASE + i * PAGE + within;
			const struct ft_mapping *at = ft_mappings_find(m, address);

			if (!at != !model->pages[i].file)
				return false;
			if (at &&
			    (at->file != model->pages[i].file ||
			     address - at->start + at->offset != model->pages[i].offset + within))
				return false;
		}
	}
	return true;
}

START_TEST(is_what_pages_say)
{
	_cleanup_mappings_ struct ft_mappings *m = NULL;
	uint32_t seed = (uint32_t)_i + 1;
	struct model model = { 0 };

	ck_assert_int_eq(ft_mappings_new(&m), 0);
	for (uint32_t i = 1; i <= 300; i++) {
		struct ft_mapping mapping = random_mapping(&seed, i);

		ck_assert_int_eq(ft_mappings_insert(&m, &mapping), 0);
		model_insert(&model, &mapping);
		ck_assert_msg(agree(m, &model), "seed %d, insert %u", _i, i);
	}
}
END_TEST

#define SHARERS 5

/* A family of lists, each changed at random, shared and dropped at random. */
START_TEST(sharers_do_not_see_changes)
{
	struct ft_mappings *lists[SHARERS] = { NULL };
	struct model models[SHARERS] = { 0 };
	uint32_t seed = (uint32_t)_i + 1;

	for (uint32_t i = 0; i < SHARERS; i++)
		ck_assert_int_eq(ft_mappings_new(&lists[i]), 0);
	for (uint32_t i = 1; i <= 400; i++) {
		uint32_t who = next(&seed) % SHARERS, other = next(&seed) % SHARERS;
		struct ft_mapping mapping = random_mapping(&seed, i);

		if (next(&seed) % 3 == 0 && who != other) {
			ft_mappings_dropp(&lists[who]);
			ck_assert_ptr_null(lists[who]);
			lists[who] = ft_mappings_share(lists[other]);
			models[who] = models[other];
		} else {
			ck_assert_int_eq(ft_mappings_insert(&lists[who], &mapping), 0);
			model_insert(&models[who], &mapping);
		}
		for (uint32_t j = 0; j < SHARERS; j++)
			ck_assert_msg(agree(lists[j], &models[j]), "seed %d, step %u", _i, i);
	}
	for (uint32_t i = 0; i < SHARERS; i++)
		ft_mappings_dropp(&lists[i]);
	ft_mappings_dropp(&lists[0]); /* twice is no harm */
}
END_TEST

static const struct ft_mapping empty[] = {
	{ .start = 5, .end = 5 },
	{ .start = 6, .end = 5 },
	{ .start = UINT64_MAX, .end = 0 },
};

START_TEST(refuses_empty_range)
{
	_cleanup_mappings_ struct ft_mappings *m = NULL;

	ck_assert_int_eq(ft_mappings_new(&m), 0);
	ck_assert_int_eq(ft_mappings_insert(&m, &empty[_i]), -EINVAL);
	ck_assert_uint_eq(ft_mappings_count(m), 0);
}
END_TEST

/* A full list refuses what would make it longer (a hole of its own, a cut in the middle
 * that leaves two ends), and still takes what does not. */
START_TEST(keeps_its_limit)
{
	_cleanup_mappings_ struct ft_mappings *m = NULL, *other = NULL;
	struct ft_mapping apart, inside, over;

	ck_assert_int_eq(ft_mappings_new(&m), 0);
	for (uint32_t i = 0; i < FT_MAPPINGS_MAX; i++) {
		struct ft_mapping mapping = { i * 8 * PAGE, (i * 8 + 4) * PAGE, 0, i };

		ck_assert_int_eq(ft_mappings_insert(&m, &mapping), 0);
	}
	apart = (struct ft_mapping){ 5 * PAGE, 6 * PAGE, 0, 1 };
	inside = (struct ft_mapping){ PAGE, 2 * PAGE, 0, 1 };
	over = (struct ft_mapping){ 0, 4 * PAGE, 0, 777 };
	if (_i) /* the limit holds for a shared list, too */
		other = ft_mappings_share(m);
	ck_assert_int_eq(ft_mappings_insert(&m, &apart), -E2BIG);
	ck_assert_int_eq(ft_mappings_insert(&m, &inside), -E2BIG);
	ck_assert_ptr_null(ft_mappings_find(m, 5 * PAGE));
	ck_assert_uint_eq(ft_mappings_find(m, PAGE)->file, 0);
	ck_assert_uint_eq(ft_mappings_count(m), FT_MAPPINGS_MAX);
	ck_assert_int_eq(ft_mappings_insert(&m, &over), 0);
	ck_assert_uint_eq(ft_mappings_find(m, PAGE)->file, 777);
	ck_assert_uint_eq(ft_mappings_count(m), FT_MAPPINGS_MAX);
	if (other)
		ck_assert_uint_eq(ft_mappings_find(other, PAGE)->file, 0);
}
END_TEST

START_TEST(lack_of_memory_changes_nothing)
{
	_cleanup_mappings_ struct ft_mappings *m = NULL;
	uint32_t seed = 7, failures = 0;
	struct model model = { 0 };

	ck_assert_int_eq(ft_mappings_new(&m), 0);
	for (uint32_t i = 1; i <= 200; i++) {
		struct ft_mapping mapping = random_mapping(&seed, i);
		int r;

		ft_alloc_fail_at(1);
		r = ft_mappings_insert(&m, &mapping);
		if (ft_alloc_stop()) {
			failures++;
			ck_assert_int_eq(r, -ENOMEM);
			ck_assert(agree(m, &model));
			r = ft_mappings_insert(&m, &mapping);
		}
		ck_assert_int_eq(r, 0);
		model_insert(&model, &mapping);
		ck_assert(agree(m, &model));
	}
	ck_assert_uint_gt(failures, 20);
}
END_TEST

START_TEST(the_whole_address_space_fits)
{
	_cleanup_mappings_ struct ft_mappings *m = NULL;
	struct ft_mapping all = { 0, UINT64_MAX, 0, 1 };
	struct ft_mapping top = { UINT64_MAX - PAGE, UINT64_MAX, 0, 2 };

	ck_assert_int_eq(ft_mappings_new(&m), 0);
	ck_assert_int_eq(ft_mappings_insert(&m, &all), 0);
	ck_assert_int_eq(ft_mappings_insert(&m, &top), 0);
	ck_assert_uint_eq(ft_mappings_find(m, 0)->file, 1);
	ck_assert_uint_eq(ft_mappings_find(m, UINT64_MAX - 1)->file, 2);
	ck_assert_ptr_null(ft_mappings_find(m, UINT64_MAX));
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, is_what_pages_say, 0, 8);
	tcase_add_loop_test(tc, sharers_do_not_see_changes, 0, 6);
	tcase_add_loop_test(tc, refuses_empty_range, 0, FT_CASES(empty));
	tcase_add_loop_test(tc, keeps_its_limit, 0, 2);
	tcase_add_test(tc, lack_of_memory_changes_nothing);
	tcase_add_test(tc, the_whole_address_space_fits);
}

FT_CHECK_MAIN("mappings", add_tests)
