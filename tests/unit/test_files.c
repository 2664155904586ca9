/* What the worker keeps of many files: bounded, made again when asked again. */
#include "symbolizer/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/buffer.h"
#include "symbolizer/cfi.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"
#include "tests/unit/elf_image.h"

#define KERNEL_TEXT 0xffffffff81000000ull

static int kernel_file(uint32_t n_symbols)
{
	_cleanup_buffer_ struct ft_buffer text = FT_BUFFER_INIT(64u << 20);

	for (uint32_t i = 0; i < n_symbols; i++)
		ft_buffer_printf(&text, "%llx T function_of_the_kernel_%u\n", KERNEL_TEXT + i * 16,
				 i);
	ck_assert_int_eq(text.error, 0);
	return image_file(text.data, text.len);
}

static int elf_file(void)
{
	static const struct image_symbol symbol = IMAGE_FUNC("function", 0, 16);
	static const struct image_options options = { .symbols = &symbol, .n_symbols = 1 };
	struct image image;

	image_make(&image, &options);
	return image_file(image.bytes, image.len);
}

static struct ft_symfiles_name name;

static void check_name(struct ft_symfiles *files, uint32_t number, uint64_t address,
		       const char *expected)
{
	ck_assert_int_eq(ft_symfiles_begin(files, number), 0);
	ft_symfiles_name(files, address, &name);
	ck_assert_str_eq(name.text, expected);
}

static int add(struct ft_symfiles *files, uint32_t number, enum ft_symfile_kind kind, int fd)
{
	struct ft_symfile_info info;
	int r = ft_symfiles_add(files, number, kind, fd, &info);

	return r < 0 ? r : info.status;
}

/* Two tables of 8 MB do not fit: asking for one drops the other, which comes back. */
START_TEST(forgets_the_least_recently_used)
{
	_cleanup_symfiles_ struct ft_symfiles *files = NULL;
	size_t one;

	ck_assert_int_eq(ft_symfiles_new(&files), 0);
	ck_assert_int_eq(add(files, 3, FT_SYMFILE_ELF, elf_file()), FT_SYMFILE_READY);
	check_name(files, 3, IMAGE_TEXT, "function");
	ck_assert_int_eq(add(files, 1, FT_SYMFILE_KALLSYMS, kernel_file(200000)), 0);
	one = ft_symfiles_bytes(files);
	ck_assert_uint_gt(one, FT_SYMFILES_MAX_BYTES / 2);
	ck_assert_uint_lt(one, FT_SYMFILES_MAX_BYTES);
	ck_assert_int_eq(add(files, 2, FT_SYMFILE_KALLSYMS, kernel_file(200001)), 0);
	for (int i = 0; i < 3; i++) {
		check_name(files, 1, KERNEL_TEXT + 33, "function_of_the_kernel_2");
		ck_assert_uint_le(ft_symfiles_bytes(files), one);
		check_name(files, 2, KERNEL_TEXT + 200000 * 16, "function_of_the_kernel_200000");
		ck_assert_uint_le(ft_symfiles_bytes(files), one + 64);
		check_name(files, 3, IMAGE_TEXT + 15, "function");
	}
	ck_assert_int_eq(ft_symfiles_remove(files, 2), 0);
	ck_assert_uint_lt(ft_symfiles_bytes(files), 8192);
}
END_TEST

/* Of three tables two fit: the one not asked for lately goes. */
START_TEST(keeps_what_was_asked_lately)
{
	_cleanup_symfiles_ struct ft_symfiles *files = NULL;
	size_t first, second, third;

	ck_assert_int_eq(ft_symfiles_new(&files), 0);
	ck_assert_int_eq(add(files, 1, FT_SYMFILE_KALLSYMS, kernel_file(120000)), 0);
	first = ft_symfiles_bytes(files);
	ck_assert_int_eq(add(files, 2, FT_SYMFILE_KALLSYMS, kernel_file(110000)), 0);
	second = ft_symfiles_bytes(files) - first;
	check_name(files, 1, KERNEL_TEXT, "function_of_the_kernel_0");
	ck_assert_int_eq(add(files, 3, FT_SYMFILE_KALLSYMS, kernel_file(115000)), 0);
	third = ft_symfiles_bytes(files) - first;
	ck_assert_uint_gt(third, second);
	check_name(files, 1, KERNEL_TEXT, "function_of_the_kernel_0");
	ck_assert_uint_eq(ft_symfiles_bytes(files), first + third);
}
END_TEST

/* One larger than all may be stays for those who ask, and goes when nobody does. */
START_TEST(gives_back_when_idle)
{
	_cleanup_symfiles_ struct ft_symfiles *files = NULL;

	ck_assert_int_eq(ft_symfiles_new(&files), 0);
	ck_assert_int_eq(add(files, 1, FT_SYMFILE_KALLSYMS, kernel_file(400000)), 0);
	ck_assert_uint_gt(ft_symfiles_bytes(files), FT_SYMFILES_MAX_BYTES);
	check_name(files, 1, KERNEL_TEXT, "function_of_the_kernel_0");
	ck_assert_uint_gt(ft_symfiles_bytes(files), FT_SYMFILES_MAX_BYTES);
	ft_symfiles_idle(files);
	ck_assert_uint_eq(ft_symfiles_bytes(files), 0);
	check_name(files, 1, KERNEL_TEXT, "function_of_the_kernel_0");
}
END_TEST

START_TEST(keeps_order)
{
	_cleanup_symfiles_ struct ft_symfiles *files = NULL;

	ck_assert_int_eq(ft_symfiles_new(&files), 0);
	ck_assert_int_eq(ft_symfiles_begin(files, 1), -ENOENT);
	ck_assert_int_eq(ft_symfiles_remove(files, 1), -ENOENT);
	ck_assert_int_eq(add(files, 1, FT_SYMFILE_ELF, -1), FT_SYMFILE_DAMAGED);
	ck_assert_int_eq(add(files, 1, FT_SYMFILE_ELF, elf_file()), -EEXIST);
	check_name(files, 1, IMAGE_TEXT, "");
	ck_assert_int_eq(ft_symfiles_remove(files, 1), 0);
	for (uint32_t i = 0; i < FT_SYM_MAX_FILES; i++)
		ck_assert_int_eq(add(files, i, FT_SYMFILE_ELF, -1), FT_SYMFILE_DAMAGED);
	ck_assert_int_eq(add(files, FT_SYM_MAX_FILES, FT_SYMFILE_ELF, -1), -EMFILE);
}
END_TEST

/* Between being sent and being asked about, the owner changes the file. */
START_TEST(survives_a_file_that_changes)
{
	_cleanup_symfiles_ struct ft_symfiles *files = NULL;
	int fd = elf_file();
	int mine = dup(fd);

	ck_assert_int_eq(ft_symfiles_new(&files), 0);
	ck_assert_int_eq(add(files, 1, FT_SYMFILE_ELF, fd), FT_SYMFILE_READY);
	if (_i == 1)
		check_name(files, 1, IMAGE_TEXT, "function");
	ck_assert_int_eq(ftruncate(mine, 100), 0);
	close(mine);
	check_name(files, 1, IMAGE_TEXT, "");
	check_name(files, 1, IMAGE_TEXT, "");
}
END_TEST

static int ask(int fd)
{
	_cleanup_symfiles_ struct ft_symfiles *files = NULL;
	struct ft_symfile_info info;
	int r = ft_symfiles_new(&files);

	if (r == 0)
		r = ft_symfiles_add(files, 1, FT_SYMFILE_ELF, fd, &info);
	else
		close(fd);
	if (r == 0)
		r = ft_symfiles_begin(files, 1);
	name.text[0] = '\0';
	if (r == 0)
		ft_symfiles_name(files, IMAGE_TEXT, &name);
	return r;
}

/* Whatever allocation fails, the file has no names at worst. */
START_TEST(survives_short_memory)
{
	unsigned int without = 0;

	for (unsigned int n = 1; n < 100; n++) {
		int fd = elf_file(), r;
		bool failed;

		ft_alloc_fail_at(n);
		r = ask(fd);
		failed = ft_alloc_stop();
		ck_assert(r == 0 || r == -ENOMEM);
		without += r == 0 && name.text[0] == '\0';
		if (failed)
			continue;
		ck_assert_str_eq(name.text, "function");
		ck_assert_uint_gt(without, 3);
		return;
	}
	ck_abort_msg("never succeeded");
}
END_TEST

static enum ft_symtable_status build(struct ft_symfiles *files, uint32_t number)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	enum ft_symtable_status status;

	ck_assert_int_eq(ft_symfiles_build(files, number, &status, &table), 0);
	if (status == FT_SYMTABLE_READY)
		ck_assert_uint_gt(table->n_rows, 0);
	else
		ck_assert(!table || table->n_rows == 0);
	return status;
}

/* Each time the same, and names of the file have nothing to do with it. */
START_TEST(builds_unwind_tables)
{
	_cleanup_symfiles_ struct ft_symfiles *files = NULL;
	struct ft_cfi_table *table = NULL;
	enum ft_symtable_status status;

	ck_assert_int_eq(ft_symfiles_new(&files), 0);
	ck_assert_int_eq(add(files, 1, FT_SYMFILE_ELF, open("/proc/self/exe", O_RDONLY)),
			 FT_SYMFILE_READY);
	ck_assert_int_eq(add(files, 2, FT_SYMFILE_ELF, elf_file()), FT_SYMFILE_READY);
	ck_assert_int_eq(add(files, 3, FT_SYMFILE_ELF, image_file("no file", 7)),
			 FT_SYMFILE_DAMAGED);
	ck_assert_int_eq(add(files, 4, FT_SYMFILE_ELF, -1), FT_SYMFILE_DAMAGED);
	ck_assert_int_eq(add(files, 5, FT_SYMFILE_KALLSYMS, kernel_file(10)), FT_SYMFILE_READY);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(build(files, 1), FT_SYMTABLE_READY);
		ck_assert_int_eq(build(files, 2), FT_SYMTABLE_NONE);
		for (uint32_t number = 3; number <= 5; number++)
			ck_assert_int_eq(build(files, number), FT_SYMTABLE_FAILED);
	}
	check_name(files, 5, KERNEL_TEXT, "function_of_the_kernel_0");
	ck_assert_int_eq(ft_symfiles_build(files, 6, &status, &table), -ENOENT);
	ck_assert_ptr_null(table);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, forgets_the_least_recently_used);
	tcase_add_test(tc, keeps_what_was_asked_lately);
	tcase_add_test(tc, gives_back_when_idle);
	tcase_add_test(tc, keeps_order);
	tcase_add_loop_test(tc, survives_a_file_that_changes, 0, 2);
	tcase_add_test(tc, survives_short_memory);
	tcase_add_test(tc, builds_unwind_tables);
}

FT_CHECK_MAIN("files", add_tests)
