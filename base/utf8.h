/* utf8.h - is this text? Names come from programs we do not trust. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes (1-4) of the well-formed UTF-8 sequence at text, or 0 when there is
 * none: overlong forms, surrogates and values past U+10FFFF are refused. */
size_t ft_utf8_sequence(const char *text, size_t len);

/* Whether the sequence at text (well-formed) is a control character: U+0000 to
 * U+001F, U+007F, or U+0080 to U+009F, which terminals obey too. */
bool ft_utf8_is_control(const char *text);

/* Whether all len bytes are well-formed UTF-8 without control characters. */
bool ft_utf8_printable(const char *text, size_t len);

/* Copy text into out (size bytes, at least 1), NUL-terminated, control
 * characters and bytes that are not UTF-8 replaced by '?'; a character that
 * does not fit whole is left out. Returns the length written. */
size_t ft_utf8_clean(const char *text, size_t len, char *out, size_t size);
