#include "agent/profile/profile.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/profile_tables.h"
#include "base/utf8.h"

const struct ft_profile_info *ft_profile_info_const(const struct ft_profile *profile)
{
	return &profile->info;
}

uint32_t ft_profile_n_strings(const struct ft_profile *profile)
{
	return ft_strings_count(&profile->strings) - 1;
}

uint32_t ft_profile_n_functions(const struct ft_profile *profile)
{
	return profile->functions.items.n;
}

uint32_t ft_profile_n_mappings(const struct ft_profile *profile)
{
	return profile->mappings.items.n;
}

uint32_t ft_profile_n_locations(const struct ft_profile *profile)
{
	return profile->locations.items.n;
}

uint32_t ft_profile_n_stacks(const struct ft_profile *profile)
{
	return profile->stacks.ends.n;
}

uint32_t ft_profile_n_label_sets(const struct ft_profile *profile)
{
	return profile->labels.ends.n;
}

uint32_t ft_profile_n_rows(const struct ft_profile *profile)
{
	return profile->rows.items.n;
}

uint32_t ft_profile_n_comments(const struct ft_profile *profile)
{
	return profile->comments.n;
}

const char *ft_profile_get_string(const struct ft_profile *profile, uint32_t id, size_t *ret_len)
{
	return ft_strings_get(&profile->strings, id, ret_len);
}

const struct ft_profile_function *ft_profile_get_function(const struct ft_profile *profile,
							  uint32_t id)
{
	return ft_array_at(&profile->functions.items, id - 1);
}

const struct ft_profile_mapping *ft_profile_get_mapping(const struct ft_profile *profile,
							uint32_t id)
{
	return ft_array_at(&profile->mappings.items, id - 1);
}

struct ft_profile_location ft_profile_get_location(const struct ft_profile *profile, uint32_t id)
{
	const struct ft_profile_place *place = ft_array_at(&profile->locations.items, id - 1);
	uint32_t begin = id > 1 ? place[-1].lines_end : 0;
	struct ft_profile_location location = {
		.mapping = place->mapping,
		.address = place->address,
		.n_lines = place->lines_end - begin,
	};

	if (location.n_lines)
		location.lines = ft_array_at(&profile->lines, begin);
	return location;
}

/* List id >= 1; lists are never empty. */
static const void *get_list(const struct ft_profile_lists *lists, uint32_t id, uint32_t *ret_n)
{
	const uint32_t *end = ft_array_at(&lists->ends, id - 1);
	uint32_t begin = id > 1 ? end[-1] : 0;

	*ret_n = *end - begin;
	return ft_array_at(&lists->pool, begin);
}

const uint32_t *ft_profile_get_stack(const struct ft_profile *profile, uint32_t id, uint32_t *ret_n)
{
	if (id)
		return get_list(&profile->stacks, id, ret_n);
	*ret_n = 0;
	return NULL;
}

const struct ft_label *ft_profile_get_labels(const struct ft_profile *profile, uint32_t id,
					     uint32_t *ret_n)
{
	if (id)
		return get_list(&profile->labels, id, ret_n);
	*ret_n = 0;
	return NULL;
}

struct ft_profile_row ft_profile_get_row(const struct ft_profile *profile, uint32_t index)
{
	const struct ft_profile_key *key = ft_array_at(&profile->rows.items, index);

	return (struct ft_profile_row){
		.stack = key->stack,
		.labels = key->labels,
		.values = ft_array_at(&profile->values, index * profile->n_types),
	};
}

uint32_t ft_profile_get_comment(const struct ft_profile *profile, uint32_t index)
{
	return *(const uint32_t *)ft_array_at(&profile->comments, index);
}

int64_t ft_profile_total(const struct ft_profile *profile, uint32_t type)
{
	int64_t total = 0;

	assert(type < profile->info.n_types);
	for (uint32_t i = 0; i < profile->rows.items.n; i++) {
		int64_t value = ft_profile_get_row(profile, i).values[type];

		/* Each row fits; that their sum does not takes a forged file. */
		if (__builtin_add_overflow(total, value, &total))
			return value < 0 ? INT64_MIN : INT64_MAX;
	}
	return total;
}

const char *ft_profile_frame_name(const struct ft_profile *profile, uint32_t location,
				  uint32_t line, char *text, size_t size)
{
	struct ft_profile_location l = ft_profile_get_location(profile, location);
	const char *name = "[unknown]", *slash;
	char address[32];
	size_t len;

	assert(size);
	if (line < l.n_lines && l.lines[line].function) {
		const struct ft_profile_function *function =
			ft_profile_get_function(profile, l.lines[line].function);

		name = ft_profile_get_string(
			profile, function->name ? function->name : function->system, &len);
		if (len) {
			ft_utf8_clean(name, len, text, size);
			return text;
		}
		name = "[unknown]";
	}
	if (l.mapping) {
		uint32_t path = ft_profile_get_mapping(profile, l.mapping)->path;

		if (path)
			name = ft_profile_get_string(profile, path, NULL);
	}
	slash = strrchr(name, '/');
	if (slash && slash[1])
		name = slash + 1;
	snprintf(address, sizeof(address), "+0x%" PRIx64, l.address);
	len = strlen(address);
	/* The address tells frames of one file apart: the file's name is cut first. */
	len = ft_utf8_clean(name, strlen(name), text, size > len ? size - len : 1);
	snprintf(text + len, size - len, "%s", address);
	return text;
}
