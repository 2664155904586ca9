/* slice_feed.h - a stream of slices with known samples, for tests of what reads one. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "agent/profile/dictionary.h"
#include "agent/profile/slice.h"
#include "base/buffer.h"
#include "tests/ft_check.h"

#define FEED_SEC 1000000000ull
#define FEED_MS	 1000000ull

struct feed {
	struct ft_buffer out;
	struct ft_dictionary *dictionary;
	struct ft_slice_span span;
	size_t begun;
};

struct feed_sample {
	uint64_t time_ns;
	const char *comm;
	uint32_t pid, tid, cpu;
	uint32_t address; /* of the leaf; its caller is at 0x1000 */
	uint8_t outcome;
	uint64_t count;
	int64_t value;
};

static inline void feed_deinit(struct feed *feed)
{
	ft_dictionary_freep(&feed->dictionary);
	ft_buffer_deinit(&feed->out);
}
#define _cleanup_feed_ FT_CLEANUP(feed_deinit)

static inline void feed_init(struct feed *feed)
{
	*feed = (struct feed){ .out = FT_BUFFER_INIT(64u << 20) };
	ck_assert_int_eq(ft_dictionary_new(&feed->dictionary), 0);
	ft_buffer_put(&feed->out, FT_SLICE_MAGIC, FT_SLICE_MAGIC_BYTES);
}

/* Begin a slice; the first one of a stream says the epoch, the host and kind 1, "cpu". */
static inline void feed_begin(struct feed *feed, uint64_t from_ns, uint64_t to_ns)
{
	static const struct ft_slice_host host = { .hostname = "feed",
						   .kernel = "Linux 6",
						   .boot_id = "b",
						   .agent = "flametrail test",
						   .n_cpus = 2 };
	static const struct ft_slice_kind kind = { .id = 1,
						   .name = "cpu",
						   .events = "samples",
						   .value = "cpu",
						   .unit = "nanoseconds",
						   .period = 10101010 };
	bool first = feed->out.len == FT_SLICE_MAGIC_BYTES;

	feed->span = (struct ft_slice_span){ .from_ns = from_ns, .to_ns = to_ns };
	feed->begun = ft_slice_begin(&feed->out, &feed->span);
	if (first) {
		ft_dictionary_begin_epoch(feed->dictionary, &feed->out);
		ft_slice_put_host(&feed->out, &host);
		ft_slice_put_kind(&feed->out, &kind);
	}
}

static inline uint32_t feed_string(struct feed *feed, const char *text)
{
	uint32_t id;

	ck_assert_int_ge(
		ft_dictionary_string(feed->dictionary, &feed->out, text, strlen(text), &id), 0);
	return id;
}

static inline uint32_t feed_location(struct feed *feed, uint64_t address)
{
	static const struct ft_dictionary_file file = {
		.kind = FT_FILE_ELF, .path = "/bin/app", .build_id = "", .identity = "1:2"
	};
	uint32_t file_id, id;

	ck_assert_int_ge(ft_dictionary_file(feed->dictionary, &feed->out, 1, &file, &file_id), 0);
	ck_assert_int_ge(
		ft_dictionary_location(feed->dictionary, &feed->out, file_id, address, &id), 0);
	return id;
}

static inline void feed_name(struct feed *feed, uint64_t address, const char *function)
{
	struct ft_dictionary_line line = { .function = function, .function_len = strlen(function) };

	ck_assert_int_eq(ft_dictionary_names(feed->dictionary, &feed->out,
					     feed_location(feed, address), &line, 1),
			 0);
}

static inline void feed_sample(struct feed *feed, const struct feed_sample *s)
{
	uint32_t frames[2] = { feed_location(feed, s->address), feed_location(feed, 0x1000) };
	struct ft_label labels[2] = {
		{ .key = feed_string(feed, "comm"), .text = feed_string(feed, s->comm) },
		{ .key = feed_string(feed, "pid"), .number = s->pid },
	};
	struct ft_slice_sample sample = { .kind = 1,
					  .time_ns = s->time_ns,
					  .tid = s->tid,
					  .thread = feed_string(feed, s->comm),
					  .cpu = s->cpu,
					  .outcome = s->outcome,
					  .count = s->count,
					  .value = s->value };

	ck_assert_int_ge(
		ft_dictionary_stack(feed->dictionary, &feed->out, frames, 2, &sample.stack), 0);
	ck_assert_int_ge(
		ft_dictionary_labels(feed->dictionary, &feed->out, labels, 2, &sample.labels), 0);
	ft_slice_put_sample(&feed->out, &feed->span, &sample);
}

static inline void feed_count(struct feed *feed, const char *name, uint64_t n)
{
	struct ft_slice_count count = { .name = feed_string(feed, name), .n = n };

	ft_slice_put_count(&feed->out, &count);
}

static inline void feed_end(struct feed *feed)
{
	ck_assert_int_eq(ft_slice_finish(&feed->out, feed->begun), 0);
}
