/* The worker in a process of its own, asked by a client, and by one that talks nonsense. */
#include "symbolizer/worker.h"

#include <fcntl.h>

#include "base/io.h"
#include "symbolizer/protocol.h"
#include "tests/unit/symclient_pair.h"

static const struct {
	uint64_t offset;
	const char *function, *system;
} expected[] = {
	{ IMAGE_TEXT, "plain", "plain" },
	{ IMAGE_TEXT + 0x1f, "foo::bar(int)", "_ZN3foo3barEi" },
	{ IMAGE_TEXT + 0x20, "bad?? name", "bad?? name" },
	{ IMAGE_TEXT + 0x30, NULL, NULL },
	{ IMAGE_TEXT + 0x40, "_start", "_start" },
	{ 0, NULL, NULL },
	{ UINT64_MAX, NULL, NULL },
};

START_TEST(names_addresses)
{
	_cleanup_pair_ struct pair pair;

	start(&pair, true);
	open_image(&pair, 77, 0);
	ck_assert_int_eq(ft_symclient_resolve(pair.client, 77, &expected[_i].offset, 1), 0);
	ck_assert_uint_eq(ft_symclient_pending(pair.client), 2);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.n_infos, 1);
	ck_assert_uint_eq(pair.heard.info.file, 77);
	ck_assert_uint_eq(pair.heard.info.status, FT_SYMFILE_READY);
	ck_assert_uint_eq(pair.heard.info.n_build_id, 8);
	ck_assert_uint_eq(pair.heard.info.segments[0].vaddr, IMAGE_ADDRESS);
	ck_assert_uint_eq(pair.heard.n_answers, 1);
	ck_assert_uint_eq(pair.heard.file, 77);
	ck_assert_uint_eq(pair.heard.address, expected[_i].offset);
	ck_assert_uint_eq(pair.heard.n_named, expected[_i].function != NULL);
	if (!expected[_i].function)
		return;
	ck_assert_str_eq(pair.heard.function, expected[_i].function);
	ck_assert_str_eq(pair.heard.system, expected[_i].system);
}
END_TEST

START_TEST(has_no_names_from_damaged_files)
{
	const uint64_t address = IMAGE_TEXT;
	_cleanup_close_ int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_pair_ struct pair pair;

	start(&pair, true);
	open_image(&pair, 1, 1);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.info.status, FT_SYMFILE_DAMAGED);
	ck_assert_int_eq(ft_symclient_open(pair.client, 2, FT_SYMFILE_ELF, folder), 0);
	ck_assert_int_eq(ft_symclient_open(pair.client, 3, FT_SYMFILE_KALLSYMS, folder), 0);
	for (uint32_t file = 1; file <= 3; file++)
		ck_assert_int_eq(ft_symclient_resolve(pair.client, file, &address, 1), 0);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.info.file, 3);
	ck_assert_uint_eq(pair.heard.info.status, FT_SYMFILE_DAMAGED);
	ck_assert_uint_eq(pair.heard.n_answers, 3);
	ck_assert_uint_eq(pair.heard.n_named, 0);
}
END_TEST

/* More than the socket holds, and more files than descriptors of this process. */
START_TEST(carries_much)
{
	uint64_t addresses[FT_SYM_MAX_BATCH];
	_cleanup_pair_ struct pair pair;
	uint32_t asked = 0;

	start(&pair, true);
	for (uint32_t i = 0; i < FT_SYM_MAX_BATCH; i++)
		addresses[i] = IMAGE_TEXT + i % 0x10;
	for (uint32_t file = 0; file < FT_SYM_MAX_FILES; file++) {
		open_image(&pair, file, 0);
		if (file % 64 == 63)
			ck_assert_int_eq(run(&pair), 0);
	}
	ck_assert_uint_eq(pair.heard.n_infos, FT_SYM_MAX_FILES);
	ck_assert_uint_eq(pair.heard.info.status, FT_SYMFILE_READY);
	ck_assert_int_eq(ft_symclient_open(pair.client, FT_SYM_MAX_FILES, FT_SYMFILE_ELF, 0),
			 -EMFILE);
	while (ft_symclient_resolve(pair.client, asked % 7, addresses, FT_SYM_MAX_BATCH) == 0)
		asked++;
	ck_assert_uint_ge(asked, 32);
	ck_assert_uint_le(asked, 64);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.n_named, asked * FT_SYM_MAX_BATCH);
	ck_assert_int_eq(ft_symclient_resolve(pair.client, 0, addresses, 1), 0);
	ck_assert_int_eq(run(&pair), 0);
}
END_TEST

/* One batch whose names need several messages. */
START_TEST(answers_in_several_messages)
{
	static char long_name[200];
	const struct image_symbol symbol = IMAGE_FUNC(long_name, 0, 0x10);
	const struct image_options one = { .symbols = &symbol, .n_symbols = 1 };
	uint64_t addresses[FT_SYM_MAX_BATCH];
	_cleanup_close_ int fd = -1;
	_cleanup_pair_ struct pair pair;
	struct image image;

	memset(long_name, 'n', sizeof(long_name) - 1);
	image_make(&image, &one);
	fd = image_file(image.bytes, image.len);
	for (uint32_t i = 0; i < FT_SYM_MAX_BATCH; i++)
		addresses[i] = IMAGE_TEXT + i % 0x10;
	start(&pair, true);
	open_image(&pair, 1, 0);
	ck_assert_int_eq(ft_symclient_open(pair.client, 2, FT_SYMFILE_ELF, fd), 0);
	ck_assert_int_eq(ft_symclient_resolve(pair.client, 2, addresses, FT_SYM_MAX_BATCH), 0);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.n_named, FT_SYM_MAX_BATCH);
	ck_assert_str_eq(pair.heard.function, long_name);
}
END_TEST

/* A number is free again at once; what the worker still says of the old file is dropped. */
START_TEST(forgets)
{
	uint64_t address = IMAGE_TEXT;
	_cleanup_pair_ struct pair pair;

	start(&pair, true);
	for (int i = 0; i < 100; i++) {
		open_image(&pair, 5, 0);
		ck_assert_int_eq(ft_symclient_resolve(pair.client, 5, &address, 1), 0);
		ck_assert_int_eq(ft_symclient_forget(pair.client, 5), 0);
		ck_assert_uint_eq(ft_symclient_pending(pair.client), 0);
	}
	ck_assert_int_eq(ft_symclient_forget(pair.client, 5), -ENOENT);
	ck_assert_int_eq(ft_symclient_resolve(pair.client, 5, &address, 1), -ENOENT);
	open_image(&pair, 5, 0);
	ck_assert_int_eq(ft_symclient_open(pair.client, 5, FT_SYMFILE_ELF, 0), -EEXIST);
	address += 0x10;
	ck_assert_int_eq(ft_symclient_resolve(pair.client, 5, &address, 1), 0);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.n_infos, 1);
	ck_assert_uint_eq(pair.heard.n_answers, 1);
	ck_assert_str_eq(pair.heard.system, "_ZN3foo3barEi");
}
END_TEST

START_TEST(may_forget_while_told)
{
	const uint64_t addresses[] = { IMAGE_TEXT, IMAGE_TEXT + 1, IMAGE_TEXT + 2 };
	_cleanup_pair_ struct pair pair;

	start(&pair, true);
	open_image(&pair, 5, 0);
	ck_assert_int_eq(ft_symclient_resolve(pair.client, 5, addresses, 3), 0);
	pair.heard.forget = true;
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.n_answers, 1);
	open_image(&pair, 5, 0);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.n_infos, 2);
}
END_TEST

START_TEST(notices_a_dead_worker)
{
	const uint64_t address = IMAGE_TEXT;
	_cleanup_pair_ struct pair pair;
	int r;

	start(&pair, true);
	open_image(&pair, 1, 0);
	ck_assert_int_eq(run(&pair), 0);
	kill(pair.worker, SIGKILL);
	r = ft_symclient_resolve(pair.client, 1, &address, 1);
	ck_assert(r == 0 || r == -EPIPE);
	while (r == 0) {
		struct pollfd p = { .fd = ft_symclient_fd(pair.client), .events = POLLIN };

		ck_assert_int_gt(poll(&p, 1, 20000), 0);
		r = ft_symclient_run(pair.client, &sink, &pair.heard);
	}
	ck_assert_int_eq(r, -EPIPE);
	ck_assert_int_eq(ft_symclient_run(pair.client, &sink, &pair.heard), -EPIPE);
	ck_assert_int_eq(ft_symclient_resolve(pair.client, 1, &address, 1), -EPIPE);
	ck_assert_int_eq(ft_symclient_forget(pair.client, 1), -EPIPE);
	ck_assert(!ft_symclient_wants_write(pair.client));
}
END_TEST

/* The worker, too, ends when it is told nonsense: its exit code says so. */
static const struct {
	size_t len;
	uint8_t bytes[8];
} nonsense[] = {
	{ 3, { 1, 2, 3 } },		/* cut */
	{ 6, { 1, 3, 9, 0, 0, 0 } },	/* forget what was never opened */
	{ 6, { 1, 16, 0, 0, 0, 0 } },	/* an answer */
	{ 7, { 2, 1, 0, 0, 0, 0, 1 } }, /* another version */
	{ 7, { 1, 1, 0, 0, 0, 0, 1 } }, /* open without descriptor: only damaged */
	{ 6, { 1, 4, 9, 0, 0, 0 } },	/* build what was never opened */
};

START_TEST(worker_refuses_nonsense)
{
	static uint8_t in[FT_SYMPROTO_MAX];
	_cleanup_close_ int mine = -1;
	int sockets[2], status;
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	mine = sockets[0];
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(mine);
		_exit(ft_symbolizer_serve(sockets[1]) == 0 ? 0 : 1);
	}
	close(sockets[1]);
	ck_assert_int_eq(ft_send_message(mine, nonsense[_i].bytes, nonsense[_i].len, -1), 0);
	if (_i == 4)
		ck_assert_int_eq(ft_receive_message(mine, in, sizeof(in), NULL), 9);
	else
		ck_assert_int_eq(ft_receive_message(mine, in, sizeof(in), NULL), 0);
	ft_closep(&mine);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), _i == 4 ? 0 : 1);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, names_addresses, 0, FT_CASES(expected));
	tcase_add_test(tc, has_no_names_from_damaged_files);
	tcase_add_test(tc, carries_much);
	tcase_add_test(tc, answers_in_several_messages);
	tcase_add_test(tc, forgets);
	tcase_add_test(tc, may_forget_while_told);
	tcase_add_test(tc, notices_a_dead_worker);
	tcase_add_loop_test(tc, worker_refuses_nonsense, 0, FT_CASES(nonsense));
}

FT_CHECK_MAIN("symworker", add_tests)
