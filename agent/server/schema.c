#include "agent/server/schema.h"

#include <assert.h>

const char ft_schema_text[] =
	"CREATE TABLE facts(name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
	"CREATE TABLE kinds(id INTEGER PRIMARY KEY, name BLOB UNIQUE, events BLOB, value BLOB,"
	" unit BLOB, period INTEGER);"
	"CREATE TABLE strings(id INTEGER PRIMARY KEY, hash INTEGER, content BLOB);"
	"CREATE INDEX strings_hash ON strings(hash);"
	"CREATE TABLE files(id INTEGER PRIMARY KEY, hash INTEGER, kind INTEGER, path INTEGER,"
	" build_id INTEGER, identity INTEGER, segments BLOB);"
	"CREATE INDEX files_hash ON files(hash);"
	"CREATE TABLE locations(id INTEGER PRIMARY KEY, file INTEGER, address INTEGER, lines BLOB);"
	"CREATE UNIQUE INDEX locations_place ON locations(file, address);"
	"CREATE TABLE stacks(id INTEGER PRIMARY KEY, hash INTEGER, content BLOB);"
	"CREATE INDEX stacks_hash ON stacks(hash);"
	"CREATE TABLE labels(id INTEGER PRIMARY KEY, hash INTEGER, content BLOB);"
	"CREATE INDEX labels_hash ON labels(hash);"
	"CREATE TABLE windows(id INTEGER PRIMARY KEY, kind INTEGER, level INTEGER,"
	" from_ns INTEGER, to_ns INTEGER, untimed INTEGER, n INTEGER, count INTEGER,"
	" value INTEGER, samples BLOB);"
	"CREATE INDEX windows_time ON windows(kind, to_ns, from_ns);"
	"CREATE INDEX windows_open ON windows(kind, from_ns) WHERE level=0;"
	"CREATE TABLE losses(id INTEGER PRIMARY KEY, level INTEGER, from_ns INTEGER,"
	" to_ns INTEGER, name INTEGER, n INTEGER);"
	"CREATE INDEX losses_time ON losses(to_ns, from_ns);";

static const char *const statements[FT_STATEMENTS] = {
	[FT_SQL_FACT_PUT] = "INSERT OR REPLACE INTO facts(name, value) VALUES(?, ?)",
	[FT_SQL_FACT_GET] = "SELECT value FROM facts WHERE name=?",
	[FT_SQL_KIND_FIND] = "SELECT id FROM kinds WHERE name=?",
	[FT_SQL_KIND_PUT] =
		"INSERT INTO kinds(name, events, value, unit, period) VALUES(?, ?, ?, ?, ?)",
	[FT_SQL_KIND_UPDATE] = "UPDATE kinds SET events=?, value=?, unit=?, period=? WHERE id=?",
	[FT_SQL_KIND_ALL] = "SELECT id, period, name, events, value, unit FROM kinds ORDER BY id",
	[FT_SQL_STRING_FIND] = "SELECT id, content FROM strings WHERE hash=?",
	[FT_SQL_STRING_PUT] = "INSERT INTO strings(hash, content) VALUES(?, ?)",
	[FT_SQL_STRING_GET] = "SELECT content FROM strings WHERE id=?",
	[FT_SQL_FILE_FIND] = "SELECT id, kind, path, identity, build_id FROM files WHERE hash=?",
	[FT_SQL_FILE_PUT] = "INSERT INTO files(hash, kind, path, build_id, identity, segments)"
			    " VALUES(?, ?, ?, ?, ?, ?)",
	[FT_SQL_FILE_UPDATE] = "UPDATE files SET hash=?, kind=?, path=?, build_id=?, identity=?,"
			       " segments=? WHERE id=?",
	[FT_SQL_FILE_GET] = "SELECT kind, path, build_id, identity, segments FROM files WHERE id=?",
	[FT_SQL_LOCATION_FIND] = "SELECT id FROM locations WHERE file=? AND address=?",
	[FT_SQL_LOCATION_PUT] = "INSERT INTO locations(file, address) VALUES(?, ?)",
	[FT_SQL_LOCATION_NAME] = "UPDATE locations SET lines=?1 WHERE id=?2 AND lines IS NOT ?1",
	[FT_SQL_LOCATION_UNNAMED] = "UPDATE locations SET lines=x'' WHERE id=? AND lines IS NULL",
	[FT_SQL_LOCATION_GET] = "SELECT file, address, lines FROM locations WHERE id=?",
	[FT_SQL_STACK_FIND] = "SELECT id, content FROM stacks WHERE hash=?",
	[FT_SQL_STACK_PUT] = "INSERT INTO stacks(hash, content) VALUES(?, ?)",
	[FT_SQL_STACK_GET] = "SELECT content FROM stacks WHERE id=?",
	[FT_SQL_LABELS_FIND] = "SELECT id, content FROM labels WHERE hash=?",
	[FT_SQL_LABELS_PUT] = "INSERT INTO labels(hash, content) VALUES(?, ?)",
	[FT_SQL_LABELS_GET] = "SELECT content FROM labels WHERE id=?",
	[FT_SQL_WINDOW_PUT] = "INSERT INTO windows(kind, level, from_ns, to_ns, untimed, n, count,"
			      " value, samples) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[FT_SQL_WINDOW_KEEP] =
		"UPDATE windows SET level=1 WHERE level=0 AND untimed<>0 AND from_ns<?",
	[FT_SQL_WINDOW_OPEN] = "SELECT id, kind, level, from_ns, to_ns, untimed, n, count, value,"
			       " samples FROM windows WHERE level=0 AND from_ns<?"
			       " ORDER BY kind, from_ns",
	[FT_SQL_WINDOW_DROP] = "DELETE FROM windows WHERE level=0 AND from_ns<?",
	[FT_SQL_WINDOW_RANGE] = "SELECT id, kind, level, from_ns, to_ns, untimed, n, count, value,"
				" samples FROM windows WHERE kind=? AND to_ns>? AND from_ns<?"
				" ORDER BY to_ns",
	[FT_SQL_WINDOW_BOUNDS] =
		"SELECT (SELECT from_ns FROM windows WHERE kind=?1 ORDER BY to_ns LIMIT 1),"
		" (SELECT max(to_ns) FROM windows WHERE kind=?1)",
	[FT_SQL_WINDOW_COUNT] = "SELECT count(*) FROM windows",
	[FT_SQL_LOSS_PUT] = "INSERT INTO losses(level, from_ns, to_ns, name, n)"
			    " VALUES(0, ?, ?, ?, ?)",
	[FT_SQL_LOSS_MERGE] = "INSERT INTO losses(level, from_ns, to_ns, name, n)"
			      " SELECT 1, min(from_ns), max(to_ns), name, sum(n) FROM losses"
			      " WHERE level=0 AND from_ns<?1 GROUP BY name, from_ns/?2",
	[FT_SQL_LOSS_DROP] = "DELETE FROM losses WHERE level=0 AND from_ns<?",
	[FT_SQL_LOSS_RANGE] = "SELECT from_ns, to_ns, name, n FROM losses"
			      " WHERE to_ns>? AND from_ns<?",
};

const char *ft_schema_statement(enum ft_statement which)
{
	assert(which < FT_STATEMENTS && statements[which]);
	return statements[which];
}
