#include "agent/profile/profile.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/profile/profile_tables.h"

#define MAX_STRING_BYTES (1u << 30)

int ft_profile_new(struct ft_profile **ret_profile)
{
	struct ft_profile *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->strings.bytes_max = MAX_STRING_BYTES;
	p->functions.items = FT_ARRAY_INIT(struct ft_profile_function);
	p->mappings.items = FT_ARRAY_INIT(struct ft_profile_mapping);
	p->locations.items = FT_ARRAY_INIT(struct ft_profile_place);
	p->lines = FT_ARRAY_INIT(struct ft_profile_line);
	p->stacks.ends = FT_ARRAY_INIT(uint32_t);
	p->stacks.pool = FT_ARRAY_INIT(uint32_t);
	p->labels.ends = FT_ARRAY_INIT(uint32_t);
	p->labels.pool = FT_ARRAY_INIT(struct ft_label);
	p->rows.items = FT_ARRAY_INIT(struct ft_profile_key);
	p->values = FT_ARRAY_INIT(int64_t);
	p->comments = FT_ARRAY_INIT(uint32_t);
	*ret_profile = p;
	return 0;
}

static void table_deinit(struct ft_profile_table *table)
{
	ft_index_deinit(&table->index);
	ft_array_deinit(&table->items);
}

static void lists_deinit(struct ft_profile_lists *lists)
{
	ft_index_deinit(&lists->index);
	ft_array_deinit(&lists->ends);
	ft_array_deinit(&lists->pool);
}

void ft_profile_freep(struct ft_profile **p)
{
	struct ft_profile *profile = FT_TAKE(*p);

	if (!profile)
		return;
	ft_strings_deinit(&profile->strings);
	table_deinit(&profile->functions);
	table_deinit(&profile->mappings);
	table_deinit(&profile->locations);
	ft_array_deinit(&profile->lines);
	lists_deinit(&profile->stacks);
	lists_deinit(&profile->labels);
	table_deinit(&profile->rows);
	ft_array_deinit(&profile->values);
	ft_array_deinit(&profile->comments);
	free(profile);
}

struct ft_profile_info *ft_profile_info(struct ft_profile *profile)
{
	return &profile->info;
}

/* Append an item that is not there yet and index it: all or nothing. */
static int table_add(struct ft_profile_table *table, uint64_t hash, const void *item,
		     uint32_t *ret_id)
{
	uint32_t n = table->items.n;
	int r;

	if (n >= FT_SLICE_MAX_IDS)
		return -E2BIG;
	r = ft_array_push(&table->items, item, 1);
	if (r < 0)
		return r;
	r = ft_index_add(&table->index, hash, n + 1);
	if (r < 0) {
		ft_array_cut(&table->items, n);
		return r;
	}
	*ret_id = n + 1;
	return 0;
}

/* The same for a list. */
static int lists_add(struct ft_profile_lists *lists, uint64_t hash, const void *list, uint32_t n,
		     uint32_t *ret_id)
{
	uint32_t id = lists->ends.n + 1, begin = lists->pool.n;
	int r;

	if (lists->ends.n >= FT_SLICE_MAX_IDS)
		return -E2BIG;
	r = ft_array_push(&lists->pool, list, n);
	if (r < 0)
		return r;
	r = ft_array_push(&lists->ends, &lists->pool.n, 1);
	if (r == 0)
		r = ft_index_add(&lists->index, hash, id);
	if (r < 0) {
		ft_array_cut(&lists->pool, begin);
		ft_array_cut(&lists->ends, id - 1);
		return r;
	}
	*ret_id = id;
	return 0;
}

int ft_profile_string(struct ft_profile *profile, const char *text, size_t len, uint32_t *ret_id)
{
	if (ft_strings_count(&profile->strings) > FT_SLICE_MAX_IDS &&
	    ft_strings_find(&profile->strings, text, len) == FT_INDEX_NONE)
		return -E2BIG;
	return ft_strings_add(&profile->strings, text, len, ret_id);
}

static bool string_exists(const struct ft_profile *profile, uint32_t id)
{
	return id < ft_strings_count(&profile->strings);
}

static bool same_function(const void *context, const void *key, uint32_t id)
{
	const struct ft_profile_function *a = key, *b = ft_profile_get_function(context, id);

	return a->name == b->name && a->system == b->system && a->file == b->file &&
	       a->start_line == b->start_line;
}

int ft_profile_function(struct ft_profile *profile, const struct ft_profile_function *function,
			uint32_t *ret_id)
{
	uint64_t hash = ft_hash_mix(ft_hash_u64((uint64_t)function->name << 32 | function->system),
				    function->file);
	uint32_t id;

	assert(string_exists(profile, function->name));
	assert(string_exists(profile, function->system));
	assert(string_exists(profile, function->file));
	hash = ft_hash_mix(hash, (uint64_t)function->start_line);
	id = ft_index_find(&profile->functions.index, hash, same_function, profile, function);
	if (id == FT_INDEX_NONE)
		return table_add(&profile->functions, hash, function, ret_id);
	*ret_id = id;
	return 0;
}

static bool same_mapping(const void *context, const void *key, uint32_t id)
{
	const struct ft_profile_mapping *a = key, *b = ft_profile_get_mapping(context, id);

	return a->kind == b->kind && a->path == b->path && a->build_id == b->build_id &&
	       a->identity == b->identity && a->start == b->start && a->limit == b->limit &&
	       a->offset == b->offset;
}

int ft_profile_mapping(struct ft_profile *profile, const struct ft_profile_mapping *mapping,
		       uint32_t *ret_id)
{
	uint64_t hash = ft_hash_mix(ft_hash_u64((uint64_t)mapping->path << 32 | mapping->build_id),
				    (uint64_t)mapping->identity << 8 | mapping->kind);
	uint32_t id;

	assert(string_exists(profile, mapping->path));
	assert(string_exists(profile, mapping->build_id));
	assert(string_exists(profile, mapping->identity));
	hash = ft_hash_mix(ft_hash_mix(hash, mapping->start), mapping->limit);
	hash = ft_hash_mix(hash, mapping->offset);
	id = ft_index_find(&profile->mappings.index, hash, same_mapping, profile, mapping);
	if (id == FT_INDEX_NONE)
		return table_add(&profile->mappings, hash, mapping, ret_id);
	*ret_id = id;
	return 0;
}

static bool same_location(const void *context, const void *key, uint32_t id)
{
	const struct ft_profile_location *a = key;
	struct ft_profile_location b = ft_profile_get_location(context, id);

	if (a->mapping != b.mapping || a->address != b.address || a->n_lines != b.n_lines)
		return false;
	for (uint32_t i = 0; i < a->n_lines; i++) {
		const struct ft_profile_line *x = &a->lines[i], *y = &b.lines[i];

		if (x->function != y->function || x->line != y->line || x->column != y->column ||
		    x->flags != y->flags)
			return false;
	}
	return true;
}

static uint64_t hash_location(const struct ft_profile_location *location)
{
	uint64_t hash = ft_hash_mix(ft_hash_u64(location->address), location->mapping);

	for (uint32_t i = 0; i < location->n_lines; i++) {
		const struct ft_profile_line *line = &location->lines[i];

		hash = ft_hash_mix(hash, (uint64_t)line->function << 8 | line->flags);
		hash = ft_hash_mix(ft_hash_mix(hash, (uint64_t)line->line), (uint64_t)line->column);
	}
	return hash;
}

int ft_profile_location(struct ft_profile *profile, const struct ft_profile_location *location,
			uint32_t *ret_id)
{
	struct ft_profile_place place = { .address = location->address,
					  .mapping = location->mapping };
	uint64_t hash = hash_location(location);
	uint32_t begin = profile->lines.n;
	uint32_t id;
	int r;

	assert(location->mapping <= profile->mappings.items.n);
	id = ft_index_find(&profile->locations.index, hash, same_location, profile, location);
	if (id != FT_INDEX_NONE) {
		*ret_id = id;
		return 0;
	}
	for (uint32_t i = 0; i < location->n_lines; i++)
		assert(location->lines[i].function <= profile->functions.items.n);
	r = ft_array_push(&profile->lines, location->lines, location->n_lines);
	if (r < 0)
		return r;
	place.lines_end = profile->lines.n;
	r = table_add(&profile->locations, hash, &place, ret_id);
	if (r < 0)
		ft_array_cut(&profile->lines, begin);
	return r;
}

struct list {
	const void *items;
	uint32_t n;
};

static bool same_stack(const void *context, const void *key, uint32_t id)
{
	const struct list *a = key;
	uint32_t n;
	const uint32_t *b = ft_profile_get_stack(context, id, &n);

	return a->n == n && memcmp(a->items, b, n * sizeof(*b)) == 0;
}

int ft_profile_stack(struct ft_profile *profile, const uint32_t *locations, uint32_t n,
		     uint32_t *ret_id)
{
	struct list key = { locations, n };
	uint64_t hash;
	uint32_t id;

	if (n == 0) {
		*ret_id = 0;
		return 0;
	}
	hash = ft_hash_bytes(locations, n * sizeof(*locations));
	id = ft_index_find(&profile->stacks.index, hash, same_stack, profile, &key);
	if (id != FT_INDEX_NONE) {
		*ret_id = id;
		return 0;
	}
	for (uint32_t i = 0; i < n; i++)
		assert(locations[i] && locations[i] <= profile->locations.items.n);
	return lists_add(&profile->stacks, hash, locations, n, ret_id);
}

static bool same_labels(const void *context, const void *key, uint32_t id)
{
	const struct list *list = key;
	const struct ft_label *a = list->items;
	uint32_t n;
	const struct ft_label *b = ft_profile_get_labels(context, id, &n);

	if (list->n != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (a[i].key != b[i].key || a[i].text != b[i].text || a[i].number != b[i].number ||
		    a[i].unit != b[i].unit)
			return false;
	return true;
}

/* Whether a's key text comes before b's, as bytes. */
static bool key_before(const struct ft_profile *profile, uint32_t a, uint32_t b)
{
	size_t a_len, b_len;
	const char *a_text = ft_strings_get(&profile->strings, a, &a_len);
	const char *b_text = ft_strings_get(&profile->strings, b, &b_len);
	int order = memcmp(a_text, b_text, FT_MIN(a_len, b_len));

	return order < 0 || (order == 0 && a_len < b_len);
}

int ft_profile_labels(struct ft_profile *profile, const struct ft_label *labels, uint32_t n,
		      uint32_t *ret_id)
{
	struct ft_label sorted[FT_PROFILE_MAX_LABELS];
	struct list key = { sorted, n };
	uint64_t hash = n;
	uint32_t id;

	if (n > FT_PROFILE_MAX_LABELS)
		return -E2BIG;
	if (n == 0) {
		*ret_id = 0;
		return 0;
	}
	/* Insertion: sets are short, and equal keys stay in the order they came in. */
	for (uint32_t i = 0, at; i < n; i++) {
		assert(string_exists(profile, labels[i].key));
		assert(string_exists(profile, labels[i].text));
		assert(string_exists(profile, labels[i].unit));
		for (at = i; at && key_before(profile, labels[i].key, sorted[at - 1].key); at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = labels[i];
	}
	for (uint32_t i = 0; i < n; i++) {
		hash = ft_hash_mix(hash, (uint64_t)sorted[i].key << 32 | sorted[i].text);
		hash = ft_hash_mix(ft_hash_mix(hash, (uint64_t)sorted[i].number), sorted[i].unit);
	}
	id = ft_index_find(&profile->labels.index, hash, same_labels, profile, &key);
	if (id == FT_INDEX_NONE)
		return lists_add(&profile->labels, hash, sorted, n, ret_id);
	*ret_id = id;
	return 0;
}

static bool same_row(const void *context, const void *key, uint32_t id)
{
	const struct ft_profile *profile = context;
	const struct ft_profile_key *a = key, *b = ft_array_at(&profile->rows.items, id - 1);

	return a->stack == b->stack && a->labels == b->labels;
}

/* All sums or none. */
static int add_to_row(struct ft_profile *profile, uint32_t row, const int64_t *values)
{
	int64_t *have = ft_array_at(&profile->values, row * profile->n_types);
	int64_t sums[FT_PROFILE_MAX_TYPES];

	for (uint32_t i = 0; i < profile->n_types; i++)
		if (__builtin_add_overflow(have[i], values[i], &sums[i]))
			return -EOVERFLOW;
	memcpy(have, sums, profile->n_types * sizeof(*have));
	return 0;
}

int ft_profile_add(struct ft_profile *profile, uint32_t stack, uint32_t labels,
		   const int64_t *values)
{
	struct ft_profile_key key = { stack, labels };
	uint64_t hash = ft_hash_u64((uint64_t)stack << 32 | labels);
	uint32_t id, begin = profile->values.n;
	int r;

	assert(stack <= profile->stacks.ends.n);
	assert(labels <= profile->labels.ends.n);
	if (profile->rows.items.n == 0)
		profile->n_types = profile->info.n_types;
	assert(profile->n_types && profile->n_types <= FT_PROFILE_MAX_TYPES);
	assert(profile->n_types == profile->info.n_types);

	id = ft_index_find(&profile->rows.index, hash, same_row, profile, &key);
	if (id != FT_INDEX_NONE)
		return add_to_row(profile, id - 1, values);
	r = ft_array_push(&profile->values, values, profile->n_types);
	if (r < 0)
		return r;
	r = table_add(&profile->rows, hash, &key, &id);
	if (r < 0)
		ft_array_cut(&profile->values, begin);
	return r;
}

int ft_profile_comment(struct ft_profile *profile, const char *text)
{
	uint32_t id;
	int r;

	if (profile->comments.n >= FT_SLICE_MAX_IDS)
		return -E2BIG;
	r = ft_profile_string(profile, text, strlen(text), &id);
	if (r < 0)
		return r;
	return ft_array_push(&profile->comments, &id, 1);
}
