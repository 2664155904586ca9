/* Records of the kernel, built byte by byte: what is read, what is cut off, and names
 * that do not end. */
#include "agent/profile/process_event.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>

#include "base/buffer.h"
#include "tests/ft_check.h"

#define TRAILER_TIME 0x1122334455667788ull

static void put_head(struct ft_buffer *b, uint32_t type, uint16_t misc)
{
	ft_buffer_put_u32(b, type);
	ft_buffer_put_u16(b, misc);
	ft_buffer_put_u16(b, 0);
}

static void put_trailer(struct ft_buffer *b)
{
	ft_buffer_put_u32(b, 71);
	ft_buffer_put_u32(b, 72);
	ft_buffer_put_u64(b, TRAILER_TIME);
}

static void put_mmap2(struct ft_buffer *b, const char *name, size_t size)
{
	put_head(b, PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER);
	ft_buffer_put_u32(b, 10);
	ft_buffer_put_u32(b, 11);
	ft_buffer_put_u64(b, 0x400000);
	ft_buffer_put_u64(b, 0x2000);
	ft_buffer_put_u64(b, 0x1000);
	ft_buffer_put_u32(b, 8);
	ft_buffer_put_u32(b, 1);
	ft_buffer_put_u64(b, 4711);
	ft_buffer_put_u64(b, 99);
	ft_buffer_put_u32(b, 5);
	ft_buffer_put_u32(b, 2);
	ft_buffer_put(b, name, size);
	put_trailer(b);
}

static void put_comm(struct ft_buffer *b, uint16_t misc, const char *name, size_t size)
{
	put_head(b, PERF_RECORD_COMM, misc);
	ft_buffer_put_u32(b, 20);
	ft_buffer_put_u32(b, 21);
	ft_buffer_put(b, name, size);
	put_trailer(b);
}

static void put_task(struct ft_buffer *b, uint32_t type)
{
	put_head(b, type, 0);
	ft_buffer_put_u32(b, 30);
	ft_buffer_put_u32(b, 31);
	ft_buffer_put_u32(b, 32);
	ft_buffer_put_u32(b, 33);
	ft_buffer_put_u64(b, 555);
	put_trailer(b);
}

static void put_lost(struct ft_buffer *b)
{
	put_head(b, PERF_RECORD_LOST, 0);
	ft_buffer_put_u64(b, 1);
	ft_buffer_put_u64(b, 17);
	put_trailer(b);
}

START_TEST(reads_mmap)
{
	_cleanup_buffer_ struct ft_buffer b = FT_BUFFER_INIT(4096);
	struct ft_process_event e;

	put_mmap2(&b, "/bin/x\0\0", 8);
	ck_assert_int_eq(ft_process_event_read(b.data, b.len, &e), 0);
	ck_assert_uint_eq(e.kind, FT_PROCESS_MMAP);
	ck_assert_uint_eq(e.pid, 10);
	ck_assert_uint_eq(e.tid, 11);
	ck_assert_uint_eq(e.start, 0x400000);
	ck_assert_uint_eq(e.length, 0x2000);
	ck_assert_uint_eq(e.offset, 0x1000);
	ck_assert_uint_eq(e.inode.major, 8);
	ck_assert_uint_eq(e.inode.minor, 1);
	ck_assert_uint_eq(e.inode.number, 4711);
	ck_assert_uint_eq(e.inode.generation, 99);
	ck_assert_str_eq(e.name, "/bin/x");
	ck_assert_uint_eq(e.time_ns, TRAILER_TIME);
}
END_TEST

static const struct {
	uint16_t misc;
	uint8_t kind;
} comms[] = {
	{ 0, FT_PROCESS_COMM },
	{ PERF_RECORD_MISC_USER, FT_PROCESS_COMM },
	{ PERF_RECORD_MISC_COMM_EXEC, FT_PROCESS_EXEC },
	{ PERF_RECORD_MISC_COMM_EXEC | PERF_RECORD_MISC_USER, FT_PROCESS_EXEC },
};

START_TEST(tells_exec_from_rename)
{
	_cleanup_buffer_ struct ft_buffer b = FT_BUFFER_INIT(4096);
	struct ft_process_event e;

	put_comm(&b, comms[_i].misc, "sh\0\0\0\0\0", 8);
	ck_assert_int_eq(ft_process_event_read(b.data, b.len, &e), 0);
	ck_assert_uint_eq(e.kind, comms[_i].kind);
	ck_assert_uint_eq(e.pid, 20);
	ck_assert_uint_eq(e.tid, 21);
	ck_assert_str_eq(e.name, "sh");
	ck_assert_uint_eq(e.time_ns, TRAILER_TIME);
}
END_TEST

START_TEST(reads_fork_and_exit)
{
	_cleanup_buffer_ struct ft_buffer b = FT_BUFFER_INIT(4096);
	struct ft_process_event e;

	put_task(&b, _i ? PERF_RECORD_EXIT : PERF_RECORD_FORK);
	ck_assert_int_eq(ft_process_event_read(b.data, b.len, &e), 0);
	ck_assert_uint_eq(e.kind, _i ? FT_PROCESS_EXIT : FT_PROCESS_FORK);
	ck_assert_uint_eq(e.pid, 30);
	ck_assert_uint_eq(e.ppid, 31);
	ck_assert_uint_eq(e.tid, 32);
	ck_assert_uint_eq(e.time_ns, 555); /* its own, not the trailer's */
}
END_TEST

START_TEST(reads_lost)
{
	_cleanup_buffer_ struct ft_buffer b = FT_BUFFER_INIT(4096);
	struct ft_process_event e;

	put_lost(&b);
	ck_assert_int_eq(ft_process_event_read(b.data, b.len, &e), 0);
	ck_assert_uint_eq(e.kind, FT_PROCESS_LOST);
	ck_assert_uint_eq(e.n_lost, 17);
}
END_TEST

START_TEST(ignores_what_is_of_no_process)
{
	_cleanup_buffer_ struct ft_buffer b = FT_BUFFER_INIT(4096);
	struct ft_process_event e;

	put_head(&b, _i ? 0xffffffff : PERF_RECORD_THROTTLE, 0);
	put_trailer(&b);
	ck_assert_int_eq(ft_process_event_read(b.data, b.len, &e), FT_PROCESS_EVENT_IGNORED);
}
END_TEST

/* The name has to end before the trailer, whose bytes would end it by chance. */
START_TEST(refuses_name_without_end)
{
	_cleanup_buffer_ struct ft_buffer b = FT_BUFFER_INIT(4096);
	struct ft_process_event e = { .pid = 12345 };

	if (_i == 0)
		put_mmap2(&b, "12345678", 8);
	else if (_i == 1)
		put_comm(&b, 0, "12345678", 8);
	else
		put_comm(&b, 0, "", 0);
	ck_assert_int_eq(ft_process_event_read(b.data, b.len, &e), -EBADMSG);
	ck_assert_uint_eq(e.pid, 12345); /* written only on success */
}
END_TEST

/* Records of every kind with nothing behind their fixed part; whoever is cut by any
 * number of bytes is no record, and nothing behind the cut is read. */
START_TEST(refuses_every_truncation)
{
	_cleanup_buffer_ struct ft_buffer b = FT_BUFFER_INIT(4096);
	struct ft_process_event e;

	switch (_i) {
	case 0:
		put_mmap2(&b, "", 1);
		break;
	case 1:
		put_comm(&b, 0, "", 1);
		break;
	case 2:
		put_task(&b, PERF_RECORD_FORK);
		break;
	case 3:
		put_task(&b, PERF_RECORD_EXIT);
		break;
	default:
		put_lost(&b);
	}
	ck_assert_int_eq(ft_process_event_read(b.data, b.len, &e), 0);
	for (size_t len = 0; len < b.len; len++) {
		uint8_t *exact = malloc(len ? len : 1);
		int r;

		memcpy(exact, b.data, len);
		r = ft_process_event_read(exact, len, &e);
		free(exact);
		/* A name cut short by the trailer may still end: with a later NUL. */
		if (_i > 1 || len < 24)
			ck_assert_int_eq(r, -EBADMSG);
		else
			ck_assert(r == -EBADMSG || r == 0);
	}
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, reads_mmap);
	tcase_add_loop_test(tc, tells_exec_from_rename, 0, FT_CASES(comms));
	tcase_add_loop_test(tc, reads_fork_and_exit, 0, 2);
	tcase_add_test(tc, reads_lost);
	tcase_add_loop_test(tc, ignores_what_is_of_no_process, 0, 2);
	tcase_add_loop_test(tc, refuses_name_without_end, 0, 3);
	tcase_add_loop_test(tc, refuses_every_truncation, 0, 5);
}

FT_CHECK_MAIN("process_event", add_tests)
