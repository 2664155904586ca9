/* units.h - numbers as people write them on a command line, and back. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* "10s", "5m", "1h", "250ms", "1.5s"; a bare number means seconds. Into
 * nanoseconds, 1 ns to 366 days. 0, or -EINVAL. */
int ft_parse_duration(const char *text, uint64_t *ret_ns) FT_MUST_CHECK;
/* "64M", "512K", "2G", "100" (bytes); powers of 1024. 0, or -EINVAL. */
int ft_parse_size(const char *text, uint64_t *ret_bytes) FT_MUST_CHECK;
/* "1%", "0.5%": share of the whole, into parts per million. 0, or -EINVAL. */
int ft_parse_percent(const char *text, uint32_t *ret_ppm) FT_MUST_CHECK;
/* A decimal number within [min, max], nothing after it. 0, or -EINVAL. */
int ft_parse_number(const char *text, uint64_t min, uint64_t max,
		    uint64_t *ret_number) FT_MUST_CHECK;

/* "1.50 s", "12.3 ms": three figures with the fitting unit (seconds at most, then with
 * as many as it takes), into text. Returns text. */
const char *ft_format_duration(uint64_t ns, char *text, size_t size);
