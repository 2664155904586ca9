/* One letter and perhaps a descriptor; the end of the other side is an answer, too. */
#include "agent/control.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "tests/ft_check.h"

struct pair {
	int a, b;
};

static struct pair open_pair(void)
{
	int sockets[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets), 0);
	return (struct pair){ sockets[0], sockets[1] };
}

static void close_pair(struct pair *p)
{
	ft_closep(&p->a);
	ft_closep(&p->b);
}

START_TEST(carries_letter_and_descriptor)
{
	struct pair p = open_pair();
	enum ft_control letter = 0;
	int sent = _i ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1, fd = -7;

	ck_assert_int_eq(ft_control_receive(p.b, &letter, &fd), -EAGAIN);
	ck_assert_int_eq(ft_control_send(p.a, FT_CONTROL_SLICES, sent), 0);
	ck_assert_int_eq(ft_control_receive(p.b, &letter, &fd), 1);
	ck_assert_int_eq(letter, FT_CONTROL_SLICES);
	if (_i) {
		ck_assert_int_ge(fd, 0);
		ck_assert_int_ne(fd, sent);
		ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	} else {
		ck_assert_int_eq(fd, -1);
	}
	ft_closep(&fd);
	ft_closep(&sent);
	close_pair(&p);
}
END_TEST

START_TEST(tells_the_end)
{
	struct pair p = open_pair();
	enum ft_control letter = 0;
	int fd = -1;

	ck_assert_int_eq(ft_control_send(p.a, FT_CONTROL_READY, -1), 0);
	ft_closep(&p.a);
	ck_assert_int_eq(ft_control_receive(p.b, &letter, &fd), 1); /* what was said is heard */
	ck_assert_int_eq(ft_control_receive(p.b, &letter, &fd), 0);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(ft_control_send(p.b, FT_CONTROL_READY, -1), -EPIPE);
	close_pair(&p);
}
END_TEST

/* More than a letter is not what either side says. */
START_TEST(refuses_a_longer_message)
{
	struct pair p = open_pair();
	enum ft_control letter = FT_CONTROL_READY;
	int fd = -1;

	ck_assert_int_eq(send(p.a, "SS", 2, MSG_NOSIGNAL), 2);
	ck_assert_int_lt(ft_control_receive(p.b, &letter, &fd), 0);
	ck_assert_int_eq(letter, FT_CONTROL_READY);
	ck_assert_int_eq(fd, -1);
	close_pair(&p);
}
END_TEST

/* Who does not read does not block the one who writes. */
START_TEST(never_blocks_the_writer)
{
	struct pair p = open_pair();
	int r = 0;

	for (int i = 0; r == 0 && i < 1000000; i++)
		r = ft_control_send(p.a, FT_CONTROL_STUCK, -1);
	ck_assert_int_eq(r, -EAGAIN);
	close_pair(&p);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, carries_letter_and_descriptor, 0, 2);
	tcase_add_test(tc, tells_the_end);
	tcase_add_test(tc, refuses_a_longer_message);
	tcase_add_test(tc, never_blocks_the_writer);
}

FT_CHECK_MAIN("control", add_tests)
