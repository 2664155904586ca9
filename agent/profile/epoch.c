#include "agent/profile/epoch.h"

#include <assert.h>
#include <errno.h>

#include "agent/profile/epoch_tables.h"

#define MAX_TEXT_BYTES (1u << 30)

int ft_epoch_new(struct ft_epoch **ret_epoch)
{
	struct ft_epoch *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->texts.bytes_max = MAX_TEXT_BYTES;
	e->strings = FT_ARRAY_INIT(uint32_t);
	e->files = FT_ARRAY_INIT(struct ft_epoch_file);
	e->segments = FT_ARRAY_INIT(struct ft_segment);
	e->locations = FT_ARRAY_INIT(struct ft_epoch_location);
	e->lines = FT_ARRAY_INIT(struct ft_line);
	e->stacks = FT_ARRAY_INIT(uint32_t);
	e->frames = FT_ARRAY_INIT(uint32_t);
	e->sets = FT_ARRAY_INIT(uint32_t);
	e->labels = FT_ARRAY_INIT(struct ft_label);
	e->rows = FT_ARRAY_INIT(struct ft_epoch_row);
	*ret_epoch = e;
	return 0;
}

void ft_epoch_freep(struct ft_epoch **p)
{
	struct ft_epoch *epoch = FT_TAKE(*p);

	if (!epoch)
		return;
	ft_strings_deinit(&epoch->texts);
	ft_array_deinit(&epoch->strings);
	ft_array_deinit(&epoch->files);
	ft_array_deinit(&epoch->segments);
	ft_array_deinit(&epoch->locations);
	ft_array_deinit(&epoch->lines);
	ft_array_deinit(&epoch->stacks);
	ft_array_deinit(&epoch->frames);
	ft_array_deinit(&epoch->sets);
	ft_array_deinit(&epoch->labels);
	ft_index_deinit(&epoch->row_index);
	ft_array_deinit(&epoch->rows);
	free(epoch);
}

void ft_epoch_clear(struct ft_epoch *epoch)
{
	ft_strings_clear(&epoch->texts);
	ft_array_cut(&epoch->strings, 0);
	ft_array_cut(&epoch->files, 0);
	ft_array_cut(&epoch->segments, 0);
	ft_array_cut(&epoch->locations, 0);
	ft_array_cut(&epoch->lines, 0);
	ft_array_cut(&epoch->stacks, 0);
	ft_array_cut(&epoch->frames, 0);
	ft_array_cut(&epoch->sets, 0);
	ft_array_cut(&epoch->labels, 0);
	ft_index_clear(&epoch->row_index);
	ft_array_cut(&epoch->rows, 0);
}

int ft_epoch_string(struct ft_epoch *epoch, const char *text, size_t len)
{
	uint32_t id;
	int r;

	r = ft_strings_add(&epoch->texts, text, len, &id);
	if (r < 0)
		return r;
	return ft_array_push(&epoch->strings, &id, 1);
}

const char *ft_epoch_get_string(const struct ft_epoch *epoch, uint32_t id, size_t *ret_len)
{
	return ft_strings_get(&epoch->texts, ft_epoch_text(epoch, id), ret_len);
}

/* Make room for n parts that had room at *at, and say where it is. */
static int place_parts(struct ft_array *pool, uint32_t n, uint32_t room, uint32_t *at)
{
	uint32_t end = pool->n;
	int r;

	if (n <= room)
		return 0;
	r = ft_array_push(pool, NULL, n);
	if (r == 0)
		*at = end;
	return r;
}

int ft_epoch_file(struct ft_epoch *epoch, const struct ft_slice_file *file)
{
	struct ft_epoch_file fresh = { 0 };
	struct ft_epoch_file *known = file->id <= epoch->files.n
					      ? ft_array_at(&epoch->files, file->id - 1)
					      : &fresh;
	uint32_t at = known->segments_at;
	int r;

	assert(file->id && file->id <= epoch->files.n + 1);
	assert(file->n_segments <= FT_SLICE_MAX_SEGMENTS);
	r = place_parts(&epoch->segments, file->n_segments, known->segments_room, &at);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < file->n_segments; i++)
		*(struct ft_segment *)ft_array_at(&epoch->segments, at + i) = file->segments[i];
	*known = (struct ft_epoch_file){
		.path = file->path,
		.build_id = file->build_id,
		.identity = file->identity,
		.segments_at = at,
		.n_segments = file->n_segments,
		.segments_room = FT_MAX(known->segments_room, file->n_segments),
		.kind = file->kind,
	};
	return known == &fresh ? ft_array_push(&epoch->files, &fresh, 1) : 0;
}

int ft_epoch_location(struct ft_epoch *epoch, const struct ft_slice_location *location)
{
	struct ft_epoch_location place = { .address = location->address, .file = location->file };

	assert(location->file && location->file <= epoch->files.n);
	return ft_array_push(&epoch->locations, &place, 1);
}

int ft_epoch_names(struct ft_epoch *epoch, const struct ft_slice_names *names)
{
	struct ft_epoch_location *location = ft_array_at(&epoch->locations, names->location - 1);
	int r;

	assert(names->n_lines <= FT_SLICE_MAX_LINES);
	r = place_parts(&epoch->lines, names->n_lines, location->lines_room, &location->lines_at);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < names->n_lines; i++)
		*(struct ft_line *)ft_array_at(&epoch->lines,
					       location->lines_at + i) = names->lines[i];
	location->n_lines = (uint16_t)names->n_lines;
	if (location->n_lines > location->lines_room)
		location->lines_room = location->n_lines;
	return 0;
}

/* Append a list to its pool and its end to ends: all or nothing. */
static int add_list(struct ft_array *ends, struct ft_array *pool, const void *list, uint32_t n)
{
	uint32_t begin = pool->n;
	int r;

	r = ft_array_push(pool, list, n);
	if (r < 0)
		return r;
	r = ft_array_push(ends, &pool->n, 1);
	if (r < 0)
		ft_array_cut(pool, begin);
	return r;
}

int ft_epoch_stack(struct ft_epoch *epoch, const struct ft_slice_stack *stack)
{
	return add_list(&epoch->stacks, &epoch->frames, stack->locations, stack->n);
}

int ft_epoch_labels(struct ft_epoch *epoch, const struct ft_slice_labels *labels)
{
	return add_list(&epoch->sets, &epoch->labels, labels->labels, labels->n);
}

static bool same_key(const void *context, const void *key, uint32_t at)
{
	const struct ft_epoch *epoch = context;
	const struct ft_epoch_key *a = key;
	const struct ft_epoch_key *b = &((struct ft_epoch_row *)ft_array_at(&epoch->rows, at))->key;

	return a->stack == b->stack && a->labels == b->labels && a->thread == b->thread &&
	       a->tid == b->tid && a->cpu == b->cpu && a->outcome == b->outcome;
}

static int add_row(struct ft_epoch *epoch, uint64_t hash, const struct ft_epoch_row *row)
{
	uint32_t at = epoch->rows.n;
	int r;

	if (at >= FT_SLICE_MAX_IDS)
		return -E2BIG;
	r = ft_array_push(&epoch->rows, row, 1);
	if (r < 0)
		return r;
	r = ft_index_add(&epoch->row_index, hash, at);
	if (r < 0)
		ft_array_cut(&epoch->rows, at);
	return r;
}

int ft_epoch_add(struct ft_epoch *epoch, const struct ft_epoch_key *key, int64_t count,
		 int64_t value)
{
	struct ft_epoch_row sums = { *key, count, value }, *row;
	uint64_t hash = ft_hash_u64((uint64_t)key->stack << 32 | key->labels);
	uint32_t at;

	hash = ft_hash_mix(hash, (uint64_t)key->thread << 32 | key->tid);
	hash = ft_hash_mix(hash, (uint64_t)key->cpu << 8 | key->outcome);
	at = ft_index_find(&epoch->row_index, hash, same_key, epoch, key);
	if (at == FT_INDEX_NONE)
		return add_row(epoch, hash, &sums);
	row = ft_array_at(&epoch->rows, at);
	if (__builtin_add_overflow(row->count, count, &sums.count) ||
	    __builtin_add_overflow(row->value, value, &sums.value))
		return -EOVERFLOW;
	*row = sums;
	return 0;
}
