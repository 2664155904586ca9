#include "symbolizer/worker.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>

#include "base/io.h"
#include "base/log.h"
#include "symbolizer/cfi.h"
#include "symbolizer/files.h"
#include "symbolizer/protocol.h"
#include "symbolizer/symname.h"
#include "symbolizer/tablefile.h"

#define IDLE_MS	   5000
#define MORE_FILES 64u /* descriptors beside those of targets */
/* A name can be made to unfold without end; then the demangler runs out of memory here
 * and the name stays as it is. */
#define MAX_DATA_BYTES (256u << 20)
/* From so many on the heap is looked through for pages to give back, which takes longer
 * than to build a small table. */
#define LARGE_RAW_ROWS 32768u

struct worker {
	int socket;
	struct ft_symfiles *files;
	struct ft_buffer out;
	struct ft_symrequest request;
	struct ft_symfiles_name name;
	char display[FT_SYM_MAX_NAME];
	uint8_t in[FT_SYMPROTO_MAX];
};

static void worker_freep(struct worker **p)
{
	if (*p) {
		ft_symfiles_freep(&(*p)->files);
		ft_buffer_deinit(&(*p)->out);
	}
	free(*p);
	*p = NULL;
}
#define _cleanup_worker_ FT_CLEANUP(worker_freep)

static int worker_new(int socket, struct worker **ret_worker)
{
	_cleanup_worker_ struct worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return -ENOMEM;
	r = ft_symfiles_new(&worker->files);
	if (r < 0)
		return r;
	worker->socket = socket;
	worker->out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	*ret_worker = FT_TAKE(worker);
	return 0;
}

static void raise_limit(int resource, rlim_t want)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0 || limit.rlim_cur >= want)
		return;
	/* Past the hard limit if we may, else up to it. */
	limit.rlim_cur = want;
	if (limit.rlim_max >= want) {
		setrlimit(resource, &limit);
		return;
	}
	limit.rlim_max = want;
	if (setrlimit(resource, &limit) == 0 || getrlimit(resource, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(resource, &limit);
}

static void set_limits(void)
{
	struct rlimit files;

#ifndef __SANITIZE_ADDRESS__ /* which counts terabytes of shadow as data */
	struct rlimit data;

	if (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur > MAX_DATA_BYTES) {
		data.rlim_cur = MAX_DATA_BYTES;
		setrlimit(RLIMIT_DATA, &data);
	}
#endif
	raise_limit(RLIMIT_NOFILE, FT_SYM_MAX_FILES + MORE_FILES);
	/* A descriptor that cannot be received ends the worker: better said before. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FT_SYM_MAX_FILES + MORE_FILES)
		ft_log(FT_LOG_WARN, "limit of open files is too low",
		       ft_kv_int("limit", (int64_t)files.rlim_cur),
		       ft_kv_int("needed", FT_SYM_MAX_FILES + MORE_FILES));
	/* Large tables live outside the heap whatever happened before, so that freeing
	 * one gives its memory back. */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
}

/* Wait for the socket. 1 when it is ready, 0 when time has passed. */
static int wait_for(const struct worker *worker, short events, int timeout_ms)
{
	struct pollfd p = { .fd = worker->socket, .events = events };
	int r = poll(&p, 1, timeout_ms);

	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	return r;
}

static int send_out_with(struct worker *worker, int fd)
{
	int r = worker->out.error;

	while (r == 0) {
		r = ft_send_message(worker->socket, worker->out.data, worker->out.len, fd);
		if (r != -EAGAIN)
			break;
		r = FT_MIN(wait_for(worker, POLLOUT, -1), 0);
	}
	ft_buffer_clear(&worker->out);
	return r;
}

static int send_out(struct worker *worker)
{
	return send_out_with(worker, -1);
}

static int answer_open(struct worker *worker, int fd)
{
	const struct ft_symrequest *request = &worker->request;
	struct ft_symfile_info info;
	int r = ft_symfiles_add(worker->files, request->file, request->kind, fd, &info);

	if (r < 0)
		return r;
	ft_symproto_put_info(&worker->out, &info);
	return send_out(worker);
}

/* The one line a symbol table knows. */
static struct ft_symline line_of(struct worker *worker)
{
	const struct ft_symfiles_name *name = &worker->name;
	size_t n = ft_symname_display(name->text, worker->display, sizeof(worker->display));

	return (struct ft_symline){ .function = worker->display,
				    .function_len = (uint32_t)n,
				    .system = name->text,
				    .system_len = (uint32_t)strlen(name->text),
				    .source = "",
				    .module = name->module,
				    .module_len = (uint32_t)strlen(name->module) };
}

static int answer_address(struct worker *worker, uint64_t address)
{
	struct ft_symline line;
	struct ft_symanswer answer = { .address = address, .lines = &line };
	int r;

	ft_symfiles_name(worker->files, address, &worker->name);
	if (worker->name.text[0]) {
		line = line_of(worker);
		answer.n_lines = 1;
	}
	if (ft_symproto_put_answer(&worker->out, &answer) != FT_SYMPROTO_FULL)
		return 0;
	r = send_out(worker);
	if (r < 0)
		return r;
	ft_symproto_begin_answers(&worker->out, worker->request.file);
	r = ft_symproto_put_answer(&worker->out, &answer);
	assert(r == 0); /* any answer fits an empty message */
	return r;
}

static int answer_resolve(struct worker *worker)
{
	const struct ft_symrequest *request = &worker->request;
	int r = ft_symfiles_begin(worker->files, request->file);

	if (r < 0)
		return r;
	ft_symproto_begin_answers(&worker->out, request->file);
	for (uint32_t i = 0; i < request->n; i++) {
		r = answer_address(worker, request->addresses[i]);
		if (r < 0)
			return r;
	}
	return send_out(worker);
}

static void describe_table(const struct ft_cfi_table *built, struct ft_symtable *table)
{
	const struct ft_cfi_facts *facts = &built->facts;

	*table = (struct ft_symtable){
		.n_rules = built->n_rules,
		.n_pages = built->n_pages,
		.n_rows = built->n_rows,
		.rules = built->rules,
		.pages = built->pages,
		.rows = built->rows,
		.facts = { .text_bytes = facts->text_bytes,
			   .covered_bytes = FT_MIN(facts->covered_bytes, facts->text_bytes),
			   .n_fdes = facts->n_fdes,
			   .n_bad_fdes = facts->n_bad_fdes,
			   .n_raw_rows = facts->n_raw_rows,
			   .n_functions = facts->n_functions,
			   .n_prologues = facts->n_prologues,
			   .keeps_frame_pointers = facts->keeps_frame_pointers },
	};
}

/* Build, write and free the table of a file, so that only the file of it stays, which the
 * collector closes soon. */
static int make_table(struct worker *worker, uint32_t file, enum ft_symtable_status *ret_status,
		      struct ft_symtable *ret_table, int *ret_fd)
{
	_cleanup_cfi_table_ struct ft_cfi_table *built = NULL;
	_cleanup_close_ int fd = -1;
	struct ft_symtable table = { 0 };
	enum ft_symtable_status status;
	int r = ft_symfiles_build(worker->files, file, &status, &built);

	if (r < 0)
		return r;
	if (built)
		describe_table(built, &table);
	if (status == FT_SYMTABLE_READY) {
		r = ft_tablefile_write(&table, &fd);
		if (r < 0) {
			ft_log(FT_LOG_WARN, "unwind table cannot be sent", ft_kv_int("file", file),
			       ft_kv_errno(r));
			status = FT_SYMTABLE_FAILED;
		}
	}
	*ret_table = (struct ft_symtable){ .facts = table.facts };
	if (status == FT_SYMTABLE_READY)
		*ret_table = table;
	*ret_status = status;
	*ret_fd = FT_TAKE_FD(fd);
	return 0;
}

static int answer_build(struct worker *worker)
{
	const uint32_t file = worker->request.file;
	_cleanup_close_ int fd = -1;
	enum ft_symtable_status status;
	struct ft_symtable table;
	int r = make_table(worker, file, &status, &table, &fd);

	if (r < 0)
		return r;
	/* What a table is made of is large and gone again. */
	if (status == FT_SYMTABLE_FAILED || table.facts.n_raw_rows >= LARGE_RAW_ROWS)
		malloc_trim(0);
	ft_symproto_put_table(&worker->out, file, status, &table);
	r = send_out_with(worker, fd);
	if (r != -ETOOMANYREFS)
		return r;
	/* Somebody with our user id has too many descriptors on their way. */
	table = (struct ft_symtable){ .facts = table.facts };
	ft_symproto_put_table(&worker->out, file, FT_SYMTABLE_FAILED, &table);
	return send_out(worker);
}

/* A message of len bytes came, perhaps with a descriptor. */
static int answer_message(struct worker *worker, size_t len, int fd)
{
	_cleanup_close_ int taken = fd;
	int r = ft_symproto_decode_request(worker->in, len, &worker->request);

	if (r < 0)
		return r;
	switch (worker->request.type) {
	case FT_SYMPROTO_OPEN:
		return answer_open(worker, FT_TAKE_FD(taken));
	case FT_SYMPROTO_RESOLVE:
		return answer_resolve(worker);
	case FT_SYMPROTO_BUILD:
		return answer_build(worker);
	default:
		return ft_symfiles_remove(worker->files, worker->request.file);
	}
}

int ft_symbolizer_serve(int socket)
{
	_cleanup_worker_ struct worker *worker = NULL;
	bool idle = false;
	int r;

	set_limits();
	r = worker_new(socket, &worker);
	if (r < 0)
		return r;
	for (;;) {
		int fd = -1;

		r = wait_for(worker, POLLIN, idle ? -1 : IDLE_MS);
		if (r < 0)
			return r;
		if (r == 0) {
			ft_symfiles_idle(worker->files);
			malloc_trim(0);
			idle = true;
			continue;
		}
		idle = false;
		r = ft_receive_message(socket, worker->in, sizeof(worker->in), &fd);
		if (r == -EAGAIN)
			continue;
		if (r == -ECONNRESET || r == 0)
			return 0;
		if (r > 0)
			r = answer_message(worker, (size_t)r, fd);
		if (r == -EPIPE || r == -ECONNRESET)
			return 0;
		if (r < 0)
			return r;
	}
}
