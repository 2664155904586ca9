#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/formats.h"
#include "agent/profile/frames.h"
#include "agent/profile/tree.h"
#include "base/units.h"
#include "base/utf8.h"

#define NUMBERS_COLUMNS	 41u /* all but the name */
#define NAME_COLUMNS_MIN 16u

struct entry {
	uint32_t frame, rank;
	uint32_t last_row; /* + 1: counted once however often it calls itself */
	int64_t flat, cum;
};

struct writer {
	struct ft_frames frames;
	uint32_t type;
	struct ft_array entries; /* by frame */
	uint32_t *ranks;
};

static void writer_deinit(struct writer *w)
{
	ft_frames_deinit(&w->frames);
	ft_array_deinit(&w->entries);
	free(w->ranks);
}

/* ---- sums ---- */

static int64_t add_saturating(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

/* Make entries for all frames up to this one. */
static int reach(struct ft_array *entries, uint32_t frame)
{
	int r = 0;

	while (entries->n <= frame && r == 0) {
		struct entry entry = { .frame = entries->n };

		r = ft_array_push(entries, &entry, 1);
	}
	return r;
}

static int count_frame(struct writer *w, uint32_t frame, uint32_t row, int64_t value, bool is_leaf)
{
	struct entry *entry;
	int r = reach(&w->entries, frame);

	if (r < 0)
		return r;
	entry = ft_array_at(&w->entries, frame);
	if (entry->last_row != row + 1)
		entry->cum = add_saturating(entry->cum, value);
	entry->last_row = row + 1;
	if (is_leaf)
		entry->flat = add_saturating(entry->flat, value);
	return 0;
}

static int count_row(struct writer *w, uint32_t index)
{
	struct ft_profile_row row = ft_profile_get_row(w->frames.profile, index);
	int64_t value = row.values[w->type];
	uint32_t n_locations, n, frame;
	const uint32_t *locations = ft_profile_get_stack(w->frames.profile, row.stack,
							 &n_locations);
	const uint32_t *ids;
	int r = 0;

	if (value == 0)
		return 0;
	if (n_locations == 0) {
		r = ft_frames_named(&w->frames, "[no stack]", strlen("[no stack]"),
				    FT_FRAME_UNKNOWN, &frame);
		return r < 0 ? r : count_frame(w, frame, index, value, true);
	}
	for (uint32_t i = n_locations; i-- > 0 && r == 0;) {
		r = ft_frames_of(&w->frames, locations[i], &ids, &n);
		for (uint32_t k = 0; k < n && r == 0; k++)
			r = count_frame(w, ids[k], index, value, i == 0 && k + 1 == n);
	}
	return r;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->flat != y->flat)
		return x->flat > y->flat ? -1 : 1;
	if (x->cum != y->cum)
		return x->cum > y->cum ? -1 : 1;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

static int sort_entries(struct writer *w)
{
	struct entry *entries = w->entries.items;
	int r = ft_frames_rank(&w->frames, &w->ranks);

	if (r < 0 || w->entries.n == 0)
		return r;
	for (uint32_t i = 0; i < w->entries.n; i++)
		entries[i].rank = w->ranks[i];
	qsort(entries, w->entries.n, sizeof(*entries), compare_entries);
	return 0;
}

/* ---- text ---- */

struct number {
	char text[64];
};

static void format_bytes(uint64_t bytes, char *text, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1024 && unit + 1 < FT_COUNT(units); unit++)
		value /= 1024;
	snprintf(text, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static struct number format_value(const char *unit, int64_t value)
{
	struct number number = { "-" };
	uint64_t amount = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	size_t sign = value < 0; /* only a diff made elsewhere has one */
	char *text = number.text + sign;
	size_t size = sizeof(number.text) - sign;

	if (strcmp(unit, "nanoseconds") == 0)
		ft_format_duration(amount, text, size);
	else if (strcmp(unit, "bytes") == 0)
		format_bytes(amount, text, size);
	else
		snprintf(text, size, "%llu", (unsigned long long)amount);
	return number;
}

/* Text cut to a number of characters, the last three of them dots where it was. */
static void put_cut(struct ft_buffer *out, const char *text, size_t len, uint32_t columns)
{
	size_t at = 0, short_of = 0;
	uint32_t n = 0;

	for (; at < len && n < columns; n++) {
		if (n == columns - 3)
			short_of = at;
		at += FT_MAX(ft_utf8_sequence(text + at, len - at), (size_t)1);
	}
	if (at == len) {
		ft_buffer_put(out, text, len);
		return;
	}
	ft_buffer_put(out, text, short_of);
	ft_buffer_put_text(out, "...");
}

/* The library, unless it is part of a name made up for an address. */
static void put_lib(const struct writer *w, const struct ft_frame *frame, struct ft_buffer *name)
{
	size_t len;
	const char *lib = ft_frames_text(&w->frames, ft_frames_lib(&w->frames, frame->lib)->name,
					 &len);

	if (len == 0 || (name->len > len && memcmp(name->data, lib, len) == 0 &&
			 memcmp(name->data + len, "+0x", FT_MIN(name->len - len, (size_t)3)) == 0))
		return;
	ft_buffer_printf(name, " (%s)", lib);
}

static void put_entry(const struct writer *w, const struct entry *entry, const char *unit,
		      int64_t total, uint32_t columns, struct ft_buffer *out)
{
	const struct ft_frame *frame = ft_frames_get(&w->frames, entry->frame);
	_cleanup_buffer_ struct ft_buffer name = FT_BUFFER_INIT(SIZE_MAX);
	double share = total > 0 ? 100.0 / (double)total : 0;

	ft_buffer_put_text(&name, ft_frames_text(&w->frames, frame->name, NULL));
	if (!name.error)
		put_lib(w, frame, &name);
	if (name.error && out->error == 0)
		out->error = name.error;
	ft_buffer_printf(out, "%11s %6.1f%% %11s %6.1f%%  ", format_value(unit, entry->flat).text,
			 (double)entry->flat * share, format_value(unit, entry->cum).text,
			 (double)entry->cum * share);
	put_cut(out, (const char *)name.data, name.len, columns);
	ft_buffer_put_u8(out, '\n');
}

static void put_table(const struct writer *w, uint32_t n, uint32_t columns, struct ft_buffer *out)
{
	const struct ft_profile *profile = w->frames.profile;
	const struct ft_profile_info *info = ft_profile_info_const(profile);
	size_t len;
	const char *given = ft_profile_get_string(profile, info->types[w->type].type, &len);
	const char *unit = ft_profile_get_string(profile, info->types[w->type].unit, NULL);
	int64_t total = ft_profile_total(profile, w->type);
	uint32_t name_columns = UINT32_MAX;
	char type[64]; /* a file from elsewhere shall not command the terminal */

	ft_utf8_clean(given, len, type, sizeof(type));
	if (columns)
		name_columns = FT_MAX(columns, NUMBERS_COLUMNS + NAME_COLUMNS_MIN) -
			       NUMBERS_COLUMNS;
	ft_buffer_printf(out, "%s: %s in total", type, format_value(unit, total).text);
	if (info->n_samples)
		ft_buffer_printf(out, ", %llu samples", (unsigned long long)info->n_samples);
	ft_buffer_printf(out, "\n%11s %7s %11s %7s  %s\n", "flat", "flat%", "cum", "cum%", "name");
	for (uint32_t i = 0; i < w->entries.n && i < n; i++) {
		const struct entry *entry = ft_array_at(&w->entries, i);

		if (entry->flat || entry->cum)
			put_entry(w, entry, unit, total, name_columns, out);
	}
}

int ft_top_write(const struct ft_profile *profile, uint32_t type, uint32_t n, uint32_t columns,
		 struct ft_buffer *out)
{
	FT_CLEANUP(writer_deinit)
	struct writer w = { .type = type, .entries = FT_ARRAY_INIT(struct entry) };
	uint32_t n_rows = ft_profile_n_rows(profile);
	int r;

	assert(type < ft_profile_info_const(profile)->n_types);
	r = ft_frames_init(&w.frames, profile, 0);
	for (uint32_t i = 0; i < n_rows && r == 0; i++)
		r = count_row(&w, i);
	if (r == 0)
		r = sort_entries(&w);
	if (r < 0)
		return r == -E2BIG ? -EFBIG : r;
	put_table(&w, n, columns, out);
	return out->error;
}
