#include <errno.h>
#include <string.h>

#include "agent/profile/tree.h"
#include "base/cursor.h"
#include "base/utf8.h"

#define FLAG_BASE      1u
#define FLAG_LINES     4u
#define KNOWN_FLAGS    15u
#define MAX_NUMBER     (1ull << 53)
#define MAX_SECTIONS   16u
#define NODE_BYTES_MIN 3u

struct head {
	uint16_t flags;
	uint32_t n_nodes, n_frames, n_libs, n_sections;
};

/* The sections by what they hold. */
struct sections {
	struct ft_cursor nodes, frames, strings, libs, pruned, outcomes;
};

struct texts {
	const char **at; /* borrowed from the input */
	uint32_t n;
};

static void texts_deinit(struct texts *texts)
{
	free(texts->at);
}

void ft_tree_freep(struct ft_tree **p)
{
	struct ft_tree *tree = FT_TAKE(*p);

	if (!tree)
		return;
	for (uint32_t i = 0; tree->names && i < tree->n_frames; i++)
		free(tree->names[i]);
	free(tree->names);
	free(tree->nodes);
	free(tree);
}

static uint64_t read_uv(struct ft_cursor *c)
{
	uint64_t value = ft_cursor_varint(c);

	if (value > MAX_NUMBER)
		c->failed = true;
	return value;
}

/* A number of something of which there are n. */
static uint32_t read_index(struct ft_cursor *c, uint32_t n)
{
	uint64_t value = ft_cursor_varint(c);

	if (value < n)
		return (uint32_t)value;
	c->failed = true;
	return 0;
}

static int read_head(struct ft_cursor *c, struct head *head, struct ft_tree *tree)
{
	const uint8_t *magic = ft_cursor_take(c, 4);

	if (!magic || memcmp(magic, "FTTR", 4) != 0 || ft_cursor_u16(c) != 1)
		return -EBADMSG;
	head->flags = ft_cursor_u16(c);
	head->n_nodes = ft_cursor_u32(c);
	head->n_frames = ft_cursor_u32(c);
	head->n_libs = ft_cursor_u32(c);
	head->n_sections = ft_cursor_u32(c);
	tree->total = ft_cursor_u64(c);
	ft_cursor_take(c, 3 * sizeof(uint64_t)); /* total_b, window, base */
	tree->scale_num = ft_cursor_u64(c);
	tree->scale_den = ft_cursor_u64(c);
	tree->pruned = ft_cursor_u64(c);
	tree->samples = ft_cursor_u64(c);
	ft_cursor_take(c, sizeof(uint64_t) + 2 * sizeof(uint32_t));
	if (c->failed || (head->flags & ~KNOWN_FLAGS) || head->n_nodes == 0 ||
	    head->n_sections > MAX_SECTIONS || tree->scale_num == 0 || tree->scale_den == 0)
		return -EBADMSG;
	return 0;
}

/* Sections follow one another without gaps up to the end of the bytes. */
static int read_sections(struct ft_cursor *c, const uint8_t *bytes, size_t len,
			 const struct head *head, struct sections *sections)
{
	static const char tags[][5] = { "NODE", "FRAM", "STRS", "LIBS", "PRUN", "OUTC" };
	struct ft_cursor *const found[] = {
		&sections->nodes, &sections->frames, &sections->strings,
		&sections->libs,  &sections->pruned, &sections->outcomes
	};
	size_t next = FT_TREE_HEAD_BYTES + (size_t)head->n_sections * 12;
	unsigned int seen = 0;

	if (next > len)
		return -EBADMSG;
	for (uint32_t i = 0; i < head->n_sections; i++) {
		const uint8_t *tag = ft_cursor_take(c, 4);
		uint32_t offset = ft_cursor_u32(c), length = ft_cursor_u32(c);

		if (c->failed || offset != next || length > len - next)
			return -EBADMSG;
		for (unsigned int k = 0; k < FT_COUNT(tags); k++) {
			if (memcmp(tag, tags[k], 4) != 0)
				continue;
			if (seen & 1u << k)
				return -EBADMSG;
			seen |= 1u << k;
			*found[k] = ft_cursor_of(bytes + offset, length);
		}
		next += length;
	}
	/* Nothing hidden and all stacks complete are what may go without saying. */
	return next == len && (seen & 15) == 15 ? 0 : -EBADMSG;
}

static int read_texts(struct ft_cursor *c, struct texts *texts)
{
	const char *at = (const char *)c->at, *end = (const char *)c->end;
	uint32_t n = 0;

	if (at == end || end[-1] != '\0' || *at != '\0')
		return -EBADMSG;
	for (const char *p = at; p < end; p++)
		n += *p == '\0';
	texts->at = reallocarray(NULL, n, sizeof(*texts->at));
	if (!texts->at)
		return -ENOMEM;
	for (const char *p = at; p < end; p += strlen(p) + 1) {
		if (!ft_utf8_printable(p, strlen(p)))
			return -EBADMSG;
		texts->at[texts->n++] = p;
	}
	return 0;
}

static int read_libs(struct ft_cursor *c, uint32_t n, const struct texts *texts)
{
	for (uint32_t i = 0; i < n && !c->failed; i++) {
		read_index(c, texts->n);
		read_index(c, texts->n);
		if (ft_cursor_u8(c) > 1)
			return -EBADMSG;
	}
	return c->failed || ft_cursor_left(c) ? -EBADMSG : 0;
}

static int read_outcomes(struct ft_cursor *c, const struct texts *texts, uint64_t total)
{
	while (ft_cursor_left(c)) {
		read_index(c, texts->n);
		if (read_uv(c) > total)
			return -EBADMSG;
	}
	return c->failed ? -EBADMSG : 0;
}

static int read_frames(struct ft_cursor *c, const struct head *head, const struct texts *texts,
		       struct ft_tree *tree)
{
	if (head->n_frames > ft_cursor_left(c) / 3)
		return -EBADMSG;
	tree->names = calloc((size_t)head->n_frames + 1, sizeof(*tree->names));
	if (!tree->names)
		return -ENOMEM;
	for (uint32_t i = 0; i < head->n_frames; i++) {
		uint32_t name = read_index(c, texts->n);

		read_index(c, head->n_libs);
		if (ft_cursor_u8(c) > FT_FRAME_UNKNOWN)
			return -EBADMSG;
		if (head->flags & FLAG_LINES) {
			read_index(c, texts->n);
			read_uv(c);
		}
		if (c->failed)
			return -EBADMSG;
		tree->names[i] = strdup(texts->at[name]);
		if (!tree->names[i])
			return -ENOMEM;
		tree->n_frames++;
	}
	return ft_cursor_left(c) ? -EBADMSG : 0;
}

static int read_nodes(struct ft_cursor *c, const struct head *head, struct ft_tree *tree)
{
	uint32_t before = UINT32_MAX; /* depth -1 */

	if (head->n_nodes > ft_cursor_left(c) / NODE_BYTES_MIN)
		return -EBADMSG;
	tree->nodes = calloc(head->n_nodes, sizeof(*tree->nodes));
	if (!tree->nodes)
		return -ENOMEM;
	tree->n_nodes = head->n_nodes;
	for (uint32_t i = 0; i < head->n_nodes; i++) {
		struct ft_tree_node *node = &tree->nodes[i];
		/* One root: only the first node may be at depth 0. */
		uint32_t up = read_index(c, FT_MAX(before + 1, 1u));

		node->depth = before + 1 - up;
		node->frame = read_index(c, head->n_frames);
		node->self = node->total = read_uv(c);
		if (head->flags & FLAG_BASE)
			read_uv(c);
		if (c->failed || node->depth >= FT_TREE_MAX_DEPTH)
			return -EBADMSG;
		before = node->depth;
	}
	return ft_cursor_left(c) ? -EBADMSG : 0;
}

static int read_pruned(struct ft_cursor *c, const struct head *head, struct ft_tree *tree)
{
	uint64_t at = 0, sum = 0;

	for (bool first = true; ft_cursor_left(c); first = false) {
		uint64_t step = read_uv(c), hidden = read_uv(c), weight = read_uv(c);

		if (head->flags & FLAG_BASE)
			read_uv(c);
		at += step;
		sum += weight;
		if (c->failed || at >= head->n_nodes || hidden == 0 || (step == 0 && !first) ||
		    sum > MAX_NUMBER)
			return -EBADMSG;
		tree->nodes[at].total += weight;
	}
	return c->failed || sum != tree->pruned ? -EBADMSG : 0;
}

/* Totals from selves: in pre-order, backwards, a node's parent is the last node seen
 * ahead of it that is one level up. */
static int sum_totals(struct ft_tree *tree)
{
	uint64_t below[FT_TREE_MAX_DEPTH + 1] = { 0 }; /* by depth: siblings met so far */

	for (uint32_t i = tree->n_nodes; i-- > 0;) {
		struct ft_tree_node *node = &tree->nodes[i];

		node->total += below[node->depth + 1];
		below[node->depth + 1] = 0;
		below[node->depth] += node->total;
		if (below[node->depth] > MAX_NUMBER)
			return -EBADMSG;
	}
	return tree->nodes[0].total == tree->total ? 0 : -EBADMSG;
}

int ft_tree_read(const uint8_t *bytes, size_t len, struct ft_tree **ret_tree)
{
	_cleanup_tree_ struct ft_tree *tree = calloc(1, sizeof(*tree));
	FT_CLEANUP(texts_deinit)
	struct texts texts = { 0 };
	struct ft_cursor c = ft_cursor_of(bytes, len);
	struct sections sections = { 0 };
	struct head head;
	int r;

	if (!tree)
		return -ENOMEM;
	r = read_head(&c, &head, tree);
	if (r == 0)
		r = read_sections(&c, bytes, len, &head, &sections);
	if (r == 0)
		r = read_texts(&sections.strings, &texts);
	if (r == 0)
		r = read_libs(&sections.libs, head.n_libs, &texts);
	if (r == 0)
		r = read_frames(&sections.frames, &head, &texts, tree);
	if (r == 0)
		r = read_nodes(&sections.nodes, &head, tree);
	if (r == 0)
		r = read_pruned(&sections.pruned, &head, tree);
	if (r == 0)
		r = read_outcomes(&sections.outcomes, &texts, tree->total);
	if (r == 0)
		r = sum_totals(tree);
	if (r < 0)
		return r;
	*ret_tree = FT_TAKE(tree);
	return 0;
}
