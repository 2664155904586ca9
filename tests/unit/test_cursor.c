/* The cursor reads bytes that may be lies: never past the end, never half a number,
 * and once it has failed it stays failed. Bytes lie in an exact heap block, so that
 * AddressSanitizer sees a read past it. */
#include <stdint.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "tests/ft_check.h"

struct input {
	uint8_t *bytes;
	struct ft_cursor cursor;
};

static struct input input_of(const void *bytes, size_t len)
{
	struct input in = { .bytes = malloc(len + 1) };

	ck_assert_ptr_nonnull(in.bytes);
	in.bytes = realloc(in.bytes, len ? len : 1);
	memcpy(in.bytes, bytes, len);
	in.cursor = ft_cursor_of(in.bytes, len);
	return in;
}

static uint64_t read_number(struct ft_cursor *c, int width)
{
	switch (width) {
	case 1:
		return ft_cursor_u8(c);
	case 2:
		return ft_cursor_u16(c);
	case 4:
		return ft_cursor_u32(c);
	default:
		return ft_cursor_u64(c);
	}
}

static const struct {
	int width;
	uint64_t value;
} numbers[] = { { 1, 0x88 }, { 2, 0x8788 }, { 4, 0x85868788 }, { 8, 0x8182838485868788 } };

START_TEST(numbers_are_little_endian_and_whole)
{
	static const uint8_t bytes[] = { 0x88, 0x87, 0x86, 0x85, 0x84, 0x83, 0x82, 0x81 };
	int width = numbers[_i].width;

	for (int len = 0; len <= width; len++) {
		struct input in = input_of(bytes, (size_t)len);
		uint64_t got = read_number(&in.cursor, width);

		ck_assert_int_eq(in.cursor.failed, len < width);
		ck_assert_uint_eq(got, len < width ? 0 : numbers[_i].value);
		ck_assert_uint_eq(ft_cursor_left(&in.cursor), 0);
		free(in.bytes);
	}
}
END_TEST

START_TEST(stays_failed)
{
	struct input in = input_of("abc", 3);

	ck_assert_ptr_null(ft_cursor_take(&in.cursor, 4));
	ck_assert(in.cursor.failed);
	ck_assert_ptr_null(ft_cursor_take(&in.cursor, 1));
	ck_assert_uint_eq(ft_cursor_u8(&in.cursor), 0);
	ck_assert_uint_eq(ft_cursor_left(&in.cursor), 0);
	free(in.bytes);
}
END_TEST

START_TEST(take_is_bounded)
{
	struct input in = input_of("abc", 3);

	ck_assert_mem_eq(ft_cursor_take(&in.cursor, 2), "ab", 2);
	ck_assert_uint_eq(ft_cursor_left(&in.cursor), 1);
	ck_assert_ptr_null(ft_cursor_take(&in.cursor, SIZE_MAX)); /* at + n would wrap */
	free(in.bytes);
}
END_TEST

static const struct {
	const char *bytes;
	size_t len;
	bool good;
	uint64_t value;
} varints[] = {
	{ "", 0, false, 0 },
	{ "\0", 1, true, 0 },
	{ "\x7f", 1, true, 127 },
	{ "\x80", 1, false, 0 },
	{ "\x80\x01", 2, true, 128 },
	{ "\x80\x80\x00", 3, true, 0 }, /* longer than needed, still a number */
	{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9, false, 0 },
	{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, true, UINT64_MAX },
	{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, false, 0 }, /* 65 bits */
	{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10, false, 0 },
	{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11, false, 0 },
	{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x81\x00", 11, false, 0 },
};

START_TEST(varints_of_64_bits)
{
	struct input in = input_of(varints[_i].bytes, varints[_i].len);

	ck_assert_uint_eq(ft_cursor_varint(&in.cursor), varints[_i].value);
	ck_assert_int_eq(in.cursor.failed, !varints[_i].good);
	free(in.bytes);
}
END_TEST

static const struct {
	uint64_t value;
	bool good;
} varint32s[] = {
	{ 0, true }, { UINT32_MAX, true }, { 1ull + UINT32_MAX, false }, { UINT64_MAX, false }
};

START_TEST(varints_of_32_bits)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(16);
	struct ft_cursor cursor;

	ft_buffer_put_varint(&buffer, varint32s[_i].value);
	cursor = ft_cursor_of(buffer.data, buffer.len);
	ck_assert_uint_eq(ft_cursor_varint32(&cursor),
			  varint32s[_i].good ? varint32s[_i].value : 0);
	ck_assert_int_eq(cursor.failed, !varint32s[_i].good);
}
END_TEST

static const int64_t signeds[] = { 0, 1, -1, 63, -64, 64, 1234567, -1234567, INT64_MAX, INT64_MIN };

START_TEST(signed_comes_back)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(16);
	struct ft_cursor cursor;

	ft_buffer_put_signed(&buffer, signeds[_i]);
	cursor = ft_cursor_of(buffer.data, buffer.len);
	ck_assert_int_eq(ft_cursor_signed(&cursor), signeds[_i]);
	ck_assert(!cursor.failed);
	ck_assert_uint_eq(ft_cursor_left(&cursor), 0);
}
END_TEST

static const struct {
	const char *bytes;
	size_t len, each;
	bool good;
	uint32_t n;
} counts[] = {
	{ "\0", 1, 1, true, 0 },
	{ "\x03"
	  "abc",
	  4, 1, true, 3 },
	{ "\x03"
	  "ab",
	  3, 1, false, 0 },
	{ "\x02"
	  "abcdef",
	  7, 3, true, 2 },
	{ "\x02"
	  "abcde",
	  6, 3, false, 0 },
	{ "\xff\xff\xff\xff\x0f"
	  "abc",
	  8, 1, false, 0 },
	{ "\x01", 1, SIZE_MAX, false, 0 },
	{ "\x80", 1, 1, false, 0 },
};

START_TEST(count_must_fit_what_is_left)
{
	struct input in = input_of(counts[_i].bytes, counts[_i].len);

	ck_assert_uint_eq(ft_cursor_count(&in.cursor, counts[_i].each), counts[_i].n);
	ck_assert_int_eq(in.cursor.failed, !counts[_i].good);
	free(in.bytes);
}
END_TEST

START_TEST(nothing_to_read)
{
	struct ft_cursor cursor = ft_cursor_of(NULL, 0);

	ck_assert_uint_eq(ft_cursor_left(&cursor), 0);
	ck_assert(!cursor.failed);
	ck_assert_uint_eq(ft_cursor_u8(&cursor), 0);
	ck_assert(cursor.failed);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, numbers_are_little_endian_and_whole, 0, FT_CASES(numbers));
	tcase_add_test(tc, stays_failed);
	tcase_add_test(tc, take_is_bounded);
	tcase_add_loop_test(tc, varints_of_64_bits, 0, FT_CASES(varints));
	tcase_add_loop_test(tc, varints_of_32_bits, 0, FT_CASES(varint32s));
	tcase_add_loop_test(tc, signed_comes_back, 0, FT_CASES(signeds));
	tcase_add_loop_test(tc, count_must_fit_what_is_left, 0, FT_CASES(counts));
	tcase_add_test(tc, nothing_to_read);
}

FT_CHECK_MAIN("cursor", add_tests)
