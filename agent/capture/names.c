#include "agent/capture/names.h"

#include <errno.h>
#include <fcntl.h>

#include "agent/capture/mapped_file.h"
#include "agent/capture/opener.h"
#include "agent/capture/places.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"

#define FIRST_RETRY_NS	 (10 * FT_NS_PER_SEC)
#define MAX_RETRY_SHIFTS 8u /* 10 s doubled 8 times: 43 min */

enum { NOT_NOW = 1 }; /* outcome beside 0 of giving a file */

struct wanted {
	uint32_t file;
	uint32_t pid; /* that has it mapped */
};

struct ft_names {
	struct ft_files *files;
	struct ft_processes *processes;
	const struct ft_names_sink *sink;
	void *context;
	struct ft_opener *opener;
	struct ft_symclient *client; /* NULL: no symbolizer */
	struct ft_places places;
	struct ft_array wanted; /* struct wanted: files whose table was not asked for yet */
	uint32_t n_tables;	/* asked for and not answered */
	uint32_t n_open;	/* files the symbolizer has */
	struct ft_names_counts counts;
};

int ft_names_new(struct ft_files *files, struct ft_processes *processes,
		 const struct ft_names_sink *sink, void *context, struct ft_names **ret_names)
{
	struct ft_names *names = calloc(1, sizeof(*names));
	int r;

	if (!names)
		return -ENOMEM;
	*names = (struct ft_names){ .files = files,
				    .processes = processes,
				    .sink = sink,
				    .context = context,
				    .places = FT_PLACES_EMPTY,
				    .wanted = FT_ARRAY_INIT(struct wanted) };
	r = ft_opener_new(&names->opener);
	if (r < 0) {
		free(names);
		return r;
	}
	*ret_names = names;
	return 0;
}

void ft_names_forget(struct ft_names *names)
{
	ft_places_clear(&names->places);
}

void ft_names_freep(struct ft_names **p)
{
	struct ft_names *names = FT_TAKE(*p);

	if (!names)
		return;
	ft_symclient_freep(&names->client);
	ft_opener_freep(&names->opener);
	ft_names_forget(names);
	ft_array_deinit(&names->wanted);
	free(names);
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

/* Give the symbolizer a file it may not have yet. 0: it has it; NOT_NOW: the file cannot
 * be read; -EAGAIN or -EPIPE: it cannot take any file now, do not try others. */
static int give_file(struct ft_names *names, uint32_t number, uint32_t pid, uint64_t now_ns)
{
	struct ft_file *file = ft_files_at(names->files, number);
	enum ft_symfile_kind kind = number == FT_FILES_KERNEL ? FT_SYMFILE_KALLSYMS
							      : FT_SYMFILE_ELF;
	_cleanup_close_ int fd = -1;
	int r;

	if (file->state == FT_FILE_OPEN)
		return 0;
	if (!names->client || (file->state != FT_FILE_CLOSED && now_ns < file->retry_ns))
		return NOT_NOW;
	r = make_room(names);
	if (r < 0)
		return r;
	fd = ft_mapped_file_open(names->opener, names->files, names->processes, number, pid);
	if (fd < 0) {
		refuse(names, file, now_ns, FT_FILE_REFUSED);
		return NOT_NOW;
	}
	r = ft_symclient_open(names->client, number, kind, fd);
	if (r < 0)
		return r;
	file->state = FT_FILE_OPEN;
	file->n_asked = 0;
	names->n_open++;
	return 0;
}

/* ---- places ---- */

void ft_names_request(struct ft_names *names, uint32_t file, uint64_t address, uint32_t pid)
{
	uint64_t now_ns = ft_monotonic_ns();
	uint8_t kind = ft_files_at(names->files, file)->kind;

	if (kind != FT_FILE_ELF && kind != FT_FILE_KERNEL && kind != FT_FILE_VDSO)
		return; /* nothing names these yet */
	if (ft_places_find(&names->places, file, address))
		return;
	if (names->places.n_waiting + names->places.n_sent >= FT_NAMES_MAX_WAITING) {
		names->counts.dropped++;
		return;
	}
	ft_files_at(names->files, file)->used_ns = now_ns;
	(void)give_file(names, file, pid, now_ns); /* else later, when it is asked */
	if (ft_places_add(&names->places, file, address, pid) < 0) {
		names->counts.dropped++;
		return;
	}
	names->counts.asked++;
}

/* Send the waiting places of one file, beginning with waiting place first. */
static int send_file(struct ft_names *names, uint32_t first)
{
	uint64_t addresses[FT_SYM_MAX_BATCH];
	struct ft_place *places[FT_SYM_MAX_BATCH];
	uint32_t file = ft_places_waiting_at(&names->places, first)->file, n = 0;
	int r;

	for (uint32_t i = first; i < names->places.waiting.n && n < FT_SYM_MAX_BATCH; i++) {
		struct ft_place *place = ft_places_waiting_at(&names->places, i);

		if (place->state != FT_PLACE_WAITING || place->file != file)
			continue;
		addresses[n] = place->address;
		places[n++] = place;
	}
	r = ft_symclient_resolve(names->client, file, addresses, n);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++)
		places[i]->state = FT_PLACE_SENT;
	ft_files_at(names->files, file)->n_asked += n;
	ft_places_sent(&names->places, n);
	return 0;
}

static int send_waiting(struct ft_names *names, uint64_t now_ns)
{
	int r = 0;

	if (names->places.n_waiting == 0)
		return 0;
	for (uint32_t i = 0; r == 0 && i < names->places.waiting.n; i++) {
		const struct ft_place *place = ft_places_waiting_at(&names->places, i);

		if (place->state != FT_PLACE_WAITING)
			continue;
		r = give_file(names, place->file, place->pid, now_ns);
		if (r == 0)
			r = send_file(names, i);
		else if (r == NOT_NOW)
			r = 0;
	}
	ft_places_compact(&names->places);
	return r == -EAGAIN ? 0 : r;
}

/* ---- tables ---- */

void ft_names_request_table(struct ft_names *names, uint32_t file, uint32_t pid)
{
	struct ft_file *entry = ft_files_at(names->files, file);
	struct wanted wanted = { file, pid };

	if ((entry->kind != FT_FILE_ELF && entry->kind != FT_FILE_VDSO) ||
	    entry->table != FT_FILE_TABLE_UNASKED)
		return;
	if (names->wanted.n >= FT_NAMES_MAX_TABLES ||
	    ft_array_push(&names->wanted, &wanted, 1) < 0) {
		names->counts.dropped++;
		return;
	}
	entry->table = FT_FILE_TABLE_WANTED;
}

/* Ask for tables while the symbolizer takes requests; the rest later. */
static int send_wanted(struct ft_names *names, uint64_t now_ns)
{
	uint32_t kept = 0, i = 0;
	int r = 0;

	for (; i < names->wanted.n && r >= 0; i++) {
		struct wanted *wanted = ft_array_at(&names->wanted, i);
		struct ft_file *file = ft_files_at(names->files, wanted->file);

		r = give_file(names, wanted->file, wanted->pid, now_ns);
		if (r == 0)
			r = ft_symclient_build(names->client, wanted->file);
		if (r == NOT_NOW) {
			file->table = FT_FILE_TABLE_UNASKED; /* when a sample meets it again */
		} else if (r == 0) {
			file->table = FT_FILE_TABLE_ASKED;
			file->n_asked++;
			names->n_tables++;
		} else {
			break;
		}
	}
	for (; i < names->wanted.n; i++)
		*(struct wanted *)ft_array_at(&names->wanted, kept++) =
			*(struct wanted *)ft_array_at(&names->wanted, i);
	ft_array_cut(&names->wanted, kept);
	return r == -EAGAIN || r > 0 ? 0 : r;
}

static void take_table(void *context, uint32_t number, enum ft_symtable_status status,
		       struct ft_symtable *table)
{
	struct ft_names *names = context;
	struct ft_file *file = ft_files_at(names->files, number);

	if (file->table != FT_FILE_TABLE_ASKED)
		return;
	file->table = FT_FILE_TABLE_ANSWERED;
	file->n_asked -= file->n_asked > 0;
	names->n_tables--;
	names->sink->table(names->context, number, status, table);
}

bool ft_names_drop_file(struct ft_names *names, uint32_t file)
{
	struct ft_file *entry = ft_files_at(names->files, file);

	/* Answers that are on their way would find another file under this number. */
	if (entry->n_asked > 0 || entry->table == FT_FILE_TABLE_WANTED)
		return false;
	if (entry->state != FT_FILE_OPEN)
		return true;
	if (!names->client || ft_symclient_forget(names->client, file) < 0)
		return false;
	names->n_open--;
	return true;
}

uint32_t ft_names_tables_pending(const struct ft_names *names)
{
	return names->client ? names->n_tables + names->wanted.n : 0;
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
	struct ft_place *place = ft_places_find(&names->places, answer->file, answer->address);
	struct ft_file *file = ft_files_at(names->files, answer->file);

	file->n_asked -= file->n_asked > 0;
	if (!place || place->state != FT_PLACE_SENT)
		return; /* of an epoch that has ended */
	ft_places_done(&names->places, place);
	names->counts.answered++;
	file->n_failures = 0;
	names->sink->answer(names->context, answer);
}

/* ---- life and death of the symbolizer ---- */

static void bury(struct ft_names *names, uint64_t now_ns)
{
	uint32_t culprit = 0;
	bool guilty = ft_symclient_oldest_ns(names->client, &culprit) != 0;

	for (uint32_t i = 0; i < ft_files_count(names->files); i++) {
		struct ft_file *file = ft_files_at(names->files, i);

		if (file->state == FT_FILE_OPEN)
			file->state = FT_FILE_CLOSED;
		if (file->table == FT_FILE_TABLE_ASKED)
			file->table = FT_FILE_TABLE_UNASKED;
	}
	names->n_tables = 0;
	names->counts.dropped += ft_places_again(&names->places);
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
	static const struct ft_symclient_sink sink = { .info = take_info,
						       .answer = take_answer,
						       .table = take_table };
	uint64_t deadline_ns;
	int r;

	if (!names->client)
		return true;
	r = send_waiting(names, now_ns);
	if (r == 0)
		r = send_wanted(names, now_ns);
	if (r == 0)
		r = ft_symclient_run(names->client, &sink, names);
	deadline_ns = ft_symclient_deadline_ns(names->client);
	if (r == 0 && (deadline_ns == 0 || now_ns < deadline_ns))
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
	uint32_t n = names->places.n_sent;

	for (uint32_t i = 0; i < names->places.waiting.n; i++) {
		const struct ft_place *place = ft_places_waiting_at(&names->places, i);
		const struct ft_file *file = ft_files_at(names->files, place->file);

		n += place->state == FT_PLACE_WAITING &&
		     (file->state == FT_FILE_OPEN || file->state == FT_FILE_CLOSED);
	}
	return n;
}

struct ft_names_counts ft_names_counts(const struct ft_names *names)
{
	return names->counts;
}
