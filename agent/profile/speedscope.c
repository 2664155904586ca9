#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/profile/formats.h"
#include "agent/profile/frames.h"
#include "agent/profile/tree.h"

/* One file: { shared: { frames }, profiles: [ one of type "sampled" ] }. A sample is a
 * list of frame numbers, root first, and has a weight. The reader adds up what is the
 * same, so that rows are written as they are. */

struct writer {
	struct ft_frames frames;
	struct ft_buffer *out;
	uint32_t type;
};

static void writer_deinit(struct writer *w)
{
	ft_frames_deinit(&w->frames);
}

static void put_text(struct ft_buffer *out, const char *text, size_t len)
{
	ft_buffer_put_u8(out, '"');
	ft_buffer_put_json(out, text, len);
	ft_buffer_put_u8(out, '"');
}

/* Not all units are known there, and an unknown one is an error. */
static const char *unit_of(const char *unit)
{
	static const char *const known[] = { "nanoseconds", "microseconds", "milliseconds",
					     "seconds", "bytes" };

	for (size_t i = 0; i < FT_COUNT(known); i++)
		if (strcmp(unit, known[i]) == 0)
			return known[i];
	return "none";
}

/* The command name, which stands for the root: FT_INDEX_NONE when there is none. */
static int comm_frame(struct writer *w, uint32_t labels, uint32_t *ret_frame)
{
	uint32_t comm = ft_frames_comm(&w->frames, labels);
	const char *name;
	size_t len;

	*ret_frame = FT_INDEX_NONE;
	if (comm == 0)
		return 0;
	name = ft_profile_get_string(w->frames.profile, comm, &len);
	return ft_frames_named(&w->frames, name, len, FT_FRAME_ROOT, ret_frame);
}

/* Call see for each frame of a row, root first. */
static int walk_row(struct writer *w, const struct ft_profile_row *row,
		    void (*see)(struct writer *w, uint32_t frame, bool first))
{
	uint32_t n_locations, n, comm;
	const uint32_t *locations = ft_profile_get_stack(w->frames.profile, row->stack,
							 &n_locations);
	const uint32_t *ids;
	int r = comm_frame(w, row->labels, &comm);
	bool first = true;

	if (r == 0 && comm != FT_INDEX_NONE) {
		see(w, comm, true);
		first = false;
	}
	for (uint32_t i = n_locations; i-- > 0 && r == 0;) {
		r = ft_frames_of(&w->frames, locations[i], &ids, &n);
		for (uint32_t k = 0; k < n && r == 0; k++, first = false)
			see(w, ids[k], first);
	}
	return r;
}

static void see_nothing(struct writer *w, uint32_t frame, bool first)
{
	(void)w;
	(void)frame;
	(void)first;
}

static void see_frame(struct writer *w, uint32_t frame, bool first)
{
	ft_buffer_printf(w->out, first ? "%u" : ",%u", frame);
}

/* What is not above zero has no width. */
static bool is_shown(const struct writer *w, const struct ft_profile_row *row)
{
	return row->values[w->type] > 0;
}

static void put_frames(struct writer *w)
{
	ft_buffer_put_text(w->out, "\"shared\":{\"frames\":[");
	for (uint32_t i = 0; i < ft_frames_count(&w->frames); i++) {
		const struct ft_frame *frame = ft_frames_get(&w->frames, i);
		size_t len;
		const char *text = ft_frames_text(&w->frames, frame->name, &len);

		ft_buffer_put_text(w->out, i ? ",\n{\"name\":" : "\n{\"name\":");
		put_text(w->out, text, len);
		if (frame->file) {
			text = ft_frames_text(&w->frames, frame->file, &len);
			ft_buffer_put_text(w->out, ",\"file\":");
			put_text(w->out, text, len);
		}
		if (frame->file && frame->line)
			ft_buffer_printf(w->out, ",\"line\":%u", frame->line);
		ft_buffer_put_u8(w->out, '}');
	}
	ft_buffer_put_text(w->out, "]},\n");
}

static int put_samples(struct writer *w)
{
	uint32_t n = ft_profile_n_rows(w->frames.profile);
	bool first = true;
	int r = 0;

	ft_buffer_put_text(w->out, "\"samples\":[");
	for (uint32_t i = 0; i < n && r == 0; i++) {
		struct ft_profile_row row = ft_profile_get_row(w->frames.profile, i);

		if (!is_shown(w, &row))
			continue;
		ft_buffer_put_text(w->out, first ? "\n[" : ",\n[");
		r = walk_row(w, &row, see_frame);
		ft_buffer_put_u8(w->out, ']');
		first = false;
	}
	ft_buffer_put_text(w->out, "],\n");
	return r;
}

static void put_weights(struct writer *w)
{
	uint32_t n = ft_profile_n_rows(w->frames.profile);
	int64_t total = 0;
	bool first = true;

	ft_buffer_put_text(w->out, "\"weights\":[");
	for (uint32_t i = 0; i < n; i++) {
		struct ft_profile_row row = ft_profile_get_row(w->frames.profile, i);
		int64_t value = row.values[w->type];

		if (!is_shown(w, &row))
			continue;
		ft_buffer_printf(w->out, first ? "%lld" : ",%lld", (long long)value);
		if (__builtin_add_overflow(total, value, &total))
			total = INT64_MAX;
		first = false;
	}
	ft_buffer_printf(w->out, "],\n\"startValue\":0,\"endValue\":%lld", (long long)total);
}

/* All frames have their numbers before the first is written. */
static int number_frames(struct writer *w)
{
	uint32_t n = ft_profile_n_rows(w->frames.profile);
	int r = 0;

	for (uint32_t i = 0; i < n && r == 0; i++) {
		struct ft_profile_row row = ft_profile_get_row(w->frames.profile, i);

		if (is_shown(w, &row))
			r = walk_row(w, &row, see_nothing);
	}
	return r;
}

int ft_speedscope_write(const struct ft_profile *profile, uint32_t type, const char *name,
			struct ft_buffer *out)
{
	const struct ft_profile_info *info = ft_profile_info_const(profile);
	FT_CLEANUP(writer_deinit)
	struct writer w = { .out = out, .type = type };
	const char *text;
	size_t len;
	int r;

	assert(type < info->n_types);
	r = ft_frames_init(&w.frames, profile, 0);
	if (r == 0)
		r = number_frames(&w);
	if (r < 0)
		return r == -E2BIG ? -EFBIG : r;
	ft_buffer_put_text(out,
			   "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
			   "\"exporter\":\"flametrail " FT_VERSION "\",\n\"name\":");
	put_text(out, name, strlen(name));
	ft_buffer_put_text(out, ",\n\"activeProfileIndex\":0,\n");
	put_frames(&w);
	ft_buffer_put_text(out, "\"profiles\":[{\"type\":\"sampled\",\"name\":");
	text = ft_profile_get_string(profile, info->types[type].type, &len);
	put_text(out, text, len);
	text = ft_profile_get_string(profile, info->types[type].unit, NULL);
	ft_buffer_printf(out, ",\"unit\":\"%s\",\n", unit_of(text));
	r = put_samples(&w);
	if (r < 0)
		return r;
	put_weights(&w);
	ft_buffer_put_text(out, "}]}\n");
	return out->error;
}
