#include "agent/server/database.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/server/schema.h"
#include "base/log.h"

struct ft_database {
	sqlite3 *db;
	sqlite3_stmt *statements[FT_STATEMENTS];
};

static int error_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

void ft_database_freep(struct ft_database **p)
{
	struct ft_database *database = *p;

	*p = NULL;
	if (!database)
		return;
	for (uint32_t i = 0; i < FT_STATEMENTS; i++)
		sqlite3_finalize(database->statements[i]);
	sqlite3_close(database->db);
	free(database);
}

static int execute(struct ft_database *database, const char *sql)
{
	return error_of(sqlite3_exec(database->db, sql, NULL, NULL, NULL));
}

/* The one number a statement gives, such as a pragma's. */
static int read_number(struct ft_database *database, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(database->db, sql, -1, &statement, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return error_of(rc);
}

/* Pages, free lists, order of keys: what a query could stumble over. */
static int check_pages(struct ft_database *database)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(database->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	int r;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	r = error_of(rc);
	if (rc == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(statement, 0);

		if (!text || strcmp(text, "ok") != 0)
			r = -EUCLEAN;
	}
	sqlite3_finalize(statement);
	return r;
}

static int make_tables(struct ft_database *database)
{
	char sql[64];
	int r = execute(database, "BEGIN IMMEDIATE");

	if (r < 0)
		return r;
	r = execute(database, ft_schema_text);
	snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", FT_SCHEMA_VERSION);
	if (r == 0)
		r = execute(database, sql);
	if (r == 0)
		r = execute(database, "COMMIT");
	if (r < 0)
		sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static int prepare(struct ft_database *database, enum ft_database_mode mode)
{
	int64_t version = 0;
	int r;

	sqlite3_busy_timeout(database->db, 2000);
	r = execute(database, "PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY;");
	if (r == 0 && mode == FT_DATABASE_WRITE)
		r = execute(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
				      "PRAGMA journal_size_limit=4194304;");
	if (r == 0)
		r = read_number(database, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (version > FT_SCHEMA_VERSION)
		return -EPROTO;
	if (version == 0 && mode == FT_DATABASE_READ)
		return -EUCLEAN;
	if (mode != FT_DATABASE_MEMORY) {
		r = check_pages(database);
		if (r < 0)
			return r;
	}
	return version == 0 ? make_tables(database) : 0;
}

/* A file: URI, with the few characters that mean something there escaped. */
static int write_uri(const char *path, const char *query, char *uri, size_t size)
{
	size_t used = (size_t)snprintf(uri, size, "file:");

	for (; *path; path++) {
		if (used + 4 >= size)
			return -ENAMETOOLONG;
		if (strchr("%?#", *path))
			used += (size_t)snprintf(uri + used, size - used, "%%%02X", *path);
		else
			uri[used++] = *path;
	}
	if (used + strlen(query) >= size)
		return -ENAMETOOLONG;
	strcpy(uri + used, query);
	return 0;
}

static int open_once(const char *path, enum ft_database_mode mode, const char *query,
		     struct ft_database **ret_database)
{
	_cleanup_database_ struct ft_database *database = calloc(1, sizeof(*database));
	int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
	char uri[PATH_MAX * 2];
	int r;

	if (!database)
		return -ENOMEM;
	if (mode == FT_DATABASE_MEMORY)
		path = ":memory:";
	r = mode == FT_DATABASE_MEMORY ? 0 : write_uri(path, query, uri, sizeof(uri));
	if (r < 0)
		return r;
	flags |= mode == FT_DATABASE_READ ? SQLITE_OPEN_READONLY
					  : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	r = error_of(sqlite3_open_v2(mode == FT_DATABASE_MEMORY ? path : uri, &database->db, flags,
				     NULL));
	if (r == 0)
		r = prepare(database, mode);
	if (r < 0)
		return r;
	*ret_database = FT_TAKE(database);
	return 0;
}

int ft_database_open(const char *path, enum ft_database_mode mode,
		     struct ft_database **ret_database)
{
	int r;

	assert(ret_database);

	r = open_once(path, mode, "", ret_database);
	/* A reader of a WAL file needs to write its index beside it. Where it may not,
	 * nobody else does, and the file can be read as it lies. */
	if (mode == FT_DATABASE_READ && (r == -EROFS || r == -EIO))
		r = open_once(path, mode, "?immutable=1", ret_database);
	return r;
}

int ft_database_begin(struct ft_database *database)
{
	return execute(database, "BEGIN IMMEDIATE");
}

int ft_database_commit(struct ft_database *database)
{
	int r = execute(database, "COMMIT");

	if (r < 0)
		ft_database_rollback(database);
	return r;
}

void ft_database_rollback(struct ft_database *database)
{
	if (!sqlite3_get_autocommit(database->db))
		sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL);
}

static int bind_all(sqlite3_stmt *statement, const char *format, va_list *values)
{
	int rc = SQLITE_OK;

	for (int i = 1; *format && rc == SQLITE_OK; i++, format++) {
		if (*format == 'i') {
			rc = sqlite3_bind_int64(statement, i, va_arg(*values, int64_t));
		} else if (*format == 'b') {
			const void *bytes = va_arg(*values, const void *);
			size_t len = va_arg(*values, size_t);

			rc = sqlite3_bind_blob64(statement, i, len ? bytes : "", len,
						 SQLITE_STATIC);
		} else {
			rc = sqlite3_bind_null(statement, i);
		}
	}
	return error_of(rc);
}

static int bind_statement(struct ft_database *database, enum ft_statement which, const char *format,
			  va_list *values, sqlite3_stmt **ret_statement)
{
	sqlite3_stmt **statement = &database->statements[which];

	if (!*statement) {
		int rc = sqlite3_prepare_v3(database->db, ft_schema_statement(which), -1,
					    SQLITE_PREPARE_PERSISTENT, statement, NULL);

		if (rc != SQLITE_OK)
			return error_of(rc);
	}
	sqlite3_reset(*statement);
	*ret_statement = *statement;
	return bind_all(*statement, format, values);
}

int ft_database_run(struct ft_database *database, enum ft_statement which, const char *format, ...)
{
	sqlite3_stmt *statement;
	va_list values;
	int r;

	va_start(values, format);
	r = bind_statement(database, which, format, &values, &statement);
	va_end(values);
	if (r < 0)
		return r;
	r = error_of(sqlite3_step(statement));
	ft_database_done(statement);
	return r;
}

int ft_database_query(struct ft_database *database, enum ft_statement which,
		      struct sqlite3_stmt **ret_rows, const char *format, ...)
{
	va_list values;
	int r;

	va_start(values, format);
	r = bind_statement(database, which, format, &values, ret_rows);
	va_end(values);
	return r;
}

int ft_database_step(struct ft_database *database, struct sqlite3_stmt *rows)
{
	int rc = sqlite3_step(rows);

	assert(database);

	if (rc == SQLITE_ROW)
		return 1;
	ft_database_done(rows);
	return error_of(rc);
}

void ft_database_done(struct sqlite3_stmt *rows)
{
	sqlite3_reset(rows);
	/* Blobs are bound by reference: forget them before their owner frees them. */
	sqlite3_clear_bindings(rows);
}

int64_t ft_database_int(struct sqlite3_stmt *rows, int column)
{
	return sqlite3_column_int64(rows, column);
}

const void *ft_database_blob(struct sqlite3_stmt *rows, int column, size_t *ret_len)
{
	const void *bytes = sqlite3_column_blob(rows, column);

	*ret_len = bytes ? (size_t)sqlite3_column_bytes(rows, column) : 0;
	return bytes ? bytes : "";
}

int64_t ft_database_last_id(struct ft_database *database)
{
	return sqlite3_last_insert_rowid(database->db);
}

uint64_t ft_database_bytes(struct ft_database *database)
{
	int64_t pages = 0, size = 0;

	if (read_number(database, "PRAGMA page_count", &pages) < 0 ||
	    read_number(database, "PRAGMA page_size", &size) < 0)
		return 0;
	return (uint64_t)pages * (uint64_t)size;
}

void ft_database_set_max_pages(struct ft_database *database, uint32_t pages)
{
	char sql[64];
	int r;

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%u", pages ? pages : 1073741823u);
	r = execute(database, sql);
	if (r < 0)
		ft_log(FT_LOG_WARN, "the size of the store could not be limited", ft_kv_errno(r));
}
