#include "agent/capture/places.h"

static struct ft_place *at(const struct ft_places *places, uint32_t i)
{
	return ft_array_at(&places->all, i);
}

void ft_places_clear(struct ft_places *places)
{
	ft_array_deinit(&places->all);
	ft_array_deinit(&places->waiting);
	ft_index_deinit(&places->index);
	places->n_waiting = 0;
	places->n_sent = 0;
}

static bool same_place(const void *context, const void *key, uint32_t id)
{
	const struct ft_place *a = key, *b = at(context, id);

	return a->file == b->file && a->address == b->address;
}

struct ft_place *ft_places_find(const struct ft_places *places, uint32_t file, uint64_t address)
{
	struct ft_place key = { .file = file, .address = address };
	uint32_t i = ft_index_find(&places->index, ft_hash_mix(file, address), same_place, places,
				   &key);

	return i == FT_INDEX_NONE ? NULL : at(places, i);
}

int ft_places_add(struct ft_places *places, uint32_t file, uint64_t address, uint32_t pid)
{
	struct ft_place place = { .file = file, .pid = pid, .address = address };
	uint32_t number = places->all.n;
	int r;

	r = ft_array_push(&places->all, &place, 1);
	if (r < 0)
		return r;
	r = ft_array_push(&places->waiting, &number, 1);
	if (r == 0) {
		r = ft_index_add(&places->index, ft_hash_mix(file, address), number);
		if (r < 0)
			ft_array_cut(&places->waiting, places->waiting.n - 1);
	}
	if (r < 0)
		ft_array_cut(&places->all, number);
	else
		places->n_waiting++;
	return r;
}

struct ft_place *ft_places_waiting_at(const struct ft_places *places, uint32_t i)
{
	return at(places, *(uint32_t *)ft_array_at(&places->waiting, i));
}

void ft_places_sent(struct ft_places *places, uint32_t n)
{
	places->n_waiting -= n;
	places->n_sent += n;
}

void ft_places_done(struct ft_places *places, struct ft_place *place)
{
	place->state = FT_PLACE_DONE;
	places->n_sent--;
}

void ft_places_compact(struct ft_places *places)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < places->waiting.n; i++)
		if (ft_places_waiting_at(places, i)->state == FT_PLACE_WAITING) {
			uint32_t *to = ft_array_at(&places->waiting, kept++);

			*to = *(uint32_t *)ft_array_at(&places->waiting, i);
		}
	ft_array_cut(&places->waiting, kept);
}

uint32_t ft_places_again(struct ft_places *places)
{
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < places->all.n; i++) {
		struct ft_place *place = at(places, i);

		if (place->state != FT_PLACE_SENT)
			continue;
		places->n_sent--;
		if (ft_array_push(&places->waiting, &i, 1) < 0) {
			place->state = FT_PLACE_DONE;
			dropped++;
			continue;
		}
		place->state = FT_PLACE_WAITING;
		places->n_waiting++;
	}
	return dropped;
}
