/* Events of the kernel side in, slices out: read back by the strict reader and gathered,
 * they say what was sampled, where it was, how the walk ended, and what was lost. */
#include "agent/capture/slicer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "base/io.h"
#include "flametrail/unwind.h"
#include "symbolizer/protocol.h"
#include "tests/ft_alloc.h"
#include "tests/ft_slices.h"

#define PID 40

static const struct ft_slice_host host = { "host", "6.1", "boot", "flametrail test", 2 };
static const struct ft_slice_kind kind = { FT_SLICER_KIND, "cpu",	  "samples",
					   "cpu",	   "nanoseconds", 1000 };

struct stage {
	struct ft_files *files;
	struct ft_processes *processes;
	struct ft_slicer *slicer;
	struct ft_gather *gather;
	struct ft_buffer block;
	uint64_t now_ns;
};

static void open_stage(struct stage *s)
{
	*s = (struct stage){ .block = FT_BUFFER_INIT(FT_SLICE_MAX_BYTES), .now_ns = SECOND };
	ck_assert_int_eq(ft_files_new("boot", &s->files), 0);
	ck_assert_int_eq(ft_processes_new(&s->processes), 0);
	ck_assert_int_eq(ft_slicer_new(&host, &kind, s->files, s->processes, &s->slicer), 0);
	s->gather = new_gather((struct ft_gather_options){
		.with_tid = true, .with_cpu = true, .with_thread = true });
	ft_slicer_begin(s->slicer, s->now_ns, true);
}

static void close_stage(struct stage *s)
{
	ft_slicer_freep(&s->slicer);
	ft_processes_freep(&s->processes);
	ft_files_freep(&s->files);
	ft_gather_freep(&s->gather);
	ft_buffer_deinit(&s->block);
}

/* Let the strict reader have the block that was ended. */
static void gather_block(struct stage *s)
{
	const uint8_t *payload;
	size_t len, used;

	ck_assert_int_eq(ft_slice_split(s->block.data, s->block.len, &payload, &len, &used), 1);
	ck_assert_uint_eq(used, s->block.len);
	ck_assert_int_eq(ft_gather_slice(s->gather, payload, len), 0);
	ft_buffer_clear(&s->block);
}

static void next_slice(struct stage *s, bool new_epoch)
{
	s->now_ns += SECOND;
	ck_assert_int_eq(ft_slicer_end(s->slicer, s->now_ns, &s->block), 0);
	gather_block(s);
	ft_slicer_begin(s->slicer, s->now_ns, new_epoch);
}

/* Process PID "app" with code at 0x1000 (file /bin/app from offset 0x500), [vdso] at 0x8000
 * and code without a file at 0x9000. */
static const struct ft_process *app(struct stage *s, bool complete)
{
	static const struct {
		uint64_t start, offset, inode;
		const char *path;
	} maps[] = { { 0x1000, 0x500, 5, "/bin/app" },
		     { 0x8000, 0, 0, "[vdso]" },
		     { 0x9000, 0, 0, "//anon" } };

	ck_assert_int_eq(complete ? ft_processes_exec(s->processes, PID, "app")
				  : ft_processes_comm(s->processes, PID, "app"),
			 0);
	for (size_t i = 0; i < FT_COUNT(maps); i++) {
		struct ft_inode inode = { 8, 1, maps[i].inode, 0 };
		struct ft_mapping m = { maps[i].start, maps[i].start + 0x1000, maps[i].offset,
					ft_files_number(s->files, &inode, maps[i].path,
							strlen(maps[i].path)) };

		ck_assert_int_eq(ft_processes_map(s->processes, PID, &m), 0);
	}
	return ft_processes_find(s->processes, PID);
}

static struct ft_sample_event event(const struct stage *s)
{
	return (struct ft_sample_event){ .kind = FT_EVENT_SAMPLE,
					 .cpu = 1,
					 .pid = PID,
					 .tid = 41,
					 .time_ns = s->now_ns + 5,
					 .period = 1000,
					 .comm = "thread" };
}

static void add(struct stage *s, const struct ft_process *process, uint16_t n_kernel,
		uint16_t n_user, const uint64_t *frames)
{
	struct ft_sample_event e = event(s);

	e.n_kernel = n_kernel;
	e.n_user = n_user;
	for (uint32_t i = 0; i < (uint32_t)n_kernel + n_user; i++)
		e.frames[i] = frames[i];
	ft_slicer_sample(s->slicer, &e, process);
}

/* An offset in the first file that was numbered: /bin/app. */
#define IN_APP(offset) FT_FRAME(FT_FILES_FIRST, (offset))

/* Kernel leaf, kernel caller, which is named by the call, one byte before; user leaf and
 * caller in a file, vDSO and JIT code, which come as calls. */
START_TEST(frames_are_where_they_should_be)
{
	struct stage s;
	struct ft_profile *p;
	char text[256];

	open_stage(&s);
	add(&s, app(&s, true), 2, 4,
	    (uint64_t[]){ 0xffffffff81000010, 0xffffffff81000020, IN_APP(0x510), IN_APP(0x520),
			  FT_FRAME(FT_FILES_VDSO, 0x30), 0x9040 });
	next_slice(&s, false);
	p = finish(s.gather);
	ck_assert_uint_eq(ft_profile_n_rows(p), 1);
	ck_assert_str_eq(
		frames_of(p, 0, text, sizeof(text)),
		"[kernel.kallsyms]+0xffffffff81000010;[kernel.kallsyms]+0xffffffff8100001f;"
		"app+0x510;app+0x520;[vdso]+0x30;[anon]+0x9040");
	ck_assert_str_eq(labels_of(p, 0, text, sizeof(text)),
			 "comm=app cpu=1 pid=40 thread=thread tid=41");
	ck_assert(has_comment(p, "outcome complete 1"));
	ft_profile_freep(&p);
	close_stage(&s);
}
END_TEST

/* What the kernel side could place needs no process here, so nothing races with exec or
 * exit. Bare addresses are looked up; nothing is cut, and the outcome is the kernel's. */
static const struct {
	bool known;
	uint16_t n, outcome;
	uint64_t frames[3];
	const char *stack, *comment;
} places[] = {
	{ false,
	  2,
	  FT_OUTCOME_NO_TABLE,
	  { IN_APP(0x510), IN_APP(0x520) },
	  "app+0x510;app+0x520",
	  "outcome no table 1" },
	{ true,
	  3,
	  FT_OUTCOME_NO_MAPPING,
	  { IN_APP(0x77777), 0x1020, 0x8031 },
	  "app+0x77777;app+0x520;[vdso]+0x31",
	  "outcome no mapping 1" },
	{ true,
	  3,
	  FT_OUTCOME_NO_RULE,
	  { 0x1fff, 0x2000, 0xfff },
	  "app+0x14ff;[unknown]+0x2000;[unknown]+0xfff",
	  "outcome no rule 1" },
	{ false, 1, FT_OUTCOME_NO_PROCESS, { 0x1010 }, "[unknown]+0x1010", "outcome no process 1" },
	/* A file that nobody numbered. */
	{ true,
	  2,
	  FT_OUTCOME_COMPLETE,
	  { FT_FRAME(FT_FILES_FIRST + 1, 0x10), 0x1010 },
	  "[unknown]+0x8000600000000010;app+0x510",
	  "outcome complete 1" },
	{ true, 0, FT_OUTCOME_NO_REGS, { 0 }, "", "outcome no registers 1" },
};

START_TEST(places_user_frames)
{
	const struct ft_process *process;
	struct ft_sample_event e;
	struct stage s;
	struct ft_profile *p;
	char text[256];

	open_stage(&s);
	process = app(&s, true);
	e = event(&s);
	e.n_user = places[_i].n;
	e.outcome = places[_i].outcome;
	memcpy(e.frames, places[_i].frames, sizeof(places[_i].frames));
	ft_slicer_sample(s.slicer, &e, places[_i].known ? process : NULL);
	next_slice(&s, false);
	p = finish(s.gather);
	ck_assert_str_eq(frames_of(p, 0, text, sizeof(text)), places[_i].stack);
	ck_assert(has_comment(p, places[_i].comment));
	labels_of(p, 0, text, sizeof(text));
	ck_assert(strstr(text, places[_i].known ? "comm=app" : "comm=thread"));
	ft_profile_freep(&p);
	close_stage(&s);
}
END_TEST

/* Names that are no text, and the deepest stack there is. */
START_TEST(takes_the_worst_event)
{
	struct ft_sample_event e;
	struct stage s;
	struct ft_profile *p;
	char text[256];
	uint32_t n;

	open_stage(&s);
	e = event(&s);
	e.n_kernel = FT_MAX_KERNEL_FRAMES;
	e.n_user = FT_MAX_USER_FRAMES;
	for (uint32_t i = 0; i < FT_COUNT(e.frames); i++)
		e.frames[i] = i * 16;
	memset(e.comm, 0xff, sizeof(e.comm)); /* no NUL */
	e.outcome = FT_OUTCOME_TRUNCATED;
	e.time_ns = 1; /* long before the slice */
	ft_slicer_sample(s.slicer, &e, NULL);
	next_slice(&s, false);
	p = finish(s.gather);
	ft_profile_get_stack(p, ft_profile_get_row(p, 0).stack, &n);
	ck_assert_uint_eq(n, FT_MAX_KERNEL_FRAMES + FT_MAX_USER_FRAMES);
	labels_of(p, 0, text, sizeof(text));
	ck_assert(strstr(text, "comm=????????????????"));
	ck_assert(has_comment(p, "outcome truncated 1"));
	ft_profile_freep(&p);
	close_stage(&s);
}
END_TEST

START_TEST(counts_what_was_lost)
{
	struct stage s;
	struct ft_profile *p;

	open_stage(&s);
	ft_slicer_count(s.slicer, "ring_full", 3);
	ft_slicer_count(s.slicer, "nothing", 0);
	next_slice(&s, false);
	ft_slicer_count(s.slicer, "ring_full", 4);
	next_slice(&s, true);
	ft_slicer_count(s.slicer, "ring_full", 1);
	next_slice(&s, false);
	p = finish(s.gather);
	ck_assert(has_comment(p, "lost ring_full 8"));
	ck_assert(!has_comment(p, "lost nothing 0"));
	ft_profile_freep(&p);
	close_stage(&s);
}
END_TEST

/* Many samples over epochs and slices are one sum. */
START_TEST(sums_are_kept_over_epochs)
{
	struct stage s;
	struct ft_profile *p;
	const struct ft_process *process;
	int64_t sum = 0;

	open_stage(&s);
	process = app(&s, true);
	for (uint64_t i = 0; i < 300; i++) {
		add(&s, process, 0, 2, (uint64_t[]){ IN_APP(0x510 + i % 7), 0x1021 });
		if (i % 20 == 19)
			next_slice(&s, i % 3 == 0);
	}
	p = finish(s.gather);
	for (uint32_t i = 0; i < ft_profile_n_rows(p); i++)
		sum += ft_profile_get_row(p, i).values[1];
	ck_assert_int_eq(sum, 300 * 1000);
	ft_profile_freep(&p);
	close_stage(&s);
}
END_TEST

/* Answer one OPEN and one RESOLVE of one address with "late". */
static void answer(int worker)
{
	static struct ft_symrequest request;
	static uint8_t bytes[FT_SYMPROTO_MAX];
	struct ft_symline line = { .function = "late", .function_len = 4 };

	for (int i = 0; i < 2; i++) {
		_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
		int fd = -1, n = ft_receive_message(worker, bytes, sizeof(bytes), &fd);

		ck_assert_int_gt(n, 0);
		ft_closep(&fd);
		ck_assert_int_eq(ft_symproto_decode_request(bytes, (size_t)n, &request), 0);
		if (request.type == FT_SYMPROTO_OPEN) {
			struct ft_symfile_info info = { .file = request.file,
							.n_build_id = 1,
							.build_id = { 0xbe } };

			ft_symproto_put_info(&out, &info);
		} else {
			struct ft_symanswer a = { request.file, request.addresses[0], 1, &line };

			ft_symproto_begin_answers(&out, request.file);
			ck_assert_int_eq(ft_symproto_put_answer(&out, &a), 0);
		}
		ck_assert_int_eq(ft_send_message(worker, out.data, out.len, -1), 0);
	}
}

/* The answer comes in a later slice than the sample. */
START_TEST(late_names_reach_the_sample)
{
	struct ft_names *names;
	struct ft_process *process = NULL;
	struct ft_mapping m = { 0x1000, 0x2000, 0, 0 };
	struct stage s;
	struct stat st;
	struct ft_profile *p;
	char text[128];
	int sockets[2];

	open_stage(&s);
	names = ft_slicer_names(s.slicer);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	ck_assert_int_eq(ft_names_connect(names, sockets[0]), 0);
	ck_assert_int_eq(stat("/bin/sh", &st), 0);
	m.file = ft_files_number(
		s.files, &(struct ft_inode){ major(st.st_dev), minor(st.st_dev), st.st_ino, 0 },
		"/bin/sh", 7);
	ck_assert_int_eq(ft_processes_get(s.processes, (uint32_t)getpid(), &process), 0);
	ck_assert_int_eq(ft_processes_map(s.processes, (uint32_t)getpid(), &m), 0);
	add(&s, process, 0, 1, (uint64_t[]){ 0x1010 });
	next_slice(&s, false);
	ck_assert(ft_names_run(names, ft_monotonic_ns()));
	answer(sockets[1]);
	ck_assert(ft_names_run(names, ft_monotonic_ns()));
	ck_assert_uint_eq(ft_names_waiting(names), 0);
	next_slice(&s, false);
	p = finish(s.gather);
	ck_assert_str_eq(frames_of(p, 0, text, sizeof(text)), "late");
	ft_profile_freep(&p);
	close_stage(&s);
	close(sockets[1]);
}
END_TEST

/* Whatever allocation fails, the stream can be read and a sample is there or counted. */
START_TEST(lack_of_memory_is_counted)
{
	for (unsigned int n = 1; n < FT_ALLOC_MAX; n++) {
		const struct ft_process *process;
		struct ft_profile *p;
		struct stage s;
		bool failed;
		int r;

		open_stage(&s);
		process = app(&s, true);
		ft_alloc_fail_at(n);
		add(&s, process, 1, 2, (uint64_t[]){ 0xffffffff81000010, IN_APP(0x510), 0x9040 });
		failed = ft_alloc_stop();
		r = ft_slicer_end(s.slicer, s.now_ns += SECOND, &s.block);
		ck_assert(r == 0 || (failed && r == -ENOMEM));
		if (r == 0)
			gather_block(&s);
		/* After a lost slice the next one begins anew. */
		ft_slicer_begin(s.slicer, s.now_ns, r < 0);
		add(&s, process, 0, 1, (uint64_t[]){ 0x1010 });
		next_slice(&s, true);
		p = finish(s.gather);
		ck_assert_uint_ge(ft_profile_n_rows(p), 1);
		ft_profile_freep(&p);
		close_stage(&s);
		if (!failed)
			return;
	}
}
END_TEST

/* Nothing is known to be code there: frames are shown, not dropped. */
START_TEST(keeps_frames_when_no_code_is_known)
{
	struct stage s;
	struct ft_profile *p;
	char text[128];

	open_stage(&s);
	ck_assert_int_eq(ft_processes_exec(s.processes, PID, "app"), 0);
	add(&s, ft_processes_find(s.processes, PID), 0, 2, (uint64_t[]){ 0x1010, 0x1021 });
	next_slice(&s, false);
	p = finish(s.gather);
	ck_assert_str_eq(frames_of(p, 0, text, sizeof(text)), "[unknown]+0x1010;[unknown]+0x1021");
	ft_profile_freep(&p);
	close_stage(&s);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, frames_are_where_they_should_be);
	tcase_add_loop_test(tc, places_user_frames, 0, FT_CASES(places));
	tcase_add_test(tc, takes_the_worst_event);
	tcase_add_test(tc, keeps_frames_when_no_code_is_known);
	tcase_add_test(tc, counts_what_was_lost);
	tcase_add_test(tc, sums_are_kept_over_epochs);
	tcase_add_test(tc, late_names_reach_the_sample);
	tcase_add_test(tc, lack_of_memory_is_counted);
}

FT_CHECK_MAIN("slicer", add_tests)
