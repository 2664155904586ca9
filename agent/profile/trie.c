#include "agent/profile/trie.h"

#include <errno.h>
#include <string.h>

#include "agent/profile/tree.h"

#define MAX_SUM ((1ull << 53) - 1) /* what a browser can count to */

/* Outcome of going down: there is no deeper node to be had, stay. */
enum { AT_LIMIT = 1 };

struct edge {
	uint32_t parent, frame;
};

static bool same_edge(const void *context, const void *key, uint32_t id)
{
	const struct edge *edge = key;
	const struct ft_trie_node *node = ft_trie_at(context, id);

	return node->frame == edge->frame && node->parent == edge->parent;
}

static int add_node(struct ft_trie *trie, uint32_t parent, uint32_t frame, uint32_t depth,
		    uint64_t hash, uint32_t *ret_node)
{
	struct ft_trie_node node = { .parent = parent,
				     .frame = frame,
				     .depth = depth,
				     .first = FT_TRIE_NONE,
				     .next = FT_TRIE_NONE };
	uint32_t id = trie->nodes.n;
	int r = ft_array_push(&trie->nodes, &node, 1);

	if (r == 0)
		r = ft_index_add(&trie->index, hash, id);
	if (r < 0)
		return r;
	*ret_node = id;
	return 0;
}

/* One frame deeper: *at becomes the child of *at, made when it is new. 0, AT_LIMIT
 * (then *at stays) or an error. */
static int descend(struct ft_trie *trie, uint32_t frame, uint32_t *at)
{
	uint32_t depth = ft_trie_at(trie, *at)->depth + 1;
	struct edge edge = { *at, frame };
	uint64_t hash;
	uint32_t id;
	int r;

	if (depth >= FT_TREE_MAX_DEPTH)
		return AT_LIMIT;
	/* Neighbouring rows tend to share most of their path: try the last one's first. */
	if (depth < trie->path.n) {
		id = *(uint32_t *)ft_array_at(&trie->path, depth);
		if (same_edge(trie, &edge, id)) {
			*at = id;
			return 0;
		}
	}
	hash = ft_hash_u64((uint64_t)*at << 32 | frame);
	id = ft_index_find(&trie->index, hash, same_edge, trie, &edge);
	if (id == FT_INDEX_NONE) {
		if (trie->nodes.n >= FT_TRIE_MAX_NODES) {
			trie->cut = true;
			return AT_LIMIT;
		}
		r = add_node(trie, *at, frame, depth, hash, &id);
		if (r < 0)
			return r;
	}
	ft_array_cut(&trie->path, FT_MIN(depth, trie->path.n));
	r = ft_array_push(&trie->path, &id, 1);
	if (r < 0)
		return r;
	*at = id;
	return 0;
}

static int descend_stack(struct ft_trie *trie, struct ft_frames *frames, uint32_t stack,
			 uint32_t *at)
{
	uint32_t n_locations, n;
	const uint32_t *locations = ft_profile_get_stack(frames->profile, stack, &n_locations);
	const uint32_t *ids;
	int r;

	for (uint32_t i = n_locations; i-- > 0;) {
		r = ft_frames_of(frames, locations[i], &ids, &n);
		for (uint32_t k = 0; k < n && r == 0; k++)
			r = descend(trie, ids[k], at);
		if (r)
			return r;
	}
	return 0;
}

static int descend_process(struct ft_trie *trie, struct ft_frames *frames, uint32_t labels,
			   uint32_t *at)
{
	uint32_t comm = ft_frames_comm(frames, labels), frame;
	const char *name;
	size_t len;
	int r;

	if (comm == 0)
		return 0;
	name = ft_profile_get_string(frames->profile, comm, &len);
	r = ft_frames_named(frames, name, len, FT_FRAME_ROOT, &frame);
	return r ? r : descend(trie, frame, at);
}

static int64_t add_saturating(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

static int add_row(struct ft_trie *trie, struct ft_frames *frames, uint32_t index, uint32_t type,
		   bool with_process)
{
	struct ft_profile_row row = ft_profile_get_row(frames->profile, index);
	struct ft_trie_node *node;
	uint32_t at = 0;
	int r = 0;

	if (row.values[type] == 0)
		return 0;
	if (with_process)
		r = descend_process(trie, frames, row.labels, &at);
	if (r == 0)
		r = descend_stack(trie, frames, row.stack, &at);
	if (r < 0)
		return r;
	node = ft_trie_at(trie, at);
	node->self = add_saturating(node->self, row.values[type]);
	return 0;
}

uint64_t ft_trie_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static void weigh(struct ft_trie *trie, uint64_t scale)
{
	uint32_t n = trie->nodes.n;
	unsigned __int128 sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct ft_trie_node *node = ft_trie_at(trie, i);

		node->self = FT_MAX(node->self, (int64_t)0);
		sum += (uint64_t)node->self;
		if (node->self && scale != 1)
			scale = ft_trie_divisor((uint64_t)node->self, scale);
	}
	if (scale == 0 || scale > MAX_SUM)
		scale = 1;
	/* Only a forged profile has weights that need rounding. A scale past 64 bits
	 * cannot come of it: 2^22 nodes of 2^63 make a sum of 2^85. */
	while (sum / scale > MAX_SUM)
		scale *= 2;
	for (uint32_t i = n; i-- > 0;) {
		struct ft_trie_node *node = ft_trie_at(trie, i);

		node->self = (int64_t)((uint64_t)node->self / scale);
		node->total += (uint64_t)node->self;
		if (i)
			ft_trie_at(trie, node->parent)->total += node->total;
	}
	trie->scale = scale;
}

int ft_trie_init(struct ft_trie *trie, struct ft_frames *frames, uint32_t type, bool with_process,
		 uint64_t also)
{
	uint32_t n = ft_profile_n_rows(frames->profile), all, root;
	int r;

	*trie = (struct ft_trie){
		.nodes = FT_ARRAY_INIT(struct ft_trie_node),
		.path = FT_ARRAY_INIT(uint32_t),
	};
	r = ft_frames_named(frames, "all", strlen("all"), FT_FRAME_ROOT, &all);
	if (r == 0)
		r = add_node(trie, FT_TRIE_NONE, all, 0, 0, &root);
	if (r == 0)
		r = ft_array_push(&trie->path, &root, 1);
	for (uint32_t i = 0; i < n && r == 0; i++)
		r = add_row(trie, frames, i, type, with_process);
	if (r == 0)
		weigh(trie, also);
	return r;
}

void ft_trie_deinit(struct ft_trie *trie)
{
	ft_array_deinit(&trie->nodes);
	ft_array_deinit(&trie->path);
	ft_index_deinit(&trie->index);
	*trie = (struct ft_trie){ 0 };
}

/* All nodes ordered by rank (a counting sort), the last first, each put before the
 * children its parent has so far: linear, where sorting each family is not. */
int ft_trie_sort(struct ft_trie *trie, const struct ft_frames *frames, const uint32_t *ranks)
{
	uint32_t n = trie->nodes.n, n_frames = ft_frames_count(frames);
	_cleanup_free_ uint32_t *starts = calloc((size_t)n_frames + 1, sizeof(*starts));
	_cleanup_free_ uint32_t *order = reallocarray(NULL, n, sizeof(*order));

	if (!starts || !order)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		starts[ranks[ft_trie_at(trie, i)->frame] + 1]++;
	for (uint32_t i = 0; i < n_frames; i++)
		starts[i + 1] += starts[i];
	for (uint32_t i = 0; i < n; i++)
		order[starts[ranks[ft_trie_at(trie, i)->frame]]++] = i;
	for (uint32_t i = n; i-- > 0;) {
		struct ft_trie_node *node = ft_trie_at(trie, order[i]);
		struct ft_trie_node *parent;

		if (node->parent == FT_TRIE_NONE)
			continue;
		parent = ft_trie_at(trie, node->parent);
		node->next = parent->first;
		parent->first = order[i];
	}
	return 0;
}

uint32_t ft_trie_after(const struct ft_trie *trie, uint32_t node)
{
	const struct ft_trie_node *at = ft_trie_at(trie, node);

	if (at->first != FT_TRIE_NONE)
		return at->first;
	while (at->next == FT_TRIE_NONE) {
		if (at->parent == FT_TRIE_NONE)
			return FT_TRIE_NONE;
		at = ft_trie_at(trie, at->parent);
	}
	return at->next;
}
