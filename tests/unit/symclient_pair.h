/* symclient_pair.h - a client of the symbolizer, a sink that remembers what it was told,
 * and at the other end a real worker, or the test itself. */
#pragma once

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "symbolizer/client.h"
#include "symbolizer/worker.h"
#include "tests/ft_check.h"
#include "tests/unit/elf_image.h"

/* What the sink has heard. */
struct heard {
	struct ft_symclient *client;
	uint32_t n_infos, n_answers, n_named;
	struct ft_symfile_info info;
	uint32_t file;
	uint64_t address;
	uint32_t function_len;
	char function[FT_SYM_MAX_NAME + 1], system[FT_SYM_MAX_NAME + 1];
	bool forget; /* at the first answer or table */
	uint32_t n_tables;
	enum ft_symtable_status status;
	struct ft_symtable table; /* the last one, ours */
};

static inline void on_info(void *context, const struct ft_symfile_info *info)
{
	struct heard *heard = context;

	heard->n_infos++;
	heard->info = *info;
}

static inline void on_answer(void *context, const struct ft_symanswer *answer)
{
	struct heard *heard = context;

	heard->n_answers++;
	heard->file = answer->file;
	heard->address = answer->address;
	if (answer->n_lines > 0) {
		const struct ft_symline *line = &answer->lines[0];

		heard->n_named++;
		heard->function_len = line->function_len;
		memcpy(heard->function, line->function, line->function_len);
		heard->function[line->function_len] = '\0';
		memcpy(heard->system, line->system, line->system_len);
		heard->system[line->system_len] = '\0';
	}
	if (heard->forget)
		ck_assert_int_eq(ft_symclient_forget(heard->client, answer->file), 0);
	heard->forget = false;
}

static inline void on_table(void *context, uint32_t file, enum ft_symtable_status status,
			    struct ft_symtable *table)
{
	struct heard *heard = context;

	heard->n_tables++;
	heard->file = file;
	heard->status = status;
	free(heard->table.block);
	heard->table = *table;
	table->block = NULL;
	if (heard->forget)
		ck_assert_int_eq(ft_symclient_forget(heard->client, file), 0);
	heard->forget = false;
}

static const struct ft_symclient_sink sink = { .info = on_info,
					       .answer = on_answer,
					       .table = on_table };

/* A client and the other end of its socket. */
struct pair {
	struct ft_symclient *client;
	int other;
	pid_t worker; /* or 0 */
	struct heard heard;
};

static inline void pair_deinit(struct pair *pair)
{
	ft_symclient_freep(&pair->client);
	ft_freep(&pair->heard.table.block);
	ft_closep(&pair->other);
	if (pair->worker > 0) {
		int status;

		ck_assert_int_eq(waitpid(pair->worker, &status, 0), pair->worker);
		ck_assert(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
					      : WEXITSTATUS(status) == 0);
	}
}
#define _cleanup_pair_ FT_CLEANUP(pair_deinit)

static inline void start(struct pair *pair, bool with_worker)
{
	int sockets[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	*pair = (struct pair){ .other = sockets[1] };
	if (with_worker) {
		pair->worker = fork();
		ck_assert_int_ge(pair->worker, 0);
		if (pair->worker == 0) {
			close(sockets[0]);
			_exit(ft_symbolizer_serve(sockets[1]) == 0 ? 0 : 1);
		}
		ft_closep(&pair->other);
	}
	ck_assert_int_eq(ft_symclient_new(sockets[0], &pair->client), 0);
	pair->heard.client = pair->client;
}

/* Until everything is answered. */
static inline int run(struct pair *pair)
{
	int r = 0;

	while (r == 0 && ft_symclient_pending(pair->client) > 0) {
		struct pollfd p = { .fd = ft_symclient_fd(pair->client), .events = POLLIN };

		if (ft_symclient_wants_write(pair->client))
			p.events |= POLLOUT;
		ck_assert_int_gt(poll(&p, 1, 20000), 0);
		r = ft_symclient_run(pair->client, &sink, &pair->heard);
	}
	return r;
}

static const struct image_symbol symbols[] = { IMAGE_FUNC("plain", 0, 0x10),
					       IMAGE_FUNC("_ZN3foo3barEi", 0x10, 0x10),
					       IMAGE_FUNC("bad\x01\xff name", 0x20, 0x10) };
static const struct image_options two_names = { .symbols = symbols,
						.n_symbols = FT_COUNT(symbols),
						.entry = IMAGE_ADDRESS + 0x40 };

static inline int image_fd(size_t cut)
{
	struct image image;

	image_make(&image, &two_names);
	return image_file(image.bytes, image.len - cut);
}

static inline void open_image(struct pair *pair, uint32_t file, size_t cut)
{
	_cleanup_close_ int fd = image_fd(cut);

	ck_assert_int_eq(ft_symclient_open(pair->client, file, FT_SYMFILE_ELF, fd), 0);
}
