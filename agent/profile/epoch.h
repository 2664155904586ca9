/* epoch.h - what one epoch of a slice stream has said: its dictionaries and the sums
 * of its samples, to be rendered into a profile at any time, as often as one likes.
 *
 * Ids are the stream's and must have been checked (ft_slice_read does). Names are
 * looked at when rendering, so that those which came last are used. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/profile/profile.h"
#include "agent/profile/slice.h"

struct ft_epoch;

/* What a sum is kept for; samples that agree in all of it are one row. */
struct ft_epoch_key {
	uint32_t stack, labels; /* ids of the stream; 0 none */
	uint32_t thread;	/* string; with FT_EPOCH_THREAD */
	uint32_t tid, cpu;	/* with FT_EPOCH_TID, FT_EPOCH_CPU; else 0 */
	uint8_t outcome;	/* enum ft_outcome */
};

/* Which fields of a key become labels; outcome does when it is not complete. */
enum { FT_EPOCH_TID = 1, FT_EPOCH_THREAD = 2, FT_EPOCH_CPU = 4 };

int ft_epoch_new(struct ft_epoch **ret_epoch) FT_MUST_CHECK;
void ft_epoch_freep(struct ft_epoch **p);
#define _cleanup_epoch_ FT_CLEANUP(ft_epoch_freep)
/* Forget everything, keep the memory. */
void ft_epoch_clear(struct ft_epoch *epoch);

/* Records of the stream. All or nothing: 0, -ENOMEM, or -E2BIG past 1 GiB of strings
 * or 4 Gi parts. A definition gets the next id; file and names may replace one. */
int ft_epoch_string(struct ft_epoch *epoch, const char *text, size_t len) FT_MUST_CHECK;
int ft_epoch_file(struct ft_epoch *epoch, const struct ft_slice_file *file) FT_MUST_CHECK;
int ft_epoch_location(struct ft_epoch *epoch,
		      const struct ft_slice_location *location) FT_MUST_CHECK;
int ft_epoch_names(struct ft_epoch *epoch, const struct ft_slice_names *names) FT_MUST_CHECK;
int ft_epoch_stack(struct ft_epoch *epoch, const struct ft_slice_stack *stack) FT_MUST_CHECK;
int ft_epoch_labels(struct ft_epoch *epoch, const struct ft_slice_labels *labels) FT_MUST_CHECK;

/* Add to the sums of key. 0, -ENOMEM, -E2BIG or -EOVERFLOW. */
int ft_epoch_add(struct ft_epoch *epoch, const struct ft_epoch_key *key, int64_t count,
		 int64_t value) FT_MUST_CHECK;

/* String id of the stream, borrowed until the next string. */
const char *ft_epoch_get_string(const struct ft_epoch *epoch, uint32_t id, size_t *ret_len);

/* Add the rows to profile, whose two sample types are count and value; with is a set
 * of FT_EPOCH_ flags. 0, -ENOMEM, -E2BIG, or -EOVERFLOW. Sums change only when there
 * was memory for all of them; a failure may leave rows of zeroes behind. */
int ft_epoch_render(const struct ft_epoch *epoch, unsigned int with,
		    struct ft_profile *profile) FT_MUST_CHECK;
