#include "agent/profile/pprof_messages.h"

#include <errno.h>
#include <string.h>

#include "agent/profile/pprof_fields.h"
#include "proto/profile.pb-c.h"

#define MAX_PARTS (1u << 26) /* frames, lines and labels in all */

typedef Flametrail__Pprof__Sample Sample;
typedef Flametrail__Pprof__Label Label;
typedef Flametrail__Pprof__Line Line;
typedef Flametrail__Pprof__Mapping Mapping;
typedef Flametrail__Pprof__Location Location;
typedef Flametrail__Pprof__Function Function;
typedef Flametrail__Pprof__ValueType ValueType;

void ft_pprof_reader_deinit(struct ft_pprof_reader *in)
{
	ft_profile_freep(&in->profile);
	ft_array_deinit(&in->strings);
	ft_array_deinit(&in->lines);
	ft_array_deinit(&in->stack);
	ft_foreign_ids_deinit(&in->mappings);
	ft_foreign_ids_deinit(&in->functions);
	ft_foreign_ids_deinit(&in->locations);
}

int ft_pprof_reader_init(struct ft_pprof_reader *in)
{
	*in = (struct ft_pprof_reader){
		.strings = FT_ARRAY_INIT(uint32_t),
		.lines = FT_ARRAY_INIT(struct ft_profile_line),
		.stack = FT_ARRAY_INIT(uint32_t),
	};
	ft_foreign_ids_init(&in->mappings);
	ft_foreign_ids_init(&in->functions);
	ft_foreign_ids_init(&in->locations);
	return ft_profile_new(&in->profile);
}

int ft_pprof_bad(struct ft_pprof_reader *in, const char *why)
{
	in->why = why;
	return -EBADMSG;
}

/* ---- pieces ---- */

static int string_of(struct ft_pprof_reader *in, int64_t index, uint32_t *ret_string)
{
	if (index == 0) {
		*ret_string = 0;
		return 0;
	}
	if (index < 0 || index >= in->strings.n)
		return ft_pprof_bad(in, "a string index points nowhere");
	*ret_string = *(uint32_t *)ft_array_at(&in->strings, (uint32_t)index);
	return 0;
}

static int spend(struct ft_pprof_reader *in, size_t n_parts)
{
	if (n_parts > MAX_PARTS - in->n_parts)
		return -EFBIG;
	in->n_parts += (uint32_t)n_parts;
	return 0;
}

static int add_id(struct ft_pprof_reader *in, struct ft_foreign_ids *map, uint64_t theirs,
		  uint32_t ours, const char *why)
{
	int r = theirs ? ft_foreign_ids_add(map, theirs, ours) : FT_FOREIGN_IDS_TAKEN;

	return r == FT_FOREIGN_IDS_TAKEN ? ft_pprof_bad(in, why) : r;
}

/* ---- strings ---- */

int ft_pprof_take_string(struct ft_pprof_reader *in, const char *text, size_t len)
{
	uint32_t id;
	int r;

	if (in->strings.n == 0 && len)
		return ft_pprof_bad(in, "its string table does not begin with \"\"");
	r = ft_profile_string(in->profile, text, len, &id);
	return r < 0 ? r : ft_array_push(&in->strings, &id, 1);
}

/* ---- what refers to strings alone ---- */

static int take_value_type(struct ft_pprof_reader *in, const ValueType *from,
			   struct ft_value_type *ret_type)
{
	int r = string_of(in, from->type, &ret_type->type);

	return r < 0 ? r : string_of(in, from->unit, &ret_type->unit);
}

static int take_sample_type(struct ft_pprof_reader *in, const ValueType *from)
{
	struct ft_profile_info *info = ft_profile_info(in->profile);

	if (info->n_types == FT_PROFILE_MAX_TYPES)
		return ft_pprof_bad(in, "it has more than 8 sample types");
	return take_value_type(in, from, &info->types[info->n_types++]);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, const char *with)
{
	size_t len = strlen(text), n = strlen(with);

	return len >= n && strcmp(text + len - n, with) == 0;
}

/* Other tools tell what a mapping is by its name alone. */
static uint8_t kind_of(const char *path)
{
	if (begins(path, "[kernel") || begins(path, "[guest.kernel") || ends(path, "/vmlinux") ||
	    ends(path, ".ko") || strcmp(path, "vmlinux") == 0)
		return FT_FILE_KERNEL;
	if (strcmp(path, "[vdso]") == 0 || begins(path, "linux-vdso"))
		return FT_FILE_VDSO;
	if (begins(path, "[anon") || begins(path, "//anon"))
		return FT_FILE_ANON;
	if (strcmp(path, "[unknown]") == 0)
		return FT_FILE_UNKNOWN;
	return FT_FILE_OTHER;
}

static int take_mapping(struct ft_pprof_reader *in, const Mapping *from)
{
	struct ft_profile_mapping mapping = { .start = from->memory_start,
					      .limit = from->memory_limit,
					      .offset = from->file_offset };
	uint32_t id;
	int r = string_of(in, from->filename, &mapping.path);

	if (r == 0)
		r = string_of(in, from->build_id, &mapping.build_id);
	if (r < 0)
		return r;
	mapping.kind = kind_of(ft_profile_get_string(in->profile, mapping.path, NULL));
	r = ft_profile_mapping(in->profile, &mapping, &id);
	if (r < 0)
		return r;
	return add_id(in, &in->mappings, from->id, id, "a mapping's id is 0 or not its own");
}

static int take_function(struct ft_pprof_reader *in, const Function *from)
{
	struct ft_profile_function function = { .start_line = from->start_line };
	uint32_t id;
	int r = string_of(in, from->name, &function.name);

	if (r == 0)
		r = string_of(in, from->system_name, &function.system);
	if (r == 0)
		r = string_of(in, from->filename, &function.file);
	if (r < 0)
		return r;
	if (function.name == 0)
		function.name = function.system;
	if (function.system == function.name)
		function.system = 0;
	r = ft_profile_function(in->profile, &function, &id);
	if (r < 0)
		return r;
	return add_id(in, &in->functions, from->id, id, "a function's id is 0 or not its own");
}

static int take_comment(struct ft_pprof_reader *in, int64_t index)
{
	_cleanup_free_ char *text = NULL;
	uint32_t string;
	int r = string_of(in, index, &string);

	if (r < 0)
		return r;
	/* A copy: strings move when one is added. */
	text = strdup(ft_profile_get_string(in->profile, string, NULL));
	return text ? ft_profile_comment(in->profile, text) : -ENOMEM;
}

int ft_pprof_take_number(struct ft_pprof_reader *in, uint32_t field, uint64_t value)
{
	struct ft_profile_info *info = ft_profile_info(in->profile);
	int64_t number = (int64_t)value;

	switch (field) {
	case FT_PPROF_TIME:
		/* The one mark of files put together with cat: their ids collide. */
		if (in->has_time)
			return ft_pprof_bad(in, "it is several profiles one after another");
		in->has_time = number != 0;
		info->time_ns = number > 0 ? value : 0;
		return 0;
	case FT_PPROF_DURATION:
		info->duration_ns = number > 0 ? value : 0;
		return 0;
	case FT_PPROF_PERIOD:
		info->period = number;
		return 0;
	case FT_PPROF_COMMENT:
		return take_comment(in, number);
	case FT_PPROF_DEFAULT_TYPE:
		return string_of(in, number, &in->default_type);
	default:
		return 0;
	}
}

/* ---- locations, samples ---- */

static int take_location(struct ft_pprof_reader *in, const Location *from)
{
	struct ft_profile_location location = { .address = from->address };
	uint32_t id;
	int r = spend(in, from->n_line);

	ft_array_cut(&in->lines, 0);
	for (size_t i = 0; i < from->n_line && r == 0; i++) {
		struct ft_profile_line line = {
			.function = ft_foreign_ids_find(&in->functions, from->line[i]->function_id),
			.line = from->line[i]->line,
			.column = from->line[i]->column,
			.flags = i + 1 < from->n_line ? FT_LINE_INLINED : 0,
		};

		if (line.function == 0)
			return ft_pprof_bad(in, "a line belongs to no function");
		r = ft_array_push(&in->lines, &line, 1);
	}
	if (r < 0)
		return r;
	/* The reference reader, too, takes a mapping that is not there for none. */
	location.mapping = ft_foreign_ids_find(&in->mappings, from->mapping_id);
	location.lines = in->lines.items;
	location.n_lines = in->lines.n;
	r = ft_profile_location(in->profile, &location, &id);
	if (r < 0)
		return r;
	return add_id(in, &in->locations, from->id, id, "a location's id is 0 or not its own");
}

static int take_labels(struct ft_pprof_reader *in, const Sample *from, uint32_t *ret_labels)
{
	struct ft_label labels[FT_SLICE_MAX_LABELS];
	uint32_t n = 0;
	int r;

	for (size_t i = 0; i < from->n_label; i++) {
		const Label *label = from->label[i];
		struct ft_label *to = &labels[n];

		if (label->str == 0 && label->num == 0 && label->num_unit == 0)
			continue;
		if (n++ == FT_SLICE_MAX_LABELS)
			return ft_pprof_bad(in, "a sample has more than 32 labels");
		*to = (struct ft_label){ .number = label->str ? 0 : label->num };
		r = string_of(in, label->key, &to->key);
		if (r == 0)
			r = string_of(in, label->str, &to->text);
		if (r == 0)
			r = string_of(in, label->num_unit, &to->unit);
		if (r < 0)
			return r;
	}
	return ft_profile_labels(in->profile, labels, n, ret_labels);
}

static int take_sample(struct ft_pprof_reader *in, const Sample *from)
{
	uint32_t labels, stack;
	int r = spend(in, from->n_location_id + from->n_label);

	if (r < 0)
		return r;
	if (from->n_value != ft_profile_info(in->profile)->n_types)
		return ft_pprof_bad(in, "a sample has not one value for each sample type");
	ft_array_cut(&in->stack, 0);
	for (size_t i = 0; i < from->n_location_id; i++) {
		uint32_t id = ft_foreign_ids_find(&in->locations, from->location_id[i]);

		if (id == 0)
			return ft_pprof_bad(in, "a sample refers to a location that is not there");
		r = ft_array_push(&in->stack, &id, 1);
		if (r < 0)
			return r;
	}
	r = take_labels(in, from, &labels);
	if (r == 0)
		r = ft_profile_stack(in->profile, in->stack.items, in->stack.n, &stack);
	if (r == 0)
		r = ft_profile_add(in->profile, stack, labels, from->value);
	return r == -EOVERFLOW ? ft_pprof_bad(in, "the values of equal stacks are too large to add")
			       : r;
}

/* ---- the whole ---- */

int ft_pprof_take_message(struct ft_pprof_reader *in, uint32_t field,
			  const ProtobufCMessage *message)
{
	switch (field) {
	case FT_PPROF_SAMPLE_TYPE:
		return take_sample_type(in, (const ValueType *)message);
	case FT_PPROF_PERIOD_TYPE:
		return take_value_type(in, (const ValueType *)message,
				       &ft_profile_info(in->profile)->period_type);
	case FT_PPROF_MAPPING:
		return take_mapping(in, (const Mapping *)message);
	case FT_PPROF_FUNCTION:
		return take_function(in, (const Function *)message);
	case FT_PPROF_LOCATION:
		return take_location(in, (const Location *)message);
	default:
		return take_sample(in, (const Sample *)message);
	}
}

void ft_pprof_finish(struct ft_pprof_reader *in)
{
	struct ft_profile_info *info = ft_profile_info(in->profile);
	const char *type = ft_profile_get_string(in->profile, info->types[0].type, NULL);
	const char *unit = ft_profile_get_string(in->profile, info->types[0].unit, NULL);
	int64_t total = ft_profile_total(in->profile, 0);

	info->default_type = info->n_types - 1;
	for (uint32_t i = 0; i < info->n_types; i++)
		if (in->default_type && info->types[i].type == in->default_type)
			info->default_type = i;
	if (strcmp(type, "samples") == 0 && strcmp(unit, "count") == 0 && total > 0)
		info->n_samples = (uint64_t)total;
}
