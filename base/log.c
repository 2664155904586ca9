#include "base/log.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/utf8.h"

#define LINE_MAX_BYTES	4096
#define VALUE_MAX_BYTES 1024

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

/* text_max: bytes of a text to show. */
static void put_value(struct ft_buffer *line, const struct ft_kv *pair, size_t text_max, bool json)
{
	const char *text;

	switch (pair->kind) {
	case FT_KV_TEXT:
		text = pair->text ? pair->text : "";
		if (json)
			ft_buffer_put_text(line, "\"");
		ft_buffer_put_json(line, text, strnlen(text, text_max));
		if (json)
			ft_buffer_put_text(line, "\"");
		return;
	case FT_KV_INT:
		ft_buffer_printf(line, "%lld", (long long)pair->number);
		return;
	case FT_KV_REAL:
		if (isfinite(pair->real))
			ft_buffer_printf(line, "%.6g", pair->real);
		else
			ft_buffer_put_text(line, "null"); /* JSON has no other word for it */
		return;
	}
}

/* A value that does not fit whole is shown shorter, at last left empty, and a pair
 * that does not fit at all is left out, so that a cut line is still a good one. */
static void put_pair(struct ft_buffer *line, const struct ft_kv *pair, bool json)
{
	size_t start = line->len;

	for (size_t text_max = VALUE_MAX_BYTES;; text_max /= 2) {
		ft_buffer_printf(line, json ? ",\"%s\":" : " %s=", pair->key);
		put_value(line, pair, text_max, json);
		if (!line->error)
			return;
		line->error = 0;
		line->len = start;
		if (text_max == 0)
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
	for (; pairs->key; pairs++)
		put_pair(line, pairs, true);
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
	for (; pairs->key; pairs++)
		put_pair(line, pairs, false);
}

void ft_log_write(enum ft_log_level level, const char *message, const struct ft_kv *pairs)
{
	char storage[LINE_MAX_BYTES];
	struct ft_buffer line = { .data = (uint8_t *)storage, .cap = sizeof(storage) };
	bool json = !isatty(STDERR_FILENO);
	ssize_t written;

	if (level > shown)
		return;
	/* Never grows: a full disk and a lack of memory are what logs are for. */
	line.max = sizeof(storage) - strlen("}\n");
	if (json)
		put_json_line(&line, level, message, pairs);
	else
		put_plain_line(&line, level, message, pairs);
	line.max = sizeof(storage);
	ft_buffer_put_text(&line, json ? "}\n" : "\n");
	/* One write, so that lines of several processes do not mix. Nobody can be
	 * told when it fails. */
	written = write(STDERR_FILENO, line.data, line.len);
	(void)written;
}

void ft_complain(const char *format, ...)
{
	char text[2048], clean[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ft_utf8_clean(text, strlen(text), clean, sizeof(clean));
	fprintf(stderr, "flametrail: %s\n", clean);
}
