#include "agent/capture/names.h"

#include <errno.h>
#include <fcntl.h>

#include "agent/capture/target_file.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/index.h"
#include "base/log.h"

#define MAX_ANCESTORS	 8u /* whose root is tried for a process that has gone */
#define FIRST_RETRY_NS	 (10 * FT_NS_PER_SEC)
#define MAX_RETRY_SHIFTS 8u /* 10 s doubled 8 times: 43 min */

enum { NOT_NOW = 1 }; /* outcome beside 0 of giving a file */

enum place_state { WAITING, SENT, DONE };

struct place {
	uint32_t file;
	uint32_t pid; /* in which it was seen */
	uint64_t address;
	enum place_state state;
};

struct ft_names {
	struct ft_files *files;
	struct ft_processes *processes;
	const struct ft_names_sink *sink;
	void *context;
	struct ft_symclient *client; /* NULL: no symbolizer */
	struct ft_array places;	     /* struct place, in order of request */
	struct ft_array waiting;     /* uint32_t: places not sent, and some that were */
	struct ft_index by_place;
	uint32_t n_waiting, n_sent;
	uint32_t n_open; /* files the symbolizer has */
	struct ft_names_counts counts;
};

int ft_names_new(struct ft_files *files, struct ft_processes *processes,
		 const struct ft_names_sink *sink, void *context, struct ft_names **ret_names)
{
	struct ft_names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	*names = (struct ft_names){ .files = files,
				    .processes = processes,
				    .sink = sink,
				    .context = context,
				    .places = FT_ARRAY_INIT(struct place),
				    .waiting = FT_ARRAY_INIT(uint32_t) };
	*ret_names = names;
	return 0;
}

void ft_names_forget(struct ft_names *names)
{
	ft_array_deinit(&names->places);
	ft_array_deinit(&names->waiting);
	ft_index_deinit(&names->by_place);
	names->n_waiting = 0;
	names->n_sent = 0;
}

void ft_names_freep(struct ft_names **p)
{
	struct ft_names *names = FT_TAKE(*p);

	if (!names)
		return;
	ft_symclient_freep(&names->client);
	ft_names_forget(names);
	free(names);
}

static struct place *place_at(const struct ft_names *names, uint32_t i)
{
	return ft_array_at(&names->places, i);
}

static bool same_place(const void *context, const void *key, uint32_t id)
{
	const struct place *a = key, *b = place_at(context, id);

	return a->file == b->file && a->address == b->address;
}

static uint32_t find(const struct ft_names *names, const struct place *place)
{
	return ft_index_find(&names->by_place, ft_hash_mix(place->file, place->address), same_place,
			     names, place);
}

/* ---- files ---- */

static void refuse(struct ft_names *names, struct ft_file *file, uint64_t now_ns,
		   enum ft_file_state state)
{
	uint32_t shifts = FT_MIN((uint32_t)file->n_failures, MAX_RETRY_SHIFTS);

	file->state = (uint8_t)state;
	file->retry_ns = now_ns + (FIRST_RETRY_NS << shifts);
	if (file->n_failures < UINT8_MAX)
		file->n_failures++;
	names->counts.refused++;
}

/* Room for one more in the symbolizer: the file not asked of for longest goes, but none
 * whose answers are on their way, as they would never come. 0, or -EAGAIN. */
static int make_room(struct ft_names *names)
{
	uint32_t oldest = 0;
	int r;

	if (names->n_open < FT_SYM_MAX_FILES)
		return 0;
	for (uint32_t i = FT_FILES_FIRST; i < ft_files_count(names->files); i++) {
		const struct ft_file *file = ft_files_at(names->files, i);

		if (file->state == FT_FILE_OPEN && file->n_asked == 0 &&
		    (!oldest || file->used_ns < ft_files_at(names->files, oldest)->used_ns))
			oldest = i;
	}
	if (!oldest)
		return -EAGAIN;
	r = ft_symclient_forget(names->client, oldest);
	if (r < 0)
		return r;
	ft_files_at(names->files, oldest)->state = FT_FILE_CLOSED;
	names->n_open--;
	return 0;
}

static int open_kallsyms(struct ft_target_file *ret_file)
{
	int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);

	*ret_file = (struct ft_target_file){ .fd = fd };
	return fd < 0 ? -errno : 0;
}

/* As pid sees it; when pid has gone, as its nearest living ancestor does, then as we
 * do, and then only if the inode is the one that was mapped. */
static int open_mapped(const struct ft_names *names, const struct ft_file *file, uint32_t pid,
		       struct ft_target_file *ret_file)
{
	int r = ft_target_file_open(pid, file->path, &file->inode, ret_file);

	for (uint32_t i = 0; r == -ESRCH && i < MAX_ANCESTORS; i++) {
		const struct ft_process *process = ft_processes_find(names->processes, pid);

		if (!process || process->ppid == 0)
			break;
		pid = process->ppid;
		r = ft_target_file_open(pid, file->path, &file->inode, ret_file);
		if (r == 0 && ret_file->trust != FT_TARGET_SAME_INODE) {
			ft_closep(&ret_file->fd);
			return -ESTALE;
		}
	}
	if (r == -ESRCH)
		r = ft_target_file_open_here(file->path, &file->inode, ret_file);
	return r;
}

/* Give the symbolizer a file it may not have yet. 0: it has it; NOT_NOW: the file cannot
 * be read; -EAGAIN or -EPIPE: it cannot take any file now, do not try others. */
static int give_file(struct ft_names *names, uint32_t number, uint32_t pid, uint64_t now_ns)
{
	struct ft_file *file = ft_files_at(names->files, number);
	struct ft_target_file opened = { .fd = -1 };
	enum ft_symfile_kind kind = FT_SYMFILE_ELF;
	int r;

	if (file->state == FT_FILE_OPEN)
		return 0;
	if (!names->client || (file->state != FT_FILE_CLOSED && now_ns < file->retry_ns))
		return NOT_NOW;
	r = make_room(names);
	if (r < 0)
		return r;
	if (number == FT_FILES_KERNEL) {
		kind = FT_SYMFILE_KALLSYMS;
		r = open_kallsyms(&opened);
	} else {
		r = open_mapped(names, file, pid, &opened);
	}
	if (r < 0) {
		refuse(names, file, now_ns, FT_FILE_REFUSED);
		return NOT_NOW;
	}
	r = ft_symclient_open(names->client, number, kind, opened.fd);
	ft_closep(&opened.fd);
	if (r < 0)
		return r;
	file->state = FT_FILE_OPEN;
	file->n_asked = 0;
	names->n_open++;
	return 0;
}

/* ---- places ---- */

static int add_place(struct ft_names *names, const struct place *place)
{
	uint32_t number = names->places.n;
	int r;

	r = ft_array_push(&names->places, place, 1);
	if (r < 0)
		return r;
	r = ft_array_push(&names->waiting, &number, 1);
	if (r == 0) {
		r = ft_index_add(&names->by_place, ft_hash_mix(place->file, place->address),
				 number);
		if (r < 0)
			ft_array_cut(&names->waiting, names->waiting.n - 1);
	}
	if (r < 0)
		ft_array_cut(&names->places, number);
	return r;
}

static struct place *waiting_at(const struct ft_names *names, uint32_t i)
{
	return place_at(names, *(uint32_t *)ft_array_at(&names->waiting, i));
}

void ft_names_request(struct ft_names *names, uint32_t file, uint64_t address, uint32_t pid)
{
	struct place place = { .file = file, .pid = pid, .address = address, .state = WAITING };
	uint64_t now_ns = ft_monotonic_ns();
	uint8_t kind = ft_files_at(names->files, file)->kind;

	if (kind != FT_FILE_ELF && kind != FT_FILE_KERNEL)
		return; /* nothing names these yet */
	if (find(names, &place) != FT_INDEX_NONE)
		return;
	if (names->n_waiting + names->n_sent >= FT_NAMES_MAX_WAITING) {
		names->counts.dropped++;
		return;
	}
	ft_files_at(names->files, file)->used_ns = now_ns;
	(void)give_file(names, file, pid, now_ns); /* else later, when it is asked */
	if (add_place(names, &place) < 0) {
		names->counts.dropped++;
		return;
	}
	names->n_waiting++;
	names->counts.asked++;
}

/* Send the waiting places of one file, beginning with waiting place first. */
static int send_file(struct ft_names *names, uint32_t first)
{
	uint64_t addresses[FT_SYM_MAX_BATCH];
	struct place *places[FT_SYM_MAX_BATCH];
	uint32_t file = waiting_at(names, first)->file, n = 0;
	int r;

	for (uint32_t i = first; i < names->waiting.n && n < FT_SYM_MAX_BATCH; i++) {
		struct place *place = waiting_at(names, i);

		if (place->state != WAITING || place->file != file)
			continue;
		addresses[n] = place->address;
		places[n++] = place;
	}
	r = ft_symclient_resolve(names->client, file, addresses, n);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++)
		places[i]->state = SENT;
	ft_files_at(names->files, file)->n_asked += n;
	names->n_waiting -= n;
	names->n_sent += n;
	return 0;
}

/* Keep in the list what still waits: places of files that cannot be read now. */
static void compact_waiting(struct ft_names *names)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < names->waiting.n; i++)
		if (waiting_at(names, i)->state == WAITING) {
			uint32_t *to = ft_array_at(&names->waiting, kept++);

			*to = *(uint32_t *)ft_array_at(&names->waiting, i);
		}
	ft_array_cut(&names->waiting, kept);
}

static int send_waiting(struct ft_names *names, uint64_t now_ns)
{
	int r = 0;

	if (names->n_waiting == 0)
		return 0;
	for (uint32_t i = 0; r == 0 && i < names->waiting.n; i++) {
		const struct place *place = waiting_at(names, i);

		if (place->state != WAITING)
			continue;
		r = give_file(names, place->file, place->pid, now_ns);
		if (r == 0)
			r = send_file(names, i);
		else if (r == NOT_NOW)
			r = 0;
	}
	compact_waiting(names);
	return r == -EAGAIN ? 0 : r;
}

static void take_info(void *context, const struct ft_symfile_info *info)
{
	struct ft_names *names = context;

	if (ft_files_learn(names->files, info) == 0)
		names->sink->file_known(names->context, info->file);
}

static void take_answer(void *context, const struct ft_symanswer *answer)
{
	struct ft_names *names = context;
	struct place key = { .file = answer->file, .address = answer->address };
	struct ft_file *file = ft_files_at(names->files, answer->file);
	uint32_t i = find(names, &key);

	file->n_asked -= file->n_asked > 0;
	if (i == FT_INDEX_NONE || place_at(names, i)->state != SENT)
		return; /* of an epoch that has ended */
	place_at(names, i)->state = DONE;
	names->n_sent--;
	names->counts.answered++;
	file->n_failures = 0;
	names->sink->answer(names->context, answer);
}

/* ---- life and death of the symbolizer ---- */

static void ask_again(struct ft_names *names)
{
	for (uint32_t i = 0; i < names->places.n; i++) {
		struct place *place = place_at(names, i);

		if (place->state != SENT)
			continue;
		names->n_sent--;
		if (ft_array_push(&names->waiting, &i, 1) < 0) {
			place->state = DONE; /* stays without a name */
			names->counts.dropped++;
			continue;
		}
		place->state = WAITING;
		names->n_waiting++;
	}
}

static void bury(struct ft_names *names, uint64_t now_ns)
{
	uint32_t culprit = 0;
	bool guilty = ft_symclient_oldest_ns(names->client, &culprit) != 0;

	for (uint32_t i = 0; i < ft_files_count(names->files); i++) {
		struct ft_file *file = ft_files_at(names->files, i);

		if (file->state == FT_FILE_OPEN)
			file->state = FT_FILE_CLOSED;
	}
	ask_again(names);
	names->n_open = 0;
	names->counts.symbolizer_deaths++;
	ft_symclient_freep(&names->client);
	if (guilty) {
		refuse(names, ft_files_at(names->files, culprit), now_ns, FT_FILE_SET_ASIDE);
		ft_log(FT_LOG_WARN, "file set aside, the symbolizer died over it",
		       ft_kv_text("file", ft_files_at(names->files, culprit)->path));
	}
}

int ft_names_connect(struct ft_names *names, int socket)
{
	if (names->client)
		bury(names, ft_monotonic_ns());
	return ft_symclient_new(socket, &names->client);
}

bool ft_names_run(struct ft_names *names, uint64_t now_ns)
{
	static const struct ft_symclient_sink sink = { .info = take_info, .answer = take_answer };
	uint64_t oldest_ns;
	int r;

	if (!names->client)
		return true;
	r = send_waiting(names, now_ns);
	if (r == 0)
		r = ft_symclient_run(names->client, &sink, names);
	oldest_ns = ft_symclient_oldest_ns(names->client, NULL);
	if (r == 0 && (oldest_ns == 0 || now_ns < oldest_ns + FT_SYM_TIMEOUT_NS))
		return true;
	bury(names, now_ns);
	return false;
}

int ft_names_fd(const struct ft_names *names)
{
	return names->client ? ft_symclient_fd(names->client) : -1;
}

bool ft_names_wants_write(const struct ft_names *names)
{
	return names->client && ft_symclient_wants_write(names->client);
}

uint32_t ft_names_waiting(const struct ft_names *names)
{
	uint32_t n = names->n_sent;

	for (uint32_t i = 0; i < names->waiting.n; i++) {
		const struct place *place = waiting_at(names, i);
		const struct ft_file *file = ft_files_at(names->files, place->file);

		n += place->state == WAITING &&
		     (file->state == FT_FILE_OPEN || file->state == FT_FILE_CLOSED);
	}
	return n;
}

struct ft_names_counts ft_names_counts(const struct ft_names *names)
{
	return names->counts;
}
