#include "symbolizer/client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/utf8.h"
#include "symbolizer/mailbox.h"
#include "symbolizer/protocol.h"
#include "symbolizer/tablefile.h"

#define MAX_PENDING_ADDRESSES (64u * FT_SYM_MAX_BATCH)
#define MAX_MESSAGES_PER_RUN  64u
/* Cleaning never makes a text longer; each gains a NUL. */
#define SCRATCH_BYTES (FT_SYMPROTO_MAX + 4 * FT_SYM_MAX_LINES)

/* What the worker still has to answer. It works through them in order, and so does the
 * check of what it says: only the first in the list may be answered. */
struct request {
	struct request *next;
	uint32_t wire;
	uint32_t file;
	uint64_t since_ns;
	enum ft_symproto_type type;
	uint32_t n;	     /* addresses of a RESOLVE, else 0 */
	uint32_t n_answered; /* of them, < n */
	uint64_t addresses[];
};

/* On the wire a file has a number that is never used twice, so that what the worker says
 * about a forgotten file cannot be taken for the next one under the caller's number. */
struct file {
	uint32_t file;
	uint32_t wire;
};

struct ft_symclient {
	int socket;
	bool dead;
	uint32_t wire_next;
	uint32_t n_files;
	struct file files[FT_SYM_MAX_FILES];
	struct ft_mailbox mailbox;
	struct request *requests, **requests_end;
	uint32_t n_requests;
	uint32_t n_addresses; /* of all requests */
	uint32_t n_builds;    /* among the requests */
	struct ft_buffer out; /* the message being made */
	struct ft_symproto_answers answers;
	uint8_t in[FT_SYMPROTO_MAX];
	char scratch[SCRATCH_BYTES];
};

int ft_symclient_new(int socket, struct ft_symclient **ret_client)
{
	_cleanup_close_ int taken = socket;
	struct ft_symclient *client;
	int flags = fcntl(socket, F_GETFL);

	/* malloc: the buffers at the end take memory only once they are used. */
	client = malloc(sizeof(*client));
	if (!client)
		return -ENOMEM;
	memset(client, 0, offsetof(struct ft_symclient, answers));
	if (flags >= 0)
		fcntl(socket, F_SETFL, flags | O_NONBLOCK);
	client->socket = FT_TAKE_FD(taken);
	ft_mailbox_init(&client->mailbox, client->socket);
	client->requests_end = &client->requests;
	client->out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	*ret_client = client;
	return 0;
}

/* Take the request at *link out of the list. */
static void drop_request(struct ft_symclient *client, struct request **link)
{
	struct request *request = *link;

	*link = request->next;
	if (!*link)
		client->requests_end = link;
	client->n_requests--;
	client->n_addresses -= request->n;
	client->n_builds -= request->type == FT_SYMPROTO_BUILD;
	free(request);
}

void ft_symclient_freep(struct ft_symclient **p)
{
	struct ft_symclient *client = *p;

	if (!client)
		return;
	ft_mailbox_deinit(&client->mailbox);
	while (client->requests)
		drop_request(client, &client->requests);
	ft_buffer_deinit(&client->out);
	ft_closep(&client->socket);
	free(client);
	*p = NULL;
}

/* The first unused place when there is none. */
static uint32_t find_file(const struct ft_symclient *client, uint32_t file)
{
	uint32_t i = 0;

	while (i < client->n_files && client->files[i].file != file)
		i++;
	return i;
}

static bool wire_is_open(const struct ft_symclient *client, uint32_t wire)
{
	for (uint32_t i = 0; i < client->n_files; i++)
		if (client->files[i].wire == wire)
			return true;
	return false;
}

static int die(struct ft_symclient *client, int error)
{
	client->dead = true;
	return error;
}

/* Send what out holds, or queue it. */
static int say(struct ft_symclient *client, int fd)
{
	int r;

	if (client->out.error)
		return -EAGAIN;
	r = ft_mailbox_send(&client->mailbox, client->out.data, client->out.len, fd);
	return r == -EPIPE ? die(client, r) : r;
}

/* Send what out holds, a message of this type, and remember that it wants an answer. */
static int ask(struct ft_symclient *client, enum ft_symproto_type type, struct file file, int fd,
	       const uint64_t *addresses, uint32_t n)
{
	_cleanup_free_ struct request *request = NULL;
	int r;

	if (client->n_addresses + n > MAX_PENDING_ADDRESSES)
		return -EAGAIN;
	request = malloc(sizeof(*request) + n * sizeof(*addresses));
	if (!request)
		return -EAGAIN;
	r = say(client, fd);
	if (r < 0)
		return r;
	*request = (struct request){ .wire = file.wire,
				     .file = file.file,
				     .since_ns = ft_monotonic_ns(),
				     .type = type,
				     .n = n };
	if (n)
		memcpy(request->addresses, addresses, n * sizeof(*addresses));
	*client->requests_end = request;
	client->requests_end = &request->next;
	client->n_requests++;
	client->n_addresses += n;
	client->n_builds += type == FT_SYMPROTO_BUILD;
	request = NULL;
	return 0;
}

int ft_symclient_open(struct ft_symclient *client, uint32_t file, enum ft_symfile_kind kind, int fd)
{
	struct file new = { .file = file, .wire = client->wire_next };
	int r;

	assert(fd >= 0);
	if (client->dead || client->wire_next == UINT32_MAX)
		return -EPIPE;
	if (find_file(client, file) < client->n_files)
		return -EEXIST;
	if (client->n_files == FT_SYM_MAX_FILES)
		return -EMFILE;
	ft_buffer_clear(&client->out);
	ft_symproto_put_open(&client->out, new.wire, kind);
	r = ask(client, FT_SYMPROTO_OPEN, new, fd, NULL, 0);
	if (r < 0)
		return r;
	client->wire_next++;
	client->files[client->n_files++] = new;
	return 0;
}

int ft_symclient_resolve(struct ft_symclient *client, uint32_t file, const uint64_t *addresses,
			 uint32_t n)
{
	uint32_t i = find_file(client, file);

	assert(n >= 1 && n <= FT_SYM_MAX_BATCH);
	if (client->dead)
		return -EPIPE;
	if (i == client->n_files)
		return -ENOENT;
	ft_buffer_clear(&client->out);
	ft_symproto_put_resolve(&client->out, client->files[i].wire, addresses, n);
	return ask(client, FT_SYMPROTO_RESOLVE, client->files[i], -1, addresses, n);
}

int ft_symclient_build(struct ft_symclient *client, uint32_t file)
{
	uint32_t i = find_file(client, file);

	if (client->dead)
		return -EPIPE;
	if (i == client->n_files)
		return -ENOENT;
	if (client->n_builds == FT_SYM_MAX_BUILDS)
		return -EAGAIN;
	ft_buffer_clear(&client->out);
	ft_symproto_put_build(&client->out, client->files[i].wire);
	return ask(client, FT_SYMPROTO_BUILD, client->files[i], -1, NULL, 0);
}

/* The first request has been waiting for the worker alone since the one before it was
 * done. */
static void restart_clock(struct ft_symclient *client)
{
	if (client->requests)
		client->requests->since_ns = ft_monotonic_ns();
}

int ft_symclient_forget(struct ft_symclient *client, uint32_t file)
{
	uint32_t i = find_file(client, file);
	const struct request *first = client->requests;
	struct request **link = &client->requests;
	int r;

	if (client->dead)
		return -EPIPE;
	if (i == client->n_files)
		return -ENOENT;
	ft_buffer_clear(&client->out);
	ft_symproto_put_forget(&client->out, client->files[i].wire);
	r = say(client, -1);
	if (r < 0)
		return r;
	while (*link) {
		if ((*link)->wire == client->files[i].wire)
			drop_request(client, link);
		else
			link = &(*link)->next;
	}
	if (client->requests != first)
		restart_clock(client);
	client->files[i] = client->files[--client->n_files];
	return 0;
}

/* Whether the worker may answer such a request about wire now: 1 yes; 0: of a file
 * forgotten meanwhile, which is nobody's fault; -EBADMSG. */
static int may_speak(const struct ft_symclient *client, uint32_t wire, enum ft_symproto_type type)
{
	const struct request *first = client->requests;

	if (wire >= client->wire_next)
		return -EBADMSG;
	if (!wire_is_open(client, wire))
		return 0;
	return first && first->wire == wire && first->type == type ? 1 : -EBADMSG;
}

static int take_info(struct ft_symclient *client, size_t len, const struct ft_symclient_sink *sink,
		     void *context)
{
	struct ft_symfile_info info;
	int r = ft_symproto_decode_info(client->in, len, &info);

	if (r < 0)
		return r;
	r = may_speak(client, info.file, FT_SYMPROTO_OPEN);
	if (r <= 0)
		return r;
	info.file = client->requests->file;
	drop_request(client, &client->requests);
	restart_clock(client);
	sink->info(context, &info);
	return 0;
}

static const char *clean(const char *text, uint32_t *len, char **scratch, size_t *left)
{
	char *out = *scratch;

	if (ft_utf8_printable(text, *len))
		return text;
	*len = (uint32_t)ft_utf8_clean(text, *len, out, *left);
	*scratch += *len + 1;
	*left -= *len + 1;
	return out;
}

static void clean_lines(struct ft_symclient *client, uint32_t n)
{
	char *scratch = client->scratch;
	size_t left = sizeof(client->scratch);

	for (uint32_t i = 0; i < n; i++) {
		struct ft_symline *line = &client->answers.lines[i];

		line->function = clean(line->function, &line->function_len, &scratch, &left);
		line->system = clean(line->system, &line->system_len, &scratch, &left);
		line->source = clean(line->source, &line->source_len, &scratch, &left);
		line->module = clean(line->module, &line->module_len, &scratch, &left);
	}
}

static int take_answer(struct ft_symclient *client, struct ft_symanswer answer,
		       const struct ft_symclient_sink *sink, void *context)
{
	/* Asked for each answer: the sink may have forgotten the file at the last one. */
	int r = may_speak(client, answer.file, FT_SYMPROTO_RESOLVE);
	struct request *first = client->requests;

	if (r <= 0)
		return r;
	if (answer.address != first->addresses[first->n_answered])
		return -EBADMSG;
	clean_lines(client, answer.n_lines);
	answer.file = first->file;
	if (++first->n_answered == first->n) {
		drop_request(client, &client->requests);
		restart_clock(client);
	}
	sink->answer(context, &answer);
	return 0;
}

static int take_answers(struct ft_symclient *client, size_t len,
			const struct ft_symclient_sink *sink, void *context)
{
	struct ft_symanswer answer;
	int r = ft_symproto_decode_answers(client->in, len, &client->answers);

	if (r < 0)
		return r;
	for (;;) {
		r = ft_symproto_next_answer(&client->answers, &answer);
		if (r <= 0)
			return r;
		r = take_answer(client, answer, sink, context);
		if (r < 0)
			return r;
	}
}

static int take_table(struct ft_symclient *client, size_t len, int fd,
		      const struct ft_symclient_sink *sink, void *context)
{
	enum ft_symtable_status status;
	struct ft_symtable table;
	uint32_t file;
	int r = ft_symproto_decode_table(client->in, len, &file, &status, &table);

	if (r < 0)
		return r;
	r = may_speak(client, file, FT_SYMPROTO_BUILD);
	if (r <= 0)
		return r;
	if ((status == FT_SYMTABLE_READY) != (fd >= 0))
		return -EBADMSG;
	if (fd >= 0)
		r = ft_tablefile_read(fd, &table);
	if (r == -EBADMSG)
		return r;
	if (r < 0) { /* our own trouble, not the worker's fault */
		status = FT_SYMTABLE_FAILED;
		table = (struct ft_symtable){ .facts = table.facts };
	}
	file = client->requests->file;
	drop_request(client, &client->requests);
	restart_clock(client);
	if (sink->table)
		sink->table(context, file, status, &table);
	free(table.block);
	return 0;
}

/* A message of len bytes came with fd, or -1. */
static int take_message(struct ft_symclient *client, size_t len, int fd,
			const struct ft_symclient_sink *sink, void *context)
{
	switch (ft_symproto_type_of(client->in, len)) {
	case FT_SYMPROTO_INFO:
		return take_info(client, len, sink, context);
	case FT_SYMPROTO_ANSWERS:
		return take_answers(client, len, sink, context);
	case FT_SYMPROTO_TABLE:
		return take_table(client, len, fd, sink, context);
	default:
		return -EBADMSG;
	}
}

int ft_symclient_run(struct ft_symclient *client, const struct ft_symclient_sink *sink,
		     void *context)
{
	int r, gone;

	if (client->dead)
		return -EPIPE;
	/* Answers given before the end are still good. */
	gone = ft_mailbox_flush(&client->mailbox);
	for (uint32_t i = 0; i < MAX_MESSAGES_PER_RUN; i++) {
		_cleanup_close_ int fd = -1;

		r = ft_receive_message(client->socket, client->in, sizeof(client->in), &fd);
		if (r == -EAGAIN)
			break;
		if (r == -EMSGSIZE)
			return die(client, -EBADMSG);
		if (r <= 0)
			return die(client, -EPIPE);
		r = take_message(client, (size_t)r, fd, sink, context);
		if (r < 0)
			return die(client, r);
	}
	return gone < 0 ? die(client, gone) : 0;
}

int ft_symclient_fd(const struct ft_symclient *client)
{
	return client->socket;
}

bool ft_symclient_wants_write(const struct ft_symclient *client)
{
	return ft_mailbox_waits(&client->mailbox) && !client->dead;
}

uint32_t ft_symclient_pending(const struct ft_symclient *client)
{
	return client->n_requests;
}

uint64_t ft_symclient_oldest_ns(const struct ft_symclient *client, uint32_t *ret_file)
{
	if (!client->requests)
		return 0;
	if (ret_file)
		*ret_file = client->requests->file;
	return client->requests->since_ns;
}

uint64_t ft_symclient_deadline_ns(const struct ft_symclient *client)
{
	const struct request *first = client->requests;

	if (!first)
		return 0;
	return first->since_ns +
	       (first->type == FT_SYMPROTO_BUILD ? FT_SYM_TABLE_TIMEOUT_NS : FT_SYM_TIMEOUT_NS);
}
