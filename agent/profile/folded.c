#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/profile/formats.h"
#include "agent/profile/frames.h"
#include "agent/profile/tree.h"

/* A stack as text, on its way to its place in the order. */
struct line {
	size_t begin, len; /* in the buffer of texts */
	int64_t value;
};

struct writer {
	struct ft_frames frames;
	struct ft_buffer texts;
	struct ft_array lines;
};

static void writer_deinit(struct writer *w)
{
	ft_frames_deinit(&w->frames);
	ft_buffer_deinit(&w->texts);
	ft_array_deinit(&w->lines);
}

static const char *suffix_of(uint8_t kind)
{
	switch (kind) {
	case FT_FRAME_KERNEL:
		return "_[k]";
	case FT_FRAME_INLINED:
		return "_[i]";
	case FT_FRAME_JIT:
		return "_[j]";
	default:
		return "";
	}
}

/* The format has no escapes: what separates is replaced in what is separated. */
static void put_name(struct writer *w, const char *name, size_t len, char from, char to)
{
	size_t begin = w->texts.len;

	ft_buffer_put(&w->texts, name, len);
	for (size_t i = begin; i < w->texts.len; i++)
		if (w->texts.data[i] == (uint8_t)from)
			w->texts.data[i] = (uint8_t)to;
}

static void put_frame(struct writer *w, uint32_t id)
{
	const struct ft_frame *frame = ft_frames_get(&w->frames, id);
	size_t len;
	const char *name = ft_frames_text(&w->frames, frame->name, &len);

	put_name(w, name, len, ';', ':');
	ft_buffer_put_text(&w->texts, suffix_of(frame->kind));
}

static int put_comm(struct writer *w, uint32_t labels)
{
	uint32_t comm = ft_frames_comm(&w->frames, labels), id;
	const char *name;
	size_t begin = w->texts.len, len;
	int r;

	if (comm == 0)
		return 0;
	name = ft_profile_get_string(w->frames.profile, comm, &len);
	r = ft_frames_named(&w->frames, name, len, FT_FRAME_ROOT, &id);
	if (r < 0)
		return r;
	put_frame(w, id);
	for (size_t i = begin; i < w->texts.len; i++)
		if (w->texts.data[i] == ' ')
			w->texts.data[i] = '_';
	return 0;
}

static int put_stack(struct writer *w, uint32_t stack, size_t begin)
{
	uint32_t n_locations, n;
	const uint32_t *locations = ft_profile_get_stack(w->frames.profile, stack, &n_locations);
	const uint32_t *ids;
	int r;

	for (uint32_t i = n_locations; i-- > 0;) {
		r = ft_frames_of(&w->frames, locations[i], &ids, &n);
		if (r < 0)
			return r;
		for (uint32_t k = 0; k < n; k++) {
			if (w->texts.len > begin)
				ft_buffer_put_u8(&w->texts, ';');
			put_frame(w, ids[k]);
		}
	}
	return w->texts.error;
}

static int add_row(struct writer *w, uint32_t index, uint32_t type)
{
	struct ft_profile_row row = ft_profile_get_row(w->frames.profile, index);
	struct line line = { .begin = w->texts.len, .value = row.values[type] };
	int r;

	if (line.value == 0)
		return 0;
	r = put_comm(w, row.labels);
	if (r == 0)
		r = put_stack(w, row.stack, line.begin);
	if (r < 0)
		return r;
	if (w->texts.len == line.begin)
		ft_buffer_put_text(&w->texts, "[unknown]");
	line.len = w->texts.len - line.begin;
	return w->texts.error ? w->texts.error : ft_array_push(&w->lines, &line, 1);
}

static int compare_lines(const void *a, const void *b, void *texts)
{
	const struct line *x = a, *y = b;
	const uint8_t *text = texts;
	int order = memcmp(text + x->begin, text + y->begin, FT_MIN(x->len, y->len));

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Equal lines follow one another now: one line with their sum for all of them. What is
 * below zero in a diff made elsewhere cannot be said in this format. */
static void put_lines(struct writer *w, struct ft_buffer *out)
{
	struct line *lines = w->lines.items;
	const uint8_t *text = w->texts.data;

	if (w->lines.n == 0)
		return;
	qsort_r(lines, w->lines.n, sizeof(*lines), compare_lines, w->texts.data);
	for (uint32_t i = 0, next; i < w->lines.n; i = next) {
		int64_t sum = lines[i].value;

		for (next = i + 1; next < w->lines.n; next++) {
			if (compare_lines(&lines[i], &lines[next], w->texts.data) != 0)
				break;
			if (__builtin_add_overflow(sum, lines[next].value, &sum))
				sum = lines[next].value < 0 ? INT64_MIN : INT64_MAX;
		}
		if (sum <= 0)
			continue;
		ft_buffer_put(out, text + lines[i].begin, lines[i].len);
		ft_buffer_printf(out, " %lld\n", (long long)sum);
	}
}

int ft_folded_write(const struct ft_profile *profile, uint32_t type, struct ft_buffer *out)
{
	FT_CLEANUP(writer_deinit)
	struct writer w = {
		.texts = FT_BUFFER_INIT(UINT32_MAX),
		.lines = FT_ARRAY_INIT(struct line),
	};
	uint32_t n = ft_profile_n_rows(profile);
	int r;

	assert(type < ft_profile_info_const(profile)->n_types);
	r = ft_frames_init(&w.frames, profile, FT_FRAMES_BY_KIND);
	for (uint32_t i = 0; i < n && r == 0; i++)
		r = add_row(&w, i, type);
	if (r < 0)
		return r == -E2BIG ? -EFBIG : r;
	put_lines(&w, out);
	return out->error;
}
