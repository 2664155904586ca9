/* A symbolizer that answers, dies, hangs or is replaced: each place is asked for once, again
 * after a death, and the file it died over is left alone for a while. The other end of the
 * socket is the test. */
#include "agent/capture/names.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "base/io.h"
#include "symbolizer/protocol.h"
#include "tests/ft_check.h"

struct heard {
	uint32_t n_known, n_answers, n_tables;
	uint64_t last_address;
	uint32_t last_table;
	enum ft_symtable_status last_status;
};

static void on_known(void *context, uint32_t file)
{
	(void)file;
	((struct heard *)context)->n_known++;
}

static void on_answer(void *context, const struct ft_symanswer *answer)
{
	struct heard *heard = context;

	heard->n_answers++;
	heard->last_address = answer->address;
}

static void on_table(void *context, uint32_t file, enum ft_symtable_status status,
		     struct ft_symtable *table)
{
	struct heard *heard = context;

	(void)table;
	heard->n_tables++;
	heard->last_table = file;
	heard->last_status = status;
}

static const struct ft_names_sink names_sink = { on_known, on_answer, on_table };

/* Names, with two files of this very process to ask for. */
struct stage {
	struct ft_files *files;
	struct ft_processes *processes;
	struct ft_names *names;
	struct heard heard;
	int worker; /* the other end */
	uint32_t a, b, gone;
};

static uint32_t real_file(struct stage *s, const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return ft_files_number(
		s->files, &(struct ft_inode){ major(st.st_dev), minor(st.st_dev), st.st_ino, 0 },
		path, strlen(path));
}

static void connect_worker(struct stage *s)
{
	int sockets[2];

	ft_closep(&s->worker);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	s->worker = sockets[1];
	ck_assert_int_eq(ft_names_connect(s->names, sockets[0]), 0);
}

static void open_stage(struct stage *s)
{
	*s = (struct stage){ .worker = -1 };
	ck_assert_int_eq(ft_files_new("boot", &s->files), 0);
	ck_assert_int_eq(ft_processes_new(&s->processes), 0);
	ck_assert_int_eq(ft_names_new(s->files, s->processes, &names_sink, &s->heard, &s->names),
			 0);
	s->a = real_file(s, "/bin/sh");
	s->b = real_file(s, "/etc/passwd");
	s->gone = ft_files_number(s->files, &(struct ft_inode){ 8, 1, 5, 0 }, "/is/not/there", 13);
}

static void close_stage(struct stage *s)
{
	ft_names_freep(&s->names);
	ft_processes_freep(&s->processes);
	ft_files_freep(&s->files);
	ft_closep(&s->worker);
}

static void ask(struct stage *s, uint32_t file, uint64_t address)
{
	ft_names_request(s->names, file, address, (uint32_t)getpid());
}

static bool run(struct stage *s)
{
	return ft_names_run(s->names, ft_monotonic_ns());
}

/* What the worker hears next: its type, or 0 for nothing. */
static int hear(struct stage *s, struct ft_symrequest *request)
{
	uint8_t bytes[FT_SYMPROTO_MAX];
	int fd = -1, n;

	if (recv(s->worker, bytes, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
		return 0;
	n = ft_receive_message(s->worker, bytes, sizeof(bytes), &fd);
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(ft_symproto_decode_request(bytes, (size_t)n, request), 0);
	ck_assert_int_eq(fd >= 0, request->type == FT_SYMPROTO_OPEN);
	ft_closep(&fd);
	return (int)request->type;
}

static void say(struct stage *s, struct ft_buffer *message)
{
	ck_assert_int_eq(ft_send_message(s->worker, message->data, message->len, -1), 0);
	ft_buffer_deinit(message);
}

/* Answer what was asked, a few messages at a time as nobody reads the answers meanwhile;
 * how many addresses and tables that were. */
static uint32_t serve(struct stage *s)
{
	static struct ft_symrequest request;
	uint32_t n = 0;

	for (uint32_t k = 0; k < 8 && hear(s, &request); k++) {
		struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
		struct ft_symline line = { .function = "f", .function_len = 1 };

		if (request.type == FT_SYMPROTO_OPEN) {
			ft_symproto_put_info(&out,
					     &(struct ft_symfile_info){ .file = request.file });
			say(s, &out);
			continue;
		}
		if (request.type == FT_SYMPROTO_BUILD) {
			ft_symproto_put_table(&out, request.file, FT_SYMTABLE_FRAME_POINTERS,
					      &(struct ft_symtable){ .n_rules = 0 });
			n++;
			say(s, &out);
			continue;
		}
		ck_assert_int_eq(request.type, FT_SYMPROTO_RESOLVE);
		ft_symproto_begin_answers(&out, request.file);
		for (uint32_t i = 0; i < request.n; i++) {
			struct ft_symanswer answer = { request.file, request.addresses[i], 1,
						       &line };

			ck_assert_int_eq(ft_symproto_put_answer(&out, &answer), 0);
		}
		n += request.n;
		say(s, &out);
	}
	return n;
}

START_TEST(asks_once)
{
	struct stage s;

	open_stage(&s);
	connect_worker(&s);
	for (int i = 0; i < 3; i++) {
		ask(&s, s.a, 1);
		ask(&s, s.a, 2);
		ask(&s, s.b, 1);
	}
	ck_assert_uint_eq(ft_names_waiting(s.names), 3);
	ck_assert(run(&s));
	ck_assert_uint_eq(serve(&s), 3);
	ck_assert(run(&s));
	ask(&s, s.a, 1);
	ck_assert(run(&s));
	ck_assert_uint_eq(serve(&s), 0);
	ck_assert_uint_eq(s.heard.n_answers, 3);
	ck_assert_uint_eq(s.heard.n_known, 2);
	ck_assert_uint_eq(ft_names_waiting(s.names), 0);
	ck_assert_uint_eq(ft_names_counts(s.names).asked, 3);
	ck_assert_uint_eq(ft_names_counts(s.names).answered, 3);
	close_stage(&s);
}
END_TEST

START_TEST(does_not_ask_for_what_has_no_names)
{
	struct stage s;

	open_stage(&s);
	connect_worker(&s);
	ask(&s, FT_FILES_UNKNOWN, 1);
	ask(&s, FT_FILES_ANON, 1);
	ask(&s, FT_FILES_OTHER, 1);
	ask(&s, s.gone, 1);
	ask(&s, s.gone, 2);
	ck_assert(run(&s));
	ck_assert_uint_eq(serve(&s), 0);
	ck_assert_uint_eq(ft_names_waiting(s.names), 0);
	ck_assert_uint_eq(ft_names_counts(s.names).refused, 1); /* tried once for now */
	close_stage(&s);
}
END_TEST

/* The vDSO has no path, but everybody has it, this process, too. */
START_TEST(asks_for_names_in_the_vdso)
{
	struct stage s;

	open_stage(&s);
	connect_worker(&s);
	ask(&s, FT_FILES_VDSO, 1);
	ck_assert(run(&s));
	ck_assert_uint_eq(serve(&s), 1);
	ck_assert(run(&s));
	ck_assert_uint_eq(s.heard.n_answers, 1);
	close_stage(&s);
}
END_TEST

/* It dies over file a: told once; the rest is asked again, a only later. */
START_TEST(sets_the_culprit_aside)
{
	struct stage s;
	uint64_t now_ns = ft_monotonic_ns();

	open_stage(&s);
	connect_worker(&s);
	ask(&s, s.a, 1);
	ask(&s, s.b, 2);
	ck_assert(run(&s));
	if (_i == 0) {
		ft_closep(&s.worker);
		ck_assert(!run(&s));
	} else { /* it hangs */
		ck_assert(!ft_names_run(s.names, ft_monotonic_ns() + FT_SYM_TIMEOUT_NS));
	}
	ck_assert(run(&s)); /* told once */
	ck_assert_int_eq(ft_names_fd(s.names), -1);
	ck_assert_uint_eq(ft_names_counts(s.names).symbolizer_deaths, 1);
	ck_assert_uint_eq(ft_files_at(s.files, s.a)->state, FT_FILE_SET_ASIDE);
	connect_worker(&s);
	ck_assert(run(&s));
	ck_assert_uint_eq(serve(&s), 1);
	ck_assert(run(&s));
	ck_assert_uint_eq(s.heard.last_address, 2);
	ck_assert_uint_eq(ft_names_waiting(s.names), 0); /* a cannot be read now */
	ck_assert_uint_gt(ft_files_at(s.files, s.a)->retry_ns, now_ns + 5 * FT_NS_PER_SEC);
	ft_files_at(s.files, s.a)->retry_ns = 0; /* time passes */
	ck_assert(run(&s));
	ck_assert_uint_eq(serve(&s), 1);
	ck_assert(run(&s));
	ck_assert_uint_eq(s.heard.last_address, 1);
	ck_assert_uint_eq(s.heard.n_answers, 2);
	close_stage(&s);
}
END_TEST

/* Nothing was owed: nobody is guilty. */
START_TEST(an_idle_death_blames_nobody)
{
	struct stage s;

	open_stage(&s);
	connect_worker(&s);
	ask(&s, s.a, 1);
	ck_assert(run(&s));
	ck_assert_uint_eq(serve(&s), 1);
	ck_assert(run(&s));
	connect_worker(&s); /* the supervisor was quicker */
	ck_assert_uint_eq(ft_names_counts(s.names).symbolizer_deaths, 1);
	ck_assert_uint_eq(ft_files_at(s.files, s.a)->state, FT_FILE_CLOSED);
	ask(&s, s.a, 2);
	ck_assert(run(&s));
	ck_assert_uint_eq(serve(&s), 1);
	close_stage(&s);
}
END_TEST

/* A new epoch: all may be asked again, and late answers of the old one do no harm. */
START_TEST(forgets_at_an_epoch)
{
	struct stage s;

	open_stage(&s);
	connect_worker(&s);
	ask(&s, s.a, 1);
	ask(&s, s.a, 2);
	ck_assert(run(&s));
	ft_names_forget(s.names);
	ck_assert_uint_eq(ft_names_waiting(s.names), 0);
	ask(&s, s.a, 1);
	ck_assert_uint_eq(ft_names_waiting(s.names), 1);
	ck_assert_uint_eq(serve(&s), 2);
	ck_assert(run(&s));
	ck_assert_uint_eq(serve(&s), 1);
	ck_assert(run(&s));
	ck_assert_uint_eq(s.heard.n_answers, 1);
	ck_assert_uint_eq(ft_names_waiting(s.names), 0);
	ck_assert_uint_eq(ft_files_at(s.files, s.a)->n_asked, 0);
	close_stage(&s);
}
END_TEST

/* What it says when nobody asked is its end. */
START_TEST(a_liar_is_taken_for_dead)
{
	struct stage s;

	open_stage(&s);
	connect_worker(&s);
	ck_assert_int_eq(ft_send_message(s.worker, "nonsense", 8, -1), 0);
	ck_assert(!run(&s));
	ck_assert(run(&s));
	close_stage(&s);
}
END_TEST

START_TEST(keeps_its_limit)
{
	struct stage s;

	open_stage(&s);
	for (uint64_t i = 0; i < FT_NAMES_MAX_WAITING + 10; i++)
		ask(&s, s.a, i);
	ck_assert_uint_eq(ft_names_counts(s.names).asked, FT_NAMES_MAX_WAITING);
	ck_assert_uint_eq(ft_names_counts(s.names).dropped, 10);
	connect_worker(&s);
	while (ft_names_waiting(s.names)) {
		ck_assert(run(&s));
		serve(&s);
	}
	ck_assert_uint_eq(s.heard.n_answers, FT_NAMES_MAX_WAITING);
	close_stage(&s);
}
END_TEST

static void ask_table(struct stage *s, uint32_t file)
{
	ft_names_request_table(s->names, file, (uint32_t)getpid());
}

START_TEST(asks_for_a_table_once)
{
	struct stage s;

	open_stage(&s);
	ask_table(&s, s.a);
	ck_assert_uint_eq(ft_names_tables_pending(s.names), 0); /* nobody would build it */
	connect_worker(&s);
	ask_table(&s, s.a);
	ask_table(&s, s.b);
	ask_table(&s, FT_FILES_ANON); /* these have none */
	ask_table(&s, FT_FILES_KERNEL);
	ask_table(&s, FT_FILES_UNKNOWN);
	ck_assert_uint_eq(ft_names_tables_pending(s.names), 2);
	ck_assert(run(&s));
	ask_table(&s, s.a);
	ck_assert_uint_eq(ft_names_tables_pending(s.names), 2);
	ck_assert_uint_eq(serve(&s), 2);
	ck_assert(run(&s));
	ck_assert_uint_eq(ft_names_tables_pending(s.names), 0);
	ck_assert_uint_eq(s.heard.n_tables, 2);
	ck_assert_uint_eq(s.heard.last_table, s.b);
	ck_assert_int_eq(s.heard.last_status, FT_SYMTABLE_FRAME_POINTERS);
	ask_table(&s, s.a);
	ck_assert(run(&s));
	ck_assert_uint_eq(serve(&s), 0);
	ft_files_at(s.files, s.a)->table = FT_FILE_TABLE_UNASKED; /* it was pushed out */
	ask_table(&s, s.a);
	ck_assert(run(&s));
	ck_assert_uint_eq(serve(&s), 1);
	ck_assert(run(&s));
	ck_assert_uint_eq(s.heard.last_table, s.a);
	ck_assert_uint_eq(s.heard.n_tables, 3);
	close_stage(&s);
}
END_TEST

/* A file that cannot be read, and a symbolizer that dies over a table: each may be asked
 * for again when a sample meets it. */
START_TEST(a_table_that_did_not_come_may_be_asked_for_again)
{
	struct stage s;

	open_stage(&s);
	connect_worker(&s);
	ask_table(&s, s.gone);
	ask_table(&s, s.a);
	ck_assert(run(&s));
	ck_assert_uint_eq(ft_names_tables_pending(s.names), 1);
	ck_assert_uint_eq(ft_files_at(s.files, s.gone)->table, FT_FILE_TABLE_UNASKED);
	ck_assert_uint_eq(ft_files_at(s.files, s.a)->table, FT_FILE_TABLE_ASKED);
	ft_closep(&s.worker);
	ck_assert(!run(&s));
	ck_assert_uint_eq(ft_names_tables_pending(s.names), 0);
	ck_assert_uint_eq(ft_files_at(s.files, s.a)->table, FT_FILE_TABLE_UNASKED);
	ck_assert_uint_eq(ft_files_at(s.files, s.a)->state, FT_FILE_SET_ASIDE);
	ft_files_at(s.files, s.a)->retry_ns = 0; /* time passes */
	connect_worker(&s);
	ask_table(&s, s.a);
	ck_assert(run(&s));
	ck_assert_uint_eq(serve(&s), 1);
	ck_assert(run(&s));
	ck_assert_uint_eq(s.heard.n_tables, 1);
	close_stage(&s);
}
END_TEST

/* More than the worker takes at once come one after another. */
START_TEST(many_tables_come_in_turn)
{
	static const char *const paths[] = { "/bin/sh", "/bin/cat", "/bin/cp",	"/bin/ls",
					     "/bin/mv", "/bin/rm",  "/bin/bash" };
	uint32_t served = 0;
	struct stage s;

	ck_assert_uint_gt(FT_COUNT(paths), FT_SYM_MAX_BUILDS);
	open_stage(&s);
	connect_worker(&s);
	for (uint32_t i = 0; i < FT_COUNT(paths); i++)
		ask_table(&s, real_file(&s, paths[i]));
	for (uint32_t i = 0; i < 20 && ft_names_tables_pending(s.names); i++) {
		ck_assert(run(&s));
		served += serve(&s);
	}
	ck_assert_uint_eq(served, FT_COUNT(paths));
	ck_assert_uint_eq(s.heard.n_tables, FT_COUNT(paths));
	close_stage(&s);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, asks_for_a_table_once);
	tcase_add_test(tc, a_table_that_did_not_come_may_be_asked_for_again);
	tcase_add_test(tc, many_tables_come_in_turn);

	tcase_add_test(tc, asks_once);
	tcase_add_test(tc, does_not_ask_for_what_has_no_names);
	tcase_add_test(tc, asks_for_names_in_the_vdso);
	tcase_add_loop_test(tc, sets_the_culprit_aside, 0, 2);
	tcase_add_test(tc, an_idle_death_blames_nobody);
	tcase_add_test(tc, forgets_at_an_epoch);
	tcase_add_test(tc, a_liar_is_taken_for_dead);
	tcase_add_test(tc, keeps_its_limit);
}

FT_CHECK_MAIN("names", add_tests)
