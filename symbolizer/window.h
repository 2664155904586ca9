/* window.h - reading a file of somebody else's through a small buffer.
 *
 * Never by mmap: the owner may truncate the file at any moment, which must be an error
 * here and not a signal. What was read is a copy, so it cannot change under the parser,
 * but two reads of one place may differ. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

#define FT_WINDOW_LARGE 65536u /* for reading a table from start to end */
#define FT_WINDOW_SMALL 4096u  /* for single names */

struct ft_window {
	int fd;		/* borrowed */
	uint64_t size;	/* of the file when the window was made */
	uint64_t start; /* offset in the file of bytes[0] */
	uint32_t len;	/* bytes that are valid */
	uint32_t cap;
	uint8_t *bytes;
};

/* cap: the most that one get can ask for. 0, -ENOMEM, -EINVAL when fd is not a regular
 * file, or -errno. */
int ft_window_init(struct ft_window *window, int fd, uint32_t cap) FT_MUST_CHECK;
/* A zeroed window is allowed. Does not close fd. */
void ft_window_deinit(struct ft_window *window);
#define _cleanup_window_ FT_CLEANUP(ft_window_deinit)

/* n bytes (at most cap) from offset on, borrowed until the next call. 0, -ENODATA when
 * the file ends before, -E2BIG past cap, or -errno. */
int ft_window_get(struct ft_window *window, uint64_t offset, uint32_t n,
		  const uint8_t **ret_bytes) FT_MUST_CHECK;

/* The NUL-terminated text at offset, which must end before end. Copied into text (size
 * bytes), cut to fit, with a NUL. The length written, -ENODATA when it neither ends nor fills text
 * before end, or -errno. */
int ft_window_text(struct ft_window *window, uint64_t offset, uint64_t end, char *text,
		   uint32_t size) FT_MUST_CHECK;
