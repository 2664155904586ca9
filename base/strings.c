#include "base/strings.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct text {
	const char *at;
	size_t len;
};

void ft_strings_deinit(struct ft_strings *strings)
{
	ft_index_deinit(&strings->index);
	free(strings->bytes);
	free(strings->starts);
	*strings = (struct ft_strings){ .bytes_max = strings->bytes_max };
}

void ft_strings_clear(struct ft_strings *strings)
{
	ft_index_clear(&strings->index);
	strings->bytes_len = 0;
	strings->n = 0;
}

uint32_t ft_strings_count(const struct ft_strings *strings)
{
	return strings->n + 1;
}

const char *ft_strings_get(const struct ft_strings *strings, uint32_t id, size_t *ret_len)
{
	size_t start, end;

	assert(id <= strings->n);
	if (id == 0) {
		if (ret_len)
			*ret_len = 0;
		return "";
	}
	start = strings->starts[id - 1];
	end = id < strings->n ? strings->starts[id] : strings->bytes_len;
	if (ret_len)
		*ret_len = end - start - 1;
	return strings->bytes + start;
}

static bool same_text(const void *context, const void *key, uint32_t id)
{
	const struct text *text = key;
	size_t len;
	const char *have = ft_strings_get(context, id, &len);

	return len == text->len && memcmp(have, text->at, len) == 0;
}

uint32_t ft_strings_find(const struct ft_strings *strings, const char *text, size_t len)
{
	struct text key = { text, len };

	if (len == 0)
		return 0;
	return ft_index_find(&strings->index, ft_hash_bytes(text, len), same_text, strings, &key);
}

static int make_room(struct ft_strings *strings, size_t len)
{
	size_t max = strings->bytes_max ? strings->bytes_max : UINT32_MAX;

	max = FT_MIN(max, (size_t)UINT32_MAX); /* starts[] has 32 bits */
	if (len >= max || strings->bytes_len + len + 1 > max)
		return -E2BIG;
	if (strings->bytes_len + len + 1 > strings->bytes_cap) {
		size_t cap = FT_MIN(FT_MAX(strings->bytes_cap * 2, (size_t)256), max);
		char *bytes;

		cap = FT_MAX(cap, strings->bytes_len + len + 1);
		bytes = realloc(strings->bytes, cap);
		if (!bytes)
			return -ENOMEM;
		strings->bytes = bytes;
		strings->bytes_cap = cap;
	}
	if (strings->n == strings->n_cap) {
		uint32_t cap = strings->n_cap ? strings->n_cap * 2 : 32;
		uint32_t *starts = reallocarray(strings->starts, cap, sizeof(*starts));

		if (!starts)
			return -ENOMEM;
		strings->starts = starts;
		strings->n_cap = cap;
	}
	return 0;
}

int ft_strings_add(struct ft_strings *strings, const char *text, size_t len, uint32_t *ret_id)
{
	uint32_t id = ft_strings_find(strings, text, len);
	int r;

	if (id != FT_INDEX_NONE) {
		*ret_id = id;
		return 0;
	}
	r = make_room(strings, len);
	if (r < 0)
		return r;
	r = ft_index_add(&strings->index, ft_hash_bytes(text, len), strings->n + 1);
	if (r < 0)
		return r;
	memcpy(strings->bytes + strings->bytes_len, text, len);
	strings->bytes[strings->bytes_len + len] = '\0';
	strings->starts[strings->n++] = (uint32_t)strings->bytes_len;
	strings->bytes_len += len + 1;
	*ret_id = strings->n;
	return 0;
}
