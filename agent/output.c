#include "agent/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/profile/formats.h"
#include "agent/profile/tree.h"
#include "agent/report.h"
#include "base/clock.h"
#include "base/io.h"

#define OUTPUT_MAX_BYTES (1ul << 30)

static const struct {
	const char *name;
	const char *extension;
	enum ft_format format;
} formats[] = {
	{ "pprof", ".pb.gz", FT_FORMAT_PPROF },		 { "folded", ".folded", FT_FORMAT_FOLDED },
	{ "speedscope", ".json", FT_FORMAT_SPEEDSCOPE }, { "html", ".html", FT_FORMAT_HTML },
	{ "pprof", ".pprof", FT_FORMAT_PPROF },		 { "folded", ".txt", FT_FORMAT_FOLDED },
};

int ft_format_named(const char *name, enum ft_format *ret_format)
{
	for (size_t i = 0; i < FT_COUNT(formats); i++)
		if (strcmp(name, formats[i].name) == 0) {
			*ret_format = formats[i].format;
			return 0;
		}
	return -EINVAL;
}

enum ft_format ft_format_of_path(const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < FT_COUNT(formats); i++) {
		size_t end = strlen(formats[i].extension);

		if (len > end && strcmp(path + len - end, formats[i].extension) == 0)
			return formats[i].format;
	}
	return FT_FORMAT_PPROF;
}

const char *ft_format_extension(enum ft_format format)
{
	for (size_t i = 0; i < FT_COUNT(formats); i++)
		if (formats[i].format == format)
			return formats[i].extension;
	return "";
}

int ft_output_check(const char *path, struct ft_why *why)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (strcmp(path, "-") == 0)
		return 0;
	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return ft_why(why, -EISDIR, "%s is a directory; give a file name", path);
		if (S_ISREG(st.st_mode) && access(path, W_OK) < 0)
			return ft_why(why, -errno, "cannot write %s: %s", path, strerror(errno));
	}
	if (!slash) {
		folder[0] = '.';
		folder[1] = '\0';
	} else if ((size_t)(slash - path) + 2 > sizeof(folder)) {
		return ft_why(why, -ENAMETOOLONG, "the output path is too long");
	} else {
		memcpy(folder, path, (size_t)(slash - path) + 1);
		folder[slash - path + 1] = '\0';
	}
	if (access(folder, W_OK) < 0)
		return ft_why(why, -errno,
			      "cannot write to directory %s: %s; choose another with -o", folder,
			      strerror(errno));
	return 0;
}

/* What the viewer would ask an agent for, about this one profile. */
static void put_meta(const struct ft_profile *profile, uint32_t type, const char *title,
		     struct ft_buffer *out)
{
	const struct ft_profile_info *info = ft_profile_info_const(profile);
	const struct ft_value_type *value = &info->types[type];
	const char *name = ft_profile_get_string(profile, value->type, NULL);
	const char *events = ft_profile_get_string(profile, info->types[0].type, NULL);
	const char *unit = ft_profile_get_string(profile, value->unit, NULL);
	uint64_t from_us = info->time_ns / FT_NS_PER_US;
	uint64_t to_us = from_us + info->duration_ns / FT_NS_PER_US;

	ft_buffer_put_text(out, "{\"agent\":\"flametrail\",\"ver\":\"" FT_VERSION
				"\",\"source\":\"file\",\"title\":\"");
	ft_buffer_put_json(out, title, strlen(title));
	ft_buffer_printf(out,
			 "\",\"now_us\":%" PRIu64 ",\"retain\":{\"from_us\":%" PRIu64
			 ",\"to_us\":%" PRIu64 ",\"fine_us\":%" PRIu64 "},\"metrics\":[{\"id\":\"",
			 to_us, from_us, to_us, from_us);
	ft_buffer_put_json(out, name, strlen(name));
	ft_buffer_put_text(out, "\",\"kind\":\"");
	ft_buffer_put_json(out, name, strlen(name));
	ft_buffer_put_text(out, "\",\"events\":\"");
	ft_buffer_put_json(out, events, strlen(events));
	ft_buffer_put_text(out, "\",\"unit\":\"");
	ft_buffer_put_json(out, unit, strlen(unit));
	ft_buffer_printf(out, "\",\"period_ns\":%" PRId64 ",\"label\":\"%s\"}]}", info->period,
			 strcmp(name, "cpu") == 0 ? "CPU" : "");
}

static int write_html(const struct ft_profile *profile, uint32_t type, const char *title,
		      struct ft_buffer *out)
{
	_cleanup_buffer_ struct ft_buffer meta = FT_BUFFER_INIT(65536);
	_cleanup_buffer_ struct ft_buffer tree = FT_BUFFER_INIT(OUTPUT_MAX_BYTES);
	struct ft_tree_options options = {
		.type = type,
		.max_nodes = 250000,
		.with_process = true,
		.with_lines = true,
		.window_us = ft_profile_info_const(profile)->duration_ns / FT_NS_PER_US,
	};
	int r = ft_tree_write(profile, &options, &tree);

	if (r < 0)
		return r;
	put_meta(profile, type, title, &meta);
	ft_buffer_put_u8(&meta, 0);
	return meta.error ? meta.error
			  : ft_report_write((const char *)meta.data, tree.data, tree.len, out);
}

static int render(const struct ft_profile *profile, enum ft_format format, uint32_t type,
		  const char *title, struct ft_buffer *out)
{
	switch (format) {
	case FT_FORMAT_PPROF:
		return ft_pprof_write(profile, out);
	case FT_FORMAT_FOLDED:
		return ft_folded_write(profile, type, out);
	case FT_FORMAT_SPEEDSCOPE:
		return ft_speedscope_write(profile, type, title, out);
	case FT_FORMAT_HTML:
		return write_html(profile, type, title, out);
	}
	return -EINVAL;
}

int ft_output_write(const struct ft_profile *profile, enum ft_format format, uint32_t type,
		    const char *title, const char *path, struct ft_why *why)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(OUTPUT_MAX_BYTES);
	int r;

	r = render(profile, format, type, title, &out);
	if (r < 0)
		return ft_why(why, r, "cannot make the profile: %s", strerror(-r));
	r = strcmp(path, "-") == 0 ? ft_write_all(STDOUT_FILENO, out.data, out.len)
				   : ft_replace_file(path, out.data, out.len);
	if (r < 0)
		return ft_why(why, r, "cannot write %s: %s", path, strerror(-r));
	return 0;
}
