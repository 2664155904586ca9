/* /proc/kallsyms as the kernel writes it, cut anywhere, hidden, or wrong. */
#include "symbolizer/kallsyms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

static const char text[] = "0000000000000000 A fixed_percpu_data\n"
			   "0000000000013000 D cpu_offset\n"
			   "ffffffff81000000 T _text\n"
			   "ffffffff81000000 T _stext\n"
			   "ffffffff81000100 t helper\n"
			   "ffffffff81000200 W weak_one\n"
			   "ffffffff81000200 T strong_one\n"
			   "ffffffff81000300 t local_only.cold\n"
			   "ffffffff81000300 t local_only\n"
			   "ffffffff81000400 D data_ends_it\n"
			   "ffffffff81000500 r more_data\n"
			   "ffffffff81000600 w weak_low\n"
			   "ffffffff81000600 B data_at_the_same_place\n"
			   "ffffffffc0002000 t in_module\t[ext4]\n"
			   "ffffffffc0001000 t bpf_prog_6deef7357e7b4530_sd\t[bpf]\n"
			   "ffffffffc0003000 T odd_module\t[]\n";

static const struct {
	uint64_t address;
	const char *name, *module;
} lookups[] = {
	{ 0, NULL, NULL },
	{ 0x13000, NULL, NULL },
	{ 0xffffffff80ffffff, NULL, NULL },
	{ 0xffffffff81000000, "_text", "" },
	{ 0xffffffff810000ff, "_text", "" },
	{ 0xffffffff81000100, "helper", "" },
	{ 0xffffffff81000234, "strong_one", "" },
	{ 0xffffffff81000300, "local_only", "" },
	{ 0xffffffff810003ff, "local_only", "" },
	{ 0xffffffff81000400, NULL, NULL },
	{ 0xffffffff810005ff, NULL, NULL },
	{ 0xffffffff81000600, "weak_low", "" },
	{ 0xffffffff81000600 + FT_KALLSYMS_MAX_REACH - 1, "weak_low", "" },
	{ 0xffffffff81000600 + FT_KALLSYMS_MAX_REACH, NULL, NULL },
	{ 0xffffffffc0001000, "bpf_prog_6deef7357e7b4530_sd", "bpf" },
	{ 0xffffffffc0001fff, "bpf_prog_6deef7357e7b4530_sd", "bpf" },
	{ 0xffffffffc0002000, "in_module", "ext4" },
	{ 0xffffffffc0003000, "odd_module", "" },
	{ UINT64_MAX, NULL, NULL },
};

/* Fed in pieces of step bytes. */
static int parse(const char *from, size_t len, size_t step, struct ft_kallsyms **ret_table)
{
	_cleanup_kallsyms_parser_ struct ft_kallsyms_parser *parser = NULL;
	int r = ft_kallsyms_parser_new(&parser);

	for (size_t at = 0; at < len && r == 0; at += step)
		r = ft_kallsyms_feed(parser, from + at, FT_MIN(step, len - at));
	return r < 0 ? r : ft_kallsyms_finish(parser, ret_table);
}

static void check_lookups(const struct ft_kallsyms *table)
{
	for (size_t i = 0; i < FT_COUNT(lookups); i++) {
		struct ft_kallsym sym = { .name = "unset" };
		int r = ft_kallsyms_find(table, lookups[i].address, &sym);

		ck_assert_msg(r == (lookups[i].name != NULL), "case %zu: %d %s", i, r, sym.name);
		if (!r)
			continue;
		ck_assert_str_eq(sym.name, lookups[i].name);
		ck_assert_str_eq(sym.module, lookups[i].module);
		ck_assert_uint_eq(sym.name_len, strlen(sym.name));
		ck_assert_uint_eq(sym.module_len, strlen(sym.module));
	}
}

START_TEST(finds_in_pieces_of_any_length)
{
	_cleanup_kallsyms_ struct ft_kallsyms *table = NULL;

	ck_assert_int_eq(parse(text, strlen(text), (size_t)_i, &table), 0);
	check_lookups(table);
	ck_assert_uint_lt(ft_kallsyms_bytes(table), 1024);
}
END_TEST

START_TEST(loads_from_a_descriptor)
{
	_cleanup_kallsyms_ struct ft_kallsyms *table = NULL;
	_cleanup_close_ int fd = memfd_create("kallsyms", MFD_CLOEXEC);

	/* The position of the descriptor does not matter. */
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(ft_kallsyms_load(fd, &table), 0);
	check_lookups(table);
	ck_assert_int_eq(ft_kallsyms_load(-1, &table), -EBADF);
}
END_TEST

static const char *const hidden[] = {
	"",
	"\n",
	"0000000000000000 T _text\n0000000000000000 t helper\n",
	"ffffffff81000000 D only_data\n",
	"ffffffff81000000 T no_newline",
	"ffffffff81000000 T \n",
	"ffffffff81000000  T\n",
	"ffffffff81000000\n",
	"ffffffff81000000 T\n",
	"ffffffff81000000 TT name\n",
	"ffffffff8100000g T name\n",
	"FFFFFFFF81000000 T name\n",
	"ffffffff8100000 T name\n",
	"\tffffffff81000000 T name\n",
};

START_TEST(says_when_there_is_nothing)
{
	struct ft_kallsyms *table = NULL;

	ck_assert_int_eq(parse(hidden[_i], strlen(hidden[_i]), 7, &table), FT_KALLSYMS_HIDDEN);
	ck_assert_ptr_null(table);
}
END_TEST

/* A line longer than any is skipped, and the one after it is not. */
START_TEST(skips_long_lines)
{
	static const int lengths[] = { 900, 1004, 1005, 1006, 5000 };
	_cleanup_kallsyms_ struct ft_kallsyms *table = NULL;
	struct ft_kallsym sym;
	char lines[8192];
	int n = snprintf(lines, sizeof(lines), "ffffffff81000000 T %0*d\nffffffff82000000 T next\n",
			 lengths[_i], 0);

	ck_assert_int_eq(parse(lines, (size_t)n, 333, &table), 0);
	ck_assert_int_eq(ft_kallsyms_find(table, 0xffffffff82000000, &sym), 1);
	ck_assert_str_eq(sym.name, "next");
	ck_assert_int_eq(ft_kallsyms_find(table, 0xffffffff81000000, &sym),
			 19 + lengths[_i] < (int)FT_KALLSYMS_MAX_LINE);
}
END_TEST

START_TEST(survives_any_byte)
{
	char broken[sizeof(text)];

	for (size_t i = 0; i < strlen(text); i++) {
		_cleanup_kallsyms_ struct ft_kallsyms *table = NULL;
		struct ft_kallsym sym;

		memcpy(broken, text, sizeof(text));
		broken[i] = (char)(_i == 0 ? 0 : broken[i] ^ _i);
		ck_assert_int_eq(parse(broken, strlen(text), 64, &table), 0);
		for (size_t k = 0; k < FT_COUNT(lookups); k++)
			if (ft_kallsyms_find(table, lookups[k].address, &sym))
				ck_assert_uint_gt(sym.name_len, 0);
	}
}
END_TEST

START_TEST(has_a_limit)
{
	_cleanup_kallsyms_parser_ struct ft_kallsyms_parser *parser = NULL;
	static const char line[] = "ffffffff81000000 D d\n";
	char many[1024 * (sizeof(line) - 1)];
	uint32_t fed = 0;
	int r = ft_kallsyms_parser_new(&parser);

	for (size_t i = 0; i < 1024; i++)
		memcpy(many + i * (sizeof(line) - 1), line, sizeof(line) - 1);
	for (; r == 0 && fed < 2 * FT_KALLSYMS_MAX_SYMBOLS; fed += 1024)
		r = ft_kallsyms_feed(parser, many, sizeof(many));
	ck_assert_int_eq(r, -E2BIG);
	ck_assert_uint_eq(fed, FT_KALLSYMS_MAX_SYMBOLS + 1024);
}
END_TEST

static int parse_without_memory(void *context)
{
	_cleanup_kallsyms_ struct ft_kallsyms *table = NULL;

	(void)context;
	return parse(text, strlen(text), 100, &table);
}

START_TEST(says_when_memory_is_short)
{
	ck_assert_uint_ge(ft_alloc_each(parse_without_memory, NULL), 6);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, finds_in_pieces_of_any_length, 1, 60);
	tcase_add_test(tc, loads_from_a_descriptor);
	tcase_add_loop_test(tc, says_when_there_is_nothing, 0, FT_CASES(hidden));
	tcase_add_loop_test(tc, skips_long_lines, 0, 5);
	tcase_add_loop_test(tc, survives_any_byte, 0, 3);
	tcase_add_test(tc, has_a_limit);
	tcase_add_test(tc, says_when_memory_is_short);
}

FT_CHECK_MAIN("kallsyms", add_tests)
