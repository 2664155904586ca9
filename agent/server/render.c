#include "agent/server/render.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/outcome.h"
#include "agent/profile/placement.h"
#include "agent/profile/profile.h"
#include "agent/server/catalog.h"
#include "agent/server/id_table.h"
#include "agent/server/query.h"
#include "agent/server/rows.h"
#include "base/array.h"

/* A set's labels, and tid, thread, cpu, outcome. */
#define MAX_LABELS (FT_SLICE_MAX_LABELS + 4)

/* A label set as the profile has it. */
struct set {
	bool selected;
	uint32_t n;
	struct ft_label labels[FT_SLICE_MAX_LABELS];
};

struct render {
	struct ft_database *database;
	struct ft_profile *profile;
	const struct ft_query *query;
	struct ft_id_table strings, locations, stacks; /* store to profile */
	struct ft_id_table sets;		       /* store to place in sets_list + 1 */
	struct ft_array sets_list;		       /* struct set */
	struct ft_buffer text;
	uint32_t tid, thread, cpu, outcome, comm, pid; /* keys, in the profile */
};

static void render_deinit(struct render *render)
{
	ft_id_table_deinit(&render->strings);
	ft_id_table_deinit(&render->locations);
	ft_id_table_deinit(&render->stacks);
	ft_id_table_deinit(&render->sets);
	ft_array_deinit(&render->sets_list);
	ft_buffer_deinit(&render->text);
}

static int put_string(struct render *render, uint32_t string, uint32_t *ret_id)
{
	uint32_t id = ft_id_table_get(&render->strings, string);
	int r = 0;

	if (!id && string) {
		r = ft_catalog_get_string(render->database, string, &render->text);
		if (r < 0)
			return r;
		r = ft_profile_string(render->profile, (const char *)render->text.data,
				      render->text.len, &id);
		if (r == 0)
			r = ft_id_table_set(&render->strings, string, id);
	}
	if (r == 0)
		*ret_id = id;
	return r;
}

static int put_literal(struct render *render, const char *text, uint32_t *ret_id)
{
	return ft_profile_string(render->profile, text, strlen(text), ret_id);
}

/* ---- places ---- */

static int put_mapping(struct render *render, const struct ft_slice_location *at,
		       struct ft_profile_location *location)
{
	struct ft_segment segments[FT_SLICE_MAX_SEGMENTS];
	struct ft_slice_file file = { .kind = FT_FILE_UNKNOWN };
	struct ft_profile_mapping mapping = { 0 };
	int r;

	location->address = at->address;
	r = ft_catalog_get_file(render->database, at->file, segments, &file);
	if (r <= 0)
		return r;
	location->address = ft_placement(&file, at->address, &mapping);
	r = put_string(render, file.path, &mapping.path);
	if (r == 0)
		r = put_string(render, file.build_id, &mapping.build_id);
	if (r == 0)
		r = put_string(render, file.identity, &mapping.identity);
	if (r == 0)
		r = ft_profile_mapping(render->profile, &mapping, &location->mapping);
	return r;
}

static int put_line(struct render *render, const struct ft_line *line,
		    struct ft_profile_line *ret_line)
{
	struct ft_profile_function function = { 0 };
	int r;

	*ret_line = (struct ft_profile_line){ .line = line->line,
					      .column = line->column,
					      .flags = line->flags };
	r = put_string(render, line->function, &function.name);
	if (r == 0)
		r = put_string(render, line->system, &function.system);
	if (r == 0)
		r = put_string(render, line->file, &function.file);
	if (r == 0)
		r = ft_profile_function(render->profile, &function, &ret_line->function);
	return r;
}

static int put_location(struct render *render, uint32_t stored, uint32_t *ret_id)
{
	struct ft_line chain[FT_SLICE_MAX_LINES];
	struct ft_profile_line lines[FT_SLICE_MAX_LINES];
	struct ft_profile_location location = { .lines = lines };
	struct ft_slice_location at = { 0 };
	uint32_t id = ft_id_table_get(&render->locations, stored);
	int r;

	if (id) {
		*ret_id = id;
		return 0;
	}
	r = ft_catalog_get_location(render->database, stored, chain, &location.n_lines, &at);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < location.n_lines; i++) {
		r = put_line(render, &chain[i], &lines[i]);
		if (r < 0)
			return r;
	}
	r = put_mapping(render, &at, &location);
	if (r >= 0)
		r = ft_profile_location(render->profile, &location, &id);
	if (r == 0)
		r = ft_id_table_set(&render->locations, stored, id);
	if (r == 0)
		*ret_id = id;
	return r;
}

static int put_stack(struct render *render, uint32_t stored, uint32_t *ret_id)
{
	uint32_t id = ft_id_table_get(&render->stacks, stored);
	uint32_t frames[FT_SLICE_MAX_FRAMES];
	uint32_t n = 0;
	int r;

	if (id || !stored) {
		*ret_id = id;
		return 0;
	}
	r = ft_catalog_get_stack(render->database, stored, frames, &n);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++) {
		r = put_location(render, frames[i], &frames[i]);
		if (r < 0)
			return r;
	}
	r = ft_profile_stack(render->profile, frames, n, &id);
	if (r == 0)
		r = ft_id_table_set(&render->stacks, stored, id);
	if (r == 0)
		*ret_id = id;
	return r;
}

/* ---- labels ---- */

static bool is_selected(const struct render *render, const struct set *set)
{
	const struct ft_query *query = render->query;
	bool pid = query->pid < 0, comm = !query->comm;

	for (uint32_t i = 0; i < set->n; i++) {
		const struct ft_label *label = &set->labels[i];

		if (label->key == render->pid && !label->text && label->number == query->pid)
			pid = true;
		if (!comm && label->key == render->comm)
			comm = strcmp(ft_profile_get_string(render->profile, label->text, NULL),
				      query->comm) == 0;
	}
	return pid && comm;
}

static int load_set(struct render *render, uint32_t stored, struct set *set)
{
	uint32_t n = 0;
	int r;

	*set = (struct set){ 0 };
	if (stored) {
		r = ft_catalog_get_labels(render->database, stored, set->labels, &n);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct ft_label *label = &set->labels[i];

		r = put_string(render, label->key, &label->key);
		if (r == 0)
			r = put_string(render, label->text, &label->text);
		if (r == 0)
			r = put_string(render, label->unit, &label->unit);
		if (r < 0)
			return r;
	}
	set->n = n;
	set->selected = is_selected(render, set);
	if (!render->query->only_comm)
		return 0;
	set->n = 0;
	for (uint32_t i = 0; i < n; i++)
		if (set->labels[i].key == render->comm || set->labels[i].key == render->outcome)
			set->labels[set->n++] = set->labels[i];
	return 0;
}

/* The set, borrowed until the next one. */
static int find_set(struct render *render, uint32_t stored, const struct set **ret_set)
{
	uint32_t place = ft_id_table_get(&render->sets, stored);
	struct set set;
	int r;

	if (!place) {
		r = load_set(render, stored, &set);
		if (r == 0)
			r = ft_array_push(&render->sets_list, &set, 1);
		if (r < 0)
			return r;
		place = render->sets_list.n;
		r = ft_id_table_set(&render->sets, stored, place);
		if (r < 0)
			return r;
	}
	*ret_set = ft_array_at(&render->sets_list, place - 1);
	return 0;
}

static int put_labels(struct render *render, const struct ft_row_key *key, const struct set *set,
		      uint32_t *ret_id)
{
	unsigned int with = render->query->with;
	struct ft_label labels[MAX_LABELS] = { 0 };
	uint32_t n = set->n;
	char cpu[16];
	int r = 0;

	memcpy(labels, set->labels, n * sizeof(*labels));
	if (with & FT_QUERY_TID)
		labels[n++] = (struct ft_label){ .key = render->tid, .number = key->tid };
	if (with & FT_QUERY_CPU) {
		/* As text: pprof takes the number 0 for no label at all. */
		snprintf(cpu, sizeof(cpu), "%u", key->cpu);
		labels[n] = (struct ft_label){ .key = render->cpu };
		r = put_literal(render, cpu, &labels[n++].text);
	}
	if (r == 0 && with & FT_QUERY_THREAD && key->thread) {
		labels[n] = (struct ft_label){ .key = render->thread };
		r = put_string(render, key->thread, &labels[n++].text);
	}
	if (r == 0 && key->outcome) {
		labels[n] = (struct ft_label){ .key = render->outcome };
		r = put_literal(render, ft_outcome_name(key->outcome), &labels[n++].text);
	}
	if (r == 0)
		r = ft_profile_labels(render->profile, labels, n, ret_id);
	return r;
}

/* ---- rows ---- */

static int put_row(struct render *render, const struct ft_row *row, uint64_t *n)
{
	int64_t values[2] = { row->count, row->value };
	const struct set *set;
	uint32_t stack, labels = 0;
	int r;

	r = find_set(render, row->key.labels, &set);
	if (r < 0)
		return r;
	if (!set->selected)
		return 0;
	r = put_labels(render, &row->key, set, &labels);
	if (r == 0)
		r = put_stack(render, row->key.stack, &stack);
	if (r == 0)
		r = ft_profile_add(render->profile, stack, labels, values);
	*n += row->n_samples;
	return r;
}

static int put_keys(struct render *render)
{
	const struct {
		const char *text;
		uint32_t *id;
	} keys[] = {
		{ "tid", &render->tid },   { "thread", &render->thread },
		{ "cpu", &render->cpu },   { "outcome", &render->outcome },
		{ "comm", &render->comm }, { "pid", &render->pid },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < FT_COUNT(keys); i++)
		r = put_literal(render, keys[i].text, keys[i].id);
	return r;
}

int ft_render(struct ft_database *database, const struct ft_rows *rows,
	      const struct ft_query *query, struct ft_profile *profile, uint64_t *ret_n)
{
	FT_CLEANUP(render_deinit)
	struct render render = { .database = database,
				 .profile = profile,
				 .query = query,
				 .sets_list = FT_ARRAY_INIT(struct set),
				 .text = FT_BUFFER_INIT(FT_SLICE_MAX_TEXT) };
	uint64_t n = 0;
	int r;

	r = put_keys(&render);
	for (uint32_t i = 0; r == 0 && i < rows->n; i++)
		r = put_row(&render, &rows->rows[i], &n);
	if (r == 0)
		*ret_n = n;
	return r;
}
