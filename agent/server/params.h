/* params.h - the parameters of a request, read strictly: what is not known, comes
 * twice, or is no clean number is refused, so that a typing error is never taken
 * for an answer. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

#define FT_PARAMS_MAX 24u

struct ft_params {
	struct {
		const char *key, *value; /* borrowed from the request */
	} items[FT_PARAMS_MAX];
	uint32_t n;
	char problem[160]; /* what is wrong, in words; "" nothing so far */
};

/* Add one. A problem is remembered: too many, or there already. */
void ft_params_add(struct ft_params *params, const char *key, const char *value);

/* Every key must be in known, a list ended by NULL; "token" always is. */
void ft_params_check(struct ft_params *params, const char *const *known);

/* The value of key, or NULL. */
const char *ft_params_text(const struct ft_params *params, const char *key);
/* A decimal number in [min, max]; fallback when key is not there. */
uint64_t ft_params_number(struct ft_params *params, const char *key, uint64_t min, uint64_t max,
			  uint64_t fallback);
/* A list of words from known (ended by NULL), split by commas, as a set of bits. */
unsigned int ft_params_set(struct ft_params *params, const char *key, const char *const *known);
