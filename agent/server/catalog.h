/* catalog.h - what windows refer to by number, stored once for all of them:
 * strings, files, locations, stacks, label sets.
 *
 * Entries are unique by content and never change their id. What becomes known late
 * (a build-id, the names of a location) is added to the entry, so that windows
 * stored before get it too. Ids count from 1; 0 is "none" and the empty string.
 *
 * Putting needs an open transaction. All errors are those of database.h, and
 * -E2BIG when ids are used up. Getting gives 1, or 0 when there is no such entry
 * (or it is damaged): callers show what they have. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/profile/slice.h"

struct ft_database;

int ft_catalog_put_string(struct ft_database *database, const char *text, size_t len,
			  uint32_t *ret_id) FT_MUST_CHECK;
/* The ids in file are the store's; file->id is not used. With an identity, a file is
 * the same whatever its build-id says; without, its build-id tells it apart. */
int ft_catalog_put_file(struct ft_database *database, const struct ft_slice_file *file,
			uint32_t *ret_id) FT_MUST_CHECK;
/* The same file, seen better. Nothing known is forgotten. */
int ft_catalog_update_file(struct ft_database *database, uint32_t id,
			   const struct ft_slice_file *file) FT_MUST_CHECK;
int ft_catalog_put_location(struct ft_database *database, uint32_t file, uint64_t address,
			    uint32_t *ret_id) FT_MUST_CHECK;
/* Name a location; with no lines it stays as it is named. */
int ft_catalog_name_location(struct ft_database *database, uint32_t location,
			     const struct ft_line *lines, uint32_t n) FT_MUST_CHECK;
int ft_catalog_put_stack(struct ft_database *database, const uint32_t *locations, uint32_t n,
			 uint32_t *ret_id) FT_MUST_CHECK;
int ft_catalog_put_labels(struct ft_database *database, const struct ft_label *labels, uint32_t n,
			  uint32_t *ret_id) FT_MUST_CHECK;

/* The text replaces what text holds, without a NUL; empty when there is none. */
int ft_catalog_get_string(struct ft_database *database, uint32_t id,
			  struct ft_buffer *text) FT_MUST_CHECK;
/* ret_file->segments points into segments. */
int ft_catalog_get_file(struct ft_database *database, uint32_t id,
			struct ft_segment segments[static FT_SLICE_MAX_SEGMENTS],
			struct ft_slice_file *ret_file) FT_MUST_CHECK;
int ft_catalog_get_location(struct ft_database *database, uint32_t id,
			    struct ft_line lines[static FT_SLICE_MAX_LINES], uint32_t *ret_n,
			    struct ft_slice_location *ret_location) FT_MUST_CHECK;
int ft_catalog_get_stack(struct ft_database *database, uint32_t id,
			 uint32_t locations[static FT_SLICE_MAX_FRAMES],
			 uint32_t *ret_n) FT_MUST_CHECK;
int ft_catalog_get_labels(struct ft_database *database, uint32_t id,
			  struct ft_label labels[static FT_SLICE_MAX_LABELS],
			  uint32_t *ret_n) FT_MUST_CHECK;
