#include "symbolizer/window.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int ft_window_init(struct ft_window *window, int fd, uint32_t cap)
{
	struct stat st;
	uint8_t *bytes;

	assert(cap > 0);
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < 0)
		return -EINVAL;
	bytes = malloc(cap);
	if (!bytes)
		return -ENOMEM;
	*window = (struct ft_window){
		.fd = fd, .size = (uint64_t)st.st_size, .cap = cap, .bytes = bytes
	};
	return 0;
}

void ft_window_deinit(struct ft_window *window)
{
	free(window->bytes);
	*window = (struct ft_window){ 0 };
}

/* Read on from offset until n bytes are there, more when they come at once. */
static int fill(struct ft_window *window, uint64_t offset, uint32_t n)
{
	uint32_t want = (uint32_t)FT_MIN((uint64_t)window->cap, window->size - offset);

	window->start = offset;
	window->len = 0;
	while (window->len < n) {
		ssize_t got = pread(window->fd, window->bytes + window->len, want - window->len,
				    (off_t)(offset + window->len));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -ENODATA; /* shorter than it was */
		window->len += (uint32_t)got;
	}
	return 0;
}

int ft_window_get(struct ft_window *window, uint64_t offset, uint32_t n, const uint8_t **ret_bytes)
{
	uint64_t end;
	int r;

	if (n > window->cap)
		return -E2BIG;
	if (__builtin_add_overflow(offset, n, &end) || end > window->size)
		return -ENODATA;
	if (offset < window->start || end > window->start + window->len) {
		r = fill(window, offset, n);
		if (r < 0)
			return r;
	}
	*ret_bytes = window->bytes + (offset - window->start);
	return 0;
}

int ft_window_text(struct ft_window *window, uint64_t offset, uint64_t end, char *text,
		   uint32_t size)
{
	const uint32_t step = FT_MIN(256u, window->cap);
	uint32_t used = 0;

	assert(size > 0);
	end = FT_MIN(end, window->size);
	while (offset < end) {
		uint32_t n = (uint32_t)FT_MIN((uint64_t)step, end - offset);
		const uint8_t *bytes, *nul;
		uint32_t put;
		int r = ft_window_get(window, offset, n, &bytes);

		if (r < 0)
			return r;
		nul = memchr(bytes, 0, n);
		put = FT_MIN(nul ? (uint32_t)(nul - bytes) : n, size - 1 - used);
		memcpy(text + used, bytes, put);
		used += put;
		if (nul || used == size - 1) {
			text[used] = '\0';
			return (int)used;
		}
		offset += n;
	}
	return -ENODATA;
}
