#include "base/buffer.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

void ft_buffer_deinit(struct ft_buffer *buffer)
{
	size_t max = buffer->max;

	free(buffer->data);
	*buffer = FT_BUFFER_INIT(max);
}

void ft_buffer_clear(struct ft_buffer *buffer)
{
	buffer->len = 0;
	buffer->error = 0;
}

static bool reserve(struct ft_buffer *buffer, size_t n)
{
	size_t need, cap;
	uint8_t *data;

	if (buffer->error)
		return false;
	if (__builtin_add_overflow(buffer->len, n, &need) || need > buffer->max) {
		buffer->error = -EFBIG;
		return false;
	}
	if (need <= buffer->cap)
		return true;
	cap = FT_MAX(need, FT_MIN(buffer->cap * 2, buffer->max));
	cap = FT_MAX(cap, FT_MIN((size_t)256, buffer->max));
	data = realloc(buffer->data, cap);
	if (!data) {
		buffer->error = -ENOMEM;
		return false;
	}
	buffer->data = data;
	buffer->cap = cap;
	return true;
}

uint8_t *ft_buffer_extend(struct ft_buffer *buffer, size_t n)
{
	uint8_t *at;

	if (!reserve(buffer, n))
		return NULL;
	at = buffer->data + buffer->len;
	buffer->len += n;
	return at;
}

void ft_buffer_put(struct ft_buffer *buffer, const void *bytes, size_t n)
{
	uint8_t *at;

	if (n == 0)
		return;
	at = ft_buffer_extend(buffer, n);
	if (at)
		memcpy(at, bytes, n);
}

void ft_buffer_put_text(struct ft_buffer *buffer, const char *text)
{
	ft_buffer_put(buffer, text, strlen(text));
}

static void put_little(struct ft_buffer *buffer, uint64_t value, size_t bytes)
{
	uint8_t *at = ft_buffer_extend(buffer, bytes);

	for (size_t i = 0; at && i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

void ft_buffer_put_u8(struct ft_buffer *buffer, uint8_t value)
{
	put_little(buffer, value, 1);
}

void ft_buffer_put_u16(struct ft_buffer *buffer, uint16_t value)
{
	put_little(buffer, value, 2);
}

void ft_buffer_put_u32(struct ft_buffer *buffer, uint32_t value)
{
	put_little(buffer, value, 4);
}

void ft_buffer_put_u64(struct ft_buffer *buffer, uint64_t value)
{
	put_little(buffer, value, 8);
}

void ft_buffer_put_varint(struct ft_buffer *buffer, uint64_t value)
{
	uint8_t bytes[10];
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[n++] = (uint8_t)(value | 0x80);
	bytes[n++] = (uint8_t)value;
	ft_buffer_put(buffer, bytes, n);
}

void ft_buffer_put_signed(struct ft_buffer *buffer, int64_t value)
{
	ft_buffer_put_varint(buffer, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void ft_buffer_printf(struct ft_buffer *buffer, const char *format, ...)
{
	char small[512];
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (n < 0) {
		buffer->error = buffer->error ? buffer->error : -EFBIG; /* past INT_MAX */
	} else if ((size_t)n < sizeof(small)) {
		ft_buffer_put(buffer, small, (size_t)n);
	} else if (reserve(buffer, (size_t)n + 1)) {
		vsnprintf((char *)buffer->data + buffer->len, (size_t)n + 1, format, again);
		buffer->len += (size_t)n;
	}
	va_end(again);
}

void ft_buffer_put_json(struct ft_buffer *buffer, const char *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t n = ft_utf8_sequence(text + i, len - i);
		unsigned char c = (unsigned char)text[i];

		if (n == 0) {
			ft_buffer_put_text(buffer, "\\ufffd");
			i++;
			continue;
		}
		if (ft_utf8_is_control(text + i))
			ft_buffer_printf(buffer, "\\u%04x",
					 n == 1 ? c : (unsigned char)text[i + 1]);
		else if (c == '"' || c == '\\')
			ft_buffer_printf(buffer, "\\%c", c);
		else if (c == '<' || c == '>' || c == '&')
			ft_buffer_printf(buffer, "\\u%04x", c); /* also safe inside HTML */
		else
			ft_buffer_put(buffer, text + i, n);
		i += n;
	}
}

void ft_buffer_consume(struct ft_buffer *buffer, size_t n)
{
	assert(n <= buffer->len);
	if (n == 0)
		return;
	memmove(buffer->data, buffer->data + n, buffer->len - n);
	buffer->len -= n;
}
