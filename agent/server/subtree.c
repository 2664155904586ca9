#include "agent/server/subtree.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/profile/frames.h"
#include "agent/profile/profile.h"

#define FNV_BASIS  0xcbf29ce484222325ull
#define FNV_PRIME  0x100000001b3ull
#define ID_LETTERS 13

struct cutter {
	const struct ft_profile *from;
	struct ft_frames frames; /* of from */
	uint64_t root;
	struct ft_profile *to;
};

static void cutter_deinit(struct cutter *cutter)
{
	ft_frames_deinit(&cutter->frames);
	ft_profile_freep(&cutter->to);
}

int ft_path_id_parse(const char *text, uint64_t *ret_id)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned __int128 bits = 0;

	if (strlen(text) != ID_LETTERS || strspn(text, letters) != ID_LETTERS)
		return -EINVAL;
	for (size_t i = 0; i < ID_LETTERS; i++)
		bits = bits << 5 | (unsigned int)(strchr(letters, text[i]) - letters);
	/* 13 letters hold 65 bits: the last one is padding. */
	*ret_id = (uint64_t)(bits >> 1);
	return 0;
}

/* ---- hashing the way down ---- */

static uint64_t hash_text(uint64_t hash, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * FNV_PRIME;
	return hash * FNV_PRIME; /* the NUL */
}

static uint64_t hash_frame(const struct ft_frames *frames, uint32_t id, uint64_t hash)
{
	const struct ft_frame *frame = ft_frames_get(frames, id);
	size_t len;
	const char *text = ft_frames_text(frames, frame->name, &len);

	hash = hash_text(hash, text, len);
	text = ft_frames_text(frames, ft_frames_lib(frames, frame->lib)->name, &len);
	return hash_text(hash, text, len);
}

/* Where in a stack the path ends: n locations from the leaf are below it, and of the
 * one at n, if keep_lines is not 0, its first lines. */
struct place {
	uint32_t n, keep_lines;
};

/* 1 when the row's stack goes through the path, else 0, or -errno. */
static int find_place(struct cutter *cutter, const struct ft_profile_row *row,
		      struct place *ret_place)
{
	uint32_t comm = ft_frames_comm(&cutter->frames, row->labels), n, n_frames, frame;
	const uint32_t *stack = ft_profile_get_stack(cutter->from, row->stack, &n), *frames;
	uint64_t hash = FNV_BASIS;
	size_t len;
	int r;

	if (comm) {
		const char *text = ft_profile_get_string(cutter->from, comm, &len);

		r = ft_frames_named(&cutter->frames, text, len, 0, &frame);
		if (r < 0)
			return r;
		hash = hash_frame(&cutter->frames, frame, hash);
		*ret_place = (struct place){ .n = n };
		if (hash == cutter->root)
			return 1;
	}
	for (uint32_t i = n; i-- > 0;) {
		r = ft_frames_of(&cutter->frames, stack[i], &frames, &n_frames);
		if (r < 0)
			return r;
		for (uint32_t k = 0; k < n_frames; k++) {
			hash = hash_frame(&cutter->frames, frames[k], hash);
			*ret_place = (struct place){ .n = i, .keep_lines = n_frames - 1 - k };
			if (hash == cutter->root)
				return 1;
		}
	}
	return 0;
}

/* ---- copying ---- */

static int copy_string(struct cutter *cutter, uint32_t from, uint32_t *ret_id)
{
	size_t len;
	const char *text = ft_profile_get_string(cutter->from, from, &len);

	return ft_profile_string(cutter->to, text, len, ret_id);
}

/* Of the labels a subtree needs one: how the stack ended. */
static int copy_outcome(struct cutter *cutter, uint32_t from, uint32_t *ret_id)
{
	uint32_t n;
	const struct ft_label *labels = ft_profile_get_labels(cutter->from, from, &n);

	*ret_id = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct ft_label label = { 0 };
		int r;

		if (strcmp(ft_profile_get_string(cutter->from, labels[i].key, NULL), "outcome") !=
		    0)
			continue;
		r = copy_string(cutter, labels[i].key, &label.key);
		if (r == 0)
			r = copy_string(cutter, labels[i].text, &label.text);
		return r < 0 ? r : ft_profile_labels(cutter->to, &label, 1, ret_id);
	}
	return 0;
}

static int copy_mapping(struct cutter *cutter, uint32_t from, uint32_t *ret_id)
{
	struct ft_profile_mapping mapping;
	int r;

	*ret_id = 0;
	if (from == 0)
		return 0;
	mapping = *ft_profile_get_mapping(cutter->from, from);
	r = copy_string(cutter, mapping.path, &mapping.path);
	if (r == 0)
		r = copy_string(cutter, mapping.build_id, &mapping.build_id);
	if (r == 0)
		r = copy_string(cutter, mapping.identity, &mapping.identity);
	return r < 0 ? r : ft_profile_mapping(cutter->to, &mapping, ret_id);
}

static int copy_line(struct cutter *cutter, const struct ft_profile_line *from,
		     struct ft_profile_line *ret_line)
{
	struct ft_profile_function function = *ft_profile_get_function(cutter->from,
								       from->function);
	int r;

	*ret_line = *from;
	r = copy_string(cutter, function.name, &function.name);
	if (r == 0)
		r = copy_string(cutter, function.system, &function.system);
	if (r == 0)
		r = copy_string(cutter, function.file, &function.file);
	return r < 0 ? r : ft_profile_function(cutter->to, &function, &ret_line->function);
}

/* A location with the first n of its lines; n past them means all. */
static int copy_location(struct cutter *cutter, uint32_t from, uint32_t n, uint32_t *ret_id)
{
	struct ft_profile_location location = ft_profile_get_location(cutter->from, from);
	struct ft_profile_line lines[FT_SLICE_MAX_LINES];
	int r;

	location.n_lines = FT_MIN(FT_MIN(location.n_lines, n), (uint32_t)FT_SLICE_MAX_LINES);
	for (uint32_t i = 0; i < location.n_lines; i++) {
		r = copy_line(cutter, &location.lines[i], &lines[i]);
		if (r < 0)
			return r;
	}
	location.lines = lines;
	r = copy_mapping(cutter, location.mapping, &location.mapping);
	return r < 0 ? r : ft_profile_location(cutter->to, &location, ret_id);
}

static int copy_row(struct cutter *cutter, const struct ft_profile_row *row,
		    const struct place *place)
{
	uint32_t frames[FT_SLICE_MAX_FRAMES], n, stack, labels = 0;
	const uint32_t *from = ft_profile_get_stack(cutter->from, row->stack, &n);
	int r;

	n = FT_MIN(place->n, (uint32_t)FT_COUNT(frames) - 1);
	for (uint32_t i = 0; i < n; i++) {
		r = copy_location(cutter, from[i], UINT32_MAX, &frames[i]);
		if (r < 0)
			return r;
	}
	if (place->keep_lines > 0) {
		r = copy_location(cutter, from[n], place->keep_lines, &frames[n]);
		if (r < 0)
			return r;
		n++;
	}
	r = ft_profile_stack(cutter->to, frames, n, &stack);
	if (r == 0)
		r = copy_outcome(cutter, row->labels, &labels);
	return r < 0 ? r : ft_profile_add(cutter->to, n ? stack : 0, labels, row->values);
}

static int copy_info(struct cutter *cutter)
{
	const struct ft_profile_info *from = ft_profile_info_const(cutter->from);
	struct ft_profile_info *to = ft_profile_info(cutter->to);
	int r = 0;

	*to = *from;
	to->period_type = (struct ft_value_type){ 0 };
	for (uint32_t i = 0; r == 0 && i < from->n_types; i++) {
		r = copy_string(cutter, from->types[i].type, &to->types[i].type);
		if (r == 0)
			r = copy_string(cutter, from->types[i].unit, &to->types[i].unit);
	}
	return r;
}

static int copy_rows(struct cutter *cutter)
{
	for (uint32_t i = 0; i < ft_profile_n_rows(cutter->from); i++) {
		struct ft_profile_row row = ft_profile_get_row(cutter->from, i);
		struct place place;
		int r = find_place(cutter, &row, &place);

		if (r > 0)
			r = copy_row(cutter, &row, &place);
		if (r < 0)
			return r;
	}
	return 0;
}

int ft_subtree_of(const struct ft_profile *profile, uint64_t root, struct ft_profile **ret_profile)
{
	FT_CLEANUP(cutter_deinit)
	struct cutter cutter = { .from = profile, .root = root };
	int r;

	assert(ret_profile);

	r = ft_frames_init(&cutter.frames, profile, 0);
	if (r == 0)
		r = ft_profile_new(&cutter.to);
	if (r == 0)
		r = copy_info(&cutter);
	if (r == 0)
		r = copy_rows(&cutter);
	if (r == 0)
		*ret_profile = FT_TAKE(cutter.to);
	return r;
}
