#include "agent/profile/epoch.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/epoch_tables.h"
#include "agent/profile/outcome.h"
#include "agent/profile/placement.h"

struct row_key {
	uint32_t stack, labels;
};

/* One rendering. Only what rows lead to is put into the profile, so each dictionary
 * has a column of what its entries have become there; 0: not asked for yet. */
struct render {
	const struct ft_epoch *epoch;
	struct ft_profile *profile;
	unsigned int with;
	struct ft_array texts, locations, stacks; /* uint32_t */
	struct ft_array keys;			  /* struct row_key, one for each row */
};

static void render_deinit(struct render *r)
{
	ft_array_deinit(&r->texts);
	ft_array_deinit(&r->locations);
	ft_array_deinit(&r->stacks);
	ft_array_deinit(&r->keys);
}

static int put_string(struct render *r, uint32_t string, uint32_t *ret_id)
{
	uint32_t text = ft_epoch_text(r->epoch, string);
	uint32_t *known = ft_array_at(&r->texts, text);
	const char *bytes;
	size_t len;
	int result;

	if (text && !*known) {
		bytes = ft_strings_get(&r->epoch->texts, text, &len);
		result = ft_profile_string(r->profile, bytes, len, known);
		if (result < 0)
			return result;
	}
	*ret_id = *known;
	return 0;
}

static int put_literal(struct render *r, const char *text, uint32_t *ret_id)
{
	return ft_profile_string(r->profile, text, strlen(text), ret_id);
}

static int put_mapping(struct render *r, const struct ft_epoch_location *location,
		       struct ft_profile_location *ret_location)
{
	const struct ft_epoch_file *file = ft_array_at(&r->epoch->files, location->file - 1);
	struct ft_slice_file place = { .kind = file->kind, .n_segments = file->n_segments };
	struct ft_profile_mapping mapping = { 0 };
	int result;

	if (place.n_segments)
		place.segments = ft_array_at(&r->epoch->segments, file->segments_at);
	ret_location->address = ft_placement(&place, location->address, &mapping);
	result = put_string(r, file->path, &mapping.path);
	if (result == 0)
		result = put_string(r, file->build_id, &mapping.build_id);
	if (result == 0)
		result = put_string(r, file->identity, &mapping.identity);
	if (result == 0)
		result = ft_profile_mapping(r->profile, &mapping, &ret_location->mapping);
	return result;
}

static int put_line(struct render *r, const struct ft_line *line, struct ft_profile_line *ret_line)
{
	struct ft_profile_function function = { 0 };
	int result;

	*ret_line = (struct ft_profile_line){ .line = line->line,
					      .column = line->column,
					      .flags = line->flags };
	result = put_string(r, line->function, &function.name);
	if (result == 0)
		result = put_string(r, line->system, &function.system);
	if (result == 0)
		result = put_string(r, line->file, &function.file);
	if (result == 0)
		result = ft_profile_function(r->profile, &function, &ret_line->function);
	return result;
}

static int put_location(struct render *r, uint32_t id, uint32_t *ret_id)
{
	const struct ft_epoch_location *from = ft_array_at(&r->epoch->locations, id - 1);
	struct ft_profile_line lines[FT_SLICE_MAX_LINES];
	struct ft_profile_location location = { .n_lines = from->n_lines, .lines = lines };
	uint32_t *known = ft_array_at(&r->locations, id - 1);
	int result = 0;

	if (!*known) {
		for (uint32_t i = 0; result == 0 && i < from->n_lines; i++)
			result = put_line(r, ft_array_at(&r->epoch->lines, from->lines_at + i),
					  &lines[i]);
		if (result == 0)
			result = put_mapping(r, from, &location);
		if (result == 0)
			result = ft_profile_location(r->profile, &location, known);
		if (result < 0)
			return result;
	}
	*ret_id = *known;
	return 0;
}

/* Where list id begins in its pool, and how long it is. */
static uint32_t list_at(const struct ft_array *ends, uint32_t id, uint32_t *ret_n)
{
	const uint32_t *end = ft_array_at(ends, id - 1);
	uint32_t begin = id > 1 ? end[-1] : 0;

	*ret_n = *end - begin;
	return begin;
}

static int put_stack(struct render *r, uint32_t id, uint32_t *ret_id)
{
	uint32_t frames[FT_SLICE_MAX_FRAMES], n, begin, *known;
	int result;

	*ret_id = 0;
	if (id == 0)
		return 0;
	known = ft_array_at(&r->stacks, id - 1);
	if (!*known) {
		begin = list_at(&r->epoch->stacks, id, &n);
		assert(n <= FT_COUNT(frames));
		for (uint32_t i = 0; i < n; i++) {
			const uint32_t *location = ft_array_at(&r->epoch->frames, begin + i);

			result = put_location(r, *location, &frames[i]);
			if (result < 0)
				return result;
		}
		result = ft_profile_stack(r->profile, frames, n, known);
		if (result < 0)
			return result;
	}
	*ret_id = *known;
	return 0;
}

static int put_label(struct render *r, const struct ft_label *label, struct ft_label *ret_label)
{
	int result;

	*ret_label = (struct ft_label){ .number = label->number };
	result = put_string(r, label->key, &ret_label->key);
	if (result == 0)
		result = put_string(r, label->text, &ret_label->text);
	if (result == 0)
		result = put_string(r, label->unit, &ret_label->unit);
	return result;
}

/* The labels of a row that are not in the stream's set, into up to four places. */
static int put_own_labels(struct render *r, const struct ft_epoch_key *key,
			  struct ft_label *ret_labels, uint32_t *n)
{
	int result = 0;
	char cpu[16];

	if (r->with & FT_EPOCH_TID) {
		ret_labels[*n] = (struct ft_label){ .number = key->tid };
		result = put_literal(r, "tid", &ret_labels[(*n)++].key);
	}
	if (result == 0 && r->with & FT_EPOCH_CPU) {
		/* As text: pprof takes the number 0 for no label at all. */
		snprintf(cpu, sizeof(cpu), "%u", key->cpu);
		ret_labels[*n] = (struct ft_label){ 0 };
		result = put_literal(r, cpu, &ret_labels[*n].text);
		if (result == 0)
			result = put_literal(r, "cpu", &ret_labels[(*n)++].key);
	}
	if (result == 0 && r->with & FT_EPOCH_THREAD && key->thread) {
		ret_labels[*n] = (struct ft_label){ 0 };
		result = put_string(r, key->thread, &ret_labels[*n].text);
		if (result == 0)
			result = put_literal(r, "thread", &ret_labels[(*n)++].key);
	}
	if (result == 0 && key->outcome != FT_OUTCOME_COMPLETE) {
		ret_labels[*n] = (struct ft_label){ 0 };
		result = put_literal(r, ft_outcome_name(key->outcome), &ret_labels[*n].text);
		if (result == 0)
			result = put_literal(r, "outcome", &ret_labels[(*n)++].key);
	}
	return result;
}

static int put_labels(struct render *r, const struct ft_epoch_key *key, uint32_t *ret_id)
{
	struct ft_label labels[FT_PROFILE_MAX_LABELS];
	uint32_t n = 0, begin = 0;
	int result;

	if (key->labels)
		begin = list_at(&r->epoch->sets, key->labels, &n);
	assert(n <= FT_SLICE_MAX_LABELS);
	for (uint32_t i = 0; i < n; i++) {
		result = put_label(r, ft_array_at(&r->epoch->labels, begin + i), &labels[i]);
		if (result < 0)
			return result;
	}
	result = put_own_labels(r, key, labels, &n);
	if (result < 0)
		return result;
	return ft_profile_labels(r->profile, labels, n, ret_id);
}

/* Everything that may run out of memory or ids: after it every row is there. */
static int prepare(struct render *r)
{
	static const int64_t zeroes[FT_PROFILE_MAX_TYPES];

	for (uint32_t i = 0; i < r->epoch->rows.n; i++) {
		const struct ft_epoch_row *row = ft_array_at(&r->epoch->rows, i);
		struct row_key *key = ft_array_at(&r->keys, i);
		int result;

		result = put_stack(r, row->key.stack, &key->stack);
		if (result == 0)
			result = put_labels(r, &row->key, &key->labels);
		if (result == 0)
			result = ft_profile_add(r->profile, key->stack, key->labels, zeroes);
		if (result < 0)
			return result;
	}
	return 0;
}

static int column(struct ft_array *ids, uint32_t n)
{
	*ids = FT_ARRAY_INIT(uint32_t);
	return ft_array_push(ids, NULL, n);
}

int ft_epoch_render(const struct ft_epoch *epoch, unsigned int with, struct ft_profile *profile)
{
	FT_CLEANUP(render_deinit)
	struct render r = { .epoch = epoch, .profile = profile, .with = with };
	int result;

	assert(ft_profile_info(profile)->n_types == 2);
	r.keys = FT_ARRAY_INIT(struct row_key);
	result = column(&r.texts, ft_strings_count(&epoch->texts));
	if (result == 0)
		result = column(&r.locations, epoch->locations.n);
	if (result == 0)
		result = column(&r.stacks, epoch->stacks.n);
	if (result == 0)
		result = ft_array_push(&r.keys, NULL, epoch->rows.n);
	if (result == 0)
		result = prepare(&r);
	for (uint32_t i = 0; result == 0 && i < epoch->rows.n; i++) {
		const struct ft_epoch_row *row = ft_array_at(&epoch->rows, i);
		const struct row_key *key = ft_array_at(&r.keys, i);

		result = ft_profile_add(profile, key->stack, key->labels,
					(int64_t[]){ row->count, row->value });
	}
	return result;
}
