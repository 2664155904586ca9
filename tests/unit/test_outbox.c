/* A stream of whole blocks through a socket that takes little at a time: what comes out
 * is what was taken, in order, untorn, however slow the reader is. */
#include "agent/outbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

struct pipe {
	struct ft_outbox outbox;
	int reader;
};

static void open_pipe(struct pipe *p)
{
	int sockets[2], tiny = 1;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	ck_assert_int_eq(setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &tiny, sizeof(tiny)), 0);
	p->outbox = FT_OUTBOX_INIT;
	p->reader = sockets[1];
	ft_outbox_connect(&p->outbox, sockets[0]);
}

static void close_pipe(struct pipe *p)
{
	ft_outbox_deinit(&p->outbox);
	ft_closep(&p->reader);
}

/* A block: its length and then bytes that follow from its number. */
static size_t make(uint8_t *block, uint32_t number)
{
	uint32_t len = 8 + number * 7919 % 9000;

	memset(block, (int)(number * 31), len);
	memcpy(block, &len, 4);
	memcpy(block + 4, &number, 4);
	return len;
}

/* Read at most n bytes into stream. */
static void take(struct pipe *p, struct ft_buffer *stream, size_t n)
{
	uint8_t bytes[4096];
	ssize_t got = recv(p->reader, bytes, FT_MIN(n, sizeof(bytes)), MSG_DONTWAIT);

	if (got > 0)
		ft_buffer_put(stream, bytes, (size_t)got);
}

/* Only whole blocks, of growing number; how many. */
static uint32_t verify(const struct ft_buffer *stream)
{
	uint8_t want[16384];
	uint32_t n = 0, last = 0;
	size_t at = 0;

	while (at < stream->len) {
		uint32_t number;
		size_t len;

		ck_assert_uint_ge(stream->len - at, 8);
		memcpy(&number, stream->data + at + 4, 4);
		ck_assert(n == 0 || number > last);
		len = make(want, number);
		ck_assert_uint_ge(stream->len - at, len);
		ck_assert_mem_eq(stream->data + at, want, len);
		at += len;
		last = number;
		n++;
	}
	return n;
}

START_TEST(never_tears)
{
	_cleanup_buffer_ struct ft_buffer stream = FT_BUFFER_INIT(64u << 20);
	uint8_t block[16384];
	uint32_t taken = 0;
	struct pipe p;

	open_pipe(&p);
	for (uint32_t i = 0; i < 2000; i++) {
		taken += ft_outbox_put(&p.outbox, block, make(block, i));
		ck_assert(ft_outbox_flush(&p.outbox));
		take(&p, &stream, 1 + i * 131 % 4096);
	}
	while (!ft_outbox_is_empty(&p.outbox)) {
		take(&p, &stream, 4096);
		ck_assert(ft_outbox_flush(&p.outbox));
	}
	ft_closep(&p.outbox.fd);
	for (size_t before = SIZE_MAX; before != stream.len;) {
		before = stream.len;
		take(&p, &stream, 4096);
	}
	ck_assert_uint_eq(taken, 2000);
	ck_assert_uint_eq(verify(&stream), 2000);
	close_pipe(&p);
}
END_TEST

/* A reader that is away: blocks are taken to the limit, then refused whole. */
START_TEST(refuses_whole_blocks_at_its_limit)
{
	_cleanup_buffer_ struct ft_buffer stream = FT_BUFFER_INIT(64u << 20);
	uint8_t block[16384];
	uint32_t taken = 0, refused = 0;
	struct pipe p;

	open_pipe(&p);
	for (uint32_t i = 0; refused < 5; i++) {
		bool ok = ft_outbox_put(&p.outbox, block, make(block, i));

		taken += ok;
		refused += !ok;
	}
	ck_assert_uint_le(p.outbox.waiting.len, FT_OUTBOX_MAX_BYTES);
	ck_assert_uint_gt(p.outbox.waiting.len, FT_OUTBOX_MAX_BYTES - 16384);
	while (!ft_outbox_is_empty(&p.outbox)) {
		ck_assert(ft_outbox_flush(&p.outbox));
		take(&p, &stream, 4096);
	}
	for (size_t before = SIZE_MAX; before != stream.len;) {
		before = stream.len;
		take(&p, &stream, 4096);
	}
	ck_assert_uint_eq(verify(&stream), taken);
	close_pipe(&p);
}
END_TEST

/* A reader that is always a little behind is no reason to refuse: what has gone does not
 * count against the limit. */
START_TEST(sent_bytes_do_not_count)
{
	static uint8_t block[1 << 20];
	uint8_t sink[65536];
	struct pipe p;

	open_pipe(&p);
	ck_assert(ft_outbox_put(&p.outbox, block, sizeof(block)));
	for (uint32_t i = 0; i < 40; i++) {
		size_t read = 0;

		ck_assert_msg(ft_outbox_put(&p.outbox, block, sizeof(block)), "block %u", i);
		while (read < sizeof(block)) {
			ssize_t n;

			ck_assert(ft_outbox_flush(&p.outbox));
			n = recv(p.reader, sink, sizeof(sink), MSG_DONTWAIT);
			read += n > 0 ? (size_t)n : 0;
		}
		ck_assert(!ft_outbox_is_empty(&p.outbox));
	}
	close_pipe(&p);
}
END_TEST

START_TEST(takes_nothing_without_reader)
{
	struct ft_outbox outbox = FT_OUTBOX_INIT;

	ck_assert(!ft_outbox_put(&outbox, "x", 1));
	ck_assert(ft_outbox_is_empty(&outbox));
	ck_assert(ft_outbox_flush(&outbox));
	ft_outbox_deinit(&outbox);
}
END_TEST

/* The reader dies: told once, what waited is dropped, and the next reader gets a clean
 * stream. No signal. */
START_TEST(a_dead_reader_is_told_once)
{
	uint8_t block[16384];
	struct pipe p, second;

	open_pipe(&p);
	ft_closep(&p.reader);
	ck_assert(ft_outbox_put(&p.outbox, block, make(block, 1)));
	ck_assert(!ft_outbox_flush(&p.outbox));
	ck_assert_int_eq(p.outbox.fd, -1);
	ck_assert(ft_outbox_is_empty(&p.outbox));
	ck_assert(ft_outbox_flush(&p.outbox));
	ck_assert(!ft_outbox_put(&p.outbox, "x", 1));
	open_pipe(&second);
	ft_outbox_connect(&p.outbox, FT_TAKE_FD(second.outbox.fd));
	ck_assert(ft_outbox_put(&p.outbox, "fresh", 5));
	ck_assert(ft_outbox_flush(&p.outbox));
	ck_assert_int_eq(recv(second.reader, block, sizeof(block), MSG_DONTWAIT), 5);
	ck_assert_mem_eq(block, "fresh", 5);
	close_pipe(&p);
	close_pipe(&second);
}
END_TEST

START_TEST(lack_of_memory_refuses_a_block)
{
	uint8_t block[16384], got[16384];
	struct pipe p;
	bool ok;

	open_pipe(&p);
	ft_alloc_fail_at(1);
	ok = ft_outbox_put(&p.outbox, block, make(block, 2));
	ck_assert(ft_alloc_stop());
	ck_assert(!ok);
	ck_assert(ft_outbox_put(&p.outbox, "all is well", 11));
	ck_assert(ft_outbox_flush(&p.outbox));
	ck_assert_int_eq(recv(p.reader, got, sizeof(got), MSG_DONTWAIT), 11);
	close_pipe(&p);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, never_tears);
	tcase_add_test(tc, refuses_whole_blocks_at_its_limit);
	tcase_add_test(tc, sent_bytes_do_not_count);
	tcase_add_test(tc, takes_nothing_without_reader);
	tcase_add_test(tc, a_dead_reader_is_told_once);
	tcase_add_test(tc, lack_of_memory_refuses_a_block);
}

FT_CHECK_MAIN("outbox", add_tests)
