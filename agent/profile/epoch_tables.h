/* epoch_tables.h - the inside of struct ft_epoch, for epoch.c (keeping what the stream
 * says) and epoch_render.c (making rows of a profile from it) alone.
 *
 * Item i of an array has the stream's id i + 1. Parts of different number (segments of
 * a file, lines of a location) lie in pools; when a later record replaces them by
 * more, they move to the pool's end and the old place is lost until the epoch ends. */
#pragma once

#include "agent/profile/epoch.h"
#include "base/array.h"
#include "base/index.h"
#include "base/strings.h"

struct ft_epoch_file {
	uint32_t path, build_id, identity; /* strings */
	uint32_t segments_at, n_segments, segments_room;
	uint8_t kind;
};

struct ft_epoch_location {
	uint64_t address;
	uint32_t file;
	uint32_t lines_at;
	uint16_t n_lines, lines_room;
};

struct ft_epoch_row {
	struct ft_epoch_key key;
	int64_t count, value;
};

struct ft_epoch {
	struct ft_strings texts;
	struct ft_array strings;   /* uint32_t: id in texts, as two strings may be equal */
	struct ft_array files;	   /* struct ft_epoch_file */
	struct ft_array segments;  /* struct ft_segment */
	struct ft_array locations; /* struct ft_epoch_location */
	struct ft_array lines;	   /* struct ft_line */
	struct ft_array stacks;	   /* uint32_t: where the next one begins in frames */
	struct ft_array frames;	   /* uint32_t */
	struct ft_array sets;	   /* uint32_t: where the next one begins in labels */
	struct ft_array labels;	   /* struct ft_label */
	struct ft_index row_index; /* of places in rows */
	struct ft_array rows;	   /* struct ft_epoch_row */
};

/* Id in texts of a string of the stream. */
static inline uint32_t ft_epoch_text(const struct ft_epoch *epoch, uint32_t string)
{
	return string ? *(const uint32_t *)ft_array_at(&epoch->strings, string - 1) : 0;
}
