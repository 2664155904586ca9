#include "base/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static bool continues(const unsigned char *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if ((s[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t ft_utf8_sequence(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return len >= 2 && continues(s, 1, 2) ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		if (len < 3 || !continues(s, 1, 3))
			return 0;
		if (s[0] == 0xe0 && s[1] < 0xa0)
			return 0;			     /* overlong */
		return s[0] == 0xed && s[1] >= 0xa0 ? 0 : 3; /* surrogate */
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if (len < 4 || !continues(s, 1, 4))
			return 0;
		if (s[0] == 0xf0 && s[1] < 0x90)
			return 0;			     /* overlong */
		return s[0] == 0xf4 && s[1] >= 0x90 ? 0 : 4; /* past U+10FFFF */
	}
	return 0;
}

bool ft_utf8_is_control(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

bool ft_utf8_printable(const char *text, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = ft_utf8_sequence(text + i, len - i);
		if (n == 0 || ft_utf8_is_control(text + i))
			return false;
	}
	return true;
}

size_t ft_utf8_clean(const char *text, size_t len, char *out, size_t size)
{
	size_t used = 0;

	assert(size > 0);
	for (size_t i = 0; i < len;) {
		size_t n = ft_utf8_sequence(text + i, len - i);
		bool bad = n == 0 || ft_utf8_is_control(text + i);
		size_t put = bad ? 1 : n;

		if (used + put >= size)
			break;
		if (bad)
			out[used] = '?';
		else
			memcpy(out + used, text + i, n);
		used += put;
		i += bad && n == 0 ? 1 : n;
	}
	out[used] = '\0';
	return used;
}
