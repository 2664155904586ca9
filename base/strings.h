/* strings.h - a table that keeps each text once and numbers it.
 *
 * Id 0 is always the empty text. Ids grow by one and never change until the
 * table is cleared. Texts may hold any bytes. A text to be added must not lie
 * inside the table itself, unless it is there already. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/index.h"

struct ft_strings {
	struct ft_index index;
	char *bytes; /* every text, each followed by a NUL */
	size_t bytes_len, bytes_cap;
	uint32_t *starts; /* of text i in bytes; its length ends one before the next start */
	uint32_t n, n_cap;
	size_t bytes_max; /* limit on bytes; 0, or more than that, means 4 GiB - 1 */
};

/* A zeroed struct (with bytes_max set or 0) is a table that holds only id 0. */
void ft_strings_deinit(struct ft_strings *strings);
void ft_strings_clear(struct ft_strings *strings);

/* The id of text, new or old, into *ret_id. 0, -ENOMEM, or -E2BIG past bytes_max. */
int ft_strings_add(struct ft_strings *strings, const char *text, size_t len,
		   uint32_t *ret_id) FT_MUST_CHECK;
/* The id of text when it is there, else FT_INDEX_NONE. */
uint32_t ft_strings_find(const struct ft_strings *strings, const char *text, size_t len);
/* Number of texts, the empty one included. */
uint32_t ft_strings_count(const struct ft_strings *strings);
/* Text id < count, NUL-terminated, borrowed until the next add; its length to
 * *ret_len unless that is NULL. */
const char *ft_strings_get(const struct ft_strings *strings, uint32_t id, size_t *ret_len);
