/* Messages that wait: in order, with their descriptors, and never more than the limit. */
#include "symbolizer/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

struct ends {
	struct ft_mailbox mailbox;
	int ours, theirs;
};

static void ends_init(struct ends *ends)
{
	ck_assert_int_eq(ft_socket_pair(SOCK_SEQPACKET, &ends->ours, &ends->theirs), 0);
	ck_assert_int_ge(fcntl(ends->ours, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_ge(fcntl(ends->theirs, F_SETFL, O_NONBLOCK), 0);
	ft_mailbox_init(&ends->mailbox, ends->ours);
}

static void ends_deinit(struct ends *ends)
{
	ft_mailbox_deinit(&ends->mailbox);
	ft_closep(&ends->ours);
	ft_closep(&ends->theirs);
}
#define _cleanup_ends_ FT_CLEANUP(ends_deinit)

/* Messages are their number, then zeros. Every seventh has a descriptor. */
static uint32_t fill(struct ends *ends, int fd)
{
	uint32_t bytes[1024] = { 0 }, n = 0;
	int r;

	for (;; n++) {
		bytes[0] = n;
		r = ft_mailbox_send(&ends->mailbox, bytes, sizeof(bytes), n % 7 ? -1 : fd);
		if (r < 0)
			break;
	}
	ck_assert_int_eq(r, -EAGAIN);
	return n;
}

START_TEST(keeps_order)
{
	_cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_ends_ struct ends ends;
	uint32_t bytes[1024], n, got = 0;

	ends_init(&ends);
	ck_assert(!ft_mailbox_waits(&ends.mailbox));
	n = fill(&ends, fd);
	ck_assert(ft_mailbox_waits(&ends.mailbox));
	ck_assert_uint_ge(ends.mailbox.bytes, FT_MAILBOX_MAX_BYTES - 3 * sizeof(bytes));
	ck_assert_uint_le(ends.mailbox.bytes, FT_MAILBOX_MAX_BYTES);
	while (got < n) {
		_cleanup_close_ int came = -1;
		int r = ft_receive_message(ends.theirs, bytes, sizeof(bytes), &came);

		if (r == -EAGAIN) {
			ck_assert(ft_mailbox_waits(&ends.mailbox));
			ck_assert_int_eq(ft_mailbox_flush(&ends.mailbox), 0);
			continue;
		}
		ck_assert_int_eq(r, sizeof(bytes));
		ck_assert_uint_eq(bytes[0], got);
		ck_assert_int_eq(came >= 0, got % 7 == 0);
		got++;
	}
	ck_assert(!ft_mailbox_waits(&ends.mailbox));
	ck_assert_uint_eq(ends.mailbox.bytes, 0);
	ck_assert_int_eq(ft_receive_message(ends.theirs, bytes, sizeof(bytes), NULL), -EAGAIN);
}
END_TEST

START_TEST(notices_that_nobody_is_there)
{
	_cleanup_ends_ struct ends ends;

	ends_init(&ends);
	fill(&ends, -1);
	ft_closep(&ends.theirs);
	ck_assert_int_eq(ft_mailbox_flush(&ends.mailbox), -EPIPE);
	ft_mailbox_deinit(&ends.mailbox);
	ck_assert(!ft_mailbox_waits(&ends.mailbox));
	ck_assert_int_eq(ft_mailbox_send(&ends.mailbox, "x", 1, -1), -EPIPE);
}
END_TEST

/* Without memory nothing is half sent. */
START_TEST(refuses_without_memory)
{
	_cleanup_ends_ struct ends ends;
	size_t before;
	int r;

	ends_init(&ends);
	while (!ft_mailbox_waits(&ends.mailbox))
		ck_assert_int_eq(ft_mailbox_send(&ends.mailbox, "x", 1, -1), 0);
	before = ends.mailbox.bytes;
	ft_alloc_fail_at(1);
	r = ft_mailbox_send(&ends.mailbox, "x", 1, -1);
	ck_assert(ft_alloc_stop());
	ck_assert_int_eq(r, -EAGAIN);
	ck_assert_uint_eq(ends.mailbox.bytes, before);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, keeps_order);
	tcase_add_test(tc, notices_that_nobody_is_there);
	tcase_add_test(tc, refuses_without_memory);
}

FT_CHECK_MAIN("mailbox", add_tests)
