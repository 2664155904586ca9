/* An address is what a person types: each mistake gets its errno, and a socket left by
 * a crash never keeps the next start from its path. */
#include "agent/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/ft_check.h"

static const char *const bad[] = { "",
				   "7117",
				   "127.0.0.1",
				   "127.0.0.1:",
				   "127.0.0.1:x",
				   "127.0.0.1:65536",
				   "127.0.0.1:-1",
				   "nohost:80",
				   "127.0.0.1:80x",
				   "[::1:80",
				   "[::g]:80",
				   "unix:",
				   "1.2.3.4.5:80",
				   "127.0.0.1: 80",
				   "300.0.0.1:80" };

START_TEST(refuses)
{
	struct ft_listen listen = { .fd = -2 };

	ck_assert_int_eq(ft_listen_open(bad[_i], &listen), -EINVAL);
	ck_assert_int_eq(listen.fd, -2);
}
END_TEST

static const struct {
	const char *text, *prefix;
	bool is_loopback;
} good[] = {
	{ "127.0.0.1:0", "127.0.0.1:", true },
	{ "localhost:0", "127.0.0.1:", true },
	{ ":0", "0.0.0.0:", false },
	{ "0.0.0.0:0", "0.0.0.0:", false },
};

START_TEST(opens)
{
	struct ft_listen listen, second;

	ck_assert_int_eq(ft_listen_open(good[_i].text, &listen), 0);
	ck_assert_int_eq(strncmp(listen.text, good[_i].prefix, strlen(good[_i].prefix)), 0);
	ck_assert_int_eq(listen.is_loopback, good[_i].is_loopback);
	ck_assert(!listen.is_unix);
	ck_assert_ptr_null(strstr(listen.text, ":0\0"));
	ck_assert_int_eq(strncmp(listen.url, "http://127.0.0.1:", 17), 0);
	ck_assert_int_eq(ft_listen_open(listen.text, &second), -EADDRINUSE);
	close(listen.fd);
}
END_TEST

START_TEST(unix_socket)
{
	char dir[] = "/tmp/ft-listen-XXXXXX", text[64];
	struct ft_listen listen, second;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(text, sizeof(text), "unix:%s/s", dir);
	ck_assert_int_eq(ft_listen_open(text, &listen), 0);
	ck_assert(listen.is_unix && listen.is_loopback);
	ck_assert_str_eq(listen.text, text + 5);
	ck_assert_int_eq(ft_listen_open(text, &second), -EADDRINUSE);
	/* Left behind by a crash. */
	close(listen.fd);
	ck_assert_int_eq(ft_listen_open(text, &listen), 0);
	close(listen.fd);
	/* Not a socket: somebody's file stays. */
	unlink(text + 5);
	fd = open(text + 5, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_eq(ft_listen_open(text, &second), -EADDRINUSE);
	ck_assert_int_eq(access(text + 5, F_OK), 0);
	close(fd);
	unlink(text + 5);
	rmdir(dir);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, refuses, 0, FT_CASES(bad));
	tcase_add_loop_test(tc, opens, 0, FT_CASES(good));
	tcase_add_test(tc, unix_socket);
}

FT_CHECK_MAIN("listen", add_tests)
