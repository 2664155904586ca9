/* Files of targets are opened by threads: what comes back is what target_file found, and a
 * thread that is left behind takes nothing with it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/capture/opener.h"
#include "agent/capture/target_file.h"
#include "tests/ft_check.h"

static struct ft_opener *opener;

static void set_up(void)
{
	ck_assert_int_eq(ft_opener_new(&opener), 0);
}

static void tear_down(void)
{
	ft_opener_freep(&opener);
	ck_assert_ptr_null(opener);
}

static struct ft_inode own_inode(void)
{
	struct stat st;

	ck_assert_int_eq(stat("/proc/self/exe", &st), 0);
	return (struct ft_inode){ .number = st.st_ino,
				  .major = major(st.st_dev),
				  .minor = minor(st.st_dev) };
}

static void own_path(char path[static 4096])
{
	ssize_t n = readlink("/proc/self/exe", path, 4095);

	ck_assert_int_gt(n, 0);
	path[n] = '\0';
}

START_TEST(opens_what_is_mapped)
{
	struct ft_target_file file = { .fd = -1 };
	struct ft_inode inode = own_inode();
	uint32_t pid = _i ? (uint32_t)getpid() : 0;
	char path[4096];

	own_path(path);
	ck_assert_int_eq(ft_opener_open(opener, pid, path, &inode, &file), 0);
	ck_assert_int_ge(file.fd, 0);
	ck_assert_int_eq(file.trust, FT_TARGET_SAME_INODE);
	close(file.fd);
}
END_TEST

static const struct {
	const char *path;
	int error;
} refused[] = {
	{ "/", -EINVAL },
	{ "/dev/null", -EINVAL },
	{ "/does/not/exist", -ENOENT },
	{ "/proc/self/status", -ESTALE },
};

START_TEST(passes_errors_on)
{
	struct ft_target_file file = { .fd = -1 };
	struct ft_inode inode = own_inode();

	for (uint32_t n = 0; n < 3 * FT_OPENER_MAX_STUCK; n++) /* none of them stays */
		ck_assert_int_eq(ft_opener_open(opener, 0, refused[_i].path, &inode, &file),
				 refused[_i].error);
	ck_assert_int_eq(file.fd, -1);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, opens_what_is_mapped, 0, 2);
	tcase_add_loop_test(tc, passes_errors_on, 0, FT_COUNT(refused));
}

FT_CHECK_MAIN("opener", add_tests)
