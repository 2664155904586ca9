#include "agent/report.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "agent/server/assets.h"
#include "base/buffer.h"

#define GZIP_WINDOW_BITS (15 + 16) /* + 16 is a gzip header, which browsers unpack */

static int put_piece(const char *name, struct ft_buffer *out)
{
	const struct ft_asset *piece = ft_asset_find(name);

	assert(piece);
	ft_buffer_put(out, piece->bytes, piece->len);
	return out->error;
}

/* A "<" in JSON is inside a string. Written as an escape, no text can close the element
 * or open a comment in it. */
static void put_json_script(struct ft_buffer *out, const char *json)
{
	ft_buffer_put_text(out, "<script type=\"application/json\" id=\"ft-report-meta\">");
	for (const char *at = json; *at;) {
		size_t plain = strcspn(at, "<");

		ft_buffer_put(out, at, plain);
		at += plain;
		if (*at) {
			ft_buffer_put_text(out, "\\u003c");
			at++;
		}
	}
	ft_buffer_put_text(out, "</script>\n");
}

static void put_base64(struct ft_buffer *out, const uint8_t *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t *at = ft_buffer_extend(out, (len + 2) / 3 * 4);

	if (!at)
		return;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = FT_MIN(len - i, (size_t)3);
		uint32_t bits = (uint32_t)bytes[i] << 16;

		if (left > 1)
			bits |= (uint32_t)bytes[i + 1] << 8;
		if (left > 2)
			bits |= bytes[i + 2];
		for (unsigned int j = 0; j < 4; j++)
			*at++ = (uint8_t)(j <= left ? digits[bits >> (18 - 6 * j) & 63] : '=');
	}
}

/* Pack bytes as one gzip member into out. */
static int gzip(const uint8_t *bytes, size_t len, struct ft_buffer *out)
{
	z_stream stream = { 0 };
	size_t room;
	uint8_t *packed;
	int r;

	if (len > UINT32_MAX)
		return -EFBIG;
	if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	room = deflateBound(&stream, len);
	packed = room <= UINT32_MAX ? ft_buffer_extend(out, room) : NULL;
	if (!packed) {
		(void)deflateEnd(&stream);
		return out->error ? out->error : -EFBIG;
	}
	stream.next_in = (Bytef *)(uintptr_t)bytes;
	stream.avail_in = (uInt)len;
	stream.next_out = packed;
	stream.avail_out = (uInt)room;
	r = deflate(&stream, Z_FINISH);
	assert(r == Z_STREAM_END);
	out->len -= stream.avail_out;
	(void)deflateEnd(&stream);
	return 0;
}

int ft_report_write(const char *meta_json, const uint8_t *tree, size_t tree_len,
		    struct ft_buffer *out)
{
	_cleanup_buffer_ struct ft_buffer packed = FT_BUFFER_INIT(SIZE_MAX);
	int r;

	assert(meta_json);
	assert(tree);
	assert(out);

	r = gzip(tree, tree_len, &packed);
	if (r < 0)
		return r;
	r = put_piece("report_head", out);
	if (r < 0)
		return r;
	put_json_script(out, meta_json);
	ft_buffer_put_text(out, "<script type=\"text/plain\" id=\"ft-report-tree\">");
	put_base64(out, packed.data, packed.len);
	ft_buffer_put_text(out, "</script>\n");
	return put_piece("report_tail", out);
}
