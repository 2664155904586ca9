#include "agent/profile/tree.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/profile/frames.h"
#include "agent/profile/trie.h"

#define MAX_NODES 250000u
#define PPM	  1000000u

#define FLAG_PRUNED  2u
#define FLAG_LINES   4u
#define FLAG_PARTIAL 8u

#define N_SECTIONS    5u /* without OUTC */
#define SECTION_BYTES 12u
#define MAX_OUTCOMES  16u /* ways a stack can end; any others are not told apart */

/* What is left of a node in the output. */
struct kept {
	uint32_t index;	 /* in pre-order of what is written; FT_TRIE_NONE: pruned */
	uint32_t hidden; /* children left out */
	uint64_t hidden_weight;
};

/* What is left out: nodes lighter than floor, and of those of exactly that weight
 * all but the first n_at_floor in pre-order. */
struct cut {
	uint64_t floor;
	uint32_t n_at_floor;
};

/* How much of the weight ended in one way. */
struct outcome {
	uint32_t how; /* string of the profile, in the end of frames */
	uint64_t weight;
};

struct writer {
	const struct ft_tree_options *options;
	const struct ft_profile_info *info;
	struct ft_frames frames;
	struct ft_trie trie;
	uint32_t *ranks;   /* by frame: place by name */
	struct kept *kept; /* by node */
	uint32_t *order;   /* nodes that are kept, in pre-order */
	uint32_t n_kept;
	uint64_t pruned;
	uint32_t *numbers; /* by frame: number in FRAM */
	uint32_t *listed;  /* frames as in FRAM */
	uint32_t n_listed;
	uint32_t *strings; /* by string of frames: number in STRS, 0 not there */
	struct ft_buffer texts;
	uint32_t n_texts;
	uint32_t *libs; /* by lib of frames: number in LIBS, 0 not there */
	struct ft_buffer lib_items, frame_items;
	uint32_t n_libs;
	struct outcome outcomes[MAX_OUTCOMES];
	uint32_t n_outcomes;
	struct ft_buffer outcome_items;
};

static void writer_deinit(struct writer *w)
{
	ft_frames_deinit(&w->frames);
	ft_trie_deinit(&w->trie);
	free(w->ranks);
	free(w->kept);
	free(w->order);
	free(w->numbers);
	free(w->listed);
	free(w->strings);
	free(w->libs);
	ft_buffer_deinit(&w->texts);
	ft_buffer_deinit(&w->lib_items);
	ft_buffer_deinit(&w->frame_items);
	ft_buffer_deinit(&w->outcome_items);
}

/* ---- pruning ---- */

static uint32_t count_from(const uint64_t *totals, uint32_t n, uint64_t floor)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += totals[i] >= floor;
	return count;
}

/* A node is never heavier than its parent and comes after it in pre-order, so cutting
 * by weight, then by that order, never keeps a child without its parent. */
static int choose_cut(const struct writer *w, struct cut *ret_cut)
{
	uint64_t total = ft_trie_at(&w->trie, 0)->total;
	uint32_t max = w->options->max_nodes, n = 0;
	unsigned __int128 share = (unsigned __int128)total * w->options->min_ppm + PPM - 1;
	struct cut cut = { .floor = FT_MAX((uint64_t)(share / PPM), (uint64_t)1),
			   .n_at_floor = UINT32_MAX };
	_cleanup_free_ uint64_t *totals = reallocarray(NULL, w->trie.nodes.n, sizeof(*totals));

	if (!totals)
		return -ENOMEM;
	if (max == 0 || max > MAX_NODES)
		max = MAX_NODES;
	for (uint32_t i = 0; i < w->trie.nodes.n; i++)
		if (ft_trie_at(&w->trie, i)->total >= cut.floor)
			totals[n++] = ft_trie_at(&w->trie, i)->total;
	if (n > max) {
		/* The heaviest floor at which there are still too many. */
		uint64_t high = total + 1;

		while (high - cut.floor > 1) {
			uint64_t middle = cut.floor + (high - cut.floor) / 2;

			if (count_from(totals, n, middle) > max)
				cut.floor = middle;
			else
				high = middle;
		}
		cut.n_at_floor = max - count_from(totals, n, high);
	}
	*ret_cut = cut;
	return 0;
}

static bool survives(const struct ft_trie_node *node, struct cut *cut)
{
	if (node->total > cut->floor)
		return true;
	/* There is a root even when nothing else is. */
	if (node->total < cut->floor || cut->n_at_floor == 0)
		return node->parent == FT_TRIE_NONE;
	cut->n_at_floor--;
	return true;
}

static int prune(struct writer *w)
{
	struct cut cut;
	int r = choose_cut(w, &cut);

	if (r < 0)
		return r;
	w->kept = calloc(w->trie.nodes.n, sizeof(*w->kept));
	w->order = reallocarray(NULL, w->trie.nodes.n, sizeof(*w->order));
	if (!w->kept || !w->order)
		return -ENOMEM;
	for (uint32_t i = 0; i != FT_TRIE_NONE; i = ft_trie_after(&w->trie, i)) {
		const struct ft_trie_node *node = ft_trie_at(&w->trie, i);
		struct kept *parent;

		if (survives(node, &cut)) {
			w->kept[i].index = w->n_kept;
			w->order[w->n_kept++] = i;
			continue;
		}
		w->kept[i].index = FT_TRIE_NONE;
		parent = &w->kept[node->parent];
		/* What weighs nothing is not there: no trace of it. */
		if (node->total == 0 || parent->index == FT_TRIE_NONE)
			continue;
		parent->hidden++;
		parent->hidden_weight += node->total;
		w->pruned += node->total;
	}
	return 0;
}

/* ---- outcomes ---- */

static void add_outcome(struct writer *w, uint32_t how, int64_t value)
{
	uint32_t i = 0;

	while (i < w->n_outcomes && w->outcomes[i].how != how)
		i++;
	if (value <= 0 || i == MAX_OUTCOMES)
		return;
	if (i == w->n_outcomes)
		w->outcomes[w->n_outcomes++] = (struct outcome){ .how = how };
	if (__builtin_add_overflow(w->outcomes[i].weight, (uint64_t)value, &w->outcomes[i].weight))
		w->outcomes[i].weight = UINT64_MAX;
}

/* By weight, then by text. */
static int compare_outcomes(const void *a, const void *b, void *frames)
{
	const struct outcome *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return strcmp(ft_frames_text(frames, x->how, NULL), ft_frames_text(frames, y->how, NULL));
}

/* Also gives what divides all of their weights. */
static int sum_outcomes(struct writer *w, uint64_t *ret_divisor)
{
	const struct ft_profile *profile = w->frames.profile;
	uint32_t key = ft_frames_key(profile, "outcome"), n = ft_profile_n_rows(profile);
	uint64_t divisor = 0;

	for (uint32_t i = 0; i < n && key != FT_INDEX_NONE; i++) {
		struct ft_profile_row row = ft_profile_get_row(profile, i);
		uint32_t how = ft_frames_label(&w->frames, row.labels, key);

		if (how)
			add_outcome(w, how, row.values[w->options->type]);
	}
	for (uint32_t i = 0; i < w->n_outcomes; i++) {
		struct outcome *outcome = &w->outcomes[i];
		int r = ft_frames_clean(&w->frames, outcome->how, &outcome->how);

		if (r < 0)
			return r;
		divisor = ft_trie_divisor(divisor, outcome->weight);
	}
	qsort_r(w->outcomes, w->n_outcomes, sizeof(*w->outcomes), compare_outcomes, &w->frames);
	*ret_divisor = divisor;
	return 0;
}

/* ---- numbering of what is used ---- */

struct count {
	uint32_t frame, rank, n;
};

static int compare_counts(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

/* Frames most frequent first, so that the numbers met most are the shortest. */
static int list_frames(struct writer *w)
{
	uint32_t n = ft_frames_count(&w->frames), n_used = 0;
	_cleanup_free_ struct count *counts = calloc(n, sizeof(*counts));

	w->numbers = calloc(n, sizeof(*w->numbers));
	w->listed = calloc(n, sizeof(*w->listed));
	if (!counts || !w->numbers || !w->listed)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->n_kept; i++)
		counts[ft_trie_at(&w->trie, w->order[i])->frame].n++;
	for (uint32_t i = 0; i < n; i++)
		if (counts[i].n)
			counts[n_used++] = (struct count){ i, w->ranks[i], counts[i].n };
	qsort(counts, n_used, sizeof(*counts), compare_counts);
	for (uint32_t i = 0; i < n_used; i++) {
		w->listed[i] = counts[i].frame;
		w->numbers[counts[i].frame] = i;
	}
	w->n_listed = n_used;
	return 0;
}

static uint32_t use_text(struct writer *w, uint32_t string)
{
	size_t len;
	const char *text;

	if (string && w->strings[string] == 0) {
		text = ft_frames_text(&w->frames, string, &len);
		ft_buffer_put(&w->texts, text, len + 1);
		w->strings[string] = w->n_texts++;
	}
	return w->strings[string];
}

static uint32_t use_lib(struct writer *w, uint32_t lib)
{
	const struct ft_frame_lib *item = ft_frames_lib(&w->frames, lib);

	if (lib && w->libs[lib] == 0) {
		ft_buffer_put_varint(&w->lib_items, use_text(w, item->name));
		ft_buffer_put_varint(&w->lib_items, use_text(w, item->build_id));
		ft_buffer_put_u8(&w->lib_items, 0);
		w->libs[lib] = w->n_libs++;
	}
	return w->libs[lib];
}

static int start_tables(struct writer *w)
{
	w->strings = calloc(ft_strings_count(&w->frames.strings), sizeof(*w->strings));
	w->libs = calloc(w->frames.libs.n, sizeof(*w->libs));
	if (!w->strings || !w->libs)
		return -ENOMEM;
	ft_buffer_put_u8(&w->texts, 0);
	w->n_texts = 1;
	ft_buffer_put(&w->lib_items, "\0\0", 3);
	w->n_libs = 1;
	return 0;
}

/* ---- bytes ---- */

static void put_nodes(const struct writer *w, struct ft_buffer *out)
{
	uint32_t before = UINT32_MAX; /* depth -1 */

	for (uint32_t i = 0; i < w->n_kept; i++) {
		const struct ft_trie_node *node = ft_trie_at(&w->trie, w->order[i]);

		ft_buffer_put_varint(out, before + 1 - node->depth);
		ft_buffer_put_varint(out, w->numbers[node->frame]);
		ft_buffer_put_varint(out, (uint64_t)node->self);
		before = node->depth;
	}
}

static void put_frames(struct writer *w, struct ft_buffer *out)
{
	for (uint32_t i = 0; i < w->n_listed; i++) {
		const struct ft_frame *frame = ft_frames_get(&w->frames, w->listed[i]);

		ft_buffer_put_varint(out, use_text(w, frame->name));
		ft_buffer_put_varint(out, use_lib(w, frame->lib));
		ft_buffer_put_u8(out, frame->kind);
		if (w->options->with_lines) {
			ft_buffer_put_varint(out, use_text(w, frame->file));
			ft_buffer_put_varint(out, frame->line);
		}
	}
}

static void put_outcomes(struct writer *w, struct ft_buffer *out)
{
	uint64_t total = ft_trie_at(&w->trie, 0)->total;

	for (uint32_t i = 0; i < w->n_outcomes; i++) {
		ft_buffer_put_varint(out, use_text(w, w->outcomes[i].how));
		ft_buffer_put_varint(out, FT_MIN(w->outcomes[i].weight / w->trie.scale, total));
	}
}

static void put_pruned(const struct writer *w, struct ft_buffer *out)
{
	uint32_t before = 0;

	for (uint32_t i = 0; i < w->n_kept; i++) {
		const struct kept *kept = &w->kept[w->order[i]];

		if (kept->hidden == 0)
			continue;
		ft_buffer_put_varint(out, kept->index - before);
		ft_buffer_put_varint(out, kept->hidden);
		ft_buffer_put_varint(out, kept->hidden_weight);
		before = kept->index;
	}
}

static void put_head(const struct writer *w, uint32_t n_sections, struct ft_buffer *out)
{
	uint32_t flags = (w->pruned ? FLAG_PRUNED : 0) | (w->options->with_lines ? FLAG_LINES : 0) |
			 (w->trie.cut ? FLAG_PARTIAL : 0);

	ft_buffer_put_text(out, "FTTR");
	ft_buffer_put_u16(out, 1);
	ft_buffer_put_u16(out, (uint16_t)flags);
	ft_buffer_put_u32(out, w->n_kept);
	ft_buffer_put_u32(out, w->n_listed);
	ft_buffer_put_u32(out, w->n_libs);
	ft_buffer_put_u32(out, n_sections);
	ft_buffer_put_u64(out, ft_trie_at(&w->trie, 0)->total);
	ft_buffer_put_u64(out, 0); /* no base */
	ft_buffer_put_u64(out, w->options->window_us);
	ft_buffer_put_u64(out, 0);
	ft_buffer_put_u64(out, w->trie.scale);
	ft_buffer_put_u64(out, 1);
	ft_buffer_put_u64(out, w->pruned);
	ft_buffer_put_u64(out, w->info->n_samples);
	ft_buffer_put_u64(out, 0);
	ft_buffer_put_u32(out, 1000); /* phi: samples taken as independent */
	ft_buffer_put_u32(out, w->options->lost_ppm);
}

/* Fill in section number `index`, which began at begin and ends here. */
static void close_section(struct ft_buffer *out, size_t head, uint32_t index, const char *tag,
			  size_t begin)
{
	const uint32_t numbers[] = { (uint32_t)(begin - head), (uint32_t)(out->len - begin) };
	uint8_t *at;

	if (out->error)
		return;
	at = out->data + head + FT_TREE_HEAD_BYTES + index * SECTION_BYTES;
	memcpy(at, tag, 4);
	for (uint32_t i = 0; i < 8; i++)
		at[4 + i] = (uint8_t)(numbers[i / 4] >> 8 * (i % 4));
}

static void put_section(struct ft_buffer *out, size_t head, uint32_t index, const char *tag,
			const struct ft_buffer *bytes)
{
	size_t begin = out->len;

	if (out->error == 0)
		out->error = bytes->error;
	ft_buffer_put(out, bytes->data, bytes->len);
	close_section(out, head, index, tag, begin);
}

static int put_all(struct writer *w, struct ft_buffer *out)
{
	uint32_t n_sections = N_SECTIONS + (w->n_outcomes > 0);
	size_t head = out->len, begin;
	uint8_t *table;

	/* First what the others' numbers and the head's counts come from. */
	put_frames(w, &w->frame_items);
	put_outcomes(w, &w->outcome_items);
	put_head(w, n_sections, out);
	table = ft_buffer_extend(out, (size_t)n_sections * SECTION_BYTES);
	if (table)
		memset(table, 0, (size_t)n_sections * SECTION_BYTES);
	begin = out->len;
	put_nodes(w, out);
	close_section(out, head, 0, "NODE", begin);
	put_section(out, head, 1, "FRAM", &w->frame_items);
	put_section(out, head, 2, "STRS", &w->texts);
	put_section(out, head, 3, "LIBS", &w->lib_items);
	begin = out->len;
	put_pruned(w, out);
	close_section(out, head, 4, "PRUN", begin);
	if (w->n_outcomes)
		put_section(out, head, 5, "OUTC", &w->outcome_items);
	if (out->error == 0 && out->len - head > UINT32_MAX)
		out->error = -EFBIG;
	return out->error;
}

int ft_tree_write(const struct ft_profile *profile, const struct ft_tree_options *options,
		  struct ft_buffer *out)
{
	FT_CLEANUP(writer_deinit)
	struct writer w = {
		.options = options,
		.info = ft_profile_info_const(profile),
		.texts = FT_BUFFER_INIT(UINT32_MAX),
		.lib_items = FT_BUFFER_INIT(UINT32_MAX),
		.frame_items = FT_BUFFER_INIT(UINT32_MAX),
		.outcome_items = FT_BUFFER_INIT(UINT32_MAX),
	};
	unsigned int by = FT_FRAMES_BY_KIND | (options->with_lines ? FT_FRAMES_BY_LINE : 0);
	uint64_t divisor;
	int r;

	assert(options->type < w.info->n_types);
	r = ft_frames_init(&w.frames, profile, by);
	if (r == 0)
		r = sum_outcomes(&w, &divisor);
	if (r == 0)
		r = ft_trie_init(&w.trie, &w.frames, options->type, options->with_process, divisor);
	if (r == 0)
		r = ft_frames_rank(&w.frames, &w.ranks);
	if (r == 0)
		r = ft_trie_sort(&w.trie, &w.frames, w.ranks);
	if (r == 0)
		r = prune(&w);
	if (r == 0)
		r = list_frames(&w);
	if (r == 0)
		r = start_tables(&w);
	if (r == 0)
		r = put_all(&w, out);
	/* A limit of tables inside is the same news to the caller as one of the output. */
	return r == -E2BIG ? -EFBIG : r;
}
