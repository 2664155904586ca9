#include "agent/server/catalog.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/server/database.h"
#include "base/cursor.h"
#include "base/index.h"

/* Enough for the largest entry: a stack of 2,048 ids, a chain of 256 lines. */
#define MAX_ENTRY_BYTES (64u << 10)

static int last_id(struct ft_database *database, uint32_t *ret_id)
{
	int64_t id = ft_database_last_id(database);

	if (id <= 0 || id >= UINT32_MAX)
		return -E2BIG;
	*ret_id = (uint32_t)id;
	return 0;
}

/* Find content in a table of (id, hash, content), or put it there. */
static int intern(struct ft_database *database, enum ft_statement find, enum ft_statement put,
		  const void *content, size_t len, uint32_t *ret_id)
{
	int64_t hash = (int64_t)ft_hash_bytes(content, len);
	struct sqlite3_stmt *rows;
	int r;

	r = ft_database_query(database, find, &rows, "i", hash);
	if (r < 0)
		return r;
	while ((r = ft_database_step(database, rows)) > 0) {
		size_t have_len;
		const void *have = ft_database_blob(rows, 1, &have_len);

		if (have_len == len && memcmp(have, content, len) == 0) {
			*ret_id = (uint32_t)ft_database_int(rows, 0);
			ft_database_done(rows);
			return 0;
		}
	}
	if (r < 0)
		return r;
	r = ft_database_run(database, put, "ib", hash, content, len);
	return r < 0 ? r : last_id(database, ret_id);
}

int ft_catalog_put_string(struct ft_database *database, const char *text, size_t len,
			  uint32_t *ret_id)
{
	if (len == 0) {
		*ret_id = 0;
		return 0;
	}
	return intern(database, FT_SQL_STRING_FIND, FT_SQL_STRING_PUT, text, len, ret_id);
}

static int64_t file_hash(const struct ft_slice_file *file)
{
	uint64_t hash = ft_hash_u64(file->kind);

	hash = ft_hash_mix(hash, file->path);
	return (int64_t)ft_hash_mix(hash, file->identity);
}

static void put_segments(struct ft_buffer *out, const struct ft_slice_file *file)
{
	for (uint32_t i = 0; i < file->n_segments; i++) {
		ft_buffer_put_varint(out, file->segments[i].offset);
		ft_buffer_put_varint(out, file->segments[i].size);
		ft_buffer_put_varint(out, file->segments[i].vaddr);
	}
}

/* Whether the row (id, kind, path, identity, build_id) is this file. */
static bool same_file(struct sqlite3_stmt *rows, const struct ft_slice_file *file)
{
	int64_t build_id = ft_database_int(rows, 4);

	if (ft_database_int(rows, 1) != file->kind || ft_database_int(rows, 2) != file->path ||
	    ft_database_int(rows, 3) != file->identity)
		return false;
	if (build_id == file->build_id)
		return true;
	return file->identity != 0 && (build_id == 0 || file->build_id == 0);
}

int ft_catalog_put_file(struct ft_database *database, const struct ft_slice_file *file,
			uint32_t *ret_id)
{
	_cleanup_buffer_ struct ft_buffer segments = FT_BUFFER_INIT(MAX_ENTRY_BYTES);
	struct sqlite3_stmt *rows;
	int r;

	r = ft_database_query(database, FT_SQL_FILE_FIND, &rows, "i", file_hash(file));
	if (r < 0)
		return r;
	while ((r = ft_database_step(database, rows)) > 0) {
		uint32_t id = (uint32_t)ft_database_int(rows, 0);

		if (!same_file(rows, file))
			continue;
		ft_database_done(rows);
		r = ft_catalog_update_file(database, id, file);
		if (r == 0)
			*ret_id = id;
		return r;
	}
	if (r < 0)
		return r;
	put_segments(&segments, file);
	if (segments.error)
		return segments.error;
	r = ft_database_run(database, FT_SQL_FILE_PUT, "iiiiib", file_hash(file),
			    (int64_t)file->kind, (int64_t)file->path, (int64_t)file->build_id,
			    (int64_t)file->identity, segments.data, segments.len);
	return r < 0 ? r : last_id(database, ret_id);
}

int ft_catalog_update_file(struct ft_database *database, uint32_t id,
			   const struct ft_slice_file *file)
{
	_cleanup_buffer_ struct ft_buffer segments = FT_BUFFER_INIT(MAX_ENTRY_BYTES);
	struct ft_segment had_segments[FT_SLICE_MAX_SEGMENTS];
	struct ft_slice_file now = *file, had;
	int r;

	r = ft_catalog_get_file(database, id, had_segments, &had);
	if (r < 0)
		return r;
	if (r == 0)
		return -EBADMSG;
	if (now.build_id == 0)
		now.build_id = had.build_id;
	if (now.identity == 0)
		now.identity = had.identity;
	if (now.n_segments == 0) {
		now.n_segments = had.n_segments;
		now.segments = had.segments;
	}
	if (now.kind == had.kind && now.path == had.path && now.build_id == had.build_id &&
	    now.identity == had.identity && now.n_segments == had.n_segments &&
	    (now.n_segments == 0 ||
	     memcmp(now.segments, had.segments, now.n_segments * sizeof(*now.segments)) == 0))
		return 0;
	put_segments(&segments, &now);
	if (segments.error)
		return segments.error;
	return ft_database_run(database, FT_SQL_FILE_UPDATE, "iiiiibi", file_hash(&now),
			       (int64_t)now.kind, (int64_t)now.path, (int64_t)now.build_id,
			       (int64_t)now.identity, segments.data, segments.len, (int64_t)id);
}

int ft_catalog_put_location(struct ft_database *database, uint32_t file, uint64_t address,
			    uint32_t *ret_id)
{
	struct sqlite3_stmt *rows;
	int r;

	r = ft_database_query(database, FT_SQL_LOCATION_FIND, &rows, "ii", (int64_t)file,
			      (int64_t)address);
	if (r < 0)
		return r;
	r = ft_database_step(database, rows);
	if (r < 0)
		return r;
	if (r > 0) {
		*ret_id = (uint32_t)ft_database_int(rows, 0);
		ft_database_done(rows);
		return 0;
	}
	r = ft_database_run(database, FT_SQL_LOCATION_PUT, "ii", (int64_t)file, (int64_t)address);
	return r < 0 ? r : last_id(database, ret_id);
}

int ft_catalog_name_location(struct ft_database *database, uint32_t location,
			     const struct ft_line *lines, uint32_t n)
{
	_cleanup_buffer_ struct ft_buffer chain = FT_BUFFER_INIT(MAX_ENTRY_BYTES);

	if (n == 0)
		return ft_database_run(database, FT_SQL_LOCATION_UNNAMED, "i", (int64_t)location);
	for (uint32_t i = 0; i < n; i++) {
		ft_buffer_put_varint(&chain, lines[i].function);
		ft_buffer_put_varint(&chain, lines[i].system);
		ft_buffer_put_varint(&chain, lines[i].file);
		ft_buffer_put_varint(&chain, lines[i].line);
		ft_buffer_put_varint(&chain, lines[i].column);
		ft_buffer_put_u8(&chain, lines[i].flags);
	}
	if (chain.error)
		return chain.error;
	return ft_database_run(database, FT_SQL_LOCATION_NAME, "bi", chain.data, chain.len,
			       (int64_t)location);
}

int ft_catalog_put_stack(struct ft_database *database, const uint32_t *locations, uint32_t n,
			 uint32_t *ret_id)
{
	_cleanup_buffer_ struct ft_buffer ids = FT_BUFFER_INIT(MAX_ENTRY_BYTES);

	for (uint32_t i = 0; i < n; i++)
		ft_buffer_put_varint(&ids, locations[i]);
	if (ids.error)
		return ids.error;
	return intern(database, FT_SQL_STACK_FIND, FT_SQL_STACK_PUT, ids.len ? ids.data : NULL,
		      ids.len, ret_id);
}

int ft_catalog_put_labels(struct ft_database *database, const struct ft_label *labels, uint32_t n,
			  uint32_t *ret_id)
{
	_cleanup_buffer_ struct ft_buffer set = FT_BUFFER_INIT(MAX_ENTRY_BYTES);

	for (uint32_t i = 0; i < n; i++) {
		ft_buffer_put_varint(&set, labels[i].key);
		ft_buffer_put_varint(&set, labels[i].text);
		ft_buffer_put_signed(&set, labels[i].number);
		ft_buffer_put_varint(&set, labels[i].unit);
	}
	if (set.error)
		return set.error;
	return intern(database, FT_SQL_LABELS_FIND, FT_SQL_LABELS_PUT, set.len ? set.data : NULL,
		      set.len, ret_id);
}

/* The row of id; 1, 0 or an error. */
static int find_row(struct ft_database *database, enum ft_statement get, uint32_t id,
		    struct sqlite3_stmt **ret_rows)
{
	int r = ft_database_query(database, get, ret_rows, "i", (int64_t)id);

	return r < 0 ? r : ft_database_step(database, *ret_rows);
}

int ft_catalog_get_string(struct ft_database *database, uint32_t id, struct ft_buffer *text)
{
	struct sqlite3_stmt *rows;
	const void *bytes;
	size_t len;
	int r;

	ft_buffer_clear(text);
	if (id == 0)
		return 1;
	r = find_row(database, FT_SQL_STRING_GET, id, &rows);
	if (r <= 0)
		return r;
	bytes = ft_database_blob(rows, 0, &len);
	ft_buffer_put(text, bytes, len);
	ft_database_done(rows);
	return text->error ? text->error : 1;
}

int ft_catalog_get_file(struct ft_database *database, uint32_t id,
			struct ft_segment segments[static FT_SLICE_MAX_SEGMENTS],
			struct ft_slice_file *ret_file)
{
	struct sqlite3_stmt *rows;
	struct ft_cursor c;
	const void *bytes;
	uint32_t n = 0;
	size_t len;
	int r;

	r = find_row(database, FT_SQL_FILE_GET, id, &rows);
	if (r <= 0)
		return r;
	bytes = ft_database_blob(rows, 4, &len);
	c = ft_cursor_of(bytes, len);
	for (; ft_cursor_left(&c) > 0 && n < FT_SLICE_MAX_SEGMENTS; n++) {
		segments[n].offset = ft_cursor_varint(&c);
		segments[n].size = ft_cursor_varint(&c);
		segments[n].vaddr = ft_cursor_varint(&c);
	}
	*ret_file = (struct ft_slice_file){
		.id = id,
		.kind = (uint8_t)ft_database_int(rows, 0),
		.path = (uint32_t)ft_database_int(rows, 1),
		.build_id = (uint32_t)ft_database_int(rows, 2),
		.identity = (uint32_t)ft_database_int(rows, 3),
		.n_segments = c.failed ? 0 : n,
		.segments = segments,
	};
	ft_database_done(rows);
	return 1;
}

int ft_catalog_get_location(struct ft_database *database, uint32_t id,
			    struct ft_line lines[static FT_SLICE_MAX_LINES], uint32_t *ret_n,
			    struct ft_slice_location *ret_location)
{
	struct sqlite3_stmt *rows;
	struct ft_cursor c;
	const void *bytes;
	uint32_t n = 0;
	size_t len;
	int r;

	r = find_row(database, FT_SQL_LOCATION_GET, id, &rows);
	if (r <= 0)
		return r;
	bytes = ft_database_blob(rows, 2, &len);
	c = ft_cursor_of(bytes, len);
	for (; ft_cursor_left(&c) > 0 && n < FT_SLICE_MAX_LINES; n++) {
		lines[n].function = ft_cursor_varint32(&c);
		lines[n].system = ft_cursor_varint32(&c);
		lines[n].file = ft_cursor_varint32(&c);
		lines[n].line = ft_cursor_varint32(&c);
		lines[n].column = ft_cursor_varint32(&c);
		lines[n].flags = ft_cursor_u8(&c);
	}
	*ret_n = c.failed ? 0 : n;
	*ret_location = (struct ft_slice_location){
		.id = id,
		.file = (uint32_t)ft_database_int(rows, 0),
		.address = (uint64_t)ft_database_int(rows, 1),
	};
	ft_database_done(rows);
	return 1;
}

int ft_catalog_get_stack(struct ft_database *database, uint32_t id,
			 uint32_t locations[static FT_SLICE_MAX_FRAMES], uint32_t *ret_n)
{
	struct sqlite3_stmt *rows;
	struct ft_cursor c;
	const void *bytes;
	uint32_t n = 0;
	size_t len;
	int r;

	r = find_row(database, FT_SQL_STACK_GET, id, &rows);
	if (r <= 0)
		return r;
	bytes = ft_database_blob(rows, 0, &len);
	c = ft_cursor_of(bytes, len);
	while (ft_cursor_left(&c) > 0 && n < FT_SLICE_MAX_FRAMES)
		locations[n++] = ft_cursor_varint32(&c);
	ft_database_done(rows);
	*ret_n = c.failed ? 0 : n;
	return 1;
}

int ft_catalog_get_labels(struct ft_database *database, uint32_t id,
			  struct ft_label labels[static FT_SLICE_MAX_LABELS], uint32_t *ret_n)
{
	struct sqlite3_stmt *rows;
	struct ft_cursor c;
	const void *bytes;
	uint32_t n = 0;
	size_t len;
	int r;

	r = find_row(database, FT_SQL_LABELS_GET, id, &rows);
	if (r <= 0)
		return r;
	bytes = ft_database_blob(rows, 0, &len);
	c = ft_cursor_of(bytes, len);
	for (; ft_cursor_left(&c) > 0 && n < FT_SLICE_MAX_LABELS; n++) {
		labels[n].key = ft_cursor_varint32(&c);
		labels[n].text = ft_cursor_varint32(&c);
		labels[n].number = ft_cursor_signed(&c);
		labels[n].unit = ft_cursor_varint32(&c);
	}
	ft_database_done(rows);
	*ret_n = c.failed ? 0 : n;
	return 1;
}
