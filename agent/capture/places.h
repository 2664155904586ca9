/* places.h - the places whose names were asked for in this epoch, and how far each is: it
 * waits to be sent, was sent, or is done. Each is asked for once. */
#pragma once

#include <stdint.h>

#include "base/array.h"
#include "base/base.h"
#include "base/index.h"

enum ft_place_state { FT_PLACE_WAITING, FT_PLACE_SENT, FT_PLACE_DONE };

struct ft_place {
	uint32_t file;
	uint32_t pid; /* in which it was seen */
	uint64_t address;
	enum ft_place_state state;
};

struct ft_places {
	struct ft_array all;	 /* struct ft_place, in order of request */
	struct ft_array waiting; /* uint32_t: those not sent, and some that were */
	struct ft_index index;
	uint32_t n_waiting, n_sent;
};

#define FT_PLACES_EMPTY                                             \
	((struct ft_places){ .all = FT_ARRAY_INIT(struct ft_place), \
			     .waiting = FT_ARRAY_INIT(uint32_t) })

/* Forget all; empty again. */
void ft_places_clear(struct ft_places *places);
/* The place, borrowed until one is added; NULL: it was not asked for. */
struct ft_place *ft_places_find(const struct ft_places *places, uint32_t file, uint64_t address);
/* Add one that is not there, waiting. 0 or -ENOMEM. */
int ft_places_add(struct ft_places *places, uint32_t file, uint64_t address,
		  uint32_t pid) FT_MUST_CHECK;
/* Entry i < waiting.n of the list of waiting ones; some in it may have been sent. */
struct ft_place *ft_places_waiting_at(const struct ft_places *places, uint32_t i);
/* Count n places, which the caller marks, as sent. */
void ft_places_sent(struct ft_places *places, uint32_t n);
/* A sent place is done. */
void ft_places_done(struct ft_places *places, struct ft_place *place);
/* Drop from the list what does not wait any more. */
void ft_places_compact(struct ft_places *places);
/* What was sent waits again. How many could not, for lack of memory: they are done, without
 * a name. */
uint32_t ft_places_again(struct ft_places *places);
