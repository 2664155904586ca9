#include "agent/profile/dictionary.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/index.h"
#include "base/strings.h"

struct place {
	uint32_t file; /* id */
	uint64_t address;
};

/* A run of words in a pool: a stack's locations, a label set's labels. */
struct run {
	uint32_t first, n;
};

struct ft_dictionary {
	struct ft_strings strings;
	struct ft_array files; /* uint32_t: file id by owner's key, 0 not defined */
	uint32_t n_files;
	struct ft_index by_place;
	struct ft_array places; /* struct place of location id - 1 */
	struct ft_index by_stack;
	struct ft_array stacks; /* struct run into frames, of stack id - 1 */
	struct ft_array frames; /* uint32_t */
	struct ft_index by_labels;
	struct ft_array sets;	/* struct run into labels, of label set id - 1 */
	struct ft_array labels; /* struct ft_label */
};

int ft_dictionary_new(struct ft_dictionary **ret_dictionary)
{
	struct ft_dictionary *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->files = FT_ARRAY_INIT(uint32_t);
	d->places = FT_ARRAY_INIT(struct place);
	d->stacks = FT_ARRAY_INIT(struct run);
	d->frames = FT_ARRAY_INIT(uint32_t);
	d->sets = FT_ARRAY_INIT(struct run);
	d->labels = FT_ARRAY_INIT(struct ft_label);
	*ret_dictionary = d;
	return 0;
}

static void clear(struct ft_dictionary *d)
{
	ft_strings_deinit(&d->strings);
	ft_array_deinit(&d->files);
	ft_index_deinit(&d->by_place);
	ft_array_deinit(&d->places);
	ft_index_deinit(&d->by_stack);
	ft_array_deinit(&d->stacks);
	ft_array_deinit(&d->frames);
	ft_index_deinit(&d->by_labels);
	ft_array_deinit(&d->sets);
	ft_array_deinit(&d->labels);
	d->n_files = 0;
}

void ft_dictionary_freep(struct ft_dictionary **p)
{
	struct ft_dictionary *d = FT_TAKE(*p);

	if (!d)
		return;
	clear(d);
	free(d);
}

void ft_dictionary_begin_epoch(struct ft_dictionary *dictionary, struct ft_buffer *out)
{
	clear(dictionary);
	ft_slice_put_epoch(out);
}

bool ft_dictionary_full(const struct ft_dictionary *dictionary)
{
	return dictionary->strings.bytes_len > FT_DICTIONARY_MAX_TEXT ||
	       dictionary->places.n > FT_DICTIONARY_MAX_LOCATIONS ||
	       dictionary->frames.n > FT_DICTIONARY_MAX_FRAMES ||
	       dictionary->labels.n > FT_DICTIONARY_MAX_LOCATIONS;
}

int ft_dictionary_string(struct ft_dictionary *dictionary, struct ft_buffer *out, const char *text,
			 size_t len, uint32_t *ret_id)
{
	uint32_t before = ft_strings_count(&dictionary->strings);
	uint32_t id;
	int r;

	len = FT_MIN(len, (size_t)FT_SLICE_MAX_TEXT);
	r = ft_strings_add(&dictionary->strings, text, len, &id);
	if (r < 0)
		return -ENOMEM;
	*ret_id = id;
	if (ft_strings_count(&dictionary->strings) == before)
		return 0;
	ft_slice_put_string(out, id, text, len);
	return FT_DICTIONARY_NEW;
}

static int put_file(struct ft_dictionary *d, struct ft_buffer *out, uint32_t id,
		    const struct ft_dictionary_file *file)
{
	struct ft_slice_file record = { .id = id,
					.kind = file->kind,
					.segments = file->segments,
					.n_segments = file->n_segments };
	int r;

	r = ft_dictionary_string(d, out, file->path, strlen(file->path), &record.path);
	if (r < 0)
		return r;
	r = ft_dictionary_string(d, out, file->build_id, strlen(file->build_id), &record.build_id);
	if (r < 0)
		return r;
	r = ft_dictionary_string(d, out, file->identity, strlen(file->identity), &record.identity);
	if (r < 0)
		return r;
	ft_slice_put_file(out, &record);
	return 0;
}

uint32_t ft_dictionary_file_id(const struct ft_dictionary *dictionary, uint32_t key)
{
	if (key >= dictionary->files.n)
		return 0;
	return *(uint32_t *)ft_array_at(&dictionary->files, key);
}

int ft_dictionary_file(struct ft_dictionary *dictionary, struct ft_buffer *out, uint32_t key,
		       const struct ft_dictionary_file *file, uint32_t *ret_id)
{
	uint32_t id = ft_dictionary_file_id(dictionary, key);
	int r;

	assert(key < FT_SLICE_MAX_IDS);
	if (id) {
		*ret_id = id;
		return 0;
	}
	if (key >= dictionary->files.n) {
		r = ft_array_push(&dictionary->files, NULL, key + 1 - dictionary->files.n);
		if (r < 0)
			return r;
	}
	id = dictionary->n_files + 1;
	r = put_file(dictionary, out, id, file);
	if (r < 0)
		return r;
	dictionary->n_files = id;
	*(uint32_t *)ft_array_at(&dictionary->files, key) = id;
	*ret_id = id;
	return FT_DICTIONARY_NEW;
}

int ft_dictionary_update_file(struct ft_dictionary *dictionary, struct ft_buffer *out, uint32_t key,
			      const struct ft_dictionary_file *file)
{
	uint32_t id = ft_dictionary_file_id(dictionary, key);

	return id ? put_file(dictionary, out, id, file) : 0;
}

static bool same_place(const void *context, const void *key, uint32_t id)
{
	const struct ft_dictionary *d = context;
	const struct place *a = key, *b = ft_array_at(&d->places, id - 1);

	return a->file == b->file && a->address == b->address;
}

static uint64_t hash_place(const struct place *place)
{
	return ft_hash_mix(place->file, place->address);
}

uint32_t ft_dictionary_location_id(const struct ft_dictionary *dictionary, uint32_t file,
				   uint64_t address)
{
	struct place place = { file, address };
	uint32_t id = ft_index_find(&dictionary->by_place, hash_place(&place), same_place,
				    dictionary, &place);

	return id == FT_INDEX_NONE ? 0 : id;
}

int ft_dictionary_location(struct ft_dictionary *dictionary, struct ft_buffer *out, uint32_t file,
			   uint64_t address, uint32_t *ret_id)
{
	struct place place = { file, address };
	uint32_t id = ft_dictionary_location_id(dictionary, file, address);
	int r;

	if (id) {
		*ret_id = id;
		return 0;
	}
	r = ft_array_push(&dictionary->places, &place, 1);
	if (r < 0)
		return r;
	id = dictionary->places.n;
	r = ft_index_add(&dictionary->by_place, hash_place(&place), id);
	if (r < 0) {
		ft_array_cut(&dictionary->places, id - 1);
		return r;
	}
	ft_slice_put_location(out, &(struct ft_slice_location){ id, file, address });
	*ret_id = id;
	return FT_DICTIONARY_NEW;
}

/* What is looked up: n items of a pool's kind. */
struct items {
	const void *at;
	uint32_t n;
};

static bool same_items(const struct ft_array *runs, const struct ft_array *pool,
		       const struct items *items, uint32_t id)
{
	const struct run *run = ft_array_at(runs, id - 1);

	return run->n == items->n && memcmp(ft_array_at(pool, run->first), items->at,
					    (size_t)items->n * pool->item_bytes) == 0;
}

static bool same_stack(const void *context, const void *key, uint32_t id)
{
	const struct ft_dictionary *d = context;

	return same_items(&d->stacks, &d->frames, key, id);
}

static bool same_labels(const void *context, const void *key, uint32_t id)
{
	const struct ft_dictionary *d = context;

	return same_items(&d->sets, &d->labels, key, id);
}

/* Append items to pool and their run to runs; the run's number from 1 is the id. */
static int add_run(struct ft_array *runs, struct ft_array *pool, struct ft_index *index,
		   uint64_t hash, const struct items *items)
{
	struct run run = { pool->n, items->n };
	int r;

	r = ft_array_push(pool, items->at, items->n);
	if (r < 0)
		return r;
	r = ft_array_push(runs, &run, 1);
	if (r == 0) {
		r = ft_index_add(index, hash, runs->n);
		if (r < 0)
			ft_array_cut(runs, runs->n - 1);
	}
	if (r < 0)
		ft_array_cut(pool, run.first);
	return r;
}

int ft_dictionary_stack(struct ft_dictionary *dictionary, struct ft_buffer *out,
			const uint32_t *locations, uint32_t n, uint32_t *ret_id)
{
	struct items items = { locations, n };
	uint64_t hash = ft_hash_bytes(locations, n * sizeof(*locations));
	uint32_t id;
	int r;

	if (n == 0) {
		*ret_id = 0;
		return 0;
	}
	id = ft_index_find(&dictionary->by_stack, hash, same_stack, dictionary, &items);
	if (id != FT_INDEX_NONE) {
		*ret_id = id;
		return 0;
	}
	r = add_run(&dictionary->stacks, &dictionary->frames, &dictionary->by_stack, hash, &items);
	if (r < 0)
		return r;
	id = dictionary->stacks.n;
	ft_slice_put_stack(out, &(struct ft_slice_stack){ id, n, locations });
	*ret_id = id;
	return FT_DICTIONARY_NEW;
}

int ft_dictionary_labels(struct ft_dictionary *dictionary, struct ft_buffer *out,
			 const struct ft_label *labels, uint32_t n, uint32_t *ret_id)
{
	struct ft_label clean[FT_SLICE_MAX_LABELS];
	struct items items = { clean, n };
	uint64_t hash;
	uint32_t id;
	int r;

	assert(n <= FT_SLICE_MAX_LABELS);
	if (n == 0) {
		*ret_id = 0;
		return 0;
	}
	/* Sets are compared as bytes: the padding must be equal, too. */
	memset(clean, 0, sizeof(clean));
	for (uint32_t i = 0; i < n; i++) {
		clean[i].key = labels[i].key;
		clean[i].text = labels[i].text;
		clean[i].number = labels[i].number;
		clean[i].unit = labels[i].unit;
	}
	hash = ft_hash_bytes(clean, n * sizeof(*clean));
	id = ft_index_find(&dictionary->by_labels, hash, same_labels, dictionary, &items);
	if (id != FT_INDEX_NONE) {
		*ret_id = id;
		return 0;
	}
	r = add_run(&dictionary->sets, &dictionary->labels, &dictionary->by_labels, hash, &items);
	if (r < 0)
		return r;
	id = dictionary->sets.n;
	ft_slice_put_labels(out, &(struct ft_slice_labels){ id, n, labels });
	*ret_id = id;
	return FT_DICTIONARY_NEW;
}

int ft_dictionary_names(struct ft_dictionary *dictionary, struct ft_buffer *out, uint32_t location,
			const struct ft_dictionary_line *lines, uint32_t n)
{
	struct ft_line records[FT_SLICE_MAX_LINES] = { 0 };
	int r;

	n = FT_MIN(n, FT_SLICE_MAX_LINES);
	for (uint32_t i = 0; i < n; i++) {
		const struct ft_dictionary_line *line = &lines[i];
		struct ft_line *record = &records[i];

		r = ft_dictionary_string(dictionary, out, line->function, line->function_len,
					 &record->function);
		if (r >= 0 && line->system)
			r = ft_dictionary_string(dictionary, out, line->system, line->system_len,
						 &record->system);
		if (r >= 0 && line->source)
			r = ft_dictionary_string(dictionary, out, line->source, line->source_len,
						 &record->file);
		if (r < 0)
			return r;
		record->line = line->line;
		record->column = line->column;
		record->flags = line->flags;
	}
	ft_slice_put_names(out, &(struct ft_slice_names){ location, n, records });
	return 0;
}
