#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"

#define LINE_MAX_BYTES 4096

static enum ft_log_level shown = FT_LOG_INFO;
static const char *process_name;

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void ft_log_set_level(enum ft_log_level level)
{
	shown = level;
}

void ft_log_set_process(const char *name)
{
	process_name = name;
}

struct ft_kv ft_kv_errno(int error)
{
	return ft_kv_text("error", strerror(error < 0 ? -error : error));
}

static void put_value(struct ft_buffer *line, const struct ft_kv *pair, bool json)
{
	const char *text = pair->text ? pair->text : "";

	switch (pair->kind) {
	case FT_KV_TEXT:
		if (json)
			ft_buffer_put_text(line, "\"");
		ft_buffer_put_json(line, text, strnlen(text, 1024));
		if (json)
			ft_buffer_put_text(line, "\"");
		return;
	case FT_KV_INT:
		ft_buffer_printf(line, "%lld", (long long)pair->number);
		return;
	case FT_KV_REAL:
		ft_buffer_printf(line, "%.6g", pair->real);
		return;
	}
}

static void put_json_line(struct ft_buffer *line, enum ft_log_level level, const char *message,
			  const struct ft_kv *pairs)
{
	struct timespec now;
	struct tm utc;
	char stamp[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	ft_buffer_printf(line, "{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\",\"msg\":\"", stamp,
			 now.tv_nsec / 1000000, level_names[level]);
	ft_buffer_put_json(line, message, strlen(message));
	ft_buffer_put_text(line, "\"");
	if (process_name)
		ft_buffer_printf(line, ",\"process\":\"%s\"", process_name);
	for (; pairs->key; pairs++) {
		ft_buffer_printf(line, ",\"%s\":", pairs->key);
		put_value(line, pairs, true);
	}
	ft_buffer_put_text(line, "}\n");
}

static void put_plain_line(struct ft_buffer *line, enum ft_log_level level, const char *message,
			   const struct ft_kv *pairs)
{
	ft_buffer_put_text(line, "flametrail");
	if (process_name)
		ft_buffer_printf(line, " %s", process_name);
	ft_buffer_printf(line, ": %s%s", level == FT_LOG_INFO ? "" : level_names[level],
			 level == FT_LOG_INFO ? "" : ": ");
	ft_buffer_put_text(line, message);
	for (; pairs->key; pairs++) {
		ft_buffer_printf(line, " %s=", pairs->key);
		put_value(line, pairs, false);
	}
	ft_buffer_put_text(line, "\n");
}

void ft_log_write(enum ft_log_level level, const char *message, const struct ft_kv *pairs)
{
	_cleanup_buffer_ struct ft_buffer line = FT_BUFFER_INIT(LINE_MAX_BYTES);
	ssize_t written;

	if (level > shown)
		return;
	if (isatty(STDERR_FILENO))
		put_plain_line(&line, level, message, pairs);
	else
		put_json_line(&line, level, message, pairs);
	if (line.len == 0)
		return;
	/* One write, so that lines of several processes do not mix. Nobody can be
	 * told when it fails. */
	written = write(STDERR_FILENO, line.data, line.len);
	(void)written;
}

void ft_complain(const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "flametrail: %s\n", text);
}
