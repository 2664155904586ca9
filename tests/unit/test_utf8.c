/* Names come from programs we do not trust: what is not well-formed UTF-8 must be seen,
 * and what is printed must hold no control character of any length. */
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "tests/ft_check.h"

static const struct {
	const char *text;
	size_t bytes; /* of the first sequence; 0: none */
} sequences[] = {
	{ "", 0 },
	{ "a", 1 },
	{ "\x7f", 1 },
	{ "\x80", 0 },	   /* a continuation alone */
	{ "\xc0\x80", 0 }, /* overlong NUL */
	{ "\xc1\xbf", 0 }, /* overlong */
	{ "\xc2\x80", 2 },
	{ "\xdf\xbf", 2 },
	{ "\xc2", 0 }, /* cut */
	{ "\xc2"
	  "a",
	  0 },
	{ "\xc2\xc2", 0 },
	{ "\xe0\x9f\xbf", 0 }, /* overlong */
	{ "\xe0\xa0\x80", 3 },
	{ "\xe2\x82", 0 }, /* cut */
	{ "\xe2\x82\xac", 3 },
	{ "\xed\x9f\xbf", 3 },
	{ "\xed\xa0\x80", 0 }, /* surrogate */
	{ "\xed\xbf\xbf", 0 }, /* surrogate */
	{ "\xee\x80\x80", 3 },
	{ "\xef\xbf\xbf", 3 },
	{ "\xf0\x8f\xbf\xbf", 0 }, /* overlong */
	{ "\xf0\x90\x80\x80", 4 },
	{ "\xf0\x9f\x94", 0 }, /* cut */
	{ "\xf0\x9f\x94\x41", 0 },
	{ "\xf4\x8f\xbf\xbf", 4 },
	{ "\xf4\x90\x80\x80", 0 }, /* past U+10FFFF */
	{ "\xf5\x80\x80\x80", 0 },
	{ "\xff", 0 },
};

START_TEST(first_sequence)
{
	size_t len = strlen(sequences[_i].text);
	/* Exactly as many bytes as there are, so that AddressSanitizer watches the end. */
	char *exact = malloc(len + 1);

	ck_assert_ptr_nonnull(exact);
	exact = realloc(exact, len ? len : 1);
	memcpy(exact, sequences[_i].text, len);
	ck_assert_uint_eq(ft_utf8_sequence(exact, len), sequences[_i].bytes);
	free(exact);
}
END_TEST

/* Every code point (of the high ones a grid), encoded by the rule, is well-formed unless
 * it is a surrogate; without its last byte never. */
START_TEST(agrees_with_the_definition)
{
	for (uint32_t code = 0x80; code < 0x110000; code += code < 0x3000 ? 1 : 61) {
		char text[4];
		size_t n = 0;

		if (code < 0x800) {
			text[n++] = (char)(0xc0 | code >> 6);
		} else if (code < 0x10000) {
			text[n++] = (char)(0xe0 | code >> 12);
			text[n++] = (char)(0x80 | (code >> 6 & 0x3f));
		} else {
			text[n++] = (char)(0xf0 | code >> 18);
			text[n++] = (char)(0x80 | (code >> 12 & 0x3f));
			text[n++] = (char)(0x80 | (code >> 6 & 0x3f));
		}
		text[n++] = (char)(0x80 | (code & 0x3f));
		ck_assert_uint_eq(ft_utf8_sequence(text, n),
				  code >= 0xd800 && code < 0xe000 ? 0 : n);
		ck_assert_uint_eq(ft_utf8_sequence(text, n - 1), 0);
	}
}
END_TEST

static const struct {
	const char *text;
	size_t len;
	bool printable;
	const char *clean;
} texts[] = {
	{ "", 0, true, "" },
	{ "main", 4, true, "main" },
	{ "gr\xc3\xbc\xc3\x9f", 6, true, "gr\xc3\xbc\xc3\x9f" },
	{ "a\0b", 3, false, "a?b" },
	{ "a\nb", 3, false, "a?b" },
	{ "\x1b[31m", 5, false, "?[31m" },
	{ "\x7f", 1, false, "?" },
	{ "\xc2\x9b"
	  "31m",
	  5, false, "?31m" }, /* the same escape as one character */
	{ "\xc2\x80\xc2\x9f\xc2\xa0", 6, false, "??\xc2\xa0" },
	{ "\xff\xfe", 2, false, "??" },
	{ "\xe2\x82", 2, false, "??" },
	{ "x\xc3", 2, false, "x?" },
};

START_TEST(printable_and_clean)
{
	char out[32];
	size_t n = ft_utf8_clean(texts[_i].text, texts[_i].len, out, sizeof(out));

	ck_assert_int_eq(ft_utf8_printable(texts[_i].text, texts[_i].len), texts[_i].printable);
	ck_assert_str_eq(out, texts[_i].clean);
	ck_assert_uint_eq(n, strlen(texts[_i].clean));
	ck_assert(ft_utf8_printable(out, n));
}
END_TEST

static const struct {
	size_t size;
	const char *clean;
} rooms[] = {
	{ 1, "" },
	{ 2, "a" },
	{ 3, "a" },
	{ 4, "a" },
	{ 5, "a\xe2\x82\xac" },
	{ 6, "a\xe2\x82\xac"
	     "b" },
	{ 7, "a\xe2\x82\xac"
	     "b" },
};

START_TEST(no_half_characters_and_no_overrun)
{
	char out[8];

	memset(out, 'x', sizeof(out));
	ck_assert_uint_eq(ft_utf8_clean("a\xe2\x82\xac"
					"b",
					5, out, rooms[_i].size),
			  strlen(rooms[_i].clean));
	ck_assert_str_eq(out, rooms[_i].clean);
	for (size_t i = rooms[_i].size; i < sizeof(out); i++)
		ck_assert_int_eq(out[i], 'x');
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, first_sequence, 0, FT_CASES(sequences));
	tcase_add_test(tc, agrees_with_the_definition);
	tcase_add_loop_test(tc, printable_and_clean, 0, FT_CASES(texts));
	tcase_add_loop_test(tc, no_half_characters_and_no_overrun, 0, FT_CASES(rooms));
}

FT_CHECK_MAIN("utf8", add_tests)
