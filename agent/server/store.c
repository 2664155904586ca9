#include "agent/server/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "agent/profile/slice.h"
#include "agent/server/database.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/utf8.h"

#define FILE_NAME "flametrail.db"

struct ft_store {
	struct ft_database *database;
	enum ft_store_mode mode;
	uint64_t epoch;
	int lock;	     /* -1 in memory and when reading */
	char path[PATH_MAX]; /* of the database; "" in memory */
};

void ft_store_freep(struct ft_store **p)
{
	struct ft_store *store = *p;

	*p = NULL;
	if (!store)
		return;
	ft_database_freep(&store->database);
	ft_closep(&store->lock);
	free(store);
}

/* The lock is a file of its own: it must outlive a database that is set aside. */
static int take_lock(const char *dir, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/lock", dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_fd = FT_TAKE_FD(fd);
	return 0;
}

/* Rename the database and what SQLite keeps beside it. */
static int set_aside(const struct ft_store *store)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char from[PATH_MAX + 8], to[PATH_MAX + 64];
	unsigned long long now = ft_realtime_ns() / FT_NS_PER_SEC;

	for (size_t i = 0; i < FT_COUNT(suffixes); i++) {
		snprintf(from, sizeof(from), "%s%s", store->path, suffixes[i]);
		snprintf(to, sizeof(to), "%s.damaged-%llu%s", store->path, now, suffixes[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	snprintf(to, sizeof(to), "%s.damaged-%llu", store->path, now);
	ft_log(FT_LOG_ERROR, "the store is damaged: set aside, a new one is begun",
	       ft_kv_text("kept_as", to));
	return 0;
}

static int open_database(struct ft_store *store)
{
	enum ft_database_mode mode = store->mode == FT_STORE_READ ? FT_DATABASE_READ
								  : FT_DATABASE_WRITE;
	int r;

	if (!store->path[0])
		return ft_database_open(NULL, FT_DATABASE_MEMORY, &store->database);
	r = ft_database_open(store->path, mode, &store->database);
	if (r == -EUCLEAN && store->mode == FT_STORE_WRITE) {
		r = set_aside(store);
		if (r == 0)
			r = ft_database_open(store->path, mode, &store->database);
	}
	return r;
}

static int prepare_dir(struct ft_store *store, const char *dir)
{
	int n = snprintf(store->path, sizeof(store->path), "%s/" FILE_NAME, dir);
	int r;

	/* Room for what set_aside() and SQLite append. */
	if (n < 0 || (size_t)n + 64 >= sizeof(store->path))
		return -ENAMETOOLONG;
	if (store->mode == FT_STORE_READ)
		return access(store->path, R_OK) < 0 ? -errno : 0;
	r = ft_make_dirs(dir, 0700);
	return r < 0 ? r : take_lock(dir, &store->lock);
}

int ft_store_open(const char *dir, enum ft_store_mode mode, struct ft_store **ret_store)
{
	_cleanup_store_ struct ft_store *store = calloc(1, sizeof(*store));
	int r = 0;

	assert(ret_store);

	if (!store)
		return -ENOMEM;
	store->lock = -1;
	store->mode = mode;
	if (dir)
		r = prepare_dir(store, dir);
	if (r == 0)
		r = open_database(store);
	if (r < 0)
		return r;
	*ret_store = FT_TAKE(store);
	return 0;
}

struct ft_database *ft_store_database(struct ft_store *store)
{
	return store->database;
}

uint64_t ft_store_epoch(const struct ft_store *store)
{
	return store->epoch;
}

int ft_store_heal(struct ft_store *store, int error)
{
	int r;

	if (error != -EUCLEAN || store->mode == FT_STORE_READ || !store->path[0])
		return 0;
	ft_database_freep(&store->database);
	r = set_aside(store);
	if (r == 0)
		r = open_database(store);
	if (r < 0) {
		/* Something to stand on until the disk is well again. */
		ft_log(FT_LOG_ERROR, "no new store can be begun: keeping windows in memory",
		       ft_kv_errno(r));
		store->path[0] = '\0';
		r = open_database(store);
	}
	if (r < 0)
		return r;
	store->epoch++;
	return 1;
}

static int put_fact(struct ft_store *store, const char *name, const char *value)
{
	char clean[256];
	size_t len = ft_utf8_clean(value ? value : "", value ? strlen(value) : 0, clean,
				   sizeof(clean));

	return ft_database_run(store->database, FT_SQL_FACT_PUT, "bb", name, strlen(name), clean,
			       len);
}

int ft_store_put_host(struct ft_store *store, const struct ft_slice_host *host)
{
	char n_cpus[16];
	int r;

	snprintf(n_cpus, sizeof(n_cpus), "%u", host->n_cpus);
	r = put_fact(store, "hostname", host->hostname);
	if (r == 0)
		r = put_fact(store, "kernel", host->kernel);
	if (r == 0)
		r = put_fact(store, "boot_id", host->boot_id);
	if (r == 0)
		r = put_fact(store, "agent", host->agent);
	if (r == 0)
		r = put_fact(store, "ncpu", n_cpus);
	return r;
}

/* A blob of the row as text, cut to size. */
static void copy_text(struct sqlite3_stmt *rows, int column, char *text, size_t size)
{
	size_t len;
	const void *bytes = ft_database_blob(rows, column, &len);

	len = FT_MIN(len, size - 1);
	memcpy(text, bytes, len);
	text[len] = '\0';
}

const char *ft_store_fact(struct ft_store *store, const char *name, char *text, size_t size)
{
	struct sqlite3_stmt *rows;

	text[0] = '\0';
	if (ft_database_query(store->database, FT_SQL_FACT_GET, &rows, "b", name, strlen(name)) < 0)
		return text;
	if (ft_database_step(store->database, rows) > 0)
		copy_text(rows, 0, text, size);
	ft_database_done(rows);
	return text;
}

static int find_kind(struct ft_store *store, const char *name, size_t len, uint32_t *ret_id)
{
	struct sqlite3_stmt *rows;
	int r;

	r = ft_database_query(store->database, FT_SQL_KIND_FIND, &rows, "b", name, len);
	if (r == 0)
		r = ft_database_step(store->database, rows);
	if (r <= 0)
		return r;
	*ret_id = (uint32_t)ft_database_int(rows, 0);
	ft_database_done(rows);
	return 1;
}

int ft_store_put_kind(struct ft_store *store, const struct ft_slice_kind *kind, uint32_t *ret_id)
{
	const char *texts[4] = { kind->name, kind->events, kind->value, kind->unit };
	char clean[4][64];
	size_t len[4];
	uint32_t id;
	int r;

	for (size_t i = 0; i < 4; i++)
		len[i] = ft_utf8_clean(texts[i], strlen(texts[i]), clean[i], sizeof(clean[i]));
	r = find_kind(store, clean[0], len[0], &id);
	if (r < 0)
		return r;
	if (r > 0) {
		r = ft_database_run(store->database, FT_SQL_KIND_UPDATE, "bbbii", clean[1], len[1],
				    clean[2], len[2], clean[3], len[3], (int64_t)kind->period,
				    (int64_t)id);
	} else {
		r = ft_database_run(store->database, FT_SQL_KIND_PUT, "bbbbi", clean[0], len[0],
				    clean[1], len[1], clean[2], len[2], clean[3], len[3],
				    (int64_t)kind->period);
		id = (uint32_t)ft_database_last_id(store->database);
	}
	if (r == 0)
		*ret_id = id;
	return r;
}

int ft_store_kinds(struct ft_store *store, struct ft_store_kind kinds[static FT_STORE_MAX_KINDS],
		   uint32_t *ret_n)
{
	struct sqlite3_stmt *rows;
	uint32_t n = 0;
	int r;

	r = ft_database_query(store->database, FT_SQL_KIND_ALL, &rows, "");
	if (r < 0)
		return r;
	while (n < FT_STORE_MAX_KINDS && (r = ft_database_step(store->database, rows)) > 0) {
		struct ft_store_kind *kind = &kinds[n++];

		kind->id = (uint32_t)ft_database_int(rows, 0);
		kind->period = (uint64_t)ft_database_int(rows, 1);
		copy_text(rows, 2, kind->name, sizeof(kind->name));
		copy_text(rows, 3, kind->events, sizeof(kind->events));
		copy_text(rows, 4, kind->value, sizeof(kind->value));
		copy_text(rows, 5, kind->unit, sizeof(kind->unit));
	}
	ft_database_done(rows);
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

uint64_t ft_store_bytes(struct ft_store *store)
{
	return ft_database_bytes(store->database);
}
