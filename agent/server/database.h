/* database.h - one SQLite file, its tables and every statement used on it.
 *
 * Errors are errno values: -ENOSPC the disk is full, -EUCLEAN the file is damaged
 * or is no database, -EROFS it cannot be written, -EBUSY somebody else writes,
 * -ENOMEM, -EIO anything else. One thread, one connection; its page cache is
 * limited to 2 MiB. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct sqlite3_stmt;
struct ft_database;

enum ft_database_mode {
	FT_DATABASE_WRITE,  /* made when it is not there */
	FT_DATABASE_READ,   /* must be there */
	FT_DATABASE_MEMORY, /* path is not used; gone when closed */
};

enum ft_statement {
	FT_SQL_FACT_PUT,
	FT_SQL_FACT_GET,
	FT_SQL_KIND_FIND,
	FT_SQL_KIND_PUT,
	FT_SQL_KIND_UPDATE,
	FT_SQL_KIND_ALL,
	FT_SQL_STRING_FIND,
	FT_SQL_STRING_PUT,
	FT_SQL_STRING_GET,
	FT_SQL_FILE_FIND,
	FT_SQL_FILE_PUT,
	FT_SQL_FILE_UPDATE,
	FT_SQL_FILE_GET,
	FT_SQL_LOCATION_FIND,
	FT_SQL_LOCATION_PUT,
	FT_SQL_LOCATION_NAME,
	FT_SQL_LOCATION_UNNAMED,
	FT_SQL_LOCATION_GET,
	FT_SQL_STACK_FIND,
	FT_SQL_STACK_PUT,
	FT_SQL_STACK_GET,
	FT_SQL_LABELS_FIND,
	FT_SQL_LABELS_PUT,
	FT_SQL_LABELS_GET,
	FT_SQL_WINDOW_PUT,
	FT_SQL_WINDOW_KEEP,
	FT_SQL_WINDOW_OPEN,
	FT_SQL_WINDOW_DROP,
	FT_SQL_WINDOW_RANGE,
	FT_SQL_WINDOW_BOUNDS,
	FT_SQL_WINDOW_COUNT,
	FT_SQL_LOSS_PUT,
	FT_SQL_LOSS_MERGE,
	FT_SQL_LOSS_DROP,
	FT_SQL_LOSS_RANGE,
	FT_STATEMENTS
};

/* Open and check the file, make its tables. 0 or an error as above; -EPROTO: its
 * schema is newer than this program. The caller owns *ret_database. */
int ft_database_open(const char *path, enum ft_database_mode mode,
		     struct ft_database **ret_database) FT_MUST_CHECK;
void ft_database_freep(struct ft_database **p);
#define _cleanup_database_ FT_CLEANUP(ft_database_freep)

/* A transaction. After a failed commit it has been rolled back. */
int ft_database_begin(struct ft_database *database) FT_MUST_CHECK;
int ft_database_commit(struct ft_database *database) FT_MUST_CHECK;
void ft_database_rollback(struct ft_database *database);

/* Bind and run a statement that gives no rows. format has one letter per value:
 * i int64_t; b const void * and size_t, NULL binds an empty blob; n nothing, SQL
 * NULL. 0 or an error. */
int ft_database_run(struct ft_database *database, enum ft_statement which, const char *format,
		    ...) FT_MUST_CHECK;
/* Bind a statement for stepping; what was bound must live until the last step. 0 or
 * an error. */
int ft_database_query(struct ft_database *database, enum ft_statement which,
		      struct sqlite3_stmt **ret_rows, const char *format, ...) FT_MUST_CHECK;
/* The next row: 1, or 0 at the end, or an error. */
int ft_database_step(struct ft_database *database, struct sqlite3_stmt *rows) FT_MUST_CHECK;
/* Done with the rows before their end (harmless after it). */
void ft_database_done(struct sqlite3_stmt *rows);

/* Columns of the current row, numbered from 0. A blob is borrowed until the next step. */
int64_t ft_database_int(struct sqlite3_stmt *rows, int column);
const void *ft_database_blob(struct sqlite3_stmt *rows, int column, size_t *ret_len);

int64_t ft_database_last_id(struct ft_database *database);
/* Bytes of the file; its limit, for tests (0: none). */
uint64_t ft_database_bytes(struct ft_database *database);
void ft_database_set_max_pages(struct ft_database *database, uint32_t pages);
