/* Columns must come back as they went in, to the unit, and bytes that no encoder wrote
 * must be refused without harm: they lie on disks for months. */
#include "agent/profile/columns.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

#define BASE 1700000000000000ull

static uint64_t seed = 1;

static uint64_t rnd(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed >> 20;
}

static void fill(struct ft_columns *columns, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct ft_column_sample s = {
			.time_us = BASE + rnd() % 100000 * FT_COLUMNS_STEP_US,
			.count = rnd() % 3,
			.value = (int64_t)(rnd() % 20000000) - 10000,
			.stack = (uint32_t)(rnd() % 5000),
			.labels = (uint32_t)(rnd() % 300),
			.tid = (uint32_t)(rnd() % 32768),
			.thread = (uint32_t)(rnd() % 100),
			.cpu = (uint32_t)(rnd() % 128),
			.outcome = (uint8_t)(rnd() % 6),
		};

		ck_assert_int_eq(ft_columns_add(columns, &s), 0);
	}
}

static void check_same(const struct ft_columns *a, const struct ft_columns *b)
{
	ck_assert_uint_eq(a->n, b->n);
	for (uint32_t i = 0; i < a->n; i++) {
		const struct ft_column_sample *x = &a->samples[i], *y = &b->samples[i];

		ck_assert_uint_eq(x->time_us, y->time_us);
		ck_assert_uint_eq(x->count, y->count);
		ck_assert_int_eq(x->value, y->value);
		ck_assert_uint_eq(x->stack, y->stack);
		ck_assert_uint_eq(x->labels, y->labels);
		ck_assert_uint_eq(x->tid, y->tid);
		ck_assert_uint_eq(x->thread, y->thread);
		ck_assert_uint_eq(x->cpu, y->cpu);
		ck_assert_uint_eq(x->outcome, y->outcome);
	}
}

static const uint32_t sizes[] = { 0, 1, 2, 63, 64, 65, 1000 };

START_TEST(round_trip)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(1u << 20);
	_cleanup_columns_ struct ft_columns in = { 0 }, back = { 0 };

	fill(&in, sizes[_i]);
	ck_assert_int_eq(ft_columns_encode(&in, BASE, &out), 0);
	ck_assert_int_eq(ft_columns_decode(out.data, out.len, BASE, &back), 0);
	check_same(&in, &back);
}
END_TEST

START_TEST(extremes)
{
	static const struct ft_column_sample samples[] = {
		{ .time_us = 0, .count = UINT64_MAX, .value = INT64_MIN },
		{ .time_us = UINT64_MAX / 100 * 100, .value = INT64_MAX, .stack = UINT32_MAX },
		{ .time_us = 100,
		  .labels = UINT32_MAX,
		  .tid = UINT32_MAX,
		  .thread = UINT32_MAX,
		  .cpu = UINT32_MAX,
		  .outcome = 255 },
	};
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(1u << 20);
	_cleanup_columns_ struct ft_columns in = { 0 }, back = { 0 };

	for (size_t i = 0; i < FT_COUNT(samples); i++)
		ck_assert_int_eq(ft_columns_add(&in, &samples[i]), 0);
	ck_assert_int_eq(ft_columns_encode(&in, BASE, &out), 0);
	ck_assert_int_eq(ft_columns_decode(out.data, out.len, BASE, &back), 0);
	check_same(&in, &back);
}
END_TEST

START_TEST(decoding_appends)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(1u << 20);
	_cleanup_columns_ struct ft_columns in = { 0 }, back = { 0 };

	fill(&in, 10);
	ck_assert_int_eq(ft_columns_encode(&in, BASE, &out), 0);
	ck_assert_int_eq(ft_columns_decode(out.data, out.len, BASE, &back), 0);
	ck_assert_int_eq(ft_columns_decode(out.data, out.len, BASE + 500, &back), 0);
	ck_assert_uint_eq(back.n, 20);
	ck_assert_uint_eq(back.samples[10].time_us, in.samples[0].time_us + 500);
	/* Refused bytes leave it as it was. */
	ck_assert_int_eq(ft_columns_decode(out.data, out.len / 2, BASE, &back), -EBADMSG);
	ck_assert_uint_eq(back.n, 20);
}
END_TEST

START_TEST(cut_anywhere)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(1u << 20);
	_cleanup_columns_ struct ft_columns in = { 0 }, back = { 0 };

	fill(&in, 50);
	ck_assert_int_eq(ft_columns_encode(&in, BASE, &out), 0);
	for (size_t len = 0; len < out.len; len++) {
		/* A copy of exactly this length, so that AddressSanitizer sees an overrun. */
		uint8_t *copy = malloc(len + 1);

		memcpy(copy, out.data, len);
		ck_assert_int_eq(ft_columns_decode(copy, len, BASE, &back), -EBADMSG);
		free(copy);
	}
	ck_assert_uint_eq(back.n, 0);
}
END_TEST

/* Bytes with a right zlib stream around wrong columns. */
static int decode_raw(const uint8_t *raw, size_t len, uint64_t said)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(1u << 16);
	_cleanup_columns_ struct ft_columns back = { 0 };
	uLongf packed = 4096;
	uint8_t bytes[4096];

	ck_assert_int_eq(compress(bytes, &packed, raw, len), Z_OK);
	ft_buffer_put_varint(&out, said);
	ft_buffer_put(&out, bytes, packed);
	return ft_columns_decode(out.data, out.len, 0, &back);
}

static const struct {
	uint8_t raw[16];
	size_t len;
	uint64_t said;
} wrong[] = {
	{ { 2, 0, 0 }, 3, 3 },					     /* a version to come */
	{ { 1 }, 1, 1 },					     /* no count */
	{ { 1, 0, 0, 0 }, 4, 4 },				     /* something after the end */
	{ { 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 13, 13 },	     /* one sample for two */
	{ { 1, 0xff, 0xff, 0xff, 0xff, 15, 0 }, 7, 7 },		     /* four billion samples */
	{ { 1, 0, 0 }, 3, 1 },					     /* longer than said */
	{ { 1, 0, 0 }, 3, 4 },					     /* shorter than said */
	{ { 1, 0, 0 }, 3, UINT64_MAX },				     /* more than memory */
	{ { 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0x80, 2, 0, 0 }, 14, 14 }, /* outcome 256 */
	{ { 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 }, 13, 13 },	     /* nobody is number 1 */
	{ { 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 10, 10 },	     /* nobody at all */
};

START_TEST(refuses_wrong_columns)
{
	static const uint8_t right[] = { 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

	ck_assert_int_eq(decode_raw(right, sizeof(right), sizeof(right)), 0);
	ck_assert_int_eq(decode_raw(wrong[_i].raw, wrong[_i].len, wrong[_i].said), -EBADMSG);
}
END_TEST

START_TEST(flipped_bits)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(1u << 20);
	_cleanup_columns_ struct ft_columns in = { 0 };

	fill(&in, 40);
	ck_assert_int_eq(ft_columns_encode(&in, BASE, &out), 0);
	for (int i = 0; i < 3000; i++) {
		_cleanup_columns_ struct ft_columns back = { 0 };
		size_t at = rnd() % out.len;
		uint8_t bit = (uint8_t)(1u << rnd() % 8);
		int r;

		out.data[at] ^= bit;
		r = ft_columns_decode(out.data, out.len, BASE, &back);
		ck_assert(r == 0 || r == -EBADMSG);
		out.data[at] ^= bit;
	}
}
END_TEST

START_TEST(has_a_limit)
{
	_cleanup_columns_ struct ft_columns columns = { 0 };
	struct ft_column_sample s = { 0 };

	for (uint32_t i = 0; i < FT_COLUMNS_MAX_SAMPLES; i++)
		ck_assert_int_eq(ft_columns_add(&columns, &s), 0);
	ck_assert_int_eq(ft_columns_add(&columns, &s), -E2BIG);
	ck_assert_uint_eq(columns.n, FT_COLUMNS_MAX_SAMPLES);
}
END_TEST

static int encode_and_decode(void *context)
{
	struct ft_buffer out = FT_BUFFER_INIT(1u << 20);
	struct ft_columns back = { 0 };
	int r = ft_columns_encode(context, BASE, &out);

	if (r == 0)
		r = ft_columns_decode(out.data, out.len, BASE, &back);
	ft_columns_deinit(&back);
	ft_buffer_deinit(&out);
	return r;
}

START_TEST(no_memory)
{
	_cleanup_columns_ struct ft_columns in = { 0 };

	fill(&in, 100);
	ck_assert_uint_ge(ft_alloc_each(encode_and_decode, &in), 3);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, round_trip, 0, FT_CASES(sizes));
	tcase_add_test(tc, extremes);
	tcase_add_test(tc, decoding_appends);
	tcase_add_test(tc, cut_anywhere);
	tcase_add_loop_test(tc, refuses_wrong_columns, 0, FT_CASES(wrong));
	tcase_add_test(tc, flipped_bits);
	tcase_add_test(tc, has_a_limit);
	tcase_add_test(tc, no_memory);
}

FT_CHECK_MAIN("columns", add_tests)
