/* Frame pointers are believed in where functions are seen to save them, so what counts as
 * a function, and as saving, must be exact; and code that returns from signals is found
 * wherever it lies, also over the ends of what is read at once. */
#include "symbolizer/prologues.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/ft_check.h"

#define CODE (1u << 20)

static const uint8_t returns[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };

static int file_of(const void *bytes, size_t n)
{
	int fd = memfd_create("code", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, bytes, n, 0), (ssize_t)n);
	return fd;
}

static struct ft_prologues look(const uint8_t *bytes, size_t n, uint64_t start, uint64_t end)
{
	_cleanup_window_ struct ft_window window = { 0 };
	_cleanup_close_ int fd = file_of(bytes, n);
	struct ft_prologues seen = { 0 };

	ck_assert_int_eq(ft_window_init(&window, fd, FT_WINDOW_LARGE), 0);
	ck_assert_int_eq(ft_prologues_look(&seen, &window, start, end), 0);
	return seen;
}

/* 16 bytes before a place that is a multiple of 16, and what is there. */
static const struct {
	const char *what;
	const char *before; /* ends right before it */
	size_t n_before;
	const char *at;
	size_t n_at;
	uint32_t n_functions, n_prologues;
} cases[] = {
	{ "saved after ret", "\xc3", 1, "\x55\x48\x89\xe5", 4, 1, 1 },
	{ "saved after int3", "\xc3\xcc\xcc", 3, "\x55\x48\x89\xe5", 4, 1, 1 },
	{ "the other spelling", "\xc3", 1, "\x55\x48\x8b\xec", 4, 1, 1 },
	{ "after endbr64", "\xc3", 1, "\xf3\x0f\x1e\xfa\x55\x48\x89\xe5", 8, 1, 1 },
	{ "after a nop", "\xc3\x90", 2, "\x55\x48\x89\xe5", 4, 1, 1 },
	{ "after a long nop", "\xc3\x66\x0f\x1f\x44\x00\x00", 7, "\x55\x48\x89\xe5", 4, 1, 1 },
	{ "after the longest nop",
	  "\xc3\x66\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00\x0f\x1f\x40\x00", 16,
	  "\x55\x48\x89\xe5", 4, 1, 1 },
	{ "not saved", "\xc3", 1, "\x48\x83\xec\x08", 4, 1, 0 },
	{ "only pushed", "\xc3", 1, "\x55\x53\x48\x83", 4, 1, 0 },
	{ "more padding", "\xc3\xcc", 2, "\xcc\xcc\xcc\xcc", 4, 0, 0 },
	{ "in the middle", "\x89\xc7", 2, "\x55\x48\x89\xe5", 4, 0, 0 },
	{ "a loop behind a nop", "\x89\xc7\x0f\x1f\x40\x00", 6, "\x48\x83\xc0\x01", 4, 0, 0 },
};

START_TEST(tells_a_function)
{
	uint8_t bytes[96];
	struct ft_prologues seen;

	memset(bytes, 0xb8, sizeof(bytes)); /* neither an end nor a beginning */
	memcpy(bytes + 48 - cases[_i].n_before, cases[_i].before, cases[_i].n_before);
	memcpy(bytes + 48, cases[_i].at, cases[_i].n_at);
	seen = look(bytes, sizeof(bytes), 0, sizeof(bytes));
	ck_assert_msg(seen.n_functions == cases[_i].n_functions &&
			      seen.n_prologues == cases[_i].n_prologues,
		      "%s: %u of %u", cases[_i].what, seen.n_prologues, seen.n_functions);
	/* What lies outside is not looked at. */
	ck_assert_uint_eq(look(bytes, sizeof(bytes), 49, sizeof(bytes)).n_functions, 0);
	ck_assert_uint_eq(look(bytes, sizeof(bytes), 0, 48).n_functions, 0);
}
END_TEST

/* Every place once, wherever a chunk of what is read ends. */
START_TEST(looks_everywhere_once)
{
	_cleanup_free_ uint8_t *bytes = malloc(CODE);
	struct ft_prologues seen;

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 0xb8, CODE);
	for (size_t at = 64; at < CODE - 64; at += 192) {
		bytes[at - 1] = 0xc3;
		memcpy(bytes + at, "\x55\x48\x89\xe5", 4);
	}
	seen = look(bytes, CODE, 0, UINT64_MAX);
	ck_assert_uint_eq(seen.n_functions, (CODE - 128 + 191) / 192);
	ck_assert_uint_eq(seen.n_prologues, seen.n_functions);
	ck_assert(ft_prologues_keep(&seen));
}
END_TEST

/* At any place around the end of the first chunk, found once and in the right place. */
START_TEST(finds_a_signal_return)
{
	static uint8_t bytes[70000];
	struct ft_prologues seen;
	uint64_t at = 32768 - 30 + (uint64_t)_i;

	memset(bytes, 0xb8, sizeof(bytes));
	memcpy(bytes + at, returns, sizeof(returns));
	seen = look(bytes, sizeof(bytes), 0, sizeof(bytes));
	ck_assert_uint_eq(seen.n_signals, 1);
	ck_assert_uint_eq(seen.signals[0], at);
}
END_TEST

START_TEST(keeps_its_limits)
{
	_cleanup_free_ uint8_t *bytes = malloc(CODE);
	struct ft_prologues seen;

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 0xc3, CODE);
	for (size_t at = 160; at < 1600; at += 160)
		memcpy(bytes + at, returns, sizeof(returns));
	seen = look(bytes, CODE, 0, CODE);
	ck_assert_uint_eq(seen.n_functions, FT_PROLOGUES_FUNCTIONS);
	ck_assert_uint_eq(seen.n_signals, FT_PROLOGUES_SIGNALS);
	ck_assert(!ft_prologues_keep(&seen));
}
END_TEST

static const struct {
	uint32_t n_prologues, n_functions;
	bool keeps;
} shares[] = {
	{ 0, 0, false },    { 15, 15, false },	 { 16, 16, true },   { 16, 128, true },
	{ 16, 136, false }, { 910, 3188, true }, { 2, 8192, false }, { 92, 8192, false },
};

START_TEST(judges_a_share)
{
	struct ft_prologues seen = { .n_prologues = shares[_i].n_prologues,
				     .n_functions = shares[_i].n_functions };

	ck_assert_int_eq(ft_prologues_keep(&seen), shares[_i].keeps);
}
END_TEST

static const struct {
	const char *what;
	const char *code;
	size_t n;
	uint64_t limit, end;
} entries[] = {
	{ "musl",
	  "\x48\x31\xed\x48\x89\xe7\x48\x8d\x35\x00\xe8\x00\x00\x48\x83\xe4\xf0\xe8\1\2\3\4", 22,
	  100, 22 },
	{ "glibc", "\x31\xed\x48\x83\xe4\xf0\x50\x54\xff\x15\1\2\3\4\xf4", 15, 100, 14 },
	{ "no call", "\x31\xed\x48\x83\xe4\xf0\x90", 7, 100, 64 },
	{ "nothing known", "\xeb\x10", 2, 100, 64 },
	{ "cut by a limit", "\x31\xed\x48\x83\xe4\xf0\xe8\1\2\3\4", 11, 9, 9 },
};

START_TEST(finds_where_the_entry_ends)
{
	_cleanup_window_ struct ft_window window = { 0 };
	_cleanup_close_ int fd = -1;
	uint8_t bytes[128];
	uint64_t end;

	memset(bytes, 0x90, sizeof(bytes));
	memcpy(bytes + 10, entries[_i].code, entries[_i].n);
	fd = file_of(bytes, sizeof(bytes));
	ck_assert_int_eq(ft_window_init(&window, fd, FT_WINDOW_SMALL), 0);
	ck_assert_int_eq(ft_prologues_entry_end(&window, 10, 10 + entries[_i].limit, &end), 0);
	ck_assert_msg(end == 10 + entries[_i].end, "%s: %u", entries[_i].what, (unsigned int)end);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, tells_a_function, 0, FT_CASES(cases));
	tcase_add_test(tc, looks_everywhere_once);
	tcase_add_loop_test(tc, finds_a_signal_return, 0, 40);
	tcase_add_test(tc, keeps_its_limits);
	tcase_add_loop_test(tc, judges_a_share, 0, FT_CASES(shares));
	tcase_add_loop_test(tc, finds_where_the_entry_ends, 0, FT_CASES(entries));
}

FT_CHECK_MAIN("prologues", add_tests)
