#include "agent/server/ingest.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/server/database.h"
#include "agent/server/slice_store.h"
#include "agent/server/store.h"
#include "agent/server/windows.h"
#include "base/clock.h"
#include "base/log.h"

/* A clock set back by more than this many windows begins time anew. */
#define MAX_LATE_WINDOWS 3

struct ft_ingest {
	struct ft_store *store;
	struct ft_slice_store *slices;
	uint64_t window_ns;
	ft_ingest_window_fn window_done;
	void *context;
	struct ft_buffer stream;  /* bytes not taken yet */
	struct ft_buffer waiting; /* slices not stored yet: u32 length, payload */
	bool has_magic;
	bool any_window;
	uint64_t open_window; /* number of the window being filled */
	struct ft_ingest_stats stats;
};

void ft_ingest_freep(struct ft_ingest **p)
{
	struct ft_ingest *ingest = *p;

	*p = NULL;
	if (!ingest)
		return;
	ft_slice_store_freep(&ingest->slices);
	ft_buffer_deinit(&ingest->stream);
	ft_buffer_deinit(&ingest->waiting);
	free(ingest);
}

static int merge_before(struct ft_ingest *ingest, uint64_t before_ns)
{
	uint64_t damaged = 0;
	int r = ft_windows_merge(ft_store_database(ingest->store), ingest->window_ns, before_ns,
				 &damaged);

	if (damaged > 0) {
		ft_log(FT_LOG_WARN, "damaged windows were left out",
		       ft_kv_int("windows", (int64_t)damaged));
		ingest->stats.damaged_windows += damaged;
	}
	return r;
}

/* Whether the store may take the same slice later. */
static bool passes(int error)
{
	return error == -ENOSPC || error == -EIO || error == -EROFS || error == -EBUSY ||
	       error == -ENOMEM;
}

static void note_result(struct ft_ingest *ingest, int error)
{
	if (error < 0)
		ingest->stats.write_errors++;
	if (error < 0 && ingest->stats.error == 0)
		ft_log(FT_LOG_ERROR, "the store cannot be written: profiling goes on",
		       ft_kv_errno(error), ft_kv_text("do", "free space on the store's disk"));
	if (error == 0 && ingest->stats.error != 0)
		ft_log(FT_LOG_INFO, "the store can be written again",
		       ft_kv_int("slices_dropped", (int64_t)ingest->stats.dropped));
	ingest->stats.error = error;
}

int ft_ingest_new(struct ft_store *store, uint64_t window_ns, bool read_only,
		  ft_ingest_window_fn window_done, void *context, struct ft_ingest **ret_ingest)
{
	_cleanup_ingest_ struct ft_ingest *ingest = calloc(1, sizeof(*ingest));
	int r;

	assert(ret_ingest);

	if (!ingest)
		return -ENOMEM;
	ingest->store = store;
	ingest->window_ns = window_ns;
	ingest->window_done = window_done;
	ingest->context = context;
	ingest->stream = FT_BUFFER_INIT((size_t)FT_SLICE_MAX_BYTES * 2);
	ingest->waiting = FT_BUFFER_INIT(FT_INGEST_MAX_WAITING);
	r = ft_slice_store_new(store, window_ns, &ingest->slices);
	if (r == 0 && !read_only) {
		r = merge_before(ingest, INT64_MAX);
		/* No room for it now is no reason not to start. */
		if (r < 0 && passes(r)) {
			note_result(ingest, r);
			r = 0;
		}
	}
	if (r < 0)
		return r;
	*ret_ingest = FT_TAKE(ingest);
	return 0;
}

static uint64_t count_waiting(const struct ft_ingest *ingest)
{
	uint64_t n = 0;

	for (size_t at = 0; at + 4 <= ingest->waiting.len; n++) {
		uint32_t len;

		memcpy(&len, ingest->waiting.data + at, sizeof(len));
		at += sizeof(len) + len;
	}
	return n;
}

void ft_ingest_restart(struct ft_ingest *ingest)
{
	ingest->stats.dropped += count_waiting(ingest);
	ft_slice_store_restart(ingest->slices);
	ft_buffer_deinit(&ingest->stream);
	ft_buffer_deinit(&ingest->waiting);
	ingest->has_magic = false;
	ingest->stats.streams++;
}

static void finish_window(struct ft_ingest *ingest)
{
	uint64_t from = ingest->open_window * ingest->window_ns;

	if (ingest->window_done)
		ingest->window_done(ingest->context, from, from + ingest->window_ns);
}

/* After a slice was stored: close the window before its own. */
static int advance(struct ft_ingest *ingest)
{
	uint64_t window = ft_slice_store_span(ingest->slices)->from_ns / ingest->window_ns;
	bool back = ingest->any_window && window + MAX_LATE_WINDOWS < ingest->open_window;
	int r;

	if (ingest->any_window && window < ingest->open_window)
		ingest->stats.late++;
	if (!ingest->any_window) {
		ingest->any_window = true;
		ingest->open_window = window;
	}
	if (window <= ingest->open_window && !back)
		return 0;
	r = merge_before(ingest, back ? INT64_MAX : window * ingest->window_ns);
	if (r < 0)
		return r; /* tried again with the next slice */
	finish_window(ingest);
	ingest->open_window = window;
	return 0;
}

static int store_payload(struct ft_ingest *ingest, const uint8_t *payload, size_t len)
{
	struct ft_database *database = ft_store_database(ingest->store);
	int r;

	r = ft_database_begin(database);
	if (r == 0)
		r = ft_slice_store_write(ingest->slices, payload, len);
	if (r == 0) {
		r = ft_database_commit(database);
		if (r < 0)
			ft_slice_store_undo(ingest->slices);
	}
	if (r < 0) {
		ft_database_rollback(database);
		return r;
	}
	ft_slice_store_count(ingest->slices, &ingest->stats);
	ingest->stats.slices++;
	ingest->stats.latest_ns = FT_MAX(ingest->stats.latest_ns,
					 ft_slice_store_span(ingest->slices)->to_ns);
	ingest->stats.stored_at_ns = ft_monotonic_ns();
	r = advance(ingest);
	/* The slice is safe; the window can be merged with the next one. */
	if (passes(r))
		ingest->stats.write_errors++;
	return passes(r) ? 0 : r;
}

/* The store has no room and neither have we: give up what waits, and the stream. */
static int drop_waiting(struct ft_ingest *ingest)
{
	uint64_t n = count_waiting(ingest) + 1; /* and the one that did not fit */

	ingest->stats.dropped += n;
	ft_buffer_clear(&ingest->waiting);
	ft_log(FT_LOG_ERROR, "slices were dropped: the store could not be written for too long",
	       ft_kv_int("slices", (int64_t)n), ft_kv_errno(ingest->stats.error));
	return -ESTALE;
}

static int wait_with(struct ft_ingest *ingest, const uint8_t *payload, size_t len)
{
	size_t before = ingest->waiting.len;
	uint32_t n = (uint32_t)len;

	ft_buffer_put(&ingest->waiting, &n, sizeof(n));
	ft_buffer_put(&ingest->waiting, payload, len);
	if (!ingest->waiting.error)
		return 0;
	ingest->waiting.len = before;
	return drop_waiting(ingest);
}

/* Store what waits, oldest first. 0 when nothing waits any more. */
static int store_waiting(struct ft_ingest *ingest)
{
	int r = 0;

	while (r == 0 && ingest->waiting.len > 0) {
		uint32_t len;

		memcpy(&len, ingest->waiting.data, sizeof(len));
		r = store_payload(ingest, ingest->waiting.data + sizeof(len), len);
		if (r == 0)
			ft_buffer_consume(&ingest->waiting, sizeof(len) + len);
	}
	return r;
}

static int take_payload(struct ft_ingest *ingest, const uint8_t *payload, size_t len)
{
	int r = store_waiting(ingest), h;

	if (r == 0)
		r = store_payload(ingest, payload, len);
	if (r == 0 || passes(r))
		note_result(ingest, r);
	if (r == 0)
		return 0;
	if (passes(r))
		return wait_with(ingest, payload, len);
	h = ft_store_heal(ingest->store, r);
	if (h < 0)
		return h;
	return h > 0 ? -ESTALE : -EBADMSG;
}

static int check_magic(struct ft_ingest *ingest)
{
	size_t n = FT_MIN(ingest->stream.len, (size_t)FT_SLICE_MAGIC_BYTES);

	if (memcmp(ingest->stream.data, FT_SLICE_MAGIC, n) != 0)
		return -EBADMSG;
	if (n < FT_SLICE_MAGIC_BYTES)
		return 0;
	ft_buffer_consume(&ingest->stream, n);
	ingest->has_magic = true;
	return 0;
}

int ft_ingest_bytes(struct ft_ingest *ingest, const uint8_t *bytes, size_t len)
{
	size_t used = 0;
	int r = 0;

	if (len == 0)
		return 0;
	ft_buffer_put(&ingest->stream, bytes, len);
	if (ingest->stream.error)
		return ingest->stream.error == -EFBIG ? -EBADMSG : ingest->stream.error;
	if (!ingest->has_magic)
		r = check_magic(ingest);
	while (r == 0 && ingest->has_magic) {
		const uint8_t *payload;
		size_t payload_len, block;

		r = ft_slice_split(ingest->stream.data + used, ingest->stream.len - used, &payload,
				   &payload_len, &block);
		if (r == 0)
			break;
		if (r > 0)
			r = take_payload(ingest, payload, payload_len);
		if (r == 0)
			used += block;
	}
	if (r == 0)
		ft_buffer_consume(&ingest->stream, used);
	if (r == -EBADMSG)
		ingest->stats.bad_streams++;
	return r;
}

int ft_ingest_finish(struct ft_ingest *ingest)
{
	int r = store_waiting(ingest);

	if (r == 0)
		r = merge_before(ingest, INT64_MAX);
	if (r == 0 && ingest->any_window)
		finish_window(ingest);
	ingest->any_window = false;
	return r;
}

const struct ft_ingest_stats *ft_ingest_stats(const struct ft_ingest *ingest)
{
	return &ingest->stats;
}
