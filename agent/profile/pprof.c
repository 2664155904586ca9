#include "agent/profile/formats.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/profile/pprof_fields.h"
#include "base/array.h"
#include "base/gzip.h"
#include "proto/profile.pb-c.h"

/* The outermost message is never built as a whole: a profile of millions of samples
 * would need gigabytes of small objects. Each part is packed by protobuf-c on its own
 * and framed here. */
#define FLUSH_BYTES 65536u

typedef Flametrail__Pprof__Sample Sample;
typedef Flametrail__Pprof__Label Label;
typedef Flametrail__Pprof__Line Line;
typedef Flametrail__Pprof__Mapping Mapping;
typedef Flametrail__Pprof__Location Location;
typedef Flametrail__Pprof__Function Function;
typedef Flametrail__Pprof__ValueType ValueType;

/* What is known about a mapping, over all its locations that are written. */
struct facts {
	uint32_t number; /* in the file; 0: not used */
	bool no_functions, no_files, no_lines;
	uint64_t last; /* highest address */
	uint64_t weight;
};

struct writer {
	const struct ft_profile *profile;
	struct ft_gzip *gzip;
	struct ft_buffer bytes; /* on their way to gzip */

	/* By id in the profile: number in the file, 0 when nothing written uses it. */
	uint32_t *strings, *functions, *locations;
	struct facts *mappings;
	/* By number - 1: id in the profile. */
	struct ft_array string_ids, function_ids, location_ids;

	uint32_t n_deepest, n_most_lines;
	uint64_t *stack; /* n_deepest: the sample being written */
	Line *lines;	 /* n_most_lines: the location being written */
	Line **line_of;
};

static void writer_deinit(struct writer *w)
{
	ft_gzip_freep(&w->gzip);
	ft_buffer_deinit(&w->bytes);
	free(w->strings);
	free(w->functions);
	free(w->locations);
	free(w->mappings);
	ft_array_deinit(&w->string_ids);
	ft_array_deinit(&w->function_ids);
	ft_array_deinit(&w->location_ids);
	free(w->stack);
	free(w->lines);
	free(w->line_of);
}

/* ---- what is used ---- */

static int use(uint32_t *numbers, struct ft_array *ids, uint32_t id)
{
	int r;

	if (numbers[id])
		return 0;
	r = ft_array_push(ids, &id, 1);
	if (r == 0)
		numbers[id] = ids->n;
	return r;
}

static int use_location(struct writer *w, uint32_t id)
{
	struct ft_profile_location location = ft_profile_get_location(w->profile, id);
	struct facts *facts = &w->mappings[location.mapping];
	int r = use(w->locations, &w->location_ids, id);

	facts->number = 1; /* the real one comes when the main binary is known */
	facts->last = FT_MAX(facts->last, location.address);
	if (location.n_lines == 0)
		facts->no_functions = facts->no_files = facts->no_lines = true;
	for (uint32_t i = 0; i < location.n_lines && r == 0; i++) {
		const struct ft_profile_line *line = &location.lines[i];
		const struct ft_profile_function *function;

		if (line->function == 0) {
			facts->no_functions = true;
			continue;
		}
		function = ft_profile_get_function(w->profile, line->function);
		facts->no_functions |= function->name == 0;
		facts->no_files |= function->file == 0;
		facts->no_lines |= line->line == 0;
		r = use(w->functions, &w->function_ids, line->function);
	}
	w->n_most_lines = FT_MAX(w->n_most_lines, location.n_lines);
	return r;
}

static bool may_be_main(const struct ft_profile *profile, uint32_t id)
{
	const struct ft_profile_mapping *mapping;
	const char *path, *slash;

	if (id == 0)
		return false;
	mapping = ft_profile_get_mapping(profile, id);
	path = ft_profile_get_string(profile, mapping->path, NULL);
	slash = strrchr(path, '/');
	return (mapping->kind == FT_FILE_ELF || mapping->kind == FT_FILE_OTHER) && path[0] != '[' &&
	       path[0] && !strstr(slash ? slash : path, ".so");
}

/* A row speaks for the program nearest to the root of its stack. */
static void weigh_row(struct writer *w, const uint32_t *stack, uint32_t n, int64_t value)
{
	for (uint32_t i = n; i-- > 0;) {
		uint32_t mapping = ft_profile_get_location(w->profile, stack[i]).mapping;
		uint64_t *weight = &w->mappings[mapping].weight;

		if (!may_be_main(w->profile, mapping))
			continue;
		if (value > 0 && __builtin_add_overflow(*weight, (uint64_t)value, weight))
			*weight = UINT64_MAX;
		return;
	}
}

static int use_rows(struct writer *w)
{
	uint32_t n_rows = ft_profile_n_rows(w->profile), n;

	for (uint32_t i = 0; i < n_rows; i++) {
		struct ft_profile_row row = ft_profile_get_row(w->profile, i);
		const uint32_t *stack = ft_profile_get_stack(w->profile, row.stack, &n);
		int r = 0;

		for (uint32_t k = 0; k < n && r == 0; k++)
			if (w->locations[stack[k]] == 0)
				r = use_location(w, stack[k]);
		if (r < 0)
			return r;
		weigh_row(w, stack, n, row.values[0]);
		w->n_deepest = FT_MAX(w->n_deepest, n);
	}
	return 0;
}

/* The main binary is number 1, the others follow as they come. */
static void number_mappings(struct writer *w)
{
	uint32_t n = ft_profile_n_mappings(w->profile), main = 0, next = 1;

	w->mappings[0].number = 0;
	for (uint32_t i = 1; i <= n; i++)
		if (w->mappings[i].number && w->mappings[i].weight > w->mappings[main].weight)
			main = i;
	if (main)
		w->mappings[main].number = next++;
	for (uint32_t i = 1; i <= n; i++)
		if (w->mappings[i].number && i != main)
			w->mappings[i].number = next++;
}

static int writer_init(struct writer *w, const struct ft_profile *profile, struct ft_buffer *out)
{
	int r;

	*w = (struct writer){
		.profile = profile,
		.bytes = FT_BUFFER_INIT(SIZE_MAX),
		.strings = calloc((size_t)ft_profile_n_strings(profile) + 1, sizeof(uint32_t)),
		.functions = calloc((size_t)ft_profile_n_functions(profile) + 1, sizeof(uint32_t)),
		.locations = calloc((size_t)ft_profile_n_locations(profile) + 1, sizeof(uint32_t)),
		.mappings = calloc((size_t)ft_profile_n_mappings(profile) + 1,
				   sizeof(struct facts)),
		.string_ids = FT_ARRAY_INIT(uint32_t),
		.function_ids = FT_ARRAY_INIT(uint32_t),
		.location_ids = FT_ARRAY_INIT(uint32_t),
	};
	if (!w->strings || !w->functions || !w->locations || !w->mappings)
		return -ENOMEM;
	r = use_rows(w);
	if (r < 0)
		return r;
	number_mappings(w);
	w->stack = calloc((size_t)w->n_deepest + 1, sizeof(*w->stack));
	w->lines = calloc((size_t)w->n_most_lines + 1, sizeof(*w->lines));
	w->line_of = calloc((size_t)w->n_most_lines + 1, sizeof(*w->line_of));
	if (!w->stack || !w->lines || !w->line_of)
		return -ENOMEM;
	return ft_gzip_new(out, &w->gzip);
}

/* ---- packing ---- */

/* The number of a string in the file, given out on first use. */
static int64_t text(struct writer *w, uint32_t string)
{
	int r;

	if (string == 0)
		return 0;
	r = use(w->strings, &w->string_ids, string);
	if (r < 0 && w->bytes.error == 0)
		w->bytes.error = r;
	return w->strings[string];
}

static void put_tag(struct writer *w, uint32_t field, uint32_t wire)
{
	ft_buffer_put_varint(&w->bytes, field << 3 | wire);
}

static void put_number(struct writer *w, uint32_t field, uint64_t value)
{
	if (value == 0)
		return; /* as if it were not there */
	put_tag(w, field, FT_PPROF_VARINT);
	ft_buffer_put_varint(&w->bytes, value);
}

static void flush(struct writer *w)
{
	ft_gzip_put(w->gzip, w->bytes.data, w->bytes.len);
	w->bytes.len = 0;
}

static void put_message(struct writer *w, uint32_t field, const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *at;

	put_tag(w, field, FT_PPROF_BYTES);
	ft_buffer_put_varint(&w->bytes, len);
	at = ft_buffer_extend(&w->bytes, len);
	if (at)
		protobuf_c_message_pack(message, at);
	if (w->bytes.len >= FLUSH_BYTES)
		flush(w);
}

static void put_value_type(struct writer *w, uint32_t field, const struct ft_value_type *type)
{
	ValueType message = FLAMETRAIL__PPROF__VALUE_TYPE__INIT;

	message.type = text(w, type->type);
	message.unit = text(w, type->unit);
	put_message(w, field, &message.base);
}

static void put_sample(struct writer *w, const struct ft_profile_row *row, uint32_t n_types)
{
	Sample sample = FLAMETRAIL__PPROF__SAMPLE__INIT;
	Label labels[FT_SLICE_MAX_LABELS], *label_of[FT_SLICE_MAX_LABELS];
	uint32_t n_stack, n_labels;
	const uint32_t *stack = ft_profile_get_stack(w->profile, row->stack, &n_stack);
	const struct ft_label *label = ft_profile_get_labels(w->profile, row->labels, &n_labels);

	assert(n_labels <= FT_SLICE_MAX_LABELS);
	for (uint32_t i = 0; i < n_stack; i++)
		w->stack[i] = w->locations[stack[i]];
	for (uint32_t i = 0; i < n_labels; i++, label++) {
		Label *to = &labels[sample.n_label];

		/* Readers take a label without any value for damage or drop it. */
		if (label->text == 0 && label->number == 0 && label->unit == 0)
			continue;
		flametrail__pprof__label__init(to);
		to->key = text(w, label->key);
		to->str = text(w, label->text);
		to->num = label->text ? 0 : label->number;
		to->num_unit = label->text ? 0 : text(w, label->unit);
		label_of[sample.n_label++] = to;
	}
	sample.location_id = w->stack;
	sample.n_location_id = n_stack;
	sample.value = (int64_t *)row->values;
	sample.n_value = n_types;
	sample.label = label_of;
	put_message(w, FT_PPROF_SAMPLE, &sample.base);
}

static void put_mapping(struct writer *w, uint32_t id)
{
	const struct ft_profile_mapping *mapping = ft_profile_get_mapping(w->profile, id);
	const struct facts *facts = &w->mappings[id];
	Mapping message = FLAMETRAIL__PPROF__MAPPING__INIT;

	message.id = facts->number;
	message.memory_start = mapping->start;
	/* Addresses must lie in their mapping, also where its end is not known. */
	message.memory_limit = mapping->limit ? mapping->limit
					      : facts->last + (facts->last != UINT64_MAX);
	message.file_offset = mapping->offset;
	message.filename = text(w, mapping->path);
	message.build_id = text(w, mapping->build_id);
	/* Tools stop looking for names once any of these is set. Inline chains are
	 * complete where lines are: both come from the same debug information. */
	message.has_functions = !facts->no_functions;
	message.has_filenames = message.has_functions && !facts->no_files;
	message.has_line_numbers = message.has_functions && !facts->no_lines;
	message.has_inline_frames = message.has_filenames && message.has_line_numbers;
	put_message(w, FT_PPROF_MAPPING, &message.base);
}

static void put_mappings(struct writer *w)
{
	uint32_t n = ft_profile_n_mappings(w->profile);

	/* Number 1 first: readers take the first one in the file for the main binary. */
	for (uint32_t i = 1; i <= n; i++)
		if (w->mappings[i].number == 1)
			put_mapping(w, i);
	for (uint32_t i = 1; i <= n; i++)
		if (w->mappings[i].number > 1)
			put_mapping(w, i);
}

static void put_location(struct writer *w, uint32_t number)
{
	uint32_t id = *(uint32_t *)ft_array_at(&w->location_ids, number - 1);
	struct ft_profile_location location = ft_profile_get_location(w->profile, id);
	Location message = FLAMETRAIL__PPROF__LOCATION__INIT;

	for (uint32_t i = 0; i < location.n_lines; i++) {
		Line *line = &w->lines[message.n_line];

		/* A line without function is damage to readers. */
		if (location.lines[i].function == 0)
			continue;
		flametrail__pprof__line__init(line);
		line->function_id = w->functions[location.lines[i].function];
		line->line = location.lines[i].line;
		line->column = location.lines[i].column;
		w->line_of[message.n_line++] = line;
	}
	message.id = number;
	message.mapping_id = w->mappings[location.mapping].number;
	message.address = location.address;
	message.line = w->line_of;
	put_message(w, FT_PPROF_LOCATION, &message.base);
}

static void put_function(struct writer *w, uint32_t number)
{
	uint32_t id = *(uint32_t *)ft_array_at(&w->function_ids, number - 1);
	const struct ft_profile_function *function = ft_profile_get_function(w->profile, id);
	Function message = FLAMETRAIL__PPROF__FUNCTION__INIT;

	message.id = number;
	message.name = text(w, function->name);
	message.system_name = text(w, function->system ? function->system : function->name);
	message.filename = text(w, function->file);
	message.start_line = function->start_line;
	put_message(w, FT_PPROF_FUNCTION, &message.base);
}

static void put_info(struct writer *w, const struct ft_profile_info *info)
{
	uint32_t n_comments = ft_profile_n_comments(w->profile);

	put_number(w, FT_PPROF_TIME, info->time_ns);
	put_number(w, FT_PPROF_DURATION, info->duration_ns);
	if (info->period_type.type || info->period_type.unit)
		put_value_type(w, FT_PPROF_PERIOD_TYPE, &info->period_type);
	put_number(w, FT_PPROF_PERIOD, (uint64_t)info->period);
	for (uint32_t i = 0; i < n_comments; i++)
		put_number(w, FT_PPROF_COMMENT,
			   (uint64_t)text(w, ft_profile_get_comment(w->profile, i)));
	put_number(w, FT_PPROF_DEFAULT_TYPE,
		   (uint64_t)text(w, info->types[info->default_type].type));
}

/* Last, because all that came before has given out their numbers. */
static void put_strings(struct writer *w)
{
	put_tag(w, FT_PPROF_STRING, FT_PPROF_BYTES);
	ft_buffer_put_varint(&w->bytes, 0);
	for (uint32_t i = 0; i < w->string_ids.n; i++) {
		size_t len;
		const char *at = ft_profile_get_string(
			w->profile, *(uint32_t *)ft_array_at(&w->string_ids, i), &len);

		put_tag(w, FT_PPROF_STRING, FT_PPROF_BYTES);
		ft_buffer_put_varint(&w->bytes, len);
		ft_buffer_put(&w->bytes, at, len);
		if (w->bytes.len >= FLUSH_BYTES)
			flush(w);
	}
}

int ft_pprof_write(const struct ft_profile *profile, struct ft_buffer *out)
{
	const struct ft_profile_info *info = ft_profile_info_const(profile);
	uint32_t n_rows = ft_profile_n_rows(profile);
	FT_CLEANUP(writer_deinit)
	struct writer w;
	int r = writer_init(&w, profile, out);

	if (r < 0)
		return r == -E2BIG ? -EFBIG : r;
	for (uint32_t i = 0; i < info->n_types; i++)
		put_value_type(&w, FT_PPROF_SAMPLE_TYPE, &info->types[i]);
	for (uint32_t i = 0; i < n_rows; i++) {
		struct ft_profile_row row = ft_profile_get_row(profile, i);

		put_sample(&w, &row, info->n_types);
	}
	put_mappings(&w);
	for (uint32_t i = 1; i <= w.location_ids.n; i++)
		put_location(&w, i);
	for (uint32_t i = 1; i <= w.function_ids.n; i++)
		put_function(&w, i);
	put_info(&w, info);
	put_strings(&w);
	flush(&w);
	if (w.bytes.error)
		return w.bytes.error == -E2BIG ? -EFBIG : w.bytes.error;
	return ft_gzip_finish(w.gzip);
}
