#include "agent/server/slice_store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/server/catalog.h"
#include "agent/server/database.h"
#include "agent/server/id_table.h"
#include "agent/server/ingest.h"
#include "agent/server/store.h"
#include "agent/server/windows.h"
#include "base/clock.h"
#include "base/utf8.h"

/* A slice of a second touches two windows, one read from a file may touch more; what
 * is beyond stays in the last. */
#define MAX_PARTS 16u
/* Counts of one slice; a writer has a dozen names. */
#define MAX_COUNTS 64u

/* How far from its slice a sample may be by its time. */
#define MAX_STRAY_NS (60 * FT_NS_PER_SEC)

/* What samples' times are kept in. */
#define STEP_NS (FT_COLUMNS_STEP_US * FT_NS_PER_US)

struct count {
	uint32_t name; /* in the store */
	char text[48];
	uint64_t n;
};

struct ft_slice_store {
	struct ft_store *store;
	uint64_t window_ns;
	struct ft_slice_reader reader, before; /* now, and before the last slice */
	struct ft_id_table strings, files, locations, stacks, labels;
	uint32_t kinds[FT_SLICE_MAX_KINDS + 1]; /* in the store; 0 not defined */
	char *clean;				/* text made clean */
	size_t clean_size;
	struct ft_buffer text;
	/* the slice at hand */
	struct ft_slice_span span;
	struct ft_columns samples[FT_SLICE_MAX_KINDS + 1];
	struct ft_columns part;
	struct count counts[MAX_COUNTS];
	uint32_t n_counts;
	uint64_t outcomes[FT_OUTCOMES + 1];
};

int ft_slice_store_new(struct ft_store *store, uint64_t window_ns,
		       struct ft_slice_store **ret_slices)
{
	struct ft_slice_store *slices = calloc(1, sizeof(*slices));

	assert(window_ns > 0);

	if (!slices)
		return -ENOMEM;
	slices->store = store;
	slices->window_ns = window_ns;
	slices->text = FT_BUFFER_INIT(FT_SLICE_MAX_TEXT);
	*ret_slices = slices;
	return 0;
}

static void forget_ids(struct ft_slice_store *slices)
{
	ft_id_table_clear(&slices->strings);
	ft_id_table_clear(&slices->files);
	ft_id_table_clear(&slices->locations);
	ft_id_table_clear(&slices->stacks);
	ft_id_table_clear(&slices->labels);
}

static void forget_slice(struct ft_slice_store *slices)
{
	for (uint32_t i = 0; i < FT_COUNT(slices->samples); i++)
		slices->samples[i].n = 0;
	slices->n_counts = 0;
	memset(slices->outcomes, 0, sizeof(slices->outcomes));
}

void ft_slice_store_freep(struct ft_slice_store **p)
{
	struct ft_slice_store *slices = *p;

	*p = NULL;
	if (!slices)
		return;
	forget_ids(slices);
	for (uint32_t i = 0; i < FT_COUNT(slices->samples); i++)
		ft_columns_deinit(&slices->samples[i]);
	ft_columns_deinit(&slices->part);
	ft_buffer_deinit(&slices->text);
	free(slices->clean);
	free(slices);
}

void ft_slice_store_restart(struct ft_slice_store *slices)
{
	forget_ids(slices);
	forget_slice(slices);
	memset(slices->kinds, 0, sizeof(slices->kinds));
	slices->reader = (struct ft_slice_reader){ 0 };
}

static struct ft_database *database_of(const struct ft_slice_store *slices)
{
	return ft_store_database(slices->store);
}

static int on_span(void *context, const struct ft_slice_span *span)
{
	struct ft_slice_store *slices = context;

	/* SQLite's integers are signed, and a span must have a length to divide by. */
	if (span->to_ns <= span->from_ns || span->to_ns > INT64_MAX)
		return -EBADMSG;
	slices->span = *span;
	return 0;
}

static int on_host(void *context, const struct ft_slice_host *host)
{
	struct ft_slice_store *slices = context;

	return ft_store_put_host(slices->store, host);
}

static int on_kind(void *context, const struct ft_slice_kind *kind)
{
	struct ft_slice_store *slices = context;

	return ft_store_put_kind(slices->store, kind, &slices->kinds[kind->id]);
}

static int on_epoch(void *context)
{
	forget_ids(context);
	return 0;
}

static int on_string(void *context, uint32_t id, const char *text, size_t len)
{
	struct ft_slice_store *slices = context;
	uint32_t stored;
	int r;

	if (!ft_utf8_printable(text, len)) {
		if (slices->clean_size < len + 1) {
			char *clean = realloc(slices->clean, len + 1);

			if (!clean)
				return -ENOMEM;
			slices->clean = clean;
			slices->clean_size = len + 1;
		}
		len = ft_utf8_clean(text, len, slices->clean, len + 1);
		text = slices->clean;
	}
	r = ft_catalog_put_string(database_of(slices), text, len, &stored);
	return r < 0 ? r : ft_id_table_set(&slices->strings, id, stored);
}

/* The store's id for a string of the stream. */
static uint32_t string_of(const struct ft_slice_store *slices, uint32_t id)
{
	return ft_id_table_get(&slices->strings, id);
}

static int on_file(void *context, const struct ft_slice_file *file)
{
	struct ft_slice_store *slices = context;
	struct ft_slice_file stored = *file;
	uint32_t id = ft_id_table_get(&slices->files, file->id);
	int r;

	stored.path = string_of(slices, file->path);
	stored.build_id = string_of(slices, file->build_id);
	stored.identity = string_of(slices, file->identity);
	if (id)
		return ft_catalog_update_file(database_of(slices), id, &stored);
	r = ft_catalog_put_file(database_of(slices), &stored, &id);
	return r < 0 ? r : ft_id_table_set(&slices->files, file->id, id);
}

static int on_location(void *context, const struct ft_slice_location *location)
{
	struct ft_slice_store *slices = context;
	uint32_t id;
	int r;

	r = ft_catalog_put_location(database_of(slices),
				    ft_id_table_get(&slices->files, location->file),
				    location->address, &id);
	return r < 0 ? r : ft_id_table_set(&slices->locations, location->id, id);
}

static int on_names(void *context, const struct ft_slice_names *names)
{
	struct ft_slice_store *slices = context;
	struct ft_line lines[FT_SLICE_MAX_LINES];

	for (uint32_t i = 0; i < names->n_lines; i++) {
		lines[i] = names->lines[i];
		lines[i].function = string_of(slices, lines[i].function);
		lines[i].system = string_of(slices, lines[i].system);
		lines[i].file = string_of(slices, lines[i].file);
	}
	return ft_catalog_name_location(database_of(slices),
					ft_id_table_get(&slices->locations, names->location), lines,
					names->n_lines);
}

static int on_stack(void *context, const struct ft_slice_stack *stack)
{
	struct ft_slice_store *slices = context;
	uint32_t locations[FT_SLICE_MAX_FRAMES];
	uint32_t id;
	int r;

	for (uint32_t i = 0; i < stack->n; i++)
		locations[i] = ft_id_table_get(&slices->locations, stack->locations[i]);
	r = ft_catalog_put_stack(database_of(slices), locations, stack->n, &id);
	return r < 0 ? r : ft_id_table_set(&slices->stacks, stack->id, id);
}

static int on_labels(void *context, const struct ft_slice_labels *labels)
{
	struct ft_slice_store *slices = context;
	struct ft_label set[FT_SLICE_MAX_LABELS];
	uint32_t id;
	int r;

	for (uint32_t i = 0; i < labels->n; i++) {
		set[i] = labels->labels[i];
		set[i].key = string_of(slices, set[i].key);
		set[i].text = string_of(slices, set[i].text);
		set[i].unit = string_of(slices, set[i].unit);
	}
	r = ft_catalog_put_labels(database_of(slices), set, labels->n, &id);
	return r < 0 ? r : ft_id_table_set(&slices->labels, labels->id, id);
}

static int on_sample(void *context, const struct ft_slice_sample *sample)
{
	struct ft_slice_store *slices = context;
	struct ft_column_sample row = {
		.time_us = sample->time_ns / STEP_NS * FT_COLUMNS_STEP_US,
		.count = sample->count,
		.value = sample->value,
		.stack = ft_id_table_get(&slices->stacks, sample->stack),
		.labels = ft_id_table_get(&slices->labels, sample->labels),
		.tid = sample->tid,
		.thread = string_of(slices, sample->thread),
		.cpu = sample->cpu,
		.outcome = sample->outcome,
	};

	/* What a lost transaction defined: the stream has to begin again. */
	if ((sample->stack && !row.stack) || (sample->labels && !row.labels))
		return -EBADMSG;
	/* A time far from its slice's would stretch the window over years. */
	if (slices->span.untimed || sample->time_ns + MAX_STRAY_NS < slices->span.from_ns ||
	    sample->time_ns > slices->span.to_ns + MAX_STRAY_NS)
		row.time_us = slices->span.from_ns / STEP_NS * FT_COLUMNS_STEP_US;
	slices->outcomes[FT_MIN(sample->outcome, (uint8_t)FT_OUTCOMES)]++;
	return ft_columns_add(&slices->samples[sample->kind], &row);
}

static int on_count(void *context, const struct ft_slice_count *count)
{
	struct ft_slice_store *slices = context;
	struct count *row;
	int r;

	if (count->n == 0)
		return 0;
	if (slices->n_counts == MAX_COUNTS)
		return -EBADMSG;
	row = &slices->counts[slices->n_counts++];
	row->name = string_of(slices, count->name);
	r = ft_catalog_get_string(database_of(slices), row->name, &slices->text);
	if (r < 0)
		return r;
	snprintf(row->text, sizeof(row->text), "%.*s",
		 (int)FT_MIN(slices->text.len, sizeof(row->text)), slices->text.data);
	row->n = FT_MIN(count->n, (uint64_t)INT64_MAX);
	return ft_windows_put_loss(database_of(slices), slices->span.from_ns, slices->span.to_ns,
				   row->name, row->n);
}

/* Store the samples of one kind that lie in the part of the span [from, to) of window
 * number bucket, or in the last part whatever lies beyond it. */
static int put_part(struct ft_slice_store *slices, uint32_t kind, uint64_t from_ns, uint64_t to_ns,
		    bool first, bool last)
{
	const struct ft_columns *all = &slices->samples[kind];
	struct ft_window window = { .kind = slices->kinds[kind], .untimed = slices->span.untimed };
	int r;

	window.from_ns = from_ns / FT_NS_PER_US * FT_NS_PER_US;
	window.to_ns = to_ns;
	slices->part.n = 0;
	for (uint32_t i = 0; i < all->n; i++) {
		uint64_t time_ns = all->samples[i].time_us * FT_NS_PER_US;

		if ((!first && time_ns < window.from_ns) ||
		    (!last && time_ns >= to_ns / FT_NS_PER_US * FT_NS_PER_US))
			continue;
		r = ft_columns_add(&slices->part, &all->samples[i]);
		if (r < 0)
			return r;
		window.from_ns = FT_MIN(window.from_ns, time_ns);
		window.to_ns = FT_MAX(window.to_ns, time_ns + FT_NS_PER_US);
	}
	return ft_windows_put(database_of(slices), &window, &slices->part);
}

/* A row per kind that is known, with samples or without: that nothing ran is a fact too. */
static int put_kind(struct ft_slice_store *slices, uint32_t kind)
{
	const struct ft_slice_span *span = &slices->span;
	uint64_t from = span->from_ns;
	int r;

	for (uint32_t part = 0;; part++) {
		uint64_t edge = (from / slices->window_ns + 1) * slices->window_ns;
		bool last = span->untimed || part + 1 == MAX_PARTS || edge >= span->to_ns;
		uint64_t to = last ? span->to_ns : edge;

		r = put_part(slices, kind, from, to, part == 0, last);
		if (r < 0 || last)
			return r;
		from = to;
	}
}

static int on_end(void *context)
{
	struct ft_slice_store *slices = context;

	for (uint32_t kind = 1; kind <= FT_SLICE_MAX_KINDS; kind++) {
		int r = slices->kinds[kind] ? put_kind(slices, kind) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static const struct ft_slice_sink sink = {
	.span = on_span,
	.host = on_host,
	.kind = on_kind,
	.epoch = on_epoch,
	.string = on_string,
	.file = on_file,
	.location = on_location,
	.names = on_names,
	.stack = on_stack,
	.labels = on_labels,
	.sample = on_sample,
	.count = on_count,
	.end = on_end,
};

int ft_slice_store_write(struct ft_slice_store *slices, const uint8_t *payload, size_t len)
{
	int r;

	slices->before = slices->reader;
	forget_slice(slices);
	r = ft_slice_read(&slices->reader, payload, len, &sink, slices);
	if (r < 0)
		ft_slice_store_undo(slices);
	return r;
}

void ft_slice_store_undo(struct ft_slice_store *slices)
{
	/* A second try must find things as the first one did. Ids set meanwhile are set
	 * again by it, but for files, where a known one is an update. */
	for (uint32_t id = slices->before.n_files + 1; id <= slices->reader.n_files; id++)
		if (ft_id_table_get(&slices->files, id))
			slices->files.to[id] = 0;
	slices->reader = slices->before;
}

const struct ft_slice_span *ft_slice_store_span(const struct ft_slice_store *slices)
{
	return &slices->span;
}

static void count_loss(struct ft_ingest_stats *stats, const char *name, uint64_t n)
{
	uint32_t i;

	for (i = 0; i < stats->n_losses; i++)
		if (strcmp(stats->losses[i].name, name) == 0)
			break;
	if (i == FT_INGEST_MAX_LOSSES - 1 && i == stats->n_losses)
		name = "other";
	if (i == FT_INGEST_MAX_LOSSES)
		i--;
	if (i == stats->n_losses) {
		snprintf(stats->losses[i].name, sizeof(stats->losses[i].name), "%s", name);
		stats->n_losses++;
	}
	stats->losses[i].n += n;
}

void ft_slice_store_count(const struct ft_slice_store *slices, struct ft_ingest_stats *stats)
{
	for (uint32_t i = 0; i <= FT_OUTCOMES; i++)
		stats->samples[i] += slices->outcomes[i];
	for (uint32_t i = 0; i < slices->n_counts; i++) {
		const struct count *count = &slices->counts[i];

		count_loss(stats, count->text, count->n);
	}
}
