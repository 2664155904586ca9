/* Which file is which: by inode and path as the kernel told them, whatever programs call
 * their files. */
#include "agent/capture/files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

static struct ft_files *fresh(void)
{
	struct ft_files *files = NULL;

	ck_assert_int_eq(ft_files_new("boot", &files), 0);
	return files;
}

static uint32_t number(struct ft_files *files, uint64_t inode, const char *path)
{
	return ft_files_number(files, &(struct ft_inode){ 8, 1, inode, 0 }, path, strlen(path));
}

static const struct {
	uint64_t inode;
	const char *path;
	uint32_t number;
} places[] = {
	{ 0, "[vdso]", FT_FILES_VDSO },
	{ 0, "", FT_FILES_ANON },
	{ 0, "//anon", FT_FILES_ANON },
	{ 0, "[heap]", FT_FILES_ANON },
	{ 0, "[stack]", FT_FILES_ANON },
	{ 0, "/bin/x", FT_FILES_ANON },
	{ 5, "", FT_FILES_ANON },
	{ 5, "[vdsoo]", FT_FILES_ANON },
	{ 5, "anon_inode:x", FT_FILES_ANON },
};

START_TEST(knows_places_that_are_no_files)
{
	struct ft_files *files = fresh();

	ck_assert_uint_eq(number(files, places[_i].inode, places[_i].path), places[_i].number);
	ck_assert_uint_eq(ft_files_count(files), FT_FILES_FIRST);
	ft_files_freep(&files);
	ck_assert_ptr_null(files);
	ft_files_freep(&files);
}
END_TEST

START_TEST(tells_files_apart)
{
	struct ft_files *files = fresh();
	struct ft_inode other = { 8, 2, 5, 0 }, newer = { 8, 1, 5, 1 };
	uint32_t first = number(files, 5, "/bin/x");

	ck_assert_uint_eq(first, FT_FILES_FIRST);
	ck_assert_uint_eq(number(files, 5, "/bin/x"), first);
	ck_assert_uint_eq(number(files, 5, "/bin/x (deleted)"), first);
	ck_assert_uint_ne(number(files, 5, "/bin/xy"), first);
	ck_assert_uint_ne(number(files, 5, "/bin/"), first);
	ck_assert_uint_ne(number(files, 6, "/bin/x"), first);
	ck_assert_uint_ne(ft_files_number(files, &other, "/bin/x", 6), first);
	ck_assert_uint_ne(ft_files_number(files, &newer, "/bin/x", 6), first);
	/* Only path_len bytes of it are the path. */
	ck_assert_uint_eq(ft_files_number(files, &(struct ft_inode){ 8, 1, 5, 0 }, "/bin/xyz", 6),
			  first);
	ck_assert_uint_eq(ft_files_count(files), FT_FILES_FIRST + 6);
	ck_assert_str_eq(ft_files_at(files, first)->path, "/bin/x");
	ft_files_freep(&files);
}
END_TEST

/* Unlinked at once: the name is what it was; a name of nothing but the mark is one. */
START_TEST(remembers_the_name_a_file_had)
{
	struct ft_files *files = fresh();

	ck_assert_str_eq(ft_files_at(files, number(files, 5, "/memfd:jit (deleted)"))->path,
			 "/memfd:jit");
	ck_assert_str_eq(ft_files_at(files, number(files, 6, "/ (deleted)"))->path, "/");
	ck_assert_str_eq(ft_files_at(files, number(files, 7, "/x (deleted) (deleted)"))->path,
			 "/x (deleted)");
	ft_files_freep(&files);
}
END_TEST

/* One inode under every name there is, and then any file: bounded, and still quick. */
START_TEST(keeps_its_limit)
{
	struct ft_files *files = fresh();
	char path[32];

	for (uint32_t i = FT_FILES_FIRST; i < FT_FILES_MAX; i++) {
		snprintf(path, sizeof(path), "/tmp/%u", i);
		if (number(files, 5, path) != i)
			ck_abort_msg("file %u", i);
	}
	ck_assert_uint_eq(number(files, 5, "/one/more"), FT_FILES_OTHER);
	ck_assert_uint_eq(number(files, 5, "/tmp/100"), 100);
	ck_assert_uint_eq(ft_files_count(files), FT_FILES_MAX);
	ck_assert_str_eq(ft_files_describe(files, FT_FILES_OTHER).path, "[other]");
	ft_files_freep(&files);
}
END_TEST

START_TEST(learns_and_describes)
{
	struct ft_files *files = fresh();
	uint32_t file = number(files, 5, "/bin/x");
	struct ft_symfile_info info = { .file = file,
					.n_build_id = 3,
					.build_id = { 0xab, 0x00, 0x1f },
					.n_segments = 1,
					.segments = { { 0x1000, 0x2000, 0x3000 } } };
	struct ft_dictionary_file d = ft_files_describe(files, file);

	ck_assert_str_eq(d.build_id, "");
	ck_assert_uint_eq(d.n_segments, 0);
	ck_assert_int_eq(ft_files_learn(files, &info), 0);
	d = ft_files_describe(files, file);
	ck_assert_uint_eq(d.kind, FT_FILE_ELF);
	ck_assert_str_eq(d.path, "/bin/x");
	ck_assert_str_eq(d.build_id, "ab001f");
	ck_assert_str_eq(d.identity, "");
	ck_assert_uint_eq(d.n_segments, 1);
	ck_assert_uint_eq(d.segments[0].vaddr, 0x3000);
	info.n_build_id = 0;
	info.n_segments = 0;
	ck_assert_int_eq(ft_files_learn(files, &info), 0); /* the later word holds */
	ck_assert_str_eq(ft_files_describe(files, file).build_id, "");
	ck_assert_str_eq(ft_files_describe(files, FT_FILES_KERNEL).identity, "boot");
	ck_assert_uint_eq(ft_files_describe(files, FT_FILES_KERNEL).kind, FT_FILE_KERNEL);
	ft_files_freep(&files);
}
END_TEST

static int make_some(void *context)
{
	struct ft_files *files = NULL;
	struct ft_symfile_info info = { .file = FT_FILES_FIRST, .n_build_id = 20 };
	bool lost;
	int r = ft_files_new("boot", &files);

	(void)context;
	if (r < 0)
		return r;
	lost = ft_files_number(files, &(struct ft_inode){ 8, 1, 5, 0 }, "/bin/x", 6) ==
	       FT_FILES_OTHER;
	if (ft_files_count(files) > FT_FILES_FIRST)
		r = ft_files_learn(files, &info);
	ft_files_freep(&files);
	return lost ? -ENOMEM : r;
}

START_TEST(survives_lack_of_memory)
{
	ck_assert_uint_gt(ft_alloc_each(make_some, NULL), 8);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, knows_places_that_are_no_files, 0, FT_CASES(places));
	tcase_add_test(tc, tells_files_apart);
	tcase_add_test(tc, remembers_the_name_a_file_had);
	tcase_add_test(tc, keeps_its_limit);
	tcase_add_test(tc, learns_and_describes);
	tcase_add_test(tc, survives_lack_of_memory);
}

FT_CHECK_MAIN("capture_files", add_tests)
