#include "agent/capture/extents.h"

#include <errno.h>
#include <string.h>

int ft_extents_init(struct ft_extents *extents, uint32_t n_slots)
{
	struct ft_extent all = { .first = 0, .n = n_slots };

	*extents = (struct ft_extents){ .n_slots = n_slots,
					.free = FT_ARRAY_INIT(struct ft_extent),
					.waiting = FT_ARRAY_INIT(struct ft_extent) };
	return ft_array_push(&extents->free, &all, 1);
}

void ft_extents_deinit(struct ft_extents *extents)
{
	ft_array_deinit(&extents->free);
	ft_array_deinit(&extents->waiting);
}

static struct ft_extent *free_at(const struct ft_extents *extents, uint32_t i)
{
	return ft_array_at(&extents->free, i);
}

static void remove_at(struct ft_array *array, uint32_t i)
{
	struct ft_extent *items = array->items;

	memmove(&items[i], &items[i + 1], (array->n - i - 1) * sizeof(*items));
	ft_array_cut(array, array->n - 1);
}

/* Put a run among the free ones, joined with what it touches. */
static void make_free(struct ft_extents *extents, struct ft_extent run)
{
	struct ft_extent *items;
	uint32_t i = 0;

	while (i < extents->free.n && free_at(extents, i)->first < run.first)
		i++;
	extents->n_used -= run.n;
	if (i > 0 && free_at(extents, i - 1)->first + free_at(extents, i - 1)->n == run.first) {
		free_at(extents, i - 1)->n += run.n;
		i--;
	} else {
		if (ft_array_push(&extents->free, &run, 1) < 0)
			return;
		items = extents->free.items;
		memmove(&items[i + 1], &items[i], (extents->free.n - i - 1) * sizeof(*items));
		items[i] = run;
	}
	if (i + 1 < extents->free.n &&
	    free_at(extents, i)->first + free_at(extents, i)->n == free_at(extents, i + 1)->first) {
		free_at(extents, i)->n += free_at(extents, i + 1)->n;
		remove_at(&extents->free, i + 1);
	}
}

static void release(struct ft_extents *extents, uint64_t now_ns)
{
	uint32_t n = 0;

	while (n < extents->waiting.n) {
		const struct ft_extent *run = ft_array_at(&extents->waiting, n);

		if (run->until_ns > now_ns)
			break;
		make_free(extents, *run);
		n++;
	}
	if (n == 0)
		return;
	memmove(extents->waiting.items, (struct ft_extent *)extents->waiting.items + n,
		(extents->waiting.n - n) * sizeof(struct ft_extent));
	ft_array_cut(&extents->waiting, extents->waiting.n - n);
}

int ft_extents_take(struct ft_extents *extents, uint32_t n, uint64_t now_ns, uint32_t *ret_first)
{
	release(extents, now_ns);
	for (uint32_t i = 0; i < extents->free.n; i++) {
		struct ft_extent *run = free_at(extents, i);

		if (run->n < n)
			continue;
		*ret_first = run->first;
		run->first += n;
		run->n -= n;
		if (run->n == 0)
			remove_at(&extents->free, i);
		extents->n_used += n;
		return 0;
	}
	return -ENOSPC;
}

void ft_extents_give(struct ft_extents *extents, uint32_t first, uint32_t n, uint64_t now_ns)
{
	struct ft_extent run = { first, n, now_ns + FT_EXTENTS_QUARANTINE_NS };

	/* Lost without memory: it counts as used for ever, which is safe. */
	if (ft_array_push(&extents->waiting, &run, 1) < 0)
		return;
}
