#include "agent/profile/frames.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/profile/tree.h"
#include "base/utf8.h"

/* Bytes of a name made up for an address: module, plus sign, address. */
#define MADE_NAME_BYTES 512

/* ---- text ---- */

/* Copy text with white space made plain and what is no text replaced. */
static int add_cleaned(struct ft_frames *frames, const char *text, size_t len, uint32_t *ret_string)
{
	_cleanup_free_ char *copy = malloc(len + 1);
	_cleanup_free_ char *clean = malloc(len + 1);

	if (!copy || !clean)
		return -ENOMEM;
	memcpy(copy, text, len);
	for (size_t i = 0; i < len; i++)
		if (copy[i] == '\n' || copy[i] == '\r' || copy[i] == '\t')
			copy[i] = ' ';
	/* Cleaning replaces, so it never makes text longer. */
	len = ft_utf8_clean(copy, len, clean, len + 1);
	return ft_strings_add(&frames->strings, clean, len, ret_string);
}

static int add_text(struct ft_frames *frames, const char *text, size_t len, uint32_t *ret_string)
{
	if (ft_utf8_printable(text, len))
		return ft_strings_add(&frames->strings, text, len, ret_string);
	return add_cleaned(frames, text, len, ret_string);
}

int ft_frames_clean(struct ft_frames *frames, uint32_t string, uint32_t *ret_string)
{
	uint32_t *known = &frames->texts[string];
	const char *text;
	size_t len;
	int r;

	if (*known == 0) {
		uint32_t id;

		text = ft_profile_get_string(frames->profile, string, &len);
		r = add_text(frames, text, len, &id);
		if (r < 0)
			return r;
		*known = id + 1;
	}
	*ret_string = *known - 1;
	return 0;
}

/* ---- libraries ---- */

static bool same_lib(const void *context, const void *key, uint32_t id)
{
	return ft_frames_lib(context, id)->name == *(const uint32_t *)key;
}

static int add_lib(struct ft_frames *frames, const struct ft_profile_mapping *mapping,
		   uint32_t *ret_lib)
{
	uint32_t id;
	struct ft_frame_lib lib;
	const char *path, *slash;
	size_t len;
	int r;

	path = ft_profile_get_string(frames->profile, mapping->path, &len);
	slash = memrchr(path, '/', len);
	if (slash && slash + 1 < path + len) {
		len -= (size_t)(slash + 1 - path);
		path = slash + 1;
	}
	r = add_text(frames, path, len, &lib.name);
	if (r == 0)
		r = ft_frames_clean(frames, mapping->build_id, &lib.build_id);
	if (r < 0)
		return r;
	if (lib.name == 0) {
		*ret_lib = 0;
		return 0;
	}
	id = ft_index_find(&frames->lib_index, ft_hash_u64(lib.name), same_lib, frames, &lib.name);
	if (id != FT_INDEX_NONE) {
		struct ft_frame_lib *have = ft_array_at(&frames->libs, id);

		/* Two versions of one library show as one: whose build-id would it be? */
		if (have->build_id != lib.build_id)
			have->build_id = 0;
		*ret_lib = id;
		return 0;
	}
	id = frames->libs.n;
	r = ft_array_push(&frames->libs, &lib, 1);
	if (r == 0)
		r = ft_index_add(&frames->lib_index, ft_hash_u64(lib.name), id);
	if (r < 0)
		return r;
	*ret_lib = id;
	return 0;
}

static int add_libs(struct ft_frames *frames)
{
	uint32_t n = ft_profile_n_mappings(frames->profile);
	int r = ft_array_push(&frames->libs, NULL, 1);

	for (uint32_t i = 1; i <= n && r == 0; i++)
		r = add_lib(frames, ft_profile_get_mapping(frames->profile, i), &frames->lib_of[i]);
	return r;
}

/* ---- life ---- */

uint32_t ft_frames_key(const struct ft_profile *profile, const char *key)
{
	uint32_t n = ft_profile_n_strings(profile);
	size_t key_len = strlen(key);

	for (uint32_t i = 1; i <= n; i++) {
		size_t len;
		const char *text = ft_profile_get_string(profile, i, &len);

		if (len == key_len && memcmp(text, key, len) == 0)
			return i;
	}
	return FT_INDEX_NONE;
}

int ft_frames_init(struct ft_frames *frames, const struct ft_profile *profile, unsigned int by)
{
	*frames = (struct ft_frames){
		.items = FT_ARRAY_INIT(struct ft_frame),
		.libs = FT_ARRAY_INIT(struct ft_frame_lib),
		.ids = FT_ARRAY_INIT(uint32_t),
		.profile = profile,
		.by = by,
	};
	frames->spans = calloc((size_t)ft_profile_n_locations(profile) + 1, sizeof(*frames->spans));
	frames->texts = calloc((size_t)ft_profile_n_strings(profile) + 1, sizeof(*frames->texts));
	frames->lib_of = calloc((size_t)ft_profile_n_mappings(profile) + 1,
				sizeof(*frames->lib_of));
	if (!frames->spans || !frames->texts || !frames->lib_of)
		return -ENOMEM;
	frames->comm = ft_frames_key(profile, "comm");
	return add_libs(frames);
}

void ft_frames_deinit(struct ft_frames *frames)
{
	ft_strings_deinit(&frames->strings);
	ft_array_deinit(&frames->items);
	ft_array_deinit(&frames->libs);
	ft_index_deinit(&frames->index);
	ft_index_deinit(&frames->lib_index);
	ft_array_deinit(&frames->ids);
	free(frames->spans);
	free(frames->texts);
	free(frames->lib_of);
	*frames = (struct ft_frames){ 0 };
}

/* ---- frames ---- */

static bool same_frame(const void *context, const void *key, uint32_t id)
{
	const struct ft_frames *frames = context;
	const struct ft_frame *a = key, *b = ft_frames_get(frames, id);

	if (a->name != b->name || a->lib != b->lib)
		return false;
	if ((frames->by & FT_FRAMES_BY_KIND) && a->kind != b->kind)
		return false;
	return !(frames->by & FT_FRAMES_BY_LINE) || (a->file == b->file && a->line == b->line);
}

/* Whether a source position is better than what is known: one that is known, the
 * one of the lower line, so that the order of rows does not matter. */
static bool better_source(const struct ft_frame *a, const struct ft_frame *than)
{
	if (a->file == 0 || than->file == 0)
		return a->file != 0;
	return a->line != 0 && (than->line == 0 || a->line < than->line);
}

static int add_frame(struct ft_frames *frames, const struct ft_frame *frame, uint32_t *ret_frame)
{
	uint64_t hash = ft_hash_u64((uint64_t)frame->name << 32 | frame->lib);
	uint32_t id;
	int r;

	if (frames->by & FT_FRAMES_BY_KIND)
		hash = ft_hash_mix(hash, frame->kind);
	if (frames->by & FT_FRAMES_BY_LINE)
		hash = ft_hash_mix(hash, (uint64_t)frame->file << 32 | frame->line);
	id = ft_index_find(&frames->index, hash, same_frame, frames, frame);
	if (id != FT_INDEX_NONE) {
		struct ft_frame *have = ft_array_at(&frames->items, id);

		if (better_source(frame, have)) {
			have->file = frame->file;
			have->line = frame->line;
		}
		*ret_frame = id;
		return 0;
	}
	id = frames->items.n;
	r = ft_array_push(&frames->items, frame, 1);
	if (r < 0)
		return r;
	r = ft_index_add(&frames->index, hash, id);
	if (r < 0)
		return r;
	*ret_frame = id;
	return 0;
}

static uint32_t line_number(int64_t line)
{
	return line > 0 && line <= UINT32_MAX ? (uint32_t)line : 0;
}

static uint8_t kind_of(const struct ft_profile_mapping *mapping, const struct ft_profile_line *line)
{
	if (mapping && mapping->kind == FT_FILE_KERNEL)
		return FT_FRAME_KERNEL;
	if (!line)
		return FT_FRAME_UNKNOWN;
	if (line->flags & FT_LINE_INLINED)
		return FT_FRAME_INLINED;
	if ((line->flags & FT_LINE_JIT) || (mapping && mapping->kind == FT_FILE_ANON))
		return FT_FRAME_JIT;
	return FT_FRAME_NATIVE;
}

/* What a frame is called and where its source is; line: NULL when nobody knows. */
static int describe(struct ft_frames *frames, uint32_t location, uint32_t index,
		    const struct ft_profile_line *line, struct ft_frame *frame)
{
	const struct ft_profile_function *function =
		line ? ft_profile_get_function(frames->profile, line->function) : NULL;
	char made[MADE_NAME_BYTES];
	const char *name;
	int r;

	if (function && function->name) {
		frame->line = line_number(frames->by & FT_FRAMES_BY_LINE || !function->start_line
						  ? line->line
						  : function->start_line);
		r = ft_frames_clean(frames, function->file, &frame->file);
		return r < 0 ? r : ft_frames_clean(frames, function->name, &frame->name);
	}
	name = ft_profile_frame_name(frames->profile, location, index, made, sizeof(made));
	if (!*name)
		name = "[unknown]";
	return add_text(frames, name, strlen(name), &frame->name);
}

static bool has_name(const struct ft_profile *profile, const struct ft_profile_line *line)
{
	const struct ft_profile_function *function =
		line->function ? ft_profile_get_function(profile, line->function) : NULL;

	return function && (function->name || function->system);
}

static int resolve(struct ft_frames *frames, uint32_t location, struct ft_frames_span *ret_span)
{
	struct ft_profile_location l = ft_profile_get_location(frames->profile, location);
	const struct ft_profile_mapping *mapping =
		l.mapping ? ft_profile_get_mapping(frames->profile, l.mapping) : NULL;
	uint32_t n = FT_MAX(l.n_lines, 1u);
	struct ft_frames_span span = { frames->ids.n, n };
	int r;

	for (uint32_t i = n; i-- > 0;) {
		const struct ft_profile_line *line = l.n_lines ? &l.lines[i] : NULL;
		struct ft_frame frame = { .lib = frames->lib_of[l.mapping] };
		uint32_t id;

		if (line && !has_name(frames->profile, line))
			line = NULL;
		frame.kind = kind_of(mapping, line);
		r = describe(frames, location, i, line, &frame);
		if (r == 0)
			r = add_frame(frames, &frame, &id);
		if (r == 0)
			r = ft_array_push(&frames->ids, &id, 1);
		if (r < 0)
			return r;
	}
	*ret_span = span;
	return 0;
}

int ft_frames_of(struct ft_frames *frames, uint32_t location, const uint32_t **ret_frames,
		 uint32_t *ret_n)
{
	struct ft_frames_span *span = &frames->spans[location];
	int r;

	if (span->n == 0) {
		r = resolve(frames, location, span);
		if (r < 0)
			return r;
	}
	*ret_frames = (const uint32_t *)frames->ids.items + span->begin;
	*ret_n = span->n;
	return 0;
}

int ft_frames_named(struct ft_frames *frames, const char *text, size_t len, uint8_t kind,
		    uint32_t *ret_frame)
{
	struct ft_frame frame = { .kind = kind };
	int r = add_text(frames, text, len, &frame.name);

	return r < 0 ? r : add_frame(frames, &frame, ret_frame);
}

uint32_t ft_frames_label(const struct ft_frames *frames, uint32_t labels, uint32_t key)
{
	uint32_t n;
	const struct ft_label *label = ft_profile_get_labels(frames->profile, labels, &n);

	for (uint32_t i = 0; i < n; i++)
		if (label[i].key == key)
			return label[i].text;
	return 0;
}

/* ---- order ---- */

/* A frame on its way to its rank. Most names differ in their first bytes, which as
 * a number compare without a visit to the string table. */
struct rank_item {
	uint64_t head; /* first bytes of the name, big-endian */
	uint32_t frame;
};

static uint64_t head_of(const char *text, size_t len)
{
	uint64_t head = 0;

	for (size_t i = 0; i < 8; i++)
		head = head << 8 | (i < len ? (unsigned char)text[i] : 0);
	return head;
}

static int compare_texts(const struct ft_frames *frames, uint32_t a, uint32_t b)
{
	if (a == b)
		return 0;
	return strcmp(ft_frames_text(frames, a, NULL), ft_frames_text(frames, b, NULL));
}

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_items(const void *a_item, const void *b_item, void *context)
{
	const struct rank_item *x = a_item, *y = b_item;
	const struct ft_frames *frames = context;
	const struct ft_frame *a = ft_frames_get(frames, x->frame);
	const struct ft_frame *b = ft_frames_get(frames, y->frame);
	int order;

	if (x->head != y->head)
		return x->head < y->head ? -1 : 1;
	order = compare_texts(frames, a->name, b->name);
	if (order == 0)
		order = compare_texts(frames, ft_frames_lib(frames, a->lib)->name,
				      ft_frames_lib(frames, b->lib)->name);
	if (order == 0)
		order = compare_numbers(a->kind, b->kind);
	if (order == 0)
		order = compare_texts(frames, a->file, b->file);
	return order ? order : compare_numbers(a->line, b->line);
}

int ft_frames_rank(const struct ft_frames *frames, uint32_t **ret_ranks)
{
	uint32_t n = ft_frames_count(frames);
	_cleanup_free_ struct rank_item *items = reallocarray(NULL, (size_t)n + 1, sizeof(*items));
	_cleanup_free_ uint32_t *ranks = reallocarray(NULL, (size_t)n + 1, sizeof(*ranks));

	if (!items || !ranks)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		size_t len;
		const char *name = ft_frames_text(frames, ft_frames_get(frames, i)->name, &len);

		items[i] = (struct rank_item){ head_of(name, len), i };
	}
	qsort_r(items, n, sizeof(*items), compare_items, (void *)frames);
	for (uint32_t i = 0; i < n; i++)
		ranks[items[i].frame] = i;
	*ret_ranks = FT_TAKE(ranks);
	return 0;
}
