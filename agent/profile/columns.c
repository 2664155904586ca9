#include "agent/profile/columns.h"

#include <assert.h>
#include <errno.h>
#include <zlib.h>

#include "base/array.h"
#include "base/cursor.h"
#include "base/index.h"

#define VERSION 1

/* The most one sample takes: a time, a count and a value of 10 bytes each, six
 * numbers of 5, an outcome of 2. */
#define MAX_BYTES_PER_SAMPLE 62u
#define MIN_BYTES_PER_SAMPLE 7u
#define MIN_BYTES_PER_WHO    3u
#define MAX_BYTES	     (32u + FT_COLUMNS_MAX_SAMPLES * MAX_BYTES_PER_SAMPLE)

struct who {
	uint32_t tid, labels, thread;
};

/* The table of who ran, while it is written. */
struct crowd {
	struct ft_array list; /* struct who */
	struct ft_index index;
	uint32_t *places; /* of each sample */
};

static void crowd_deinit(struct crowd *crowd)
{
	ft_array_deinit(&crowd->list);
	ft_index_deinit(&crowd->index);
	free(crowd->places);
}

void ft_columns_deinit(struct ft_columns *columns)
{
	free(columns->samples);
	*columns = (struct ft_columns){ 0 };
}

static int make_room(struct ft_columns *columns, uint32_t more)
{
	struct ft_column_sample *samples;
	uint32_t cap;

	if (more > FT_COLUMNS_MAX_SAMPLES - columns->n)
		return -E2BIG;
	if (columns->n + more <= columns->n_cap)
		return 0;
	cap = FT_MIN(FT_MAX(columns->n_cap * 2, columns->n + more), FT_COLUMNS_MAX_SAMPLES);
	cap = FT_MAX(cap, 64u);
	samples = reallocarray(columns->samples, cap, sizeof(*samples));
	if (!samples)
		return -ENOMEM;
	columns->samples = samples;
	columns->n_cap = cap;
	return 0;
}

int ft_columns_add(struct ft_columns *columns, const struct ft_column_sample *sample)
{
	int r = make_room(columns, 1);

	if (r < 0)
		return r;
	columns->samples[columns->n++] = *sample;
	return 0;
}

static bool same_who(const void *context, const void *key, uint32_t id)
{
	const struct who *a = key, *b = ft_array_at(context, id);

	return a->tid == b->tid && a->labels == b->labels && a->thread == b->thread;
}

static int find_who(struct crowd *crowd, const struct ft_column_sample *sample, uint32_t *ret_place)
{
	struct who who = { sample->tid, sample->labels, sample->thread };
	uint64_t hash = ft_hash_mix((uint64_t)who.tid << 32 | who.labels, who.thread);
	uint32_t place = ft_index_find(&crowd->index, hash, same_who, &crowd->list, &who);
	int r;

	if (place == FT_INDEX_NONE) {
		place = crowd->list.n;
		r = ft_array_push(&crowd->list, &who, 1);
		if (r == 0)
			r = ft_index_add(&crowd->index, hash, place);
		if (r < 0)
			return r;
	}
	*ret_place = place;
	return 0;
}

static int gather_crowd(const struct ft_columns *columns, struct crowd *crowd)
{
	crowd->places = calloc((size_t)columns->n + 1, sizeof(*crowd->places));
	if (!crowd->places)
		return -ENOMEM;
	for (uint32_t i = 0; i < columns->n; i++) {
		int r = find_who(crowd, &columns->samples[i], &crowd->places[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static void put_columns(const struct ft_columns *columns, const struct crowd *crowd,
			uint64_t base_us, struct ft_buffer *raw)
{
	const struct ft_column_sample *samples = columns->samples;
	uint64_t last = base_us / FT_COLUMNS_STEP_US;

	ft_buffer_put_u8(raw, VERSION);
	ft_buffer_put_varint(raw, columns->n);
	ft_buffer_put_varint(raw, crowd->list.n);
	for (uint32_t i = 0; i < crowd->list.n; i++) {
		const struct who *who = ft_array_at(&crowd->list, i);

		ft_buffer_put_varint(raw, who->tid);
		ft_buffer_put_varint(raw, who->labels);
		ft_buffer_put_varint(raw, who->thread);
	}
	for (uint32_t i = 0; i < columns->n; i++) {
		uint64_t step = samples[i].time_us / FT_COLUMNS_STEP_US;

		ft_buffer_put_signed(raw, (int64_t)(step - last));
		last = step;
	}
	for (uint32_t i = 0; i < columns->n; i++)
		ft_buffer_put_varint(raw, crowd->places[i]);
	for (uint32_t i = 0; i < columns->n; i++)
		ft_buffer_put_varint(raw, samples[i].stack);
	for (uint32_t i = 0; i < columns->n; i++)
		ft_buffer_put_varint(raw, samples[i].cpu);
	for (uint32_t i = 0; i < columns->n; i++)
		ft_buffer_put_varint(raw, samples[i].outcome);
	for (uint32_t i = 0; i < columns->n; i++)
		ft_buffer_put_varint(raw, samples[i].count);
	for (uint32_t i = 0; i < columns->n; i++)
		ft_buffer_put_signed(raw, samples[i].value);
}

int ft_columns_encode(const struct ft_columns *columns, uint64_t base_us, struct ft_buffer *out)
{
	_cleanup_buffer_ struct ft_buffer raw = FT_BUFFER_INIT(MAX_BYTES);
	FT_CLEANUP(crowd_deinit)
	struct crowd crowd = { .list = FT_ARRAY_INIT(struct who) };
	size_t before = out->len;
	uLongf packed;
	uint8_t *at;
	int r;

	assert(columns);

	r = gather_crowd(columns, &crowd);
	if (r < 0)
		return r;
	put_columns(columns, &crowd, base_us, &raw);
	if (raw.error)
		return raw.error;
	ft_buffer_put_varint(out, raw.len);
	packed = compressBound(raw.len);
	at = ft_buffer_extend(out, packed);
	if (!at)
		return out->error;
	if (compress2(at, &packed, raw.data, raw.len, Z_DEFAULT_COMPRESSION) != Z_OK) {
		out->len = before;
		return -ENOMEM;
	}
	out->len = (size_t)(at - out->data) + packed;
	return 0;
}

static void take_who(struct ft_cursor *c, const struct who *crowd, uint32_t n_who,
		     struct ft_column_sample *sample)
{
	uint32_t place = ft_cursor_varint32(c);

	if (place >= n_who) {
		c->failed = true;
		return;
	}
	sample->tid = crowd[place].tid;
	sample->labels = crowd[place].labels;
	sample->thread = crowd[place].thread;
}

static void take_columns(struct ft_cursor *c, uint64_t base_us, const struct who *crowd,
			 uint32_t n_who, struct ft_column_sample *samples, uint32_t n)
{
	uint64_t last = base_us / FT_COLUMNS_STEP_US;

	for (uint32_t i = 0; i < n; i++) {
		last += (uint64_t)ft_cursor_signed(c);
		samples[i].time_us = last * FT_COLUMNS_STEP_US;
	}
	for (uint32_t i = 0; i < n; i++)
		take_who(c, crowd, n_who, &samples[i]);
	for (uint32_t i = 0; i < n; i++)
		samples[i].stack = ft_cursor_varint32(c);
	for (uint32_t i = 0; i < n; i++)
		samples[i].cpu = ft_cursor_varint32(c);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t outcome = ft_cursor_varint32(c);

		if (outcome > UINT8_MAX)
			c->failed = true;
		samples[i].outcome = (uint8_t)outcome;
	}
	for (uint32_t i = 0; i < n; i++)
		samples[i].count = ft_cursor_varint(c);
	for (uint32_t i = 0; i < n; i++)
		samples[i].value = ft_cursor_signed(c);
}

static int read_columns(const uint8_t *raw, size_t len, uint64_t base_us,
			struct ft_columns *columns)
{
	struct ft_cursor c = ft_cursor_of(raw, len);
	_cleanup_free_ struct who *crowd = NULL;
	uint32_t n, n_who;
	int r;

	if (ft_cursor_u8(&c) != VERSION)
		return -EBADMSG;
	n = ft_cursor_count(&c, MIN_BYTES_PER_SAMPLE);
	n_who = ft_cursor_count(&c, MIN_BYTES_PER_WHO);
	if (c.failed || n_who > n)
		return -EBADMSG;
	r = make_room(columns, n);
	if (r < 0)
		return r;
	crowd = calloc((size_t)n_who + 1, sizeof(*crowd));
	if (!crowd)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_who; i++) {
		crowd[i].tid = ft_cursor_varint32(&c);
		crowd[i].labels = ft_cursor_varint32(&c);
		crowd[i].thread = ft_cursor_varint32(&c);
	}
	if (n > 0)
		take_columns(&c, base_us, crowd, n_who, columns->samples + columns->n, n);
	if (c.failed || ft_cursor_left(&c) != 0)
		return -EBADMSG;
	columns->n += n;
	return 0;
}

int ft_columns_decode(const uint8_t *bytes, size_t len, uint64_t base_us,
		      struct ft_columns *columns)
{
	struct ft_cursor c = ft_cursor_of(bytes, len);
	uint64_t raw_len = ft_cursor_varint(&c);
	_cleanup_free_ uint8_t *raw = NULL;
	uLongf got = (uLongf)raw_len;
	int z;

	assert(columns);

	if (c.failed || raw_len == 0 || raw_len > MAX_BYTES)
		return -EBADMSG;
	raw = malloc(raw_len);
	if (!raw)
		return -ENOMEM;
	z = uncompress(raw, &got, c.at, ft_cursor_left(&c));
	if (z == Z_MEM_ERROR)
		return -ENOMEM;
	if (z != Z_OK || got != raw_len)
		return -EBADMSG;
	return read_columns(raw, got, base_us, columns);
}
