/* The index against a naive list: the same adds, removals and lookups in random order,
 * with hashes bad enough that chains form, wrap around the end and are shifted back. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/index.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

#define IDS 600

/* How many bits of hash an id gets, and where: few bits make long chains, high ones
 * put their home near the end of the table. */
static const struct {
	uint64_t mask, set;
} hashes[] = {
	{ UINT64_MAX, 0 },   { 0, 0 },	  { 0x7, 0 },
	{ 0x3, 0xfffffffc }, { 0x3c, 0 }, { 0xff, 0xff00000000 },
};

struct model {
	struct ft_index index;
	bool have[IDS];
	uint64_t hash[IDS];
};

static bool same_id(const void *context, const void *key, uint32_t id)
{
	const struct model *model = context;

	if (!model->have[id])
		ck_abort_msg("asked about what was removed");
	return *(const uint32_t *)key == id;
}

static void check_all(const struct model *model)
{
	uint32_t n = 0;

	for (uint32_t id = 0; id < IDS; id++) {
		uint32_t got = ft_index_find(&model->index, model->hash[id], same_id, model, &id);

		ck_assert_uint_eq(got, model->have[id] ? id : FT_INDEX_NONE);
		n += model->have[id];
	}
	ck_assert_uint_eq(model->index.n, n);
}

START_TEST(does_what_a_list_does)
{
	struct model model = { 0 };
	uint64_t random = 88172645463325252ull;

	for (uint32_t id = 0; id < IDS; id++)
		model.hash[id] = (ft_hash_u64(id) & hashes[_i].mask) | hashes[_i].set;
	for (int step = 0; step < 6000; step++) {
		uint32_t id;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		/* Waves, so that the table is filled and emptied several times. */
		id = (uint32_t)(random % (step / 1000 % 2 ? IDS : IDS / 8));
		if (model.have[id])
			ft_index_remove(&model.index, model.hash[id], id);
		else
			ck_assert_int_eq(ft_index_add(&model.index, model.hash[id], id), 0);
		model.have[id] = !model.have[id];
		if (step % 500 == 0)
			check_all(&model);
	}
	check_all(&model);
	ft_index_deinit(&model.index);
}
END_TEST

START_TEST(removing_what_is_not_there)
{
	struct model model = { 0 };

	ft_index_remove(&model.index, 5, 1); /* an empty index has no slots */
	ck_assert_int_eq(ft_index_add(&model.index, 5, 1), 0);
	model.have[1] = true;
	model.hash[1] = 5;
	ft_index_remove(&model.index, 5, 2);
	ft_index_remove(&model.index, 6, 2);
	ck_assert_uint_eq(model.index.n, 1);
	ck_assert_uint_eq(ft_index_find(&model.index, 5, same_id, &model, &(uint32_t){ 1 }), 1);
	ft_index_deinit(&model.index);
}
END_TEST

START_TEST(clear_forgets_and_keeps_memory)
{
	struct model model = { 0 };

	for (uint32_t id = 0; id < IDS; id++) {
		model.hash[id] = ft_hash_u64(id);
		ck_assert_int_eq(ft_index_add(&model.index, model.hash[id], id), 0);
	}
	ft_index_clear(&model.index);
	check_all(&model);
	ft_alloc_fail_at(1);
	for (uint32_t id = 0; id < IDS; id++) {
		model.have[id] = ft_index_add(&model.index, model.hash[id], id) == 0;
	}
	ck_assert(!ft_alloc_stop());
	check_all(&model);
	ft_index_deinit(&model.index);
	ck_assert_uint_eq(model.index.n_cap, 0);
}
END_TEST

START_TEST(failed_growth_changes_nothing)
{
	struct model model = { 0 };
	int failures = 0;

	for (uint32_t id = 0; id < IDS; id++) {
		int r;

		model.hash[id] = ft_hash_u64(id);
		ft_alloc_fail_at(1);
		r = ft_index_add(&model.index, model.hash[id], id);
		if (ft_alloc_stop()) {
			ck_assert_int_eq(r, -ENOMEM);
			check_all(&model);
			failures++;
			r = ft_index_add(&model.index, model.hash[id], id);
		}
		ck_assert_int_eq(r, 0);
		model.have[id] = true;
	}
	ck_assert_int_ge(failures, 4);
	check_all(&model);
	ft_index_deinit(&model.index);
}
END_TEST

/* Names of one program differ in their last bytes; their slots must not crowd. */
START_TEST(similar_bytes_spread)
{
	unsigned int used[1024] = { 0 }, most = 0;

	for (unsigned int i = 0; i < 1024; i++) {
		char name[32] = "function_of_a_program_0000";

		memcpy(name + 22,
		       &(char[]){ (char)('0' + i / 256), (char)('0' + i / 32 % 8),
				  (char)('0' + i / 4 % 8), (char)('0' + i % 4) },
		       4);
		most = FT_MAX(most, ++used[ft_hash_bytes(name, strlen(name)) % 1024]);
	}
	ck_assert_uint_le(most, 8);
}
END_TEST

START_TEST(hash_covers_every_byte_and_the_length)
{
	char bytes[24] = { 0 };
	uint64_t first;

	for (size_t len = 0; len <= sizeof(bytes); len++) {
		first = ft_hash_bytes(bytes, len);
		for (size_t longer = len + 1; longer <= sizeof(bytes); longer++)
			ck_assert(ft_hash_bytes(bytes, longer) != first);
		for (size_t i = 0; i < len; i++) {
			bytes[i] = 1;
			ck_assert(ft_hash_bytes(bytes, len) != first);
			bytes[i] = 0;
		}
	}
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, does_what_a_list_does, 0, FT_CASES(hashes));
	tcase_add_test(tc, removing_what_is_not_there);
	tcase_add_test(tc, clear_forgets_and_keeps_memory);
	tcase_add_test(tc, failed_growth_changes_nothing);
	tcase_add_test(tc, similar_bytes_spread);
	tcase_add_test(tc, hash_covers_every_byte_and_the_length);
}

FT_CHECK_MAIN("index", add_tests)
