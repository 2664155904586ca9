/* The calls by which musl begins stacks are found, in their few spellings and wherever a
 * chunk of what is read ends; other calls are not. */
#include "symbolizer/muslroots.h"

#include <string.h>
#include <sys/mman.h>

#include "tests/ft_check.h"

static const struct {
	const char *what;
	const char *code;
	size_t n;
	uint64_t call; /* bytes; 0: none */
} cases[] = {
	{ "main", "\xff\xd3\x89\xc7\xe8", 5, 2 },
	{ "main in a high register", "\x41\xff\xd4\x89\xc7\xe8", 6, 3 },
	{ "a thread", "\xff\x13\x48\x89\xc7\xe8", 6, 2 },
	{ "a thread, by a member", "\xff\x55\x10\x48\x89\xc7\xe8", 7, 3 },
	{ "a thread, by a member of a high register", "\x41\xff\x55\x10\x48\x89\xc7\xe8", 8, 4 },
	{ "a result that is dropped", "\xff\xd3\x89\xc6\xe8", 5, 0 },
	{ "a result that is returned", "\xff\xd3\x89\xc7\xc3", 5, 0 },
	{ "a jump", "\xff\xe3\x89\xc7\xe8", 5, 0 },
	{ "relative to here", "\xff\x15\x48\x89\xc7\xe8", 6, 0 },
	{ "with an index", "\xff\x54\x24\x48\x89\xc7\xe8", 7, 0 },
	{ "direct", "\xe8\xd3\x89\xc7\xe8", 5, 0 },
};

static struct ft_muslroots look(const uint8_t *bytes, size_t n, uint64_t start, uint64_t end)
{
	_cleanup_window_ struct ft_window window = { 0 };
	_cleanup_close_ int fd = memfd_create("code", MFD_CLOEXEC);
	struct ft_muslroots roots = { 0 };

	ck_assert_int_eq(pwrite(fd, bytes, n, 0), (ssize_t)n);
	ck_assert_int_eq(ft_window_init(&window, fd, FT_WINDOW_LARGE), 0);
	ck_assert_int_eq(ft_muslroots_look(&roots, &window, start, end), 0);
	return roots;
}

START_TEST(tells_a_root)
{
	struct ft_muslroots roots;
	uint8_t bytes[64];

	memset(bytes, 0x90, sizeof(bytes));
	memcpy(bytes + 20, cases[_i].code, cases[_i].n);
	roots = look(bytes, sizeof(bytes), 0, UINT64_MAX);
	ck_assert_msg(roots.n == (cases[_i].call ? 1 : 0), "%s", cases[_i].what);
	if (roots.n == 0)
		return;
	ck_assert_uint_eq(roots.roots[0].start, 20);
	ck_assert_uint_eq(roots.roots[0].end, 20 + cases[_i].call);
	ck_assert_uint_eq(look(bytes, sizeof(bytes), 0, 20 + cases[_i].n - 1).n, 0);
	ck_assert_uint_eq(look(bytes, sizeof(bytes), 21, 64).n, cases[_i].code[0] == 0x41);
}
END_TEST

START_TEST(finds_it_once)
{
	static uint8_t bytes[70000];
	struct ft_muslroots roots;
	uint64_t at = 32768 - 20 + (uint64_t)_i;

	memset(bytes, 0x90, sizeof(bytes));
	memcpy(bytes + at, "\xff\xd3\x89\xc7\xe8", 5);
	roots = look(bytes, sizeof(bytes), 0, sizeof(bytes));
	ck_assert_uint_eq(roots.n, 1);
	ck_assert_uint_eq(roots.roots[0].start, at);
}
END_TEST

START_TEST(keeps_its_limit)
{
	uint8_t bytes[1024];
	struct ft_muslroots roots;

	memset(bytes, 0x90, sizeof(bytes));
	for (size_t at = 0; at + 8 < sizeof(bytes); at += 16)
		memcpy(bytes + at, "\xff\xd3\x89\xc7\xe8", 5);
	roots = look(bytes, sizeof(bytes), 0, sizeof(bytes));
	ck_assert_uint_eq(roots.n, FT_MUSLROOTS_MAX);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, tells_a_root, 0, FT_CASES(cases));
	tcase_add_loop_test(tc, finds_it_once, 0, 30);
	tcase_add_test(tc, keeps_its_limit);
}

FT_CHECK_MAIN("muslroots", add_tests)
