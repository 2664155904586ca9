/* Unwind tables by request: from a real worker, and from one that lies. */
#include "symbolizer/client.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/io.h"
#include "symbolizer/cfi.h"
#include "symbolizer/protocol.h"
#include "symbolizer/tablecheck.h"
#include "symbolizer/tablefile.h"
#include "tests/ft_alloc.h"
#include "tests/unit/symclient_pair.h"
#include "tests/unit/unwind_table.h"

static int self_fd(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void open_self(struct pair *pair, uint32_t file)
{
	_cleanup_close_ int fd = self_fd();

	ck_assert_int_eq(ft_symclient_open(pair->client, file, FT_SYMFILE_ELF, fd), 0);
}

/* The same as without a worker between. */
START_TEST(brings_a_table)
{
	_cleanup_cfi_table_ struct ft_cfi_table *built = NULL;
	_cleanup_close_ int fd = self_fd();
	const struct ft_symtable *table;
	_cleanup_pair_ struct pair pair;

	start(&pair, true);
	open_self(&pair, 9);
	ck_assert_int_eq(ft_symclient_build(pair.client, 9), 0);
	ck_assert_uint_eq(ft_symclient_pending(pair.client), 2);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.n_tables, 1);
	ck_assert_uint_eq(pair.heard.file, 9);
	ck_assert_int_eq(pair.heard.status, FT_SYMTABLE_READY);
	ck_assert_int_eq(ft_cfi_build(fd, &built), 0);
	table = &pair.heard.table;
	ck_assert_int_eq(ft_tablecheck_content(table), 0);
	ck_assert_uint_eq(table->n_rules, built->n_rules);
	ck_assert_uint_eq(table->n_pages, built->n_pages);
	ck_assert_uint_eq(table->n_rows, built->n_rows);
	ck_assert_mem_eq(table->rules, built->rules, built->n_rules * sizeof(*built->rules));
	ck_assert_mem_eq(table->pages, built->pages, built->n_pages * sizeof(*built->pages));
	ck_assert_mem_eq(table->rows, built->rows, built->n_rows * sizeof(*built->rows));
	ck_assert_uint_gt(table->facts.covered_bytes, 0);
	ck_assert_uint_eq(table->facts.covered_bytes, built->facts.covered_bytes);
	ck_assert_uint_eq(table->facts.n_raw_rows, built->facts.n_raw_rows);
}
END_TEST

START_TEST(has_no_table_of_some_files)
{
	static const struct image_options bare = { .symbols = symbols, .n_symbols = 1 };
	_cleanup_close_ int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -1;
	_cleanup_pair_ struct pair pair;
	struct image image;

	image_make(&image, &bare);
	fd = image_file(image.bytes, image.len);
	start(&pair, true);
	ck_assert_int_eq(ft_symclient_open(pair.client, 1, FT_SYMFILE_ELF, fd), 0);
	ck_assert_int_eq(ft_symclient_build(pair.client, 1), 0);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_int_eq(pair.heard.status, FT_SYMTABLE_NONE);
	ck_assert_int_eq(ft_symclient_open(pair.client, 2, FT_SYMFILE_ELF, folder), 0);
	ck_assert_int_eq(ft_symclient_open(pair.client, 3, FT_SYMFILE_KALLSYMS, folder), 0);
	for (uint32_t file = 2; file <= 3; file++) {
		ck_assert_int_eq(ft_symclient_build(pair.client, file), 0);
		ck_assert_int_eq(run(&pair), 0);
		ck_assert_uint_eq(pair.heard.file, file);
		ck_assert_int_eq(pair.heard.status, FT_SYMTABLE_FAILED);
		ck_assert_ptr_null(pair.heard.table.block);
	}
	ck_assert_uint_eq(pair.heard.n_tables, 3);
}
END_TEST

/* Tables and names asked for in turn come in turn, or the client would call it a lie. */
START_TEST(keeps_order)
{
	const uint64_t address = IMAGE_TEXT;
	_cleanup_pair_ struct pair pair;

	start(&pair, true);
	open_image(&pair, 1, 0);
	open_self(&pair, 2);
	for (uint32_t i = 0; i < FT_SYM_MAX_BUILDS; i++) {
		ck_assert_int_eq(ft_symclient_build(pair.client, 1 + i % 2), 0);
		ck_assert_int_eq(ft_symclient_resolve(pair.client, 1, &address, 1), 0);
	}
	ck_assert_int_eq(ft_symclient_build(pair.client, 1), -EAGAIN);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.n_tables, FT_SYM_MAX_BUILDS);
	ck_assert_uint_eq(pair.heard.n_named, FT_SYM_MAX_BUILDS);
	ck_assert_int_eq(ft_symclient_build(pair.client, 1), 0);
	ck_assert_int_eq(ft_symclient_build(pair.client, 3), -ENOENT);
	ck_assert_int_eq(run(&pair), 0);
}
END_TEST

START_TEST(forgets)
{
	_cleanup_pair_ struct pair pair;

	start(&pair, true);
	for (int i = 0; i < 20; i++) {
		open_self(&pair, 5);
		ck_assert_int_eq(ft_symclient_build(pair.client, 5), 0);
		ck_assert_int_eq(ft_symclient_forget(pair.client, 5), 0);
		ck_assert_uint_eq(ft_symclient_pending(pair.client), 0);
	}
	open_self(&pair, 5);
	ck_assert_int_eq(ft_symclient_build(pair.client, 5), 0);
	ck_assert_int_eq(ft_symclient_build(pair.client, 5), 0);
	pair.heard.forget = true; /* at the first table: the second one does not come */
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.n_tables, 1);
	open_image(&pair, 5, 0);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_uint_eq(pair.heard.n_tables, 1);
}
END_TEST

/* Who does not take the table, or does not want tables at all, leaks nothing. */
START_TEST(is_freed_when_not_taken)
{
	const struct ft_symclient_sink no_tables = { .info = on_info, .answer = on_answer };
	_cleanup_pair_ struct pair pair;

	start(&pair, true);
	open_self(&pair, 5);
	ck_assert_int_eq(run(&pair), 0);
	ck_assert_int_eq(ft_symclient_build(pair.client, 5), 0);
	while (ft_symclient_pending(pair.client) > 0)
		ck_assert_int_eq(ft_symclient_run(pair.client, &no_tables, &pair.heard), 0);
	ck_assert_uint_eq(pair.heard.n_tables, 0);
}
END_TEST

START_TEST(has_a_deadline_of_its_own)
{
	const uint64_t address = 1, before = ft_monotonic_ns();
	const struct ft_symfile_info info = { .file = 0 };
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	_cleanup_pair_ struct pair pair;

	start(&pair, false);
	ck_assert_uint_eq(ft_symclient_deadline_ns(pair.client), 0);
	open_image(&pair, 1, 0);
	ck_assert_int_eq(ft_symclient_build(pair.client, 1), 0);
	ck_assert_int_eq(ft_symclient_resolve(pair.client, 1, &address, 1), 0);
	ck_assert_uint_eq(ft_symclient_deadline_ns(pair.client),
			  ft_symclient_oldest_ns(pair.client, NULL) + FT_SYM_TIMEOUT_NS);
	ft_symproto_put_info(&out, &info);
	ck_assert_int_eq(ft_send_message(pair.other, out.data, out.len, -1), 0);
	ck_assert_int_eq(ft_symclient_run(pair.client, &sink, &pair.heard), 0);
	ck_assert_uint_eq(ft_symclient_deadline_ns(pair.client),
			  ft_symclient_oldest_ns(pair.client, NULL) + FT_SYM_TABLE_TIMEOUT_NS);
	ck_assert_uint_ge(ft_symclient_deadline_ns(pair.client), before + FT_SYM_TABLE_TIMEOUT_NS);
}
END_TEST

/* What the other side says after OPEN (answered) of files 7 (wire 0) and 8 (wire 1), BUILD
 * of 7, and OPEN and BUILD of file 6 (wire 2), forgotten. */
enum lie {
	TRUTH,
	FAILURE,
	OF_FORGOTTEN,
	TWICE,
	NOT_ASKED,
	UNKNOWN_FILE,
	ANSWER_INSTEAD,
	INFO_INSTEAD,
	NO_DESCRIPTOR,
	TWO_DESCRIPTORS,
	DESCRIPTOR_OF_NOTHING,
	UNSEALED,
	TOO_SHORT,
	TOO_LONG,
	BAD_ROWS,
	BAD_NUMBERS,
};

static const struct {
	enum lie lie;
	int outcome;
	uint32_t tables;
} lies[] = {
	{ TRUTH, 0, 1 },
	{ FAILURE, 0, 1 },
	{ OF_FORGOTTEN, 0, 0 },
	{ TWICE, -EBADMSG, 1 },
	{ NOT_ASKED, -EBADMSG, 0 },
	{ UNKNOWN_FILE, -EBADMSG, 0 },
	{ ANSWER_INSTEAD, -EBADMSG, 0 },
	{ INFO_INSTEAD, -EBADMSG, 0 },
	{ NO_DESCRIPTOR, -EBADMSG, 0 },
	{ TWO_DESCRIPTORS, -EBADMSG, 0 },
	{ DESCRIPTOR_OF_NOTHING, -EBADMSG, 0 },
	{ UNSEALED, -EBADMSG, 0 },
	{ TOO_SHORT, -EBADMSG, 0 },
	{ TOO_LONG, -EBADMSG, 0 },
	{ BAD_ROWS, -EBADMSG, 0 },
	{ BAD_NUMBERS, -EBADMSG, 0 },
};

static int lying_file(enum lie lie)
{
	struct {
		struct unwind_table table;
		char more;
	} bytes = { .table = good_table };
	size_t len = sizeof(good_table);
	int fd = memfd_create("lie", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (lie == TOO_SHORT)
		len--;
	if (lie == TOO_LONG)
		len++;
	if (lie == BAD_ROWS)
		bytes.table.rows[1] = bytes.table.rows[2];
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ft_write_all(fd, &bytes, len), 0);
	if (lie != UNSEALED)
		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS,
				       F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL),
				 0);
	return fd;
}

/* A message with n times the descriptor fd. */
static void send_with(struct pair *pair, struct ft_buffer *out, int fd, size_t n)
{
	const int fds[2] = { fd, fd };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(fds))];
	} control = { .header = { .cmsg_len = CMSG_LEN(n * sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { out->data, out->len };
	const struct msghdr message = { .msg_iov = &iov,
					.msg_iovlen = 1,
					.msg_control = n ? &control : NULL,
					.msg_controllen = n ? CMSG_SPACE(n * sizeof(int)) : 0 };

	ck_assert_int_eq(out->error, 0);
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	ck_assert_int_gt(sendmsg(pair->other, &message, 0), 0);
	ft_buffer_clear(out);
}

static void put_lie(struct ft_buffer *out, enum lie lie)
{
	static const uint32_t wires[] = { [NOT_ASKED] = 1, [OF_FORGOTTEN] = 2, [UNKNOWN_FILE] = 3 };
	const bool failed = lie == FAILURE || lie == DESCRIPTOR_OF_NOTHING;
	const uint32_t wire = lie < FT_COUNT(wires) ? wires[lie] : 0;
	struct ft_symtable table = symtable_of(&good_table);
	const struct ft_symfile_info info = { .file = 0 };

	if (failed)
		table = (struct ft_symtable){ .n_rows = 0 };
	if (lie == BAD_NUMBERS) /* of the same size */
		table.n_rows += 2 * TABLE_RULES, table.n_rules = 0;
	if (lie == ANSWER_INSTEAD) {
		ft_symproto_begin_answers(out, 0);
		ck_assert_int_eq(ft_symproto_put_answer(out, &(struct ft_symanswer){ 0 }), 0);
	} else if (lie == INFO_INSTEAD) {
		ft_symproto_put_info(out, &info);
	} else {
		ft_symproto_put_table(out, wire, failed ? FT_SYMTABLE_FAILED : FT_SYMTABLE_READY,
				      &table);
	}
}

static size_t descriptors_of(enum lie lie)
{
	switch (lie) {
	case FAILURE:
	case NO_DESCRIPTOR:
	case ANSWER_INSTEAD:
	case INFO_INSTEAD:
		return 0;
	case TWO_DESCRIPTORS:
		return 2;
	default:
		return 1;
	}
}

/* The next descriptor to be had: the same again when none was leaked. */
static int next_descriptor(void)
{
	_cleanup_close_ int fd = dup(0);

	return fd;
}

START_TEST(catches_a_liar)
{
	const enum lie lie = lies[_i].lie;
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	struct ft_symfile_info info = { .file = 0 };
	_cleanup_close_ int fd = lying_file(lie);
	_cleanup_pair_ struct pair pair;
	int before;

	start(&pair, false);
	before = next_descriptor();
	for (uint32_t file = 7; file <= 8; file++, info.file++) {
		open_image(&pair, file, 0);
		ft_symproto_put_info(&out, &info);
		send_with(&pair, &out, -1, 0);
		ck_assert_int_eq(run(&pair), 0);
	}
	ck_assert_int_eq(ft_symclient_build(pair.client, 7), 0);
	open_image(&pair, 6, 0);
	ck_assert_int_eq(ft_symclient_build(pair.client, 6), 0);
	ck_assert_int_eq(ft_symclient_forget(pair.client, 6), 0);
	put_lie(&out, lie);
	send_with(&pair, &out, fd, descriptors_of(lie));
	if (lie == TWICE) {
		put_lie(&out, lie);
		send_with(&pair, &out, fd, 1);
	}
	ck_assert_int_eq(ft_symclient_run(pair.client, &sink, &pair.heard), lies[_i].outcome);
	ck_assert_uint_eq(pair.heard.n_tables, lies[_i].tables);
	ck_assert_int_eq(next_descriptor(), before);
	if (lie == TRUTH) {
		ck_assert_uint_eq(pair.heard.file, 7);
		ck_assert_mem_eq(pair.heard.table.block, &good_table, sizeof(good_table));
	}
}
END_TEST

/* No memory for the table is not the worker's fault. */
START_TEST(fails_without_memory)
{
	const struct ft_symfile_info info = { .file = 0 };
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	_cleanup_close_ int fd = lying_file(TRUTH);
	_cleanup_pair_ struct pair pair;
	int r;

	start(&pair, false);
	open_image(&pair, 7, 0);
	ck_assert_int_eq(ft_symclient_build(pair.client, 7), 0);
	ft_symproto_put_info(&out, &info);
	send_with(&pair, &out, -1, 0);
	ck_assert_int_eq(ft_symclient_run(pair.client, &sink, &pair.heard), 0);
	put_lie(&out, TRUTH);
	send_with(&pair, &out, fd, 1);
	ft_alloc_fail_at(1);
	r = ft_symclient_run(pair.client, &sink, &pair.heard);
	ck_assert(ft_alloc_stop());
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(pair.heard.n_tables, 1);
	ck_assert_int_eq(pair.heard.status, FT_SYMTABLE_FAILED);
	ck_assert_uint_eq(pair.heard.table.n_rows, 0);
	ck_assert_uint_eq(ft_symclient_pending(pair.client), 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, brings_a_table);
	tcase_add_test(tc, has_no_table_of_some_files);
	tcase_add_test(tc, keeps_order);
	tcase_add_test(tc, forgets);
	tcase_add_test(tc, is_freed_when_not_taken);
	tcase_add_test(tc, has_a_deadline_of_its_own);
	tcase_add_loop_test(tc, catches_a_liar, 0, FT_CASES(lies));
	tcase_add_test(tc, fails_without_memory);
}

FT_CHECK_MAIN("symtable", add_tests)
