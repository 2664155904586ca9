/* log.h - one event, one line, on stderr: JSON when it is not a terminal, plain
 * text when it is. A line is a constant message plus keys with values; readers
 * of logs select by message, so it never holds a value.
 *
 *	ft_log(FT_LOG_WARN, "symbolizer restarted", ft_kv_int("pid", pid));
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum ft_log_level { FT_LOG_ERROR, FT_LOG_WARN, FT_LOG_INFO, FT_LOG_DEBUG };

struct ft_kv {
	const char *key; /* NULL ends a list */
	enum { FT_KV_TEXT, FT_KV_INT, FT_KV_REAL } kind;
	union {
		const char *text; /* borrowed until the call returns; NULL prints as empty */
		int64_t number;
		double real;
	};
};

static inline struct ft_kv ft_kv_text(const char *key, const char *text)
{
	return (struct ft_kv){ .key = key, .kind = FT_KV_TEXT, .text = text };
}

static inline struct ft_kv ft_kv_int(const char *key, int64_t number)
{
	return (struct ft_kv){ .key = key, .kind = FT_KV_INT, .number = number };
}

static inline struct ft_kv ft_kv_real(const char *key, double real)
{
	return (struct ft_kv){ .key = key, .kind = FT_KV_REAL, .real = real };
}

/* An errno value, positive or negative, as its text under the key "error". */
struct ft_kv ft_kv_errno(int error);

#define ft_log(level, ...) FT_LOG_PICK(level, __VA_ARGS__, (struct ft_kv){ 0 })
#define FT_LOG_PICK(level, message, ...) \
	ft_log_write(level, message, (struct ft_kv[]){ __VA_ARGS__ })

/* Use ft_log. Never fails and allocates nothing. A value shows at most 1,024 bytes; in
 * a line longer than 4 KiB values are shortened or left out, the JSON stays whole. */
void ft_log_write(enum ft_log_level level, const char *message, const struct ft_kv *pairs);

/* Lines above level are not printed; FT_LOG_INFO at start. */
void ft_log_set_level(enum ft_log_level level);
/* Put the name of this process into every line, such as "collector". Kept by
 * reference; NULL for none. */
void ft_log_set_process(const char *name);

/* A message for a person at the command line: "flametrail: " + text + newline on
 * stderr, control characters as '?'. Says what is wrong and what to do about it. */
void ft_complain(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));
