#include "agent/profile/mappings.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct ft_mappings {
	uint32_t owners;
	uint32_t n, cap;
	struct ft_mapping at[];
};

static struct ft_mappings *allocate(uint32_t cap)
{
	struct ft_mappings *m = malloc(sizeof(*m) + cap * sizeof(m->at[0]));

	if (!m)
		return NULL;
	m->owners = 1;
	m->n = 0;
	m->cap = cap;
	return m;
}

int ft_mappings_new(struct ft_mappings **ret_mappings)
{
	struct ft_mappings *m = allocate(8);

	if (!m)
		return -ENOMEM;
	*ret_mappings = m;
	return 0;
}

struct ft_mappings *ft_mappings_share(struct ft_mappings *mappings)
{
	mappings->owners++;
	return mappings;
}

void ft_mappings_dropp(struct ft_mappings **p)
{
	struct ft_mappings *m = FT_TAKE(*p);

	if (m && --m->owners == 0)
		free(m);
}

/* Index of the first range that ends after address. */
static uint32_t first_after(const struct ft_mappings *m, uint64_t address)
{
	uint32_t low = 0, high = m->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (m->at[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Ranges [first, last) of m meet mapping: append what it leaves of them, and itself. */
static void append_around(struct ft_mappings *out, const struct ft_mappings *m, uint32_t first,
			  uint32_t last, const struct ft_mapping *mapping)
{
	if (first < last && m->at[first].start < mapping->start) {
		out->at[out->n] = m->at[first];
		out->at[out->n++].end = mapping->start;
	}
	out->at[out->n++] = *mapping;
	if (first < last && m->at[last - 1].end > mapping->end) {
		struct ft_mapping tail = m->at[last - 1];

		tail.offset += mapping->end - tail.start;
		tail.start = mapping->end;
		out->at[out->n++] = tail;
	}
}

int ft_mappings_insert(struct ft_mappings **p, const struct ft_mapping *mapping)
{
	struct ft_mappings *m = *p, *out;
	uint32_t first = first_after(m, mapping->start);
	uint32_t last = first;

	if (mapping->start >= mapping->end)
		return -EINVAL;
	while (last < m->n && m->at[last].start < mapping->end)
		last++;

	if (m->owners == 1 && first == last && m->n < m->cap && m->n < FT_MAPPINGS_MAX) {
		memmove(&m->at[first + 1], &m->at[first], (m->n - first) * sizeof(m->at[0]));
		m->at[first] = *mapping;
		m->n++;
		return 0;
	}
	/* Otherwise a new list: sharers keep the old one, and an error changes nothing. */
	out = allocate(m->n + m->n / 2 + 4);
	if (!out)
		return -ENOMEM;
	memcpy(out->at, m->at, first * sizeof(m->at[0]));
	out->n = first;
	append_around(out, m, first, last, mapping);
	memcpy(&out->at[out->n], &m->at[last], (m->n - last) * sizeof(m->at[0]));
	out->n += m->n - last;
	if (out->n > FT_MAPPINGS_MAX) {
		free(out);
		return -E2BIG;
	}
	ft_mappings_dropp(p);
	*p = out;
	return 0;
}

const struct ft_mapping *ft_mappings_find(const struct ft_mappings *mappings, uint64_t address)
{
	uint32_t i = first_after(mappings, address);

	if (i == mappings->n || mappings->at[i].start > address)
		return NULL;
	return &mappings->at[i];
}

size_t ft_mappings_count(const struct ft_mappings *mappings)
{
	return mappings->n;
}

const struct ft_mapping *ft_mappings_at(const struct ft_mappings *mappings, size_t i)
{
	assert(i < mappings->n);
	return &mappings->at[i];
}
