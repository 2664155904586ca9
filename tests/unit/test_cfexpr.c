/* Expressions come from the file. The forms that compilers and linkers write are known,
 * whatever they are made of; every other one is unknown, and none reads past its end. */
#include "symbolizer/cfexpr.h"

#include <limits.h>
#include <stdint.h>

#include "base/cursor.h"
#include "symbolizer/leb.h"
#include "tests/ft_check.h"

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })

static const struct {
	const uint8_t *bytes;
	size_t n;
	struct ft_term term;
	bool with_cfa;
} cases[] = {
	/* register + offset */
	{ BYTES(0x77, 8), { FT_TERM_REGISTER, 7, 8, 0, 0 }, false },
	{ BYTES(0x76, 0x70), { FT_TERM_REGISTER, 6, -16, 0, 0 }, false },
	{ BYTES(0x7a, 0x80, 0x01), { FT_TERM_REGISTER, 10, 128, 0, 0 }, false },
	{ BYTES(0x92, 0x0b, 0x7f), { FT_TERM_REGISTER, 11, -1, 0, 0 }, false },
	{ BYTES(0x77, 8, 0x23, 0x10), { FT_TERM_REGISTER, 7, 24, 0, 0 }, false },
	{ BYTES(0x77, 8, 0x33, 0x22), { FT_TERM_REGISTER, 7, 11, 0, 0 }, false },
	{ BYTES(0x33, 0x77, 8, 0x22), { FT_TERM_REGISTER, 7, 11, 0, 0 }, false },
	{ BYTES(0x77, 8, 0x33, 0x1c), { FT_TERM_REGISTER, 7, 5, 0, 0 }, false },
	{ BYTES(0x96, 0x77, 8), { FT_TERM_REGISTER, 7, 8, 0, 0 }, false },
	/* constants of each form */
	{ BYTES(0x77, 0, 0x08, 0xff, 0x22), { FT_TERM_REGISTER, 7, 255, 0, 0 }, false },
	{ BYTES(0x77, 0, 0x09, 0xff, 0x22), { FT_TERM_REGISTER, 7, -1, 0, 0 }, false },
	{ BYTES(0x77, 0, 0x0a, 0xff, 0xff, 0x22), { FT_TERM_REGISTER, 7, 65535, 0, 0 }, false },
	{ BYTES(0x77, 0, 0x0b, 0xfe, 0xff, 0x22), { FT_TERM_REGISTER, 7, -2, 0, 0 }, false },
	{ BYTES(0x77, 0, 0x0c, 1, 0, 1, 0, 0x22), { FT_TERM_REGISTER, 7, 65537, 0, 0 }, false },
	{ BYTES(0x77, 0, 0x0d, 0xfd, 0xff, 0xff, 0xff, 0x22),
	  { FT_TERM_REGISTER, 7, -3, 0, 0 },
	  false },
	{ BYTES(0x77, 0, 0x10, 0x80, 0x02, 0x22), { FT_TERM_REGISTER, 7, 256, 0, 0 }, false },
	{ BYTES(0x77, 0, 0x11, 0x80, 0x7e, 0x22), { FT_TERM_REGISTER, 7, -256, 0, 0 }, false },
	/* in memory */
	{ BYTES(0x76, 0x58, 0x06), { FT_TERM_DEREF, 6, -40, 0, 0 }, false },
	{ BYTES(0x77, 0x78, 0x06, 0x23, 8), { FT_TERM_DEREF, 7, -8, 8, 0 }, false },
	{ BYTES(0x77, 0x90, 1, 0x06, 0x38, 0x22), { FT_TERM_DEREF, 7, 144, 8, 0 }, false },
	{ BYTES(0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 8),
	  { FT_TERM_INDEXED, 7, 8, 8, 9 },
	  false },
	/* the place of a register */
	{ BYTES(0x76, 0), { FT_TERM_REGISTER, 6, 0, 0, 0 }, true },
	{ BYTES(0x11, 0x70, 0x22), { FT_TERM_CFA, 0, -16, 0, 0 }, true },
	{ BYTES(0x96), { FT_TERM_CFA, 0, 0, 0, 0 }, true },
	/* PLT */
	{ BYTES(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22),
	  { FT_TERM_PLT, 0, 11, 0, 0 },
	  false },
	{ BYTES(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3a, 0x2a, 0x33, 0x24, 0x22),
	  { FT_TERM_PLT, 0, 10, 0, 0 },
	  false },
	/* not known: nearly PLT; *(rsp + 8 + r9 * 4) + 8, and without a dereference; *(*rbp); *(rsp
	 * + 0) - *(rsp + 8); a register minus nothing; a number; nothing; an unknown operation */
	{ BYTES(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x32, 0x24, 0x22), { 0 }, false },
	{ BYTES(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x40, 0x2a, 0x33, 0x24, 0x22), { 0 }, false },
	{ BYTES(0x77, 8, 0x79, 0, 0x34, 0x1e, 0x22, 0x06, 0x23, 8), { 0 }, false },
	{ BYTES(0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22), { 0 }, false },
	{ BYTES(0x77, 8, 0x79, 8, 0x38, 0x1e, 0x22, 0x06), { 0 }, false },
	{ BYTES(0x77, 8, 0x79, 0, 0x38, 0x1e, 0x1c, 0x06), { 0 }, false },
	{ BYTES(0x79, 0, 0x38, 0x1e, 0x06), { 0 }, false },
	{ BYTES(0x38, 0x1e), { 0 }, false },
	{ BYTES(0x76, 0, 0x06, 0x06), { 0 }, false },
	{ BYTES(0x77, 0, 0x06, 0x77, 8, 0x06, 0x1c), { 0 }, false },
	{ BYTES(0x33, 0x77, 8, 0x1c), { 0 }, false },
	{ BYTES(0x77, 8, 0x22), { 0 }, false },
	{ BYTES(0x33), { 0 }, false },
	{ BYTES(0x06), { 0 }, false },
	{ BYTES(0x23, 8), { 0 }, false },
	{ BYTES(0x96), { 0 }, false },
	{ BYTES(0xff), { 0 }, false },
	/* too deep; a register that is none; too large; cut at each kind of operand */
	{ BYTES(0x30, 0x30, 0x30, 0x30, 0x30, 0x77, 8), { 0 }, false },
	{ BYTES(0x92, 0x80, 0x02, 0), { 0 }, false },
	{ BYTES(0x77, 0x80, 0x80, 0x80, 0x80, 0x08), { 0 }, false },
	{ BYTES(0x77, 0, 0x06, 0x23, 0x80, 0x80, 0x80, 0x80, 0x08), { 0 }, false },
	{ BYTES(0x77), { 0 }, false },
	{ BYTES(0x77, 0x80), { 0 }, false },
	{ BYTES(0x77, 8, 0x23), { 0 }, false },
	{ BYTES(0x77, 8, 0x0c, 0, 0, 0), { 0 }, false },
	{ BYTES(0x77, 8, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
	  { 0 },
	  false },
};

START_TEST(reads_an_expression)
{
	struct ft_term term = ft_cfexpr_read(cases[_i].bytes, cases[_i].n, cases[_i].with_cfa);

	ck_assert_int_eq(term.kind, cases[_i].term.kind);
	if (term.kind == FT_TERM_UNKNOWN)
		return;
	ck_assert_int_eq(term.reg, cases[_i].term.reg);
	ck_assert_int_eq(term.offset, cases[_i].term.offset);
	ck_assert_int_eq(term.add, cases[_i].term.add);
	ck_assert_int_eq(term.index, cases[_i].term.index);
}
END_TEST

/* A sum that does not fit 64 bits must not wrap around into a small one. */
START_TEST(does_not_wrap)
{
	static const uint8_t most[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
	uint8_t bytes[64] = { 0x77, 8 };
	size_t n = 2;

	for (int i = 0; i < 3; i++) {
		bytes[n++] = 0x23;
		for (size_t j = 0; j < sizeof(most); j++)
			bytes[n++] = most[j];
	}
	ck_assert_int_eq(ft_cfexpr_read(bytes, n, false).kind, FT_TERM_UNKNOWN);
}
END_TEST

static const struct {
	const uint8_t *bytes;
	size_t n;
	int64_t value;
	bool fails;
} numbers[] = {
	{ BYTES(0), 0, false },
	{ BYTES(0x3f), 63, false },
	{ BYTES(0x40), -64, false },
	{ BYTES(0x7f), -1, false },
	{ BYTES(0x80, 0x01), 128, false },
	{ BYTES(0x80, 0x7f), -128, false },
	{ BYTES(0xff, 0x00), 127, false },
	{ BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f), INT64_MIN, false },
	{ BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00), INT64_MAX, false },
	{ BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0), 0, true },
	{ BYTES(0x80), 0, true },
};

START_TEST(reads_a_signed_number)
{
	struct ft_cursor c = ft_cursor_of(numbers[_i].bytes, numbers[_i].n);

	ck_assert_int_eq(ft_leb_signed(&c), numbers[_i].value);
	ck_assert_int_eq(c.failed, numbers[_i].fails);
	ck_assert_uint_eq(ft_cursor_left(&c), 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, reads_an_expression, 0, FT_CASES(cases));
	tcase_add_test(tc, does_not_wrap);
	tcase_add_loop_test(tc, reads_a_signed_number, 0, FT_CASES(numbers));
}

FT_CHECK_MAIN("cfexpr", add_tests)
