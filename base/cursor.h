/* cursor.h - reading bytes that may be lies.
 *
 * All bounds checks live here. After the first read past the end (or a varint
 * that is too long) the cursor has failed: every further read yields zero or
 * NULL, and the caller asks once, at the end of a unit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ft_cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static inline struct ft_cursor ft_cursor_of(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	return (struct ft_cursor){ .at = at, .end = at + len };
}

/* Bytes not read yet; 0 once failed. */
static inline size_t ft_cursor_left(const struct ft_cursor *c)
{
	return c->failed ? 0 : (size_t)(c->end - c->at);
}

/* The next n bytes, borrowed from what the cursor reads, or NULL. */
const uint8_t *ft_cursor_take(struct ft_cursor *c, size_t n);

uint8_t ft_cursor_u8(struct ft_cursor *c);
uint16_t ft_cursor_u16(struct ft_cursor *c);
uint32_t ft_cursor_u32(struct ft_cursor *c);
uint64_t ft_cursor_u64(struct ft_cursor *c);
uint64_t ft_cursor_varint(struct ft_cursor *c);
/* A varint that must fit 32 bits. */
uint32_t ft_cursor_varint32(struct ft_cursor *c);
int64_t ft_cursor_signed(struct ft_cursor *c);
/* A count of things that take at least each_min bytes (>= 1) each: fails when
 * they could not fit in what is left, so that it is safe to allocate for. */
uint32_t ft_cursor_count(struct ft_cursor *c, size_t each_min);
