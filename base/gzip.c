#include "base/gzip.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <zlib.h>

#define CHUNK_BYTES  16384u
#define GZIP_WINDOW  (15 + 16) /* zlib: the largest window, in a gzip frame */
#define MEMORY_LEVEL 8

struct ft_gzip {
	struct ft_buffer *out;
	z_stream stream;
};

int ft_gzip_new(struct ft_buffer *out, struct ft_gzip **ret_gzip)
{
	_cleanup_free_ struct ft_gzip *gzip = calloc(1, sizeof(*gzip));

	if (!gzip)
		return -ENOMEM;
	gzip->out = out;
	/* Without a header of ours zlib writes time 0 and no name. */
	if (deflateInit2(&gzip->stream, 6, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	*ret_gzip = FT_TAKE(gzip);
	return 0;
}

void ft_gzip_freep(struct ft_gzip **p)
{
	struct ft_gzip *gzip = FT_TAKE(*p);

	if (!gzip)
		return;
	deflateEnd(&gzip->stream);
	free(gzip);
}

static void deflate_all(struct ft_gzip *gzip, int flush)
{
	unsigned char chunk[CHUNK_BYTES];
	int r;

	do {
		gzip->stream.next_out = chunk;
		gzip->stream.avail_out = sizeof(chunk);
		r = deflate(&gzip->stream, flush);
		/* Output room and valid state are ours to give: nothing else can fail. */
		assert(r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR);
		ft_buffer_put(gzip->out, chunk, sizeof(chunk) - gzip->stream.avail_out);
	} while (gzip->stream.avail_out == 0 && gzip->out->error == 0);
}

void ft_gzip_put(struct ft_gzip *gzip, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;

	while (n && gzip->out->error == 0) {
		size_t part = FT_MIN(n, (size_t)INT_MAX);

		gzip->stream.next_in = (unsigned char *)at;
		gzip->stream.avail_in = (unsigned int)part;
		deflate_all(gzip, Z_NO_FLUSH);
		at += part;
		n -= part;
	}
}

int ft_gzip_finish(struct ft_gzip *gzip)
{
	gzip->stream.next_in = NULL;
	gzip->stream.avail_in = 0;
	if (gzip->out->error == 0)
		deflate_all(gzip, Z_FINISH);
	return gzip->out->error;
}

bool ft_gunzip_wants(const uint8_t *bytes, size_t len)
{
	return len >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

static void end_inflate(z_stream *stream)
{
	inflateEnd(stream);
}

/* One stream from the start of bytes; how many of them it took to *ret_used. */
static int inflate_one(z_stream *stream, const uint8_t *bytes, size_t len, struct ft_buffer *out,
		       size_t *ret_used)
{
	unsigned char chunk[CHUNK_BYTES];
	size_t used = 0;
	int r = Z_OK;

	while (r != Z_STREAM_END) {
		size_t part = FT_MIN(len - used, (size_t)INT_MAX);

		stream->next_in = (unsigned char *)bytes + used;
		stream->avail_in = (unsigned int)part;
		stream->next_out = chunk;
		stream->avail_out = sizeof(chunk);
		r = inflate(stream, Z_NO_FLUSH);
		if (r == Z_MEM_ERROR)
			return -ENOMEM;
		/* Z_BUF_ERROR: no input is left, but the stream has not ended. */
		if (r != Z_OK && r != Z_STREAM_END)
			return -EBADMSG;
		used += part - stream->avail_in;
		ft_buffer_put(out, chunk, sizeof(chunk) - stream->avail_out);
		if (out->error)
			return out->error;
	}
	*ret_used = used;
	return 0;
}

int ft_gunzip(const uint8_t *bytes, size_t len, struct ft_buffer *out)
{
	FT_CLEANUP(end_inflate)
	z_stream stream = { 0 };
	size_t used;
	int r;

	if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
		return -ENOMEM;
	do {
		r = inflate_one(&stream, bytes, len, out, &used);
		if (r < 0)
			return r;
		bytes += used;
		len -= used;
		if (inflateReset(&stream) != Z_OK)
			return -ENOMEM;
	} while (ft_gunzip_wants(bytes, len));
	return 0;
}
