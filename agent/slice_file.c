#include "agent/slice_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/profile/slice.h"
#include "base/buffer.h"

#define READ_BYTES (1u << 20)

static int take_blocks(struct ft_buffer *bytes, bool at_end, ft_slice_file_fn each, void *context)
{
	const uint8_t *payload;
	size_t at = 0, len, used;
	int r;

	while ((r = ft_slice_split(bytes->data + at, bytes->len - at, &payload, &len, &used)) ==
	       1) {
		r = each(context, payload, len);
		if (r < 0)
			return r;
		at += used;
	}
	ft_buffer_consume(bytes, at);
	if (r == 0 && at_end && bytes->len > 0)
		return -EPIPE;
	return r;
}

static int read_stream(int fd, ft_slice_file_fn each, void *context)
{
	_cleanup_buffer_ struct ft_buffer bytes =
		FT_BUFFER_INIT(FT_SLICE_MAX_BYTES + FT_SLICE_HEAD_BYTES + READ_BYTES);
	char magic[FT_SLICE_MAGIC_BYTES];
	ssize_t n;
	int r;

	n = read(fd, magic, sizeof(magic));
	if (n < 0)
		return -errno;
	if (n != sizeof(magic) || memcmp(magic, FT_SLICE_MAGIC, sizeof(magic)) != 0)
		return -EMEDIUMTYPE;
	do {
		uint8_t *room = ft_buffer_extend(&bytes, READ_BYTES);

		if (!room)
			return bytes.error;
		n = read(fd, room, READ_BYTES);
		if (n < 0)
			return -errno;
		bytes.len -= READ_BYTES - (size_t)n;
		r = take_blocks(&bytes, n == 0, each, context);
		if (r < 0)
			return r;
	} while (n > 0);
	return 0;
}

int ft_slice_file_read(const char *path, ft_slice_file_fn each, void *context, struct ft_why *why)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return ft_why(why, -errno, "cannot open %s: %s", path, strerror(errno));
	r = read_stream(fd, each, context);
	if (r == -EMEDIUMTYPE)
		return ft_why(why, r, "%s is not a file of slices; make one with record --raw",
			      path);
	if (r == -EPIPE || r == -EBADMSG)
		return ft_why(why, r, "%s is %s; record it again", path,
			      r == -EPIPE ? "cut off in the middle" : "damaged");
	return r < 0 ? ft_why(why, r, "cannot read %s: %s", path, strerror(-r)) : 0;
}

static int check_slice(void *context, const uint8_t *payload, size_t len)
{
	static const struct ft_slice_sink sink = { 0 };

	return ft_slice_read(context, payload, len, &sink, NULL);
}

int ft_slice_file_check(const char *path, struct ft_why *why)
{
	struct ft_slice_reader reader = { 0 };

	return ft_slice_file_read(path, check_slice, &reader, why);
}
