/* The file of a table: what is written is read, and files that somebody else could change,
 * or that are something else, are refused. */
#include "symbolizer/tablefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/io.h"
#include "symbolizer/tablecheck.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"
#include "tests/unit/unwind_table.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

static struct ft_symtable only_numbers(void)
{
	return (struct ft_symtable){ .n_rules = TABLE_RULES,
				     .n_pages = TABLE_PAGES,
				     .n_rows = TABLE_ROWS };
}

START_TEST(comes_back)
{
	const struct ft_symtable table = symtable_of(&good_table);
	struct ft_symtable read = only_numbers();
	_cleanup_close_ int fd = -1;

	ck_assert_int_eq(ft_tablefile_write(&table, &fd), 0);
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS) & SEALS, SEALS);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(ft_write_all(fd, "x", 1), -EPERM);
	read.facts.n_fdes = 5;
	ck_assert_int_eq(ft_tablefile_read(fd, &read), 0);
	ck_assert_mem_eq(read.block, &good_table, sizeof(good_table));
	ck_assert_mem_eq(read.rules, good_table.rules, sizeof(good_table.rules));
	ck_assert_mem_eq(read.pages, good_table.pages, sizeof(good_table.pages));
	ck_assert_mem_eq(read.rows, good_table.rows, sizeof(good_table.rows));
	ck_assert_uint_eq(read.facts.n_fdes, 5);
	free(read.block);
}
END_TEST

START_TEST(writes_no_bad_table)
{
	struct unwind_table bytes = good_table;
	const struct ft_symtable table = symtable_of(&bytes);
	int fd = -7;

	bytes.rules[0].kind = FT_RULE_KINDS;
	ck_assert_int_eq(ft_tablefile_write(&table, &fd), -EBADMSG);
	ck_assert_int_eq(fd, -7);
}
END_TEST

static void fill(int fd, const void *bytes, size_t len)
{
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ft_write_all(fd, bytes, len), 0);
}

/* A memory file of len bytes (at most one more than a table has) with these seals. */
static int memory_file(size_t len, int seals)
{
	char bytes[sizeof(good_table) + 1] = { 0 };
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	memcpy(bytes, &good_table, sizeof(good_table));
	fill(fd, bytes, len);
	if (seals)
		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static const struct {
	size_t len;
	int seals;
	bool good;
} files[] = {
	{ sizeof(good_table), SEALS, true },
	{ sizeof(good_table), 0, false },
	{ sizeof(good_table), SEALS & ~F_SEAL_SHRINK, false },
	{ sizeof(good_table), SEALS & ~F_SEAL_GROW, false },
	{ sizeof(good_table), SEALS & ~F_SEAL_WRITE, false },
	{ sizeof(good_table), SEALS & ~F_SEAL_SEAL, false },
	{ sizeof(good_table), (SEALS & ~F_SEAL_WRITE) | F_SEAL_FUTURE_WRITE, false },
	{ sizeof(good_table) - 1, SEALS, false },
	{ sizeof(good_table) + 1, SEALS, false },
	{ 0, SEALS, false },
};

/* Refused without a trace: nothing is set, nothing leaks. */
static void refuse(int fd, int error)
{
	struct ft_symtable read = only_numbers();

	ck_assert_int_eq(ft_tablefile_read(fd, &read), error);
	ck_assert_ptr_null(read.block);
	ck_assert_ptr_null(read.rules);
}

START_TEST(wants_size_and_seals)
{
	_cleanup_close_ int fd = memory_file(files[_i].len, files[_i].seals);
	struct ft_symtable read = only_numbers();

	if (!files[_i].good) {
		refuse(fd, -EBADMSG);
		return;
	}
	ck_assert_int_eq(ft_tablefile_read(fd, &read), 0);
	free(read.block);
}
END_TEST

START_TEST(refuses_other_kinds_of_files)
{
	char path[] = "/tmp/ft-tablefile-XXXXXX", link[64];
	_cleanup_close_ int sealed = memory_file(sizeof(good_table), SEALS);
	_cleanup_close_ int disk = mkostemp(path, O_CLOEXEC);
	_cleanup_close_ int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int by_path = -1;
	int ends[2];

	unlink(path);
	fill(disk, &good_table, sizeof(good_table));
	refuse(disk, -EBADMSG);
	refuse(folder, -EBADMSG);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0); /* reading it would wait for ever */
	refuse(ends[0], -EBADMSG);
	close(ends[0]);
	close(ends[1]);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", sealed);
	by_path = open(link, O_PATH | O_CLOEXEC);
	ck_assert_int_ge(by_path, 0);
	refuse(by_path, -EBADMSG);
}
END_TEST

START_TEST(checks_content)
{
	struct unwind_table bytes = good_table;
	_cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	bytes.rows[6] = bytes.rows[5];
	fill(fd, &bytes, sizeof(bytes));
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, SEALS), 0);
	refuse(fd, -EBADMSG);
}
END_TEST

START_TEST(says_when_memory_is_out)
{
	_cleanup_close_ int fd = memory_file(sizeof(good_table), SEALS);
	struct ft_symtable read = only_numbers();
	int r;

	ft_alloc_fail_at(1);
	r = ft_tablefile_read(fd, &read);
	ck_assert(ft_alloc_stop());
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert_ptr_null(read.block);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, comes_back);
	tcase_add_test(tc, writes_no_bad_table);
	tcase_add_loop_test(tc, wants_size_and_seals, 0, FT_CASES(files));
	tcase_add_test(tc, refuses_other_kinds_of_files);
	tcase_add_test(tc, checks_content);
	tcase_add_test(tc, says_when_memory_is_out);
}

FT_CHECK_MAIN("tablefile", add_tests)
