/* Buffers: what is written is what is read, the limit is exact, the first failure is
 * kept, and JSON text is valid whatever bytes go in. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/buffer.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

static void check_content(const struct ft_buffer *buffer, const char *text)
{
	ck_assert_int_eq(buffer->error, 0);
	ck_assert_uint_eq(buffer->len, strlen(text));
	if (buffer->len)
		ck_assert_mem_eq(buffer->data, text, buffer->len);
}

START_TEST(integers_are_little_endian)
{
	static const uint8_t want[] = {
		1, 3, 2, 7, 6, 5, 4, 0xf, 0xe, 0xd, 0xc, 0xb, 0xa, 0x9, 0x8
	};
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(sizeof(want));

	ft_buffer_put_u8(&buffer, 1);
	ft_buffer_put_u16(&buffer, 0x0203);
	ft_buffer_put_u32(&buffer, 0x04050607);
	ft_buffer_put_u64(&buffer, 0x08090a0b0c0d0e0full);
	ck_assert_int_eq(buffer.error, 0);
	ck_assert_uint_eq(buffer.len, sizeof(want));
	ck_assert_mem_eq(buffer.data, want, sizeof(want));
}
END_TEST

static const struct {
	uint64_t value;
	const char *bytes;
	size_t len;
} varints[] = {
	{ 0, "\0", 1 },
	{ 127, "\x7f", 1 },
	{ 128, "\x80\x01", 2 },
	{ 300, "\xac\x02", 2 },
	{ UINT32_MAX, "\xff\xff\xff\xff\x0f", 5 },
	{ UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10 },
};

START_TEST(varint_is_leb128)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(16);

	ft_buffer_put_varint(&buffer, varints[_i].value);
	ck_assert_uint_eq(buffer.len, varints[_i].len);
	ck_assert_mem_eq(buffer.data, varints[_i].bytes, varints[_i].len);
}
END_TEST

static const struct {
	int64_t value;
	uint8_t first;
	size_t len;
} zigzags[] = {
	{ 0, 0, 1 },
	{ -1, 1, 1 },
	{ 1, 2, 1 },
	{ -64, 127, 1 },
	{ 64, 0x80, 2 },
	{ INT64_MIN, 0xff, 10 },
	{ INT64_MAX, 0xfe, 10 },
};

START_TEST(signed_is_zigzag)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(16);

	ft_buffer_put_signed(&buffer, zigzags[_i].value);
	ck_assert_uint_eq(buffer.len, zigzags[_i].len);
	ck_assert_uint_eq(buffer.data[0], zigzags[_i].first);
}
END_TEST

START_TEST(limit_is_exact_and_failure_stays)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(4);

	ft_buffer_put(&buffer, "1234", 4);
	check_content(&buffer, "1234");
	ft_buffer_put_u8(&buffer, '5');
	ck_assert_int_eq(buffer.error, -EFBIG);
	ck_assert_ptr_null(ft_buffer_extend(&buffer, 1));
	ck_assert_uint_eq(buffer.len, 4);
	ft_buffer_consume(&buffer, 4);
	ft_buffer_put_u8(&buffer, '5'); /* room again, but the loss must not be hidden */
	ck_assert_uint_eq(buffer.len, 0);
	ck_assert_int_eq(buffer.error, -EFBIG);
	ft_buffer_clear(&buffer);
	ft_buffer_put_u8(&buffer, '5');
	check_content(&buffer, "5");
}
END_TEST

START_TEST(sizes_that_wrap_are_refused)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(SIZE_MAX);

	ft_buffer_put(&buffer, "1234", 4);
	ck_assert_ptr_null(ft_buffer_extend(&buffer, SIZE_MAX));
	ck_assert_int_eq(buffer.error, -EFBIG);
	ck_assert_uint_eq(buffer.len, 4);
}
END_TEST

START_TEST(grows_and_keeps_content)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(1 << 20);

	for (uint32_t i = 0; i < 10000; i++)
		ft_buffer_put_u32(&buffer, i);
	ck_assert_int_eq(buffer.error, 0);
	ft_buffer_consume(&buffer, 4 * 17);
	ck_assert_uint_eq(buffer.len, 4 * (10000 - 17));
	for (uint32_t i = 17, got; i < 10000; i++) {
		memcpy(&got, buffer.data + 4 * (i - 17), 4);
		ck_assert_uint_eq(got, i);
	}
}
END_TEST

/* Around the size of printf's own small text. */
static const int widths[] = { 0, 1, 510, 511, 512, 513, 3000 };

START_TEST(printf_of_any_length)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(4096);
	size_t width = (size_t)widths[_i];

	ft_buffer_put_text(&buffer, "<");
	ft_buffer_printf(&buffer, "%*s", widths[_i], "");
	ft_buffer_put_text(&buffer, ">");
	ck_assert_int_eq(buffer.error, 0);
	ck_assert_uint_eq(buffer.len, width + 2);
	for (size_t i = 0; i < width; i++)
		ck_assert_int_eq(buffer.data[1 + i], ' ');
	ck_assert_int_eq(buffer.data[width + 1], '>');
}
END_TEST

START_TEST(printf_past_the_limit)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(1000);

	ft_buffer_printf(&buffer, "%*s", 1001, "");
	ck_assert_int_eq(buffer.error, -EFBIG);
	ck_assert_uint_eq(buffer.len, 0);
}
END_TEST

static const struct {
	const char *text, *json;
} jsons[] = {
	{ "", "" },
	{ "plain /x:y", "plain /x:y" },
	{ "\"\\", "\\\"\\\\" },
	{ "\n\t\x01\x7f", "\\u000a\\u0009\\u0001\\u007f" },
	{ "</script>&", "\\u003c/script\\u003e\\u0026" },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\xa5", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\xa5" },
	{ "\xc2\x9b", "\\u009b" }, /* a terminal's escape in one character */
	{ "\xc2\xa0", "\xc2\xa0" },
	{ "a\xff"
	  "b\xc3",
	  "a\\ufffdb\\ufffd" },
	{ "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd" },
};

START_TEST(json_text_is_always_valid)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(4096);

	ft_buffer_put_json(&buffer, jsons[_i].text, strlen(jsons[_i].text));
	check_content(&buffer, jsons[_i].json);
}
END_TEST

START_TEST(json_text_may_hold_nul)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(4096);

	ft_buffer_put_json(&buffer, "a\0b", 3);
	check_content(&buffer, "a\\u0000b");
}
END_TEST

static int fill(void *context)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(1 << 16);

	(void)context;
	for (int i = 0; i < 1000; i++)
		ft_buffer_put_u16(&buffer, 7);
	ft_buffer_printf(&buffer, "%*s", 3000, "");
	return buffer.error;
}

START_TEST(survives_want_of_memory)
{
	ck_assert_uint_ge(ft_alloc_each(fill, NULL), 3);
}
END_TEST

START_TEST(keeps_content_when_growth_fails)
{
	_cleanup_buffer_ struct ft_buffer buffer = FT_BUFFER_INIT(1 << 16);

	ft_buffer_put_text(&buffer, "kept");
	ft_alloc_fail_at(1);
	ft_buffer_extend(&buffer, 10000);
	ck_assert(ft_alloc_stop());
	ck_assert_int_eq(buffer.error, -ENOMEM);
	ck_assert_uint_eq(buffer.len, 4);
	ck_assert_mem_eq(buffer.data, "kept", 4);
	ft_buffer_deinit(&buffer);
	ft_buffer_put_text(&buffer, "again");
	check_content(&buffer, "again");
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, integers_are_little_endian);
	tcase_add_loop_test(tc, varint_is_leb128, 0, FT_CASES(varints));
	tcase_add_loop_test(tc, signed_is_zigzag, 0, FT_CASES(zigzags));
	tcase_add_test(tc, limit_is_exact_and_failure_stays);
	tcase_add_test(tc, sizes_that_wrap_are_refused);
	tcase_add_test(tc, grows_and_keeps_content);
	tcase_add_loop_test(tc, printf_of_any_length, 0, FT_CASES(widths));
	tcase_add_test(tc, printf_past_the_limit);
	tcase_add_loop_test(tc, json_text_is_always_valid, 0, FT_CASES(jsons));
	tcase_add_test(tc, json_text_may_hold_nul);
	tcase_add_test(tc, survives_want_of_memory);
	tcase_add_test(tc, keeps_content_when_growth_fails);
}

FT_CHECK_MAIN("buffer", add_tests)
