/* The client against a worker that does not read, or lies. */
#include "symbolizer/client.h"

#include <dirent.h>

#include "base/clock.h"
#include "base/io.h"
#include "symbolizer/protocol.h"
#include "tests/ft_alloc.h"
#include "tests/unit/symclient_pair.h"

static unsigned int open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int n = 0;

	ck_assert_ptr_nonnull(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

/* Nobody reads the other end: the queue fills to its limit and no further, and gives back
 * its descriptors. */
START_TEST(has_a_bounded_queue)
{
	_cleanup_close_ int fd = image_fd(0);
	uint64_t addresses[FT_SYM_MAX_BATCH] = { 0 };
	unsigned int before, waiting = 0;
	struct pair pair;
	uint32_t file = 0, oldest;
	uint64_t now = ft_monotonic_ns();

	start(&pair, false);
	before = open_descriptors();
	while (!ft_symclient_wants_write(pair.client))
		ck_assert_int_eq(ft_symclient_open(pair.client, file++, FT_SYMFILE_ELF, fd), 0);
	for (; waiting < 10; waiting++)
		ck_assert_int_eq(ft_symclient_open(pair.client, file++, FT_SYMFILE_ELF, fd), 0);
	ck_assert_uint_eq(open_descriptors(), before + 11);
	while (ft_symclient_resolve(pair.client, 3, addresses, FT_SYM_MAX_BATCH) == 0)
		waiting++;
	ck_assert_uint_le(waiting, 140);
	ck_assert_int_eq(ft_symclient_resolve(pair.client, 3, addresses, FT_SYM_MAX_BATCH),
			 -EAGAIN);
	ck_assert_uint_ge(ft_symclient_oldest_ns(pair.client, &oldest), now);
	ck_assert_uint_eq(oldest, 0);
	ck_assert_int_eq(ft_symclient_run(pair.client, &sink, &pair.heard), 0);
	ft_symclient_freep(&pair.client);
	ck_assert_uint_eq(open_descriptors(), before - 1);
	ft_closep(&pair.other);
}
END_TEST

/* Opening and forgetting leaves nothing pending, yet must not pile up descriptors. */
START_TEST(has_a_bounded_queue_of_descriptors)
{
	_cleanup_close_ int fd = image_fd(0);
	_cleanup_pair_ struct pair pair;
	unsigned int before, rounds = 0;
	int r = 0;

	start(&pair, false);
	before = open_descriptors();
	while (r == 0 && rounds++ < 100000) {
		r = ft_symclient_open(pair.client, 1, FT_SYMFILE_ELF, fd);
		if (r == 0)
			r = ft_symclient_forget(pair.client, 1);
	}
	ck_assert_int_eq(r, -EAGAIN);
	ck_assert_uint_gt(open_descriptors(), before + 100);
	ck_assert_uint_le(open_descriptors(), before + 256);
}
END_TEST

/* Lies: what the other side says after OPEN of file 7 (wire 0, answered), OPEN of file 8
 * (wire 1, forgotten) and RESOLVE of addresses 10 and 20 of file 7. */
enum lie {
	TRUTH,
	EARLY_END,
	OF_FORGOTTEN,
	WRONG_ADDRESS,
	WRONG_ORDER,
	TWICE,
	UNKNOWN_FILE,
	UNASKED_INFO,
	REQUEST,
	EMPTY_FUNCTION,
	NOISE,
	TOO_LONG,
	NOTHING,
};

static const struct {
	enum lie lie;
	int outcome;
	uint32_t answers;
} lies[] = {
	{ TRUTH, 0, 2 },
	{ EARLY_END, 0, 1 },
	{ OF_FORGOTTEN, 0, 0 },
	{ WRONG_ADDRESS, -EBADMSG, 0 },
	{ WRONG_ORDER, -EBADMSG, 0 },
	{ TWICE, -EBADMSG, 2 },
	{ UNKNOWN_FILE, -EBADMSG, 0 },
	{ UNASKED_INFO, -EBADMSG, 0 },
	{ REQUEST, -EBADMSG, 0 },
	{ EMPTY_FUNCTION, -EBADMSG, 0 },
	{ NOISE, -EBADMSG, 0 },
	{ TOO_LONG, -EBADMSG, 0 },
	{ NOTHING, -EPIPE, 0 }, /* an empty message is what a closed socket gives */
};

static void put_answer(struct ft_buffer *out, uint64_t address, const char *function)
{
	const struct ft_symline line = { .function = function,
					 .function_len = (uint32_t)strlen(function),
					 .system = "",
					 .source = "",
					 .module = "" };
	const struct ft_symanswer answer = { .address = address, .n_lines = 1, .lines = &line };

	ck_assert_int_eq(ft_symproto_put_answer(out, &answer), 0);
}

static void put_lie(struct ft_buffer *out, enum lie lie)
{
	const struct ft_symfile_info info = { .file = 0 };
	const bool forgotten = lie == OF_FORGOTTEN;

	switch (lie) {
	case UNASKED_INFO:
		ft_symproto_put_info(out, &info);
		return;
	case REQUEST:
		ft_symproto_put_forget(out, 0);
		return;
	case NOISE:
		ft_buffer_put_text(out, "\x01\x11noise");
		return;
	case TOO_LONG:
		ft_buffer_extend(out, FT_SYMPROTO_MAX + 1);
		memset(out->data, 1, out->len);
		return;
	case NOTHING:
		return;
	default:
		break;
	}
	ft_symproto_begin_answers(out, lie == UNKNOWN_FILE ? 2 : forgotten);
	if (lie != WRONG_ORDER)
		put_answer(out, lie == WRONG_ADDRESS ? 11 : 10, lie == EMPTY_FUNCTION ? "" : "f");
	if (lie != EARLY_END)
		put_answer(out, 20, "f");
	if (lie == TWICE)
		put_answer(out, 20, "f");
}

static void say(struct pair *pair, struct ft_buffer *out)
{
	ck_assert_int_eq(out->error, 0);
	ck_assert_int_eq(ft_send_message(pair->other, out->data, out->len, -1), 0);
	ft_buffer_clear(out);
}

START_TEST(catches_a_liar)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(2 * FT_SYMPROTO_MAX);
	static const uint64_t addresses[] = { 10, 20 };
	const struct ft_symfile_info info = { .file = 0 };
	_cleanup_pair_ struct pair pair;

	start(&pair, false);
	open_image(&pair, 7, 0);
	open_image(&pair, 8, 0);
	ck_assert_int_eq(ft_symclient_forget(pair.client, 8), 0);
	ft_symproto_put_info(&out, &info);
	say(&pair, &out);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.info.file, 7);
	ck_assert_int_eq(ft_symclient_resolve(pair.client, 7, addresses, 2), 0);
	put_lie(&out, lies[_i].lie);
	say(&pair, &out);
	ck_assert_int_eq(ft_symclient_run(pair.client, &sink, &pair.heard), lies[_i].outcome);
	ck_assert_uint_eq(pair.heard.n_answers, lies[_i].answers);
	ck_assert_uint_eq(pair.heard.n_infos, 1);
	if (lies[_i].outcome < 0)
		ck_assert_int_eq(ft_symclient_run(pair.client, &sink, &pair.heard), -EPIPE);
	else
		ck_assert_uint_eq(ft_symclient_pending(pair.client), lies[_i].answers < 2);
}
END_TEST

/* Descriptors that a liar slips in are closed; of more than one the message is refused. */
START_TEST(takes_no_descriptors)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	const struct ft_symfile_info info = { .file = 0 };
	int fds[2] = { 1, 2 };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(fds))];
	} control = { .header = { .cmsg_len = CMSG_LEN((size_t)_i * sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov;
	const struct msghdr message = { .msg_iov = &iov,
					.msg_iovlen = 1,
					.msg_control = &control,
					.msg_controllen = CMSG_SPACE((size_t)_i * sizeof(int)) };
	_cleanup_pair_ struct pair pair;
	unsigned int before;

	start(&pair, false);
	open_image(&pair, 7, 0);
	ft_symproto_put_info(&out, &info);
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	iov = (struct iovec){ out.data, out.len };
	ck_assert_int_gt(sendmsg(pair.other, &message, 0), 0);
	before = open_descriptors();
	ck_assert_int_eq(run(&pair), _i == 1 ? 0 : -EBADMSG);
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

static int ask_without_memory(void *context)
{
	const uint64_t address = IMAGE_TEXT;
	struct ft_symclient *client = NULL;
	int sockets[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	r = ft_symclient_new(sockets[0], &client);
	if (r == 0)
		r = ft_symclient_open(client, 1, FT_SYMFILE_ELF, *(int *)context);
	if (r == 0)
		r = ft_symclient_resolve(client, 1, &address, 1);
	if (r == 0)
		r = ft_symclient_build(client, 1);
	ft_symclient_freep(&client);
	close(sockets[1]);
	return r == -EAGAIN ? -ENOMEM : r; /* no memory is as good as no room */
}

START_TEST(tells_to_try_later_without_memory)
{
	_cleanup_close_ int fd = image_fd(0);

	ck_assert_uint_ge(ft_alloc_each(ask_without_memory, &fd), 4);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, has_a_bounded_queue);
	tcase_add_test(tc, has_a_bounded_queue_of_descriptors);
	tcase_add_loop_test(tc, catches_a_liar, 0, FT_CASES(lies));
	tcase_add_loop_test(tc, takes_no_descriptors, 1, 3);
	tcase_add_test(tc, tells_to_try_later_without_memory);
}

FT_CHECK_MAIN("symclient", add_tests)
