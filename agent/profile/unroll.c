#include "agent/profile/unroll.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/dictionary.h"
#include "agent/profile/slice.h"
#include "base/clock.h"
#include "base/index.h"

/* A block is ended past these, far from the limits of readers. */
#define BLOCK_BYTES (4u << 20)
#define BLOCK_ROWS  50000u

struct unroll {
	const struct ft_profile *profile;
	const struct ft_profile_info *info;
	struct ft_slice_span span;
	struct ft_dictionary *dictionary;
	struct ft_buffer *out;
	uint8_t *aliased; /* by location: another one has its place, see mark_aliases() */
	struct ft_index places;
	size_t begun;	 /* where the block began */
	uint32_t n_rows; /* in the block */
};

static void unroll_deinit(struct unroll *u)
{
	ft_dictionary_freep(&u->dictionary);
	ft_index_deinit(&u->places);
	free(u->aliased);
}

static const char *text_of(const struct unroll *u, uint32_t string)
{
	return ft_profile_get_string(u->profile, string, NULL);
}

/* ---- places ---- */

static bool same_place(const void *context, const void *key, uint32_t id)
{
	const struct ft_profile_location *a = key;
	struct ft_profile_location b = ft_profile_get_location(context, id);

	return a->mapping == b.mapping && a->address == b.address;
}

/* A slice names a place by file and address. Tools that know no addresses give every
 * location the same one: all but the first get an address of their own making. */
static int mark_aliases(struct unroll *u)
{
	uint32_t n = ft_profile_n_locations(u->profile);

	u->aliased = calloc((size_t)n + 1, 1);
	if (!u->aliased)
		return -ENOMEM;
	for (uint32_t id = 1; id <= n; id++) {
		struct ft_profile_location location = ft_profile_get_location(u->profile, id);
		uint64_t hash = ft_hash_mix(location.mapping, location.address);
		int r;

		if (ft_index_find(&u->places, hash, same_place, u->profile, &location) !=
		    FT_INDEX_NONE) {
			u->aliased[id] = 1;
			continue;
		}
		r = ft_index_add(&u->places, hash, id);
		if (r < 0)
			return r;
	}
	return 0;
}

static int put_file(struct unroll *u, uint32_t mapping, uint32_t *ret_id)
{
	struct ft_dictionary_file file = {
		.kind = FT_FILE_OTHER, .path = "", .build_id = "", .identity = ""
	};
	char number[16];

	if (mapping) {
		const struct ft_profile_mapping *m = ft_profile_get_mapping(u->profile, mapping);

		/* Addresses are the mapping's own and stay it: two mappings are two files. */
		snprintf(number, sizeof(number), "%u", mapping);
		file.kind = m->kind == FT_FILE_ELF ? FT_FILE_OTHER : m->kind;
		file.path = text_of(u, m->path);
		file.build_id = text_of(u, m->build_id);
		file.identity = number;
	}
	return ft_dictionary_file(u->dictionary, u->out, mapping, &file, ret_id);
}

static int put_names(struct unroll *u, uint32_t id, const struct ft_profile_location *location)
{
	struct ft_dictionary_line lines[FT_SLICE_MAX_LINES];
	uint32_t n = FT_MIN(location->n_lines, (uint32_t)FT_SLICE_MAX_LINES);

	for (uint32_t i = 0; i < n; i++) {
		const struct ft_profile_line *from = &location->lines[i];
		const struct ft_profile_function *function =
			ft_profile_get_function(u->profile, from->function);
		struct ft_dictionary_line *line = &lines[i];

		*line = (struct ft_dictionary_line){ .flags = from->flags };
		line->function = ft_profile_get_string(u->profile, function->name,
						       &line->function_len);
		line->system = ft_profile_get_string(u->profile, function->system,
						     &line->system_len);
		line->source = ft_profile_get_string(u->profile, function->file, &line->source_len);
		line->line = (uint32_t)FT_MIN(FT_MAX(from->line, (int64_t)0), (int64_t)UINT32_MAX);
		line->column = (uint32_t)FT_MIN(FT_MAX(from->column, (int64_t)0),
						(int64_t)UINT32_MAX);
	}
	return ft_dictionary_names(u->dictionary, u->out, id, lines, n);
}

static int put_location(struct unroll *u, uint32_t from, uint32_t *ret_id)
{
	struct ft_profile_location location = ft_profile_get_location(u->profile, from);
	uint64_t address = u->aliased[from] ? 1ull << 63 | from : location.address;
	uint32_t file;
	int r;

	r = put_file(u, location.mapping, &file);
	if (r >= 0)
		r = ft_dictionary_location(u->dictionary, u->out, file, address, ret_id);
	if (r == FT_DICTIONARY_NEW && location.n_lines > 0)
		r = put_names(u, *ret_id, &location);
	return r;
}

static int put_stack(struct unroll *u, uint32_t from, uint32_t *ret_id)
{
	uint32_t frames[FT_SLICE_MAX_FRAMES], n;
	const uint32_t *stack = ft_profile_get_stack(u->profile, from, &n);

	/* The root's end is what a deeper stack loses. */
	n = FT_MIN(n, (uint32_t)FT_COUNT(frames));
	for (uint32_t i = 0; i < n; i++) {
		int r = put_location(u, stack[i], &frames[i]);

		if (r < 0)
			return r;
	}
	return ft_dictionary_stack(u->dictionary, u->out, frames, n, ret_id);
}

static int put_text(struct unroll *u, uint32_t from, uint32_t *ret_id)
{
	size_t len;
	const char *text = ft_profile_get_string(u->profile, from, &len);

	return ft_dictionary_string(u->dictionary, u->out, text, FT_MIN(len, FT_SLICE_MAX_TEXT - 1),
				    ret_id);
}

static int put_labels(struct unroll *u, uint32_t from, uint32_t *ret_id)
{
	struct ft_label labels[FT_SLICE_MAX_LABELS];
	uint32_t n;
	const struct ft_label *set = ft_profile_get_labels(u->profile, from, &n);
	int r;

	n = FT_MIN(n, (uint32_t)FT_COUNT(labels));
	for (uint32_t i = 0; i < n; i++) {
		labels[i] = set[i];
		r = put_text(u, set[i].key, &labels[i].key);
		if (r >= 0)
			r = put_text(u, set[i].text, &labels[i].text);
		if (r >= 0)
			r = put_text(u, set[i].unit, &labels[i].unit);
		if (r < 0)
			return r;
	}
	return ft_dictionary_labels(u->dictionary, u->out, labels, n, ret_id);
}

/* ---- blocks ---- */

/* The kind a sample type becomes: 1 is the default type. */
static uint32_t kind_of(const struct ft_profile_info *info, uint32_t type)
{
	if (type == info->default_type)
		return 1;
	return type < info->default_type ? type + 2 : type + 1;
}

static bool is_count(const struct unroll *u, uint32_t type)
{
	return strcmp(text_of(u, u->info->types[type].unit), "count") == 0;
}

static void put_kinds(struct unroll *u)
{
	const struct ft_profile_info *info = u->info;

	for (uint32_t id = 1; id <= info->n_types; id++) {
		for (uint32_t type = 0; type < info->n_types; type++) {
			const char *name = text_of(u, info->types[type].type);
			bool paired = type > 0 && is_count(u, type - 1) && !is_count(u, type);
			struct ft_slice_kind kind = {
				.id = id,
				.name = name,
				.events = paired ? text_of(u, info->types[type - 1].type)
						 : "samples",
				.value = name,
				.unit = text_of(u, info->types[type].unit),
			};

			if (kind_of(info, type) != id)
				continue;
			if (info->period > 0 && info->period_type.type == info->types[type].type)
				kind.period = (uint64_t)info->period;
			ft_slice_put_kind(u->out, &kind);
		}
	}
}

static void begin_block(struct unroll *u)
{
	bool first = u->out->len == FT_SLICE_MAGIC_BYTES;

	u->begun = ft_slice_begin(u->out, &u->span);
	u->n_rows = 0;
	if (first || ft_dictionary_full(u->dictionary)) {
		ft_dictionary_begin_epoch(u->dictionary, u->out);
		put_kinds(u);
	}
}

static uint64_t count_of(const struct unroll *u, const int64_t *values, uint32_t type)
{
	int64_t count = 1;

	if (is_count(u, type))
		count = values[type];
	else if (type > 0 && is_count(u, type - 1))
		count = values[type - 1];
	return count > 0 ? (uint64_t)count : 1;
}

static int put_row(struct unroll *u, const struct ft_profile_row *row)
{
	struct ft_slice_sample sample = { .time_ns = u->span.from_ns };
	int r;

	r = put_stack(u, row->stack, &sample.stack);
	if (r >= 0)
		r = put_labels(u, row->labels, &sample.labels);
	for (uint32_t type = 0; r >= 0 && type < u->info->n_types; type++) {
		if (row->values[type] == 0)
			continue;
		sample.kind = kind_of(u->info, type);
		sample.count = count_of(u, row->values, type);
		sample.value = row->values[type];
		ft_slice_put_sample(u->out, &u->span, &sample);
	}
	u->n_rows++;
	return r < 0 ? r : u->out->error;
}

static int put_rows(struct unroll *u)
{
	uint32_t n = ft_profile_n_rows(u->profile);
	int r = 0;

	begin_block(u);
	for (uint32_t i = 0; r == 0 && i < n; i++) {
		struct ft_profile_row row = ft_profile_get_row(u->profile, i);

		r = put_row(u, &row);
		if (r == 0 && (u->out->len - u->begun > BLOCK_BYTES || u->n_rows == BLOCK_ROWS ||
			       ft_dictionary_full(u->dictionary))) {
			r = ft_slice_finish(u->out, u->begun);
			if (r == 0)
				begin_block(u);
		}
	}
	return r < 0 ? r : ft_slice_finish(u->out, u->begun);
}

int ft_unroll(const struct ft_profile *profile, uint64_t time_ns, struct ft_buffer *out)
{
	FT_CLEANUP(unroll_deinit)
	struct unroll u = { .profile = profile,
			    .info = ft_profile_info_const(profile),
			    .out = out };
	uint64_t duration = u.info->duration_ns ? u.info->duration_ns : FT_NS_PER_SEC;
	uint64_t from = u.info->time_ns ? u.info->time_ns : time_ns;
	int r;

	assert(out->len == 0);

	/* A duration may be nonsense; the end must be a time. */
	u.span = (struct ft_slice_span){ .from_ns = FT_MIN(from, (uint64_t)INT64_MAX / 2),
					 .untimed = 1 };
	u.span.to_ns = u.span.from_ns + FT_MIN(duration, (uint64_t)INT64_MAX / 4);
	r = mark_aliases(&u);
	if (r == 0)
		r = ft_dictionary_new(&u.dictionary);
	if (r < 0)
		return r;
	ft_buffer_put(out, FT_SLICE_MAGIC, FT_SLICE_MAGIC_BYTES);
	return put_rows(&u);
}
