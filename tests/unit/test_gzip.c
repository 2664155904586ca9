/* Profiles arrive compressed from anywhere: what is cut or damaged must be noticed, and
 * a few bytes must not become gigabytes. */
#include <errno.h>
#include <string.h>

#include "base/gzip.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

#define MAX_BYTES (16u << 20)

static void compress(const char *text, size_t len, struct ft_buffer *out)
{
	_cleanup_gzip_ struct ft_gzip *gzip = NULL;

	ck_assert_int_eq(ft_gzip_new(out, &gzip), 0);
	ft_gzip_put(gzip, text, len);
	ck_assert_int_eq(ft_gzip_finish(gzip), 0);
}

static const struct {
	size_t len, piece;
} sizes[] = { { 0, 1 }, { 1, 1 }, { 1000, 7 }, { 100000, 100000 }, { 300000, 4096 } };

START_TEST(comes_back_whole)
{
	size_t len = sizes[_i].len, piece = sizes[_i].piece;
	_cleanup_free_ char *text = malloc(len + 1);
	_cleanup_buffer_ struct ft_buffer packed = FT_BUFFER_INIT(MAX_BYTES);
	_cleanup_buffer_ struct ft_buffer again = FT_BUFFER_INIT(MAX_BYTES);
	_cleanup_buffer_ struct ft_buffer back = FT_BUFFER_INIT(MAX_BYTES);
	unsigned int random = 1;

	for (size_t i = 0; i < len; i++) {
		random = random * 1103515245 + 12345;
		text[i] = (char)(random >> 16);
	}
	for (int i = 0; i < 2; i++) {
		struct ft_buffer *out = i ? &again : &packed;
		_cleanup_gzip_ struct ft_gzip *gzip = NULL;

		ck_assert_int_eq(ft_gzip_new(out, &gzip), 0);
		for (size_t at = 0; at < len; at += piece)
			ft_gzip_put(gzip, text + at, FT_MIN(piece, len - at));
		ck_assert_int_eq(ft_gzip_finish(gzip), 0);
	}
	/* Magic, deflate, no flags, time 0. */
	ck_assert_mem_eq(packed.data, "\x1f\x8b\x08\0\0\0\0\0", 8);
	ck_assert_uint_eq(packed.len, again.len);
	ck_assert_mem_eq(packed.data, again.data, packed.len);
	ck_assert(ft_gunzip_wants(packed.data, packed.len));
	ck_assert_int_eq(ft_gunzip(packed.data, packed.len, &back), 0);
	ck_assert_uint_eq(back.len, len);
	if (len)
		ck_assert_mem_eq(back.data, text, len);
}
END_TEST

START_TEST(refuses_what_is_cut)
{
	_cleanup_buffer_ struct ft_buffer packed = FT_BUFFER_INIT(MAX_BYTES);

	compress("some text, some text", 20, &packed);
	for (size_t len = 0; len < packed.len; len++) {
		_cleanup_buffer_ struct ft_buffer back = FT_BUFFER_INIT(MAX_BYTES);
		_cleanup_free_ uint8_t *part = malloc(len + 1);

		memcpy(part, packed.data, len);
		ck_assert_int_eq(ft_gunzip(part, len, &back), -EBADMSG);
	}
	/* The checksum at the end. */
	packed.data[packed.len - 6] ^= 1;
	{
		_cleanup_buffer_ struct ft_buffer back = FT_BUFFER_INIT(MAX_BYTES);

		ck_assert_int_eq(ft_gunzip(packed.data, packed.len, &back), -EBADMSG);
	}
}
END_TEST

START_TEST(joins_streams_and_ignores_what_follows)
{
	_cleanup_buffer_ struct ft_buffer packed = FT_BUFFER_INIT(MAX_BYTES);
	_cleanup_buffer_ struct ft_buffer back = FT_BUFFER_INIT(MAX_BYTES);

	compress("one ", 4, &packed);
	compress("two", 3, &packed);
	ft_buffer_put(&packed, "\0\0garbage", 9);
	ck_assert_int_eq(ft_gunzip(packed.data, packed.len, &back), 0);
	ck_assert_uint_eq(back.len, 7);
	ck_assert_mem_eq(back.data, "one two", 7);
}
END_TEST

START_TEST(stops_at_the_limit)
{
	_cleanup_free_ char *zeros = calloc(1, 1u << 20);
	_cleanup_buffer_ struct ft_buffer packed = FT_BUFFER_INIT(MAX_BYTES);
	_cleanup_buffer_ struct ft_buffer small = FT_BUFFER_INIT((1u << 20) - 1);
	_cleanup_buffer_ struct ft_buffer tiny = FT_BUFFER_INIT(12);
	_cleanup_gzip_ struct ft_gzip *gzip = NULL;

	compress(zeros, 1u << 20, &packed);
	ck_assert_uint_lt(packed.len, 2000);
	ck_assert_int_eq(ft_gunzip(packed.data, packed.len, &small), -EFBIG);
	ck_assert_int_eq(ft_gzip_new(&tiny, &gzip), 0);
	ft_gzip_put(gzip, zeros, 1u << 20);
	ck_assert_int_eq(ft_gzip_finish(gzip), -EFBIG);
}
END_TEST

static const struct {
	const char *bytes;
	size_t len;
	bool wants;
} magics[] = { { "", 0, false },
	       { "\x1f", 1, false },
	       { "\x1f\x8b", 2, true },
	       { "\x1f\x8c..", 4, false },
	       { "\x0a\x8b..", 4, false } };

START_TEST(knows_its_own)
{
	ck_assert(ft_gunzip_wants((const uint8_t *)magics[_i].bytes, magics[_i].len) ==
		  magics[_i].wants);
}
END_TEST

static int there_and_back(void *context)
{
	_cleanup_buffer_ struct ft_buffer packed = FT_BUFFER_INIT(MAX_BYTES);
	_cleanup_buffer_ struct ft_buffer back = FT_BUFFER_INIT(MAX_BYTES);
	_cleanup_gzip_ struct ft_gzip *gzip = NULL;
	int r = ft_gzip_new(&packed, &gzip);

	if (r < 0)
		return r;
	ft_gzip_put(gzip, context, strlen(context));
	r = ft_gzip_finish(gzip);
	return r < 0 ? r : ft_gunzip(packed.data, packed.len, &back);
}

START_TEST(survives_lack_of_memory)
{
	char text[] = "text";

	ft_alloc_each(there_and_back, text);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, comes_back_whole, 0, FT_CASES(sizes));
	tcase_add_test(tc, refuses_what_is_cut);
	tcase_add_test(tc, joins_streams_and_ignores_what_follows);
	tcase_add_test(tc, stops_at_the_limit);
	tcase_add_loop_test(tc, knows_its_own, 0, FT_CASES(magics));
	tcase_add_test(tc, survives_lack_of_memory);
}

FT_CHECK_MAIN("gzip", add_tests)
