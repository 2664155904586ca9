/* buffer.h - bytes that grow to a limit.
 *
 * Writing never fails in the middle: the first failure (no memory, limit
 * reached) is remembered, later writes do nothing, and the writer asks once at
 * the end. Integers are little-endian; varints are LEB128. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct ft_buffer {
	uint8_t *data; /* len bytes; borrowed by readers until the next write */
	size_t len;
	size_t cap;
	size_t max; /* bytes; a write that would pass it fails */
	int error;  /* 0, -ENOMEM or -EFBIG: the first failure */
};

#define FT_BUFFER_INIT(max_bytes) ((struct ft_buffer){ .max = (max_bytes) })

/* Free the bytes; the buffer is empty again with the same limit. */
void ft_buffer_deinit(struct ft_buffer *buffer);
#define _cleanup_buffer_ FT_CLEANUP(ft_buffer_deinit)

/* Forget content and error, keep the memory. */
void ft_buffer_clear(struct ft_buffer *buffer);

/* Make room for n more bytes and count them as written. The pointer is valid
 * until the next write; NULL once the buffer has failed. */
uint8_t *ft_buffer_extend(struct ft_buffer *buffer, size_t n);

void ft_buffer_put(struct ft_buffer *buffer, const void *bytes, size_t n);
void ft_buffer_put_text(struct ft_buffer *buffer, const char *text);
void ft_buffer_put_u8(struct ft_buffer *buffer, uint8_t value);
void ft_buffer_put_u16(struct ft_buffer *buffer, uint16_t value);
void ft_buffer_put_u32(struct ft_buffer *buffer, uint32_t value);
void ft_buffer_put_u64(struct ft_buffer *buffer, uint64_t value);
void ft_buffer_put_varint(struct ft_buffer *buffer, uint64_t value);
/* Zigzag, so that small negative numbers stay short. */
void ft_buffer_put_signed(struct ft_buffer *buffer, int64_t value);
/* A text longer than 511 bytes needs room for its NUL too, for a moment. */
void ft_buffer_printf(struct ft_buffer *buffer, const char *format, ...) FT_PRINTF(2, 3);
/* Text as the inside of a JSON string: quotes, control characters and bytes
 * that are not UTF-8 escaped or replaced, so that the result is always valid. */
void ft_buffer_put_json(struct ft_buffer *buffer, const char *text, size_t len);

/* Drop the first n bytes, n <= len. */
void ft_buffer_consume(struct ft_buffer *buffer, size_t n);
