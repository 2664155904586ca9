/* slice_file.h - files of recorded slices, as record --raw writes them. They come from
 * anywhere: everything in them is checked. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/why.h"

/* A slice, borrowed for the call. 0, or -errno to stop. */
typedef int (*ft_slice_file_fn)(void *context, const uint8_t *payload, size_t len);

/* Give every slice of the file at path to each, in their order. 0, what each returned, or
 * -errno, then with why: -EMEDIUMTYPE no such file, -EPIPE cut off, -EBADMSG damaged (also
 * when each says so). */
int ft_slice_file_read(const char *path, ft_slice_file_fn each, void *context,
		       struct ft_why *why) FT_MUST_CHECK;
/* Whether the whole file is sound; results as above. */
int ft_slice_file_check(const char *path, struct ft_why *why) FT_MUST_CHECK;
