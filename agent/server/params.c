#include "agent/server/params.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"

/* The first problem is the one to mend first. */
static void note(struct ft_params *params, const char *what, const char *key)
{
	if (!params->problem[0])
		snprintf(params->problem, sizeof(params->problem), "parameter %.40s %s", key, what);
}

void ft_params_add(struct ft_params *params, const char *key, const char *value)
{
	if (ft_params_text(params, key)) {
		note(params, "is given twice", key);
	} else if (params->n == FT_PARAMS_MAX) {
		note(params, "is one too many", key);
	} else {
		params->items[params->n].key = key;
		params->items[params->n++].value = value ? value : "";
	}
}

void ft_params_check(struct ft_params *params, const char *const *known)
{
	for (uint32_t i = 0; i < params->n; i++) {
		const char *key = params->items[i].key;
		bool found = strcmp(key, "token") == 0;

		for (size_t k = 0; !found && known[k]; k++)
			found = strcmp(key, known[k]) == 0;
		if (!found)
			note(params, "is not known here", key);
	}
}

const char *ft_params_text(const struct ft_params *params, const char *key)
{
	for (uint32_t i = 0; i < params->n; i++)
		if (strcmp(params->items[i].key, key) == 0)
			return params->items[i].value;
	return NULL;
}

uint64_t ft_params_number(struct ft_params *params, const char *key, uint64_t min, uint64_t max,
			  uint64_t fallback)
{
	const char *text = ft_params_text(params, key);
	uint64_t number = fallback;

	if (text && ft_parse_number(text, min, max, &number) < 0) {
		char what[80];

		snprintf(what, sizeof(what), "must be a number from %llu to %llu",
			 (unsigned long long)min, (unsigned long long)max);
		note(params, what, key);
	}
	return number;
}

unsigned int ft_params_set(struct ft_params *params, const char *key, const char *const *known)
{
	const char *text = ft_params_text(params, key);
	unsigned int set = 0;

	while (text && *text) {
		size_t len = strcspn(text, ","), k;

		for (k = 0; known[k]; k++)
			if (strlen(known[k]) == len && memcmp(known[k], text, len) == 0)
				break;
		if (!known[k]) {
			note(params, "has a word that is not known", key);
			return 0;
		}
		set |= 1u << k;
		text += len + (text[len] == ',');
	}
	return set;
}
