/* gzip.h - gzip streams, written piece by piece and read back whole.
 *
 * What is written does not depend on the time of day: equal input gives equal bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/buffer.h"

struct ft_gzip;

/* Start a stream whose bytes go to the end of out, which must outlive it and be left
 * alone meanwhile. The caller owns *ret_gzip. 0 or -ENOMEM. */
int ft_gzip_new(struct ft_buffer *out, struct ft_gzip **ret_gzip) FT_MUST_CHECK;
void ft_gzip_freep(struct ft_gzip **p);
#define _cleanup_gzip_ FT_CLEANUP(ft_gzip_freep)

/* Compress n more bytes. Errors stay in out. */
void ft_gzip_put(struct ft_gzip *gzip, const void *bytes, size_t n);
/* End the stream; nothing may be put after it. 0 or out's error. */
int ft_gzip_finish(struct ft_gzip *gzip) FT_MUST_CHECK;

/* Whether bytes begin as a gzip stream does. */
bool ft_gunzip_wants(const uint8_t *bytes, size_t len);
/* Inflate one stream, or several one after another, to the end of out, whose limit is
 * the bound on what a small hostile stream can become. Bytes after the last stream that
 * begin no other are ignored. 0; -EBADMSG: cut short or damaged; -EFBIG: past the limit
 * of out; -ENOMEM. */
int ft_gunzip(const uint8_t *bytes, size_t len, struct ft_buffer *out) FT_MUST_CHECK;
