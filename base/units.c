#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	double factor;
};

/* Digits with at most one point, then one of the units; exactly the whole text. */
static int parse_with_unit(const char *text, const struct unit *units, size_t n_units, double min,
			   double max, double *ret_value)
{
	char *end;
	double value;

	if (!isdigit((unsigned char)text[0]) || strspn(text, "0123456789.") > 20)
		return -EINVAL;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return -EINVAL; /* strtod would read hexadecimal */
	value = strtod(text, &end);
	if (strpbrk(text, "eE") && strpbrk(text, "eE") < end)
		return -EINVAL;
	for (size_t i = 0; i < n_units; i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		value *= units[i].factor;
		if (!isfinite(value) || value < min || value > max)
			return -EINVAL;
		*ret_value = value;
		return 0;
	}
	return -EINVAL;
}

int ft_parse_duration(const char *text, uint64_t *ret_ns)
{
	static const struct unit units[] = {
		{ "", 1e9 },  { "ns", 1 },   { "us", 1e3 },   { "ms", 1e6 },
		{ "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 }, { "d", 86400e9 },
	};
	double value;
	int r = parse_with_unit(text, units, FT_COUNT(units), 1, 366 * 86400e9, &value);

	if (r < 0)
		return r;
	*ret_ns = (uint64_t)llround(value);
	return 0;
}

int ft_parse_size(const char *text, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{ "", 1 },	 { "B", 1 },	    { "K", 0x1p10 }, { "KiB", 0x1p10 },
		{ "M", 0x1p20 }, { "MiB", 0x1p20 }, { "G", 0x1p30 }, { "GiB", 0x1p30 },
		{ "T", 0x1p40 }, { "TiB", 0x1p40 },
	};
	double value;
	int r = parse_with_unit(text, units, FT_COUNT(units), 0, 0x1p52, &value);

	if (r < 0)
		return r;
	*ret_bytes = (uint64_t)llround(value);
	return 0;
}

int ft_parse_percent(const char *text, uint32_t *ret_ppm)
{
	static const struct unit units[] = { { "%", 1e4 } };
	double value;
	int r = parse_with_unit(text, units, FT_COUNT(units), 0, 1e6, &value);

	if (r < 0)
		return r;
	*ret_ppm = (uint32_t)llround(value);
	return 0;
}

int ft_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value < min || value > max)
		return -EINVAL;
	*ret_number = value;
	return 0;
}

const char *ft_format_duration(uint64_t ns, char *text, size_t size)
{
	static const struct unit units[] = { { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 } };

	for (size_t i = 0; i < FT_COUNT(units); i++) {
		double value = (double)ns / units[i].factor;

		if (value < 0.9995)
			continue; /* else 999.9 us would become "1000 us" */
		snprintf(text, size, "%.*f %s",
			 value < 9.995	 ? 2
			 : value < 99.95 ? 1
					 : 0,
			 value, units[i].name);
		return text;
	}
	snprintf(text, size, "%llu ns", (unsigned long long)ns);
	return text;
}
