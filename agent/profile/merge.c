#include "agent/profile/merge.h"

#include <assert.h>

#include "base/array.h"

/* What each id of from is in into; index 0 stays 0. Dictionaries are translated one
 * after another, each needing only those before it. */
struct merge {
	struct ft_profile *into;
	const struct ft_profile *from;
	struct ft_array strings, mappings, functions, locations, stacks, labels; /* uint32_t */
	/* The list being translated. */
	struct ft_array lines;	/* struct ft_profile_line */
	struct ft_array frames; /* uint32_t */
	struct ft_array set;	/* struct ft_label */
};

static void merge_deinit(struct merge *m)
{
	ft_array_deinit(&m->strings);
	ft_array_deinit(&m->mappings);
	ft_array_deinit(&m->functions);
	ft_array_deinit(&m->locations);
	ft_array_deinit(&m->stacks);
	ft_array_deinit(&m->labels);
	ft_array_deinit(&m->lines);
	ft_array_deinit(&m->frames);
	ft_array_deinit(&m->set);
}

static uint32_t lookup(const struct ft_array *ids, uint32_t id)
{
	return *(const uint32_t *)ft_array_at(ids, id);
}

/* Room for ids 0 to n, all 0. */
static int ids_init(struct ft_array *ids, uint32_t n)
{
	*ids = FT_ARRAY_INIT(uint32_t);
	return ft_array_push(ids, NULL, n + 1);
}

/* Make it n zeroed items. */
static int refill(struct ft_array *list, uint32_t n)
{
	ft_array_cut(list, 0);
	return ft_array_push(list, NULL, n);
}

static int merge_strings(struct merge *m)
{
	uint32_t n = ft_profile_n_strings(m->from);
	int r = ids_init(&m->strings, n);

	for (uint32_t id = 1; r == 0 && id <= n; id++) {
		size_t len;
		const char *text = ft_profile_get_string(m->from, id, &len);

		r = ft_profile_string(m->into, text, len, ft_array_at(&m->strings, id));
	}
	return r;
}

static int merge_mappings(struct merge *m)
{
	uint32_t n = ft_profile_n_mappings(m->from);
	int r = ids_init(&m->mappings, n);

	for (uint32_t id = 1; r == 0 && id <= n; id++) {
		struct ft_profile_mapping mapping = *ft_profile_get_mapping(m->from, id);

		mapping.path = lookup(&m->strings, mapping.path);
		mapping.build_id = lookup(&m->strings, mapping.build_id);
		mapping.identity = lookup(&m->strings, mapping.identity);
		r = ft_profile_mapping(m->into, &mapping, ft_array_at(&m->mappings, id));
	}
	return r;
}

static int merge_functions(struct merge *m)
{
	uint32_t n = ft_profile_n_functions(m->from);
	int r = ids_init(&m->functions, n);

	for (uint32_t id = 1; r == 0 && id <= n; id++) {
		struct ft_profile_function function = *ft_profile_get_function(m->from, id);

		function.name = lookup(&m->strings, function.name);
		function.system = lookup(&m->strings, function.system);
		function.file = lookup(&m->strings, function.file);
		r = ft_profile_function(m->into, &function, ft_array_at(&m->functions, id));
	}
	return r;
}

static int merge_location(struct merge *m, uint32_t id)
{
	struct ft_profile_location location = ft_profile_get_location(m->from, id);
	struct ft_profile_line *lines;
	int r = refill(&m->lines, location.n_lines);

	if (r < 0)
		return r;
	lines = m->lines.items;
	for (uint32_t i = 0; i < location.n_lines; i++) {
		lines[i] = location.lines[i];
		lines[i].function = lookup(&m->functions, lines[i].function);
	}
	location.lines = lines;
	location.mapping = lookup(&m->mappings, location.mapping);
	return ft_profile_location(m->into, &location, ft_array_at(&m->locations, id));
}

static int merge_stack(struct merge *m, uint32_t id)
{
	uint32_t n, *ids;
	const uint32_t *stack = ft_profile_get_stack(m->from, id, &n);
	int r = refill(&m->frames, n);

	if (r < 0)
		return r;
	ids = m->frames.items;
	for (uint32_t i = 0; i < n; i++)
		ids[i] = lookup(&m->locations, stack[i]);
	return ft_profile_stack(m->into, ids, n, ft_array_at(&m->stacks, id));
}

static int merge_label_set(struct merge *m, uint32_t id)
{
	uint32_t n;
	const struct ft_label *set = ft_profile_get_labels(m->from, id, &n);
	struct ft_label *labels;
	int r = refill(&m->set, n);

	if (r < 0)
		return r;
	labels = m->set.items;
	for (uint32_t i = 0; i < n; i++)
		labels[i] = (struct ft_label){ .key = lookup(&m->strings, set[i].key),
					       .text = lookup(&m->strings, set[i].text),
					       .number = set[i].number,
					       .unit = lookup(&m->strings, set[i].unit) };
	return ft_profile_labels(m->into, labels, n, ft_array_at(&m->labels, id));
}

/* Ids 1 to n of one dictionary, each by one. */
static int merge_each(struct merge *m, struct ft_array *ids, uint32_t n,
		      int (*one)(struct merge *m, uint32_t id))
{
	int r = ids_init(ids, n);

	for (uint32_t id = 1; r == 0 && id <= n; id++)
		r = one(m, id);
	return r;
}

static int merge_rows(struct merge *m)
{
	uint32_t n = ft_profile_n_rows(m->from);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < n; i++) {
		struct ft_profile_row row = ft_profile_get_row(m->from, i);

		r = ft_profile_add(m->into, lookup(&m->stacks, row.stack),
				   lookup(&m->labels, row.labels), row.values);
	}
	return r;
}

int ft_profile_merge(struct ft_profile *into, const struct ft_profile *from)
{
	FT_CLEANUP(merge_deinit)
	struct merge m = { .into = into, .from = from };
	int r;

	assert(into != from);
	assert(ft_profile_info(into)->n_types == ft_profile_info_const(from)->n_types);
	m.lines = FT_ARRAY_INIT(struct ft_profile_line);
	m.frames = FT_ARRAY_INIT(uint32_t);
	m.set = FT_ARRAY_INIT(struct ft_label);
	r = merge_strings(&m);
	if (r == 0)
		r = merge_mappings(&m);
	if (r == 0)
		r = merge_functions(&m);
	if (r == 0)
		r = merge_each(&m, &m.locations, ft_profile_n_locations(from), merge_location);
	if (r == 0)
		r = merge_each(&m, &m.stacks, ft_profile_n_stacks(from), merge_stack);
	if (r == 0)
		r = merge_each(&m, &m.labels, ft_profile_n_label_sets(from), merge_label_set);
	return r == 0 ? merge_rows(&m) : r;
}
