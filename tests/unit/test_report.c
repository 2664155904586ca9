/* The report joins pieces, so the tests read it back: the data must come out as it went
 * in, and no text in it may end the element that holds it. */
#include "agent/report.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "agent/server/assets.h"
#include "base/buffer.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

#define REPORT_MAX (8u << 20)

static const char *const served[] = { "/", "/main.js", "/style.css", "/match.js" };

START_TEST(serves_files)
{
	const struct ft_asset *asset = ft_asset_find(served[_i]);

	ck_assert_ptr_nonnull(asset);
	ck_assert_uint_gt(asset->len, 0);
	ck_assert_int_eq(asset->bytes[asset->len], 0);
	ck_assert_int_eq(asset->etag[0], '"');
	ck_assert_ptr_null(memchr(asset->bytes, 0, asset->len));
}
END_TEST

static const char *const refused[] = { "", "main.js", "/../main.js", "/main.jsx", "/report_head" };

START_TEST(serves_nothing_else)
{
	ck_assert_ptr_null(ft_asset_find(refused[_i]));
}
END_TEST

/* Bytes of the one element that begins with mark, up to "</script>". */
static size_t find_block(const struct ft_buffer *out, const char *mark, const uint8_t **ret_at)
{
	const uint8_t *at = memmem(out->data, out->len, mark, strlen(mark));
	const uint8_t *end;

	ck_assert_ptr_nonnull(at);
	at += strlen(mark);
	end = memmem(at, out->len - (size_t)(at - out->data), "</script>", 9);
	ck_assert_ptr_nonnull(end);
	*ret_at = at;
	return (size_t)(end - at);
}

static unsigned int digit(uint8_t c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '=' ? digits : strchr(digits, c);

	ck_assert(c && at);
	return (unsigned int)(at - digits);
}

static size_t read_base64(const uint8_t *text, size_t len, uint8_t *bytes)
{
	size_t n = 0;

	ck_assert_uint_eq(len % 4, 0);
	for (size_t i = 0; i < len; i += 4) {
		uint32_t bits = digit(text[i]) << 18 | digit(text[i + 1]) << 12 |
				digit(text[i + 2]) << 6 | digit(text[i + 3]);

		bytes[n++] = (uint8_t)(bits >> 16);
		if (text[i + 2] != '=')
			bytes[n++] = (uint8_t)(bits >> 8);
		if (text[i + 3] != '=')
			bytes[n++] = (uint8_t)bits;
	}
	return n;
}

/* Sizes around the groups of three of base64. */
static const size_t sizes[] = { 0, 1, 2, 3, 4, 100, 4096, 200000 };

START_TEST(data_comes_back)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(REPORT_MAX);
	_cleanup_free_ uint8_t *tree = malloc(sizes[_i] + 1);
	_cleanup_free_ uint8_t *packed = malloc(REPORT_MAX);
	_cleanup_free_ uint8_t *back = malloc(sizes[_i] + 1);
	z_stream stream = { 0 };
	const uint8_t *at;
	size_t len;

	for (size_t i = 0; i < sizes[_i]; i++)
		tree[i] = (uint8_t)(i * 2654435761u >> 13);
	ck_assert_int_eq(ft_report_write("{}", tree, sizes[_i], &out), 0);
	len = find_block(&out, "id=\"ft-report-tree\">", &at);
	len = read_base64(at, len, packed);

	ck_assert_int_eq(inflateInit2(&stream, 15 + 16), Z_OK);
	stream.next_in = packed;
	stream.avail_in = (uInt)len;
	stream.next_out = back;
	stream.avail_out = (uInt)sizes[_i] + 1;
	ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
	ck_assert_uint_eq(stream.total_out, sizes[_i]);
	ck_assert_uint_eq(stream.avail_in, 0);
	ck_assert_mem_eq(back, tree, sizes[_i]);
	inflateEnd(&stream);
}
END_TEST

START_TEST(text_stays_inside)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(REPORT_MAX);
	const char *meta = "{\"title\":\"</script><script>alert(1)</script><!-- <\"}";
	const char *want = "{\"title\":\"\\u003c/script>\\u003cscript>alert(1)\\u003c/script>"
			   "\\u003c!-- \\u003c\"}";
	const uint8_t *at;
	size_t len;

	ck_assert_int_eq(ft_report_write(meta, (const uint8_t *)"x", 1, &out), 0);
	len = find_block(&out, "id=\"ft-report-meta\">", &at);
	ck_assert_uint_eq(len, strlen(want));
	ck_assert_mem_eq(at, want, len);
	/* The page around it is whole. */
	ck_assert_mem_eq(out.data, "<!doctype html>", 15);
	ck_assert_mem_eq(out.data + out.len - 8, "</html>\n", 8);
}
END_TEST

START_TEST(limit_is_an_error)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(1000);

	ck_assert_int_eq(ft_report_write("{}", (const uint8_t *)"x", 1, &out), -EFBIG);
}
END_TEST

static int write_once(void *context)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(REPORT_MAX);

	(void)context;
	return ft_report_write("{\"a\":1}", (const uint8_t *)"some bytes", 10, &out);
}

START_TEST(memory_runs_out)
{
	ck_assert_uint_ge(ft_alloc_each(write_once, NULL), 2);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, serves_files, 0, FT_CASES(served));
	tcase_add_loop_test(tc, serves_nothing_else, 0, FT_CASES(refused));
	tcase_add_loop_test(tc, data_comes_back, 0, FT_CASES(sizes));
	tcase_add_test(tc, text_stays_inside);
	tcase_add_test(tc, limit_is_an_error);
	tcase_add_test(tc, memory_runs_out);
}

FT_CHECK_MAIN("report", add_tests)
