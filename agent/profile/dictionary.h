/* dictionary.h - the writer's side of a slice stream's ids.
 *
 * Numbers strings, files, locations, stacks and label sets as slice.h wants them:
 * dense, defined before use, all forgotten at once when a new epoch begins. What is
 * new is appended to the payload being written. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/profile/slice.h"
#include "base/base.h"
#include "base/buffer.h"

/* When one of these is passed the dictionary is full: begin a new epoch. They bound
 * its memory to about 10 MiB. */
#define FT_DICTIONARY_MAX_TEXT	    (4u << 20) /* bytes */
#define FT_DICTIONARY_MAX_LOCATIONS (1u << 17)
#define FT_DICTIONARY_MAX_FRAMES    (1u << 20) /* of all stacks together */

struct ft_dictionary;

/* Outcome beside 0 of functions that define: the id is new. */
enum { FT_DICTIONARY_NEW = 1 };

/* A file as its owner describes it. Texts are borrowed for the call. */
struct ft_dictionary_file {
	uint8_t kind;				/* enum ft_file_kind */
	const char *path, *build_id, *identity; /* "" for none */
	const struct ft_segment *segments;
	uint32_t n_segments;
};

/* A line of an answer, with texts in place of ids. */
struct ft_dictionary_line {
	const char *function, *system, *source; /* NULL for none, but for function */
	size_t function_len, system_len, source_len;
	uint32_t line, column;
	uint8_t flags; /* enum ft_line_flags */
};

int ft_dictionary_new(struct ft_dictionary **ret_dictionary) FT_MUST_CHECK;
void ft_dictionary_freep(struct ft_dictionary **p);
#define _cleanup_dictionary_ FT_CLEANUP(ft_dictionary_freep)

/* Forget everything and say so in out. */
void ft_dictionary_begin_epoch(struct ft_dictionary *dictionary, struct ft_buffer *out);
bool ft_dictionary_full(const struct ft_dictionary *dictionary);

/* Each finds or defines, and writes the id. 0 (known), FT_DICTIONARY_NEW, or -ENOMEM. */
int ft_dictionary_string(struct ft_dictionary *dictionary, struct ft_buffer *out, const char *text,
			 size_t len, uint32_t *ret_id) FT_MUST_CHECK;
/* key is the owner's number of the file, below 2^24; file is read only when it is new here. */
int ft_dictionary_file(struct ft_dictionary *dictionary, struct ft_buffer *out, uint32_t key,
		       const struct ft_dictionary_file *file, uint32_t *ret_id) FT_MUST_CHECK;
int ft_dictionary_location(struct ft_dictionary *dictionary, struct ft_buffer *out, uint32_t file,
			   uint64_t address, uint32_t *ret_id) FT_MUST_CHECK;
/* Location ids, leaf first, at most FT_SLICE_MAX_FRAMES; n 0 is stack 0. */
int ft_dictionary_stack(struct ft_dictionary *dictionary, struct ft_buffer *out,
			const uint32_t *locations, uint32_t n, uint32_t *ret_id) FT_MUST_CHECK;
/* At most FT_SLICE_MAX_LABELS; the same labels in the same order are one set. */
int ft_dictionary_labels(struct ft_dictionary *dictionary, struct ft_buffer *out,
			 const struct ft_label *labels, uint32_t n, uint32_t *ret_id) FT_MUST_CHECK;

/* The id of file key in this epoch, or 0. */
uint32_t ft_dictionary_file_id(const struct ft_dictionary *dictionary, uint32_t key);
/* The id of a location in this epoch, or 0. */
uint32_t ft_dictionary_location_id(const struct ft_dictionary *dictionary, uint32_t file,
				   uint64_t address);

/* Say again what is known of a file that was defined; nothing when it was not. 0 or -ENOMEM. */
int ft_dictionary_update_file(struct ft_dictionary *dictionary, struct ft_buffer *out, uint32_t key,
			      const struct ft_dictionary_file *file) FT_MUST_CHECK;
/* Name a defined location: at most FT_SLICE_MAX_LINES lines, innermost first. 0 or -ENOMEM. */
int ft_dictionary_names(struct ft_dictionary *dictionary, struct ft_buffer *out, uint32_t location,
			const struct ft_dictionary_line *lines, uint32_t n) FT_MUST_CHECK;
