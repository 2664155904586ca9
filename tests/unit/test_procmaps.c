/* The text of /proc/PID/maps: paths are what programs chose, and the text may end
 * anywhere. */
#include "agent/profile/procmaps.h"

#include <stdio.h>
#include <string.h>

#include "tests/ft_check.h"

static const struct {
	const char *text;
	uint64_t start, end, offset;
	bool executable;
	uint32_t major, minor;
	uint64_t inode;
	const char *path;
} good[] = {
	{ "55d0c8a00000-55d0c8a21000 r-xp 00002000 fe:01 1234567                    /usr/bin/cat\n",
	  0x55d0c8a00000, 0x55d0c8a21000, 0x2000, true, 0xfe, 1, 1234567, "/usr/bin/cat" },
	{ "1000-2000 rw-p 00000000 00:00 0 \n", 0x1000, 0x2000, 0, false, 0, 0, 0, "" },
	{ "1000-2000 rw-p 00000000 00:00 0\n", 0x1000, 0x2000, 0, false, 0, 0, 0, "" },
	{ "1000-2000 r-xp 00000000 00:00 0 [vdso]\n", 0x1000, 0x2000, 0, true, 0, 0, 0, "[vdso]" },
	{ "1000-2000 rwxp 00000000 00:00 0 [stack]\n", 0x1000, 0x2000, 0, true, 0, 0, 0,
	  "[stack]" },
	{ "1000-2000 r-xs 0 08:1a 9 /tmp/x (deleted)\n", 0x1000, 0x2000, 0, true, 8, 0x1a, 9,
	  "/tmp/x (deleted)" },
	{ "1000-2000 r-xp 0 08:01 9 /a b  c\n", 0x1000, 0x2000, 0, true, 8, 1, 9, "/a b  c" },
	{ "1000-2000 r-xp 0 08:01 9 /a\\012b\n", 0x1000, 0x2000, 0, true, 8, 1, 9, "/a\\012b" },
	{ "1000-2000 r-xp 0 08:01 9 /no newline", 0x1000, 0x2000, 0, true, 8, 1, 9, "/no newline" },
	{ "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n",
	  0xffffffffff600000, 0xffffffffff601000, 0, true, 0, 0, 0, "[vsyscall]" },
	/* Network and FUSE file systems number their files as they like. */
	{ "1000-2000 r-xp 0 00:2f 18446744073709551615 /n\n", 0x1000, 0x2000, 0, true, 0, 0x2f,
	  UINT64_MAX, "/n" },
};

START_TEST(reads_line)
{
	const char *text = good[_i].text;
	size_t len = strlen(text);
	struct ft_procmaps_line line;

	ck_assert(ft_procmaps_next(&text, &len, &line));
	ck_assert_uint_eq(line.start, good[_i].start);
	ck_assert_uint_eq(line.end, good[_i].end);
	ck_assert_uint_eq(line.offset, good[_i].offset);
	ck_assert_int_eq(line.executable, good[_i].executable);
	ck_assert_uint_eq(line.inode.major, good[_i].major);
	ck_assert_uint_eq(line.inode.minor, good[_i].minor);
	ck_assert_uint_eq(line.inode.number, good[_i].inode);
	ck_assert_uint_eq(line.inode.generation, 0);
	ck_assert_uint_eq(line.path_len, strlen(good[_i].path));
	ck_assert_mem_eq(line.path, good[_i].path, line.path_len);
	ck_assert_uint_eq(len, 0);
	ck_assert(!ft_procmaps_next(&text, &len, &line));
}
END_TEST

static const char *const bad[] = {
	"",
	"\n",
	"x",
	"1000",
	"1000-",
	"1000-2000",
	"1000-2000 r-xp",
	"1000-2000 r-xp ",
	"1000-2000 r-xp 0",
	"1000-2000 r-xp 0 08",
	"1000-2000 r-xp 0 08:",
	"1000-2000 r-xp 0 08:01",
	"1000-2000 r-xp 0 08:01 ",
	"1000-2000 r-xp 0 08:01 x",
	"2000-1000 r-xp 0 08:01 1",
	"1000-1000 r-xp 0 08:01 1",
	" 1000-2000 r-xp 0 08:01 1",
	"1000 2000 r-xp 0 08:01 1",
	"1000-2000 r-xpp 0 08:01 1",
	"00000000000001000-2000 r-xp 0 08:01 1",
	"1000-2000 r-xp 0 08:01 18446744073709551616",
	"1000-2000 r-xp 0 08:01 99999999999999999999",
	"1000-2000 r-xp 0 08:01 100000000000000000000",
	"G000-2000 r-xp 0 08:01 1",
	"-1000-2000 r-xp 0 08:01 1",
};

/* Broken lines are passed over, wherever they stand. */
START_TEST(passes_over_broken_line)
{
	static const char after[] = "\n3000-4000 r-xp 0 08:01 7 /good\n";
	char whole[256];
	const char *text = bad[_i];
	size_t len = strlen(text);
	struct ft_procmaps_line line = { .start = 77 };

	ck_assert(!ft_procmaps_next(&text, &len, &line));
	ck_assert_uint_eq(line.start, 77);
	snprintf(whole, sizeof(whole), "%s%s", bad[_i], after);
	text = whole;
	len = strlen(whole);
	ck_assert(ft_procmaps_next(&text, &len, &line));
	ck_assert_uint_eq(line.start, 0x3000);
	ck_assert(!ft_procmaps_next(&text, &len, &line));
}
END_TEST

/* Cut anywhere, nothing behind the cut is read, and the lines before it are whole. */
START_TEST(every_truncation_is_harmless)
{
	char whole[2048] = "";
	size_t ends[FT_COUNT(good)], total;

	for (size_t i = 0; i < FT_COUNT(good); i++) {
		strcat(whole, good[i].text);
		if (whole[strlen(whole) - 1] != '\n')
			strcat(whole, "\n");
		ends[i] = strlen(whole);
	}
	total = strlen(whole);
	for (size_t cut = 0; cut <= total; cut++) {
		char *copy = malloc(cut ? cut : 1);
		const char *text = copy;
		size_t len = cut, n = 0, least = 0;
		struct ft_procmaps_line line;

		memcpy(copy, whole, cut);
		while (ft_procmaps_next(&text, &len, &line)) {
			ck_assert_uint_eq(line.start, good[n].start);
			n++;
		}
		while (least < FT_COUNT(good) && ends[least] <= cut)
			least++;
		ck_assert_uint_ge(n, least);
		ck_assert_uint_le(n, least + 1);
		free(copy);
	}
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, reads_line, 0, FT_CASES(good));
	tcase_add_loop_test(tc, passes_over_broken_line, 0, FT_CASES(bad));
	tcase_add_test(tc, every_truncation_is_harmless);
}

FT_CHECK_MAIN("procmaps", add_tests)
