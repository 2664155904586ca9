#include "agent/profile/procmaps.h"

#include <string.h>

struct scan {
	const char *at, *end;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* At least one digit, at most what 64 bits hold, and 16 of them if hexadecimal. */
static bool number(struct scan *s, unsigned int base, uint64_t *ret)
{
	unsigned int digits = 0, most = base == 16 ? 16 : 20;
	uint64_t value = 0;

	for (; s->at < s->end; s->at++, digits++) {
		int digit = hex_digit(*s->at);

		if (digit < 0 || (unsigned int)digit >= base)
			break;
		if (digits == most)
			return false;
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (unsigned int)digit, &value))
			return false;
	}
	*ret = value;
	return digits > 0;
}

static bool skip(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* start-end rwxp offset major:minor inode   path */
static bool parse(struct scan s, struct ft_procmaps_line *line)
{
	uint64_t major, minor;

	if (!number(&s, 16, &line->start) || !skip(&s, '-') || !number(&s, 16, &line->end) ||
	    !skip(&s, ' ') || s.end - s.at < 5)
		return false;
	line->executable = s.at[2] == 'x';
	s.at += 4;
	if (!skip(&s, ' ') || !number(&s, 16, &line->offset) || !skip(&s, ' ') ||
	    !number(&s, 16, &major) || !skip(&s, ':') || !number(&s, 16, &minor) ||
	    !skip(&s, ' ') || !number(&s, 10, &line->inode.number))
		return false;
	if (line->start >= line->end)
		return false;
	line->inode.major = (uint32_t)major;
	line->inode.minor = (uint32_t)minor;
	line->inode.generation = 0;
	while (s.at < s.end && *s.at == ' ')
		s.at++;
	line->path = s.at;
	line->path_len = (size_t)(s.end - s.at);
	return true;
}

bool ft_procmaps_next(const char **text, size_t *len, struct ft_procmaps_line *ret_line)
{
	while (*len > 0) {
		const char *begin = *text;
		const char *newline = memchr(begin, '\n', *len);
		const char *end = newline ? newline : begin + *len;
		size_t used = (size_t)(end - begin) + (newline ? 1 : 0);
		struct ft_procmaps_line line;

		*text += used;
		*len -= used;
		if (parse((struct scan){ begin, end }, &line)) {
			*ret_line = line;
			return true;
		}
	}
	return false;
}
