/* Whole files and whole messages: limits are exact, a failed write leaves what was
 * there, and no descriptor is lost or gained. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/io.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

/* A directory of this test's own, its current one, removed at the end. */
static char home[] = "/tmp/ft_io.XXXXXX";

static void enter_home(void)
{
	strcpy(home + sizeof(home) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(home));
	ck_assert_int_eq(chdir(home), 0);
}

static void leave_home(void)
{
	char command[64];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf %s", home);
	ck_assert_int_eq(system(command), 0);
}

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void check_file(const char *path, const char *want)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	ck_assert_int_eq(ft_read_file(path, 1 << 20, &text, &len), 0);
	ck_assert_str_eq(text, want);
	ck_assert_uint_eq(len, strlen(want));
}

static const struct {
	size_t len, max;
	int r;
} limits[] = {
	{ 0, 0, 0 },
	{ 1, 0, -EFBIG },
	{ 5, 5, 0 },
	{ 6, 5, -EFBIG },
	{ 4095, 4095, 0 },
	{ 4096, 4096, 0 },
	{ 4097, 4096, -EFBIG },
	{ 4096, 4095, -EFBIG },
	{ 10000, 10000, 0 },
	{ 10001, 10000, -EFBIG },
	{ 10000, SIZE_MAX, 0 },
};

START_TEST(read_limit_is_exact)
{
	_cleanup_free_ char *text = NULL;
	size_t len = limits[_i].len, got = 77;
	FILE *file = fopen("file", "w");

	for (size_t i = 0; i < len; i++)
		fputc('a' + (int)(i % 23), file);
	fclose(file);
	ck_assert_int_eq(ft_read_file("file", limits[_i].max, &text, &got), limits[_i].r);
	if (limits[_i].r < 0) {
		ck_assert_ptr_null(text);
		ck_assert_uint_eq(got, 77);
		return;
	}
	ck_assert_uint_eq(got, len);
	for (size_t i = 0; i < len; i++)
		ck_assert_int_eq(text[i], 'a' + (int)(i % 23));
	ck_assert_int_eq(text[len], '\0');
}
END_TEST

START_TEST(read_refuses_what_is_no_file)
{
	char *text = NULL;
	size_t len;

	ck_assert_int_eq(ft_read_file("none", 10, &text, &len), -ENOENT);
	ck_assert_int_eq(ft_read_file(".", 10, &text, &len), -EINVAL);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_int_eq(ft_read_file("fifo", 10, &text, &len), -EINVAL); /* and does not hang */
	ck_assert_int_eq(ft_read_file("/dev/zero", 10, &text, &len), -EINVAL);
	ck_assert_ptr_null(text);
	ck_assert_int_eq(ft_read_file("/proc/self/stat", 4096, &text, &len), 0);
	ck_assert_uint_gt(len, 10);
	free(text);
}
END_TEST

START_TEST(read_takes_a_pipe_to_its_end)
{
	_cleanup_free_ char *text = NULL;
	int ends[2];
	size_t len;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(ft_write_all(ends[1], "abc", 3), 0);
	ck_assert_int_eq(ft_write_all(ends[1], "def", 3), 0);
	close(ends[1]);
	ck_assert_int_eq(ft_read_fd(ends[0], 6, &text, &len), 0);
	ck_assert_uint_eq(len, 6);
	ck_assert_str_eq(text, "abcdef");
	close(ends[0]);
}
END_TEST

static int read_long(void *context)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	return ft_read_file(context, 1 << 20, &text, &len);
}

START_TEST(read_survives_want_of_memory)
{
	put("file", "");
	ck_assert_int_eq(truncate("file", 20000), 0);
	ck_assert_uint_ge(ft_alloc_each(read_long, "file"), 3);
}
END_TEST

static const struct {
	const char *content;
	size_t size;
	const char *line;
} lines[] = {
	{ "2\n", 8, "2" },
	{ "2", 8, "2" },
	{ "", 8, "" },
	{ "\n", 8, "" },
	{ "1234567\n", 8, "1234567" },
	{ "12345678\n", 8, "1234567" },
	{ "a\n\n", 8, "a\n" },
	{ "abc", 1, "" },
};

START_TEST(line_is_cut_and_ended)
{
	char text[9];

	put("file", lines[_i].content);
	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(ft_read_line(AT_FDCWD, "file", text, lines[_i].size),
			 (int)strlen(lines[_i].line));
	ck_assert_str_eq(text, lines[_i].line);
	ck_assert_int_eq(text[8], 'x');
}
END_TEST

START_TEST(line_below_a_directory)
{
	_cleanup_close_ int dir = -1;
	char text[8];

	ck_assert_int_eq(mkdir("dir", 0700), 0);
	put("dir/file", "in\n");
	dir = open("dir", O_DIRECTORY | O_RDONLY);
	ck_assert_int_eq(ft_read_line(dir, "file", text, sizeof(text)), 2);
	ck_assert_int_eq(ft_read_line(dir, "none", text, sizeof(text)), -ENOENT);
}
END_TEST

START_TEST(replace_makes_and_replaces)
{
	struct stat before, after;

	umask(027);
	ck_assert_int_eq(ft_replace_file("file", "new", 3), 0);
	check_file("file", "new");
	ck_assert_int_eq(stat("file", &before), 0);
	ck_assert_uint_eq(before.st_mode & 07777, 0640);
	ck_assert_int_eq(chmod("file", 0604), 0);
	ck_assert_int_eq(ft_replace_file("file", "", 0), 0);
	check_file("file", "");
	ck_assert_int_eq(stat("file", &after), 0);
	ck_assert_uint_eq(after.st_mode & 07777, 0604);
	ck_assert(before.st_ino != after.st_ino); /* a reader of the old one keeps it */
	ck_assert_int_eq(count_entries("."), 3);
}
END_TEST

START_TEST(replace_refuses_and_leaves_nothing)
{
	char longer[PATH_MAX];

	ck_assert_int_eq(mkdir("dir", 0700), 0);
	ck_assert_int_eq(ft_replace_file("dir", "x", 1), -EISDIR);
	ck_assert_int_eq(ft_replace_file("none/file", "x", 1), -ENOENT);
	ck_assert_int_eq(ft_replace_file("", "x", 1), -ENOENT);
	ck_assert_int_eq(ft_replace_file("dir/", "x", 1), -EISDIR);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	ck_assert_int_eq(ft_replace_file(longer, "x", 1), -ENAMETOOLONG);
	ck_assert_int_eq(count_entries("."), 3);
	ck_assert_int_eq(count_entries("dir"), 2);
}
END_TEST

/* RLIMIT_FSIZE stands for the full disk: some bytes fit, then no more. */
START_TEST(replace_keeps_the_old_file_when_the_disk_is_full)
{
	struct rlimit old, tight;
	char bytes[8192] = { 0 };
	int r;

	put("file", "old");
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	tight.rlim_cur = 4096;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
	r = ft_replace_file("file", bytes, sizeof(bytes));
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
	ck_assert_int_eq(r, -EFBIG);
	check_file("file", "old");
	ck_assert_int_eq(count_entries("."), 3);
}
END_TEST

START_TEST(replace_follows_links)
{
	struct stat st;

	ck_assert_int_eq(mkdir("dir", 0700), 0);
	put("dir/file", "old");
	ck_assert_int_eq(symlink("dir/file", "link"), 0);
	ck_assert_int_eq(ft_replace_file("link", "new", 3), 0);
	check_file("dir/file", "new");
	ck_assert_int_eq(lstat("link", &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_int_eq(count_entries("."), 4);
}
END_TEST

/* As /dev/stdout is when standard output was sent to a file that has since gone. */
START_TEST(replace_writes_a_nameless_file_in_place)
{
	char path[32], text[8] = "";
	int fd;

	put("file", "older");
	fd = open("file", O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(unlink("file"), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_int_eq(ft_replace_file(path, "new", 3), 0);
	ck_assert_int_eq(pread(fd, text, sizeof(text), 0), 3);
	ck_assert_str_eq(text, "new");
	close(fd);
	ck_assert_int_eq(count_entries("."), 2);
}
END_TEST

START_TEST(replace_writes_into_a_pipe)
{
	char text[8] = "";
	int fd;

	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	fd = open("fifo", O_RDWR);
	ck_assert_int_eq(ft_replace_file("fifo", "new", 3), 0);
	ck_assert_int_eq(read(fd, text, sizeof(text)), 3);
	ck_assert_str_eq(text, "new");
	close(fd);
}
END_TEST

static const struct {
	const char *path;
	int r;
} dirs[] = {
	{ "a", 0 },	   { "a/b/c", 0 },	 { "a//b/", 0 },	 { "./x/../y", 0 },
	{ "have/new", 0 }, { "file", -ENOTDIR }, { "file/x", -ENOTDIR }, { "", -EINVAL },
	{ "/", 0 },
};

START_TEST(dirs_are_made)
{
	struct stat st;

	put("file", "");
	ck_assert_int_eq(mkdir("have", 0700), 0);
	for (int again = 0; again < 2; again++) {
		ck_assert_int_eq(ft_make_dirs(dirs[_i].path, 0750), dirs[_i].r);
		if (dirs[_i].r == 0) {
			ck_assert_int_eq(stat(dirs[_i].path, &st), 0);
			ck_assert(S_ISDIR(st.st_mode));
		}
	}
}
END_TEST

static void make_pair(int ends[2])
{
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
}

START_TEST(messages_keep_their_bounds)
{
	char bytes[16];
	int ends[2], fd = 77;

	make_pair(ends);
	ck_assert_int_eq(ft_send_message(ends[0], "one", 3, -1), 0);
	ck_assert_int_eq(ft_send_message(ends[0], "three", 5, -1), 0);
	ck_assert_int_eq(ft_receive_message(ends[1], bytes, sizeof(bytes), &fd), 3);
	ck_assert_mem_eq(bytes, "one", 3);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(ft_receive_message(ends[1], bytes, 5, NULL), 5);
	ck_assert_int_eq(ft_receive_message(ends[1], bytes, 5, NULL), -EAGAIN);
	close(ends[0]);
	ck_assert_int_eq(ft_receive_message(ends[1], bytes, 5, NULL), 0);
	ck_assert_int_eq(ft_send_message(ends[1], "x", 1, -1), -EPIPE); /* and no signal */
	close(ends[1]);
}
END_TEST

START_TEST(a_descriptor_comes_along)
{
	int ends[2], pipe_ends[2], fd = -1;
	char bytes[16], text[8] = "";

	make_pair(ends);
	ck_assert_int_eq(pipe(pipe_ends), 0);
	ck_assert_int_eq(ft_send_message(ends[0], "fd", 2, pipe_ends[1]), 0);
	ck_assert_int_eq(ft_receive_message(ends[1], bytes, sizeof(bytes), &fd), 2);
	ck_assert_int_ge(fd, 0);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(ft_write_all(fd, "hi", 2), 0);
	ck_assert_int_eq(read(pipe_ends[0], text, sizeof(text)), 2);
	ck_assert_str_eq(text, "hi");
	close(fd);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

/* n descriptors in one message, past ft_send_message, which sends one at most. */
static void send_fds(int socket, const char *text, int fd, size_t n)
{
	char control[CMSG_SPACE(8 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (size_t i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
	ck_assert_int_eq(sendmsg(socket, &message, 0), (ssize_t)strlen(text));
}

static const struct {
	const char *text;
	size_t fds, max;
	bool with_ret_fd;
	int r;
} hostile[] = {
	{ "four", 1, 4, true, 4 },	   { "four", 1, 4, false, 4 }, /* unwanted */
	{ "four", 1, 3, true, -EMSGSIZE },			       /* cut */
	{ "four", 2, 4, true, -EMSGSIZE }, { "four", 2, 4, false, -EMSGSIZE },
	{ "four", 8, 4, true, -EMSGSIZE }, { "four", 8, 3, false, -EMSGSIZE },
};

START_TEST(no_descriptor_is_left_behind)
{
	int ends[2], fd = 77, before;
	char bytes[16];

	make_pair(ends);
	before = count_entries("/proc/self/fd");
	send_fds(ends[0], hostile[_i].text, ends[0], hostile[_i].fds);
	ck_assert_int_eq(ft_receive_message(ends[1], bytes, hostile[_i].max,
					    hostile[_i].with_ret_fd ? &fd : NULL),
			 hostile[_i].r);
	if (hostile[_i].r >= 0 && hostile[_i].with_ret_fd)
		close(fd);
	else
		ck_assert_int_eq(fd, 77);
	ck_assert_int_eq(count_entries("/proc/self/fd"), before);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(a_full_socket_says_so)
{
	char bytes[1024] = { 0 };
	int ends[2], r = 0, sent;

	make_pair(ends);
	for (sent = 0; r == 0 && sent < 10000; sent++)
		r = ft_send_message(ends[0], bytes, sizeof(bytes), -1);
	ck_assert_int_eq(r, -EAGAIN);
	ck_assert_int_gt(sent, 1);
	ck_assert_int_eq(ft_receive_message(ends[1], bytes, sizeof(bytes), NULL), sizeof(bytes));
	ck_assert_int_eq(ft_send_message(ends[0], bytes, sizeof(bytes), -1), 0);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, enter_home, leave_home);
	tcase_add_loop_test(tc, read_limit_is_exact, 0, FT_CASES(limits));
	tcase_add_test(tc, read_refuses_what_is_no_file);
	tcase_add_test(tc, read_takes_a_pipe_to_its_end);
	tcase_add_test(tc, read_survives_want_of_memory);
	tcase_add_loop_test(tc, line_is_cut_and_ended, 0, FT_CASES(lines));
	tcase_add_test(tc, line_below_a_directory);
	tcase_add_test(tc, replace_makes_and_replaces);
	tcase_add_test(tc, replace_refuses_and_leaves_nothing);
	tcase_add_test(tc, replace_keeps_the_old_file_when_the_disk_is_full);
	tcase_add_test(tc, replace_follows_links);
	tcase_add_test(tc, replace_writes_a_nameless_file_in_place);
	tcase_add_test(tc, replace_writes_into_a_pipe);
	tcase_add_loop_test(tc, dirs_are_made, 0, FT_CASES(dirs));
	tcase_add_test(tc, messages_keep_their_bounds);
	tcase_add_test(tc, a_descriptor_comes_along);
	tcase_add_loop_test(tc, no_descriptor_is_left_behind, 0, FT_CASES(hostile));
	tcase_add_test(tc, a_full_socket_says_so);
}

FT_CHECK_MAIN("io", add_tests)
