#include "agent/server/windows.h"

#include <assert.h>
#include <errno.h>

#include "agent/server/database.h"
#include "base/clock.h"

/* A full row does not pass 15 MiB even when nothing packs. */
#define MAX_PACKED_BYTES (20u << 20)

static int add_sums(const struct ft_columns *samples, struct ft_window *window)
{
	window->n_samples = samples->n;
	window->count = 0;
	window->value = 0;
	for (uint32_t i = 0; i < samples->n; i++) {
		const struct ft_column_sample *s = &samples->samples[i];

		if (__builtin_add_overflow(window->count, s->count, &window->count) ||
		    __builtin_add_overflow(window->value, s->value, &window->value) ||
		    window->count > INT64_MAX)
			return -EOVERFLOW;
	}
	return 0;
}

int ft_windows_put(struct ft_database *database, const struct ft_window *window,
		   const struct ft_columns *samples)
{
	_cleanup_buffer_ struct ft_buffer packed = FT_BUFFER_INIT(MAX_PACKED_BYTES);
	struct ft_window row = *window;
	int r;

	assert(row.from_ns % FT_NS_PER_US == 0);

	r = add_sums(samples, &row);
	if (r == 0)
		r = ft_columns_encode(samples, row.from_ns / FT_NS_PER_US, &packed);
	if (r < 0)
		return r;
	return ft_database_run(database, FT_SQL_WINDOW_PUT, "iiiiiiiib", (int64_t)row.kind,
			       (int64_t)row.level, (int64_t)row.from_ns, (int64_t)row.to_ns,
			       (int64_t)row.untimed, (int64_t)row.n_samples, (int64_t)row.count,
			       row.value, packed.data, packed.len);
}

int ft_windows_put_loss(struct ft_database *database, uint64_t from_ns, uint64_t to_ns,
			uint32_t name, uint64_t n)
{
	return ft_database_run(database, FT_SQL_LOSS_PUT, "iiii", (int64_t)from_ns, (int64_t)to_ns,
			       (int64_t)name, (int64_t)n);
}

static struct ft_window window_of(struct sqlite3_stmt *rows)
{
	return (struct ft_window){
		.kind = (uint32_t)ft_database_int(rows, 1),
		.level = (uint32_t)ft_database_int(rows, 2),
		.from_ns = (uint64_t)ft_database_int(rows, 3),
		.to_ns = (uint64_t)ft_database_int(rows, 4),
		.untimed = ft_database_int(rows, 5) != 0,
		.n_samples = (uint32_t)ft_database_int(rows, 6),
		.count = (uint64_t)ft_database_int(rows, 7),
		.value = ft_database_int(rows, 8),
	};
}

/* A window being put together. */
struct merge {
	struct ft_database *database;
	uint64_t window_ns;
	bool any;
	struct ft_window row;
	struct ft_columns samples;
	uint64_t damaged;
};

static int flush(struct merge *merge)
{
	int r;

	if (!merge->any)
		return 0;
	merge->row.level = 1;
	r = ft_windows_put(merge->database, &merge->row, &merge->samples);
	merge->any = false;
	merge->samples.n = 0;
	return r;
}

/* Whether row goes into the window at hand, and so do its sums. */
static bool fits(const struct merge *merge, const struct ft_window *row)
{
	uint64_t count;
	int64_t value;

	return merge->any && row->kind == merge->row.kind &&
	       row->from_ns / merge->window_ns == merge->row.from_ns / merge->window_ns &&
	       row->n_samples <= FT_COLUMNS_MAX_SAMPLES - merge->samples.n &&
	       !__builtin_add_overflow(merge->row.count, row->count, &count) &&
	       count <= INT64_MAX && !__builtin_add_overflow(merge->row.value, row->value, &value);
}

static int take_row(struct merge *merge, struct sqlite3_stmt *rows)
{
	struct ft_window row = window_of(rows);
	const uint8_t *packed;
	size_t len;
	int r;

	if (!fits(merge, &row)) {
		r = flush(merge);
		if (r < 0)
			return r;
		merge->row = row;
		merge->row.count = 0;
		merge->row.value = 0;
		merge->any = true;
	}
	packed = ft_database_blob(rows, 9, &len);
	r = ft_columns_decode(packed, len, row.from_ns / FT_NS_PER_US, &merge->samples);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		merge->damaged++;
		return 0;
	}
	merge->row.count += row.count;
	merge->row.value += row.value;
	merge->row.from_ns = FT_MIN(merge->row.from_ns, row.from_ns);
	merge->row.to_ns = FT_MAX(merge->row.to_ns, row.to_ns);
	return 0;
}

static int merge_rows(struct merge *merge, uint64_t before_ns)
{
	struct sqlite3_stmt *rows;
	int r;

	r = ft_database_query(merge->database, FT_SQL_WINDOW_OPEN, &rows, "i", (int64_t)before_ns);
	if (r < 0)
		return r;
	while ((r = ft_database_step(merge->database, rows)) > 0) {
		r = take_row(merge, rows);
		if (r < 0) {
			ft_database_done(rows);
			return r;
		}
	}
	return r < 0 ? r : flush(merge);
}

static int merge_all(struct merge *merge, uint64_t before_ns)
{
	struct ft_database *database = merge->database;
	int64_t before = (int64_t)before_ns;
	int r;

	/* Samples without a time cannot share a window with others: their span is theirs. */
	r = ft_database_run(database, FT_SQL_WINDOW_KEEP, "i", before);
	if (r == 0)
		r = merge_rows(merge, before_ns);
	if (r == 0)
		r = ft_database_run(database, FT_SQL_WINDOW_DROP, "i", before);
	if (r == 0)
		r = ft_database_run(database, FT_SQL_LOSS_MERGE, "ii", before,
				    (int64_t)merge->window_ns);
	if (r == 0)
		r = ft_database_run(database, FT_SQL_LOSS_DROP, "i", before);
	return r;
}

int ft_windows_merge(struct ft_database *database, uint64_t window_ns, uint64_t before_ns,
		     uint64_t *ret_damaged)
{
	struct merge merge = { .database = database, .window_ns = window_ns };
	int r;

	assert(window_ns > 0);

	before_ns = FT_MIN(before_ns, (uint64_t)INT64_MAX);
	r = ft_database_begin(database);
	if (r < 0)
		return r;
	r = merge_all(&merge, before_ns);
	ft_columns_deinit(&merge.samples);
	if (r < 0) {
		ft_database_rollback(database);
		return r;
	}
	r = ft_database_commit(database);
	if (r == 0)
		*ret_damaged = merge.damaged;
	return r;
}

int ft_windows_each(struct ft_database *database, uint32_t kind, uint64_t from_ns, uint64_t to_ns,
		    ft_window_fn fn, void *context)
{
	struct sqlite3_stmt *rows;
	int r;

	r = ft_database_query(database, FT_SQL_WINDOW_RANGE, &rows, "iii", (int64_t)kind,
			      (int64_t)from_ns, (int64_t)FT_MIN(to_ns, (uint64_t)INT64_MAX));
	if (r < 0)
		return r;
	while ((r = ft_database_step(database, rows)) > 0) {
		struct ft_window window = window_of(rows);
		size_t len;
		const uint8_t *packed = ft_database_blob(rows, 9, &len);

		r = fn(context, &window, packed, len);
		if (r < 0) {
			ft_database_done(rows);
			break;
		}
	}
	return r;
}

int ft_windows_each_loss(struct ft_database *database, uint64_t from_ns, uint64_t to_ns,
			 ft_loss_fn fn, void *context)
{
	struct sqlite3_stmt *rows;
	int r;

	r = ft_database_query(database, FT_SQL_LOSS_RANGE, &rows, "ii", (int64_t)from_ns,
			      (int64_t)FT_MIN(to_ns, (uint64_t)INT64_MAX));
	if (r < 0)
		return r;
	while ((r = ft_database_step(database, rows)) > 0) {
		r = fn(context, (uint64_t)ft_database_int(rows, 0),
		       (uint64_t)ft_database_int(rows, 1), (uint32_t)ft_database_int(rows, 2),
		       (uint64_t)ft_database_int(rows, 3));
		if (r < 0) {
			ft_database_done(rows);
			break;
		}
	}
	return r;
}

int ft_windows_bounds(struct ft_database *database, uint32_t kind, uint64_t *ret_from_ns,
		      uint64_t *ret_to_ns)
{
	struct sqlite3_stmt *rows;
	int r;

	r = ft_database_query(database, FT_SQL_WINDOW_BOUNDS, &rows, "i", (int64_t)kind);
	if (r == 0)
		r = ft_database_step(database, rows);
	if (r <= 0)
		return r;
	*ret_from_ns = (uint64_t)ft_database_int(rows, 0);
	*ret_to_ns = (uint64_t)ft_database_int(rows, 1);
	ft_database_done(rows);
	return *ret_to_ns > 0;
}

int ft_windows_count(struct ft_database *database, uint64_t *ret_n)
{
	struct sqlite3_stmt *rows;
	int r;

	r = ft_database_query(database, FT_SQL_WINDOW_COUNT, &rows, "");
	if (r == 0)
		r = ft_database_step(database, rows);
	if (r <= 0)
		return r;
	*ret_n = (uint64_t)ft_database_int(rows, 0);
	ft_database_done(rows);
	return 0;
}
