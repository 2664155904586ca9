/* trie.h - the stacks of a profile merged into one tree of frames, root first.
 *
 * A parent always has a smaller number than its children, so that one loop backwards
 * sums totals and nothing here recurses, however deep a stack is. */
#pragma once

#include <stdint.h>

#include "agent/profile/frames.h"
#include "base/array.h"

/* Nodes at most. Beyond it weight stays with the deepest node there is: a tree loses
 * detail, never weight. */
#define FT_TRIE_MAX_NODES (4u << 20)

#define FT_TRIE_NONE UINT32_MAX

struct ft_trie_node {
	uint64_t total;	 /* of it and all below it, in units of ft_trie.scale */
	int64_t self;	 /* its own, in the same units; below 0 only while rows are added */
	uint32_t parent; /* FT_TRIE_NONE: the root, node 0 */
	uint32_t frame;
	uint32_t depth;	      /* of the root: 0 */
	uint32_t first, next; /* child and sibling by name; FT_TRIE_NONE: no more */
};

struct ft_trie {
	struct ft_array nodes; /* struct ft_trie_node */
	uint64_t scale;	       /* what a weight of 1 is, in the metric's unit; at least 1 */
	bool cut;	       /* FT_TRIE_MAX_NODES was reached */

	/* private */
	struct ft_index index;
	struct ft_array path; /* uint32_t: nodes of the row added last */
};

/* Merge all rows by their values of sample type `type`. With process, the first level
 * is the command name. Weights are exact multiples of scale unless their sum would
 * reach 2^53; then they are rounded down. scale divides `also`, too (0: no wish). 0, -ENOMEM or
 * -E2BIG; deinit either way. */
int ft_trie_init(struct ft_trie *trie, struct ft_frames *frames, uint32_t type, bool with_process,
		 uint64_t also) FT_MUST_CHECK;
void ft_trie_deinit(struct ft_trie *trie);
#define _cleanup_trie_ FT_CLEANUP(ft_trie_deinit)

/* The greatest number that divides both; 0 is divided by all. */
uint64_t ft_trie_divisor(uint64_t a, uint64_t b);

/* Link first and next of all nodes so that siblings follow one another by rank of
 * their frames (ft_frames_rank). 0 or -ENOMEM. */
int ft_trie_sort(struct ft_trie *trie, const struct ft_frames *frames,
		 const uint32_t *ranks) FT_MUST_CHECK;

static inline struct ft_trie_node *ft_trie_at(const struct ft_trie *trie, uint32_t node)
{
	return (struct ft_trie_node *)trie->nodes.items + node;
}

/* The node after this one in pre-order, FT_TRIE_NONE after the last. */
uint32_t ft_trie_after(const struct ft_trie *trie, uint32_t node);
