#include "base/cursor.h"

const uint8_t *ft_cursor_take(struct ft_cursor *c, size_t n)
{
	const uint8_t *at = c->at;

	if (c->failed || n > (size_t)(c->end - c->at)) {
		c->failed = true;
		return NULL;
	}
	c->at += n;
	return at;
}

static uint64_t little(struct ft_cursor *c, size_t bytes)
{
	const uint8_t *at = ft_cursor_take(c, bytes);
	uint64_t value = 0;

	for (size_t i = 0; at && i < bytes; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

uint8_t ft_cursor_u8(struct ft_cursor *c)
{
	return (uint8_t)little(c, 1);
}

uint16_t ft_cursor_u16(struct ft_cursor *c)
{
	return (uint16_t)little(c, 2);
}

uint32_t ft_cursor_u32(struct ft_cursor *c)
{
	return (uint32_t)little(c, 4);
}

uint64_t ft_cursor_u64(struct ft_cursor *c)
{
	return little(c, 8);
}

uint64_t ft_cursor_varint(struct ft_cursor *c)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		const uint8_t *byte = ft_cursor_take(c, 1);

		if (!byte)
			return 0;
		if (shift == 63 && (*byte & 0x7e))
			break; /* more than 64 bits */
		value |= (uint64_t)(*byte & 0x7f) << shift;
		if (!(*byte & 0x80))
			return value;
	}
	c->failed = true;
	return 0;
}

uint32_t ft_cursor_varint32(struct ft_cursor *c)
{
	uint64_t value = ft_cursor_varint(c);

	if (value > UINT32_MAX) {
		c->failed = true;
		return 0;
	}
	return (uint32_t)value;
}

int64_t ft_cursor_signed(struct ft_cursor *c)
{
	uint64_t value = ft_cursor_varint(c);

	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

uint32_t ft_cursor_count(struct ft_cursor *c, size_t each_min)
{
	uint32_t n = ft_cursor_varint32(c);

	if (n > ft_cursor_left(c) / each_min) {
		c->failed = true;
		return 0;
	}
	return n;
}
