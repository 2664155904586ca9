/* ft_slices.h - slices made by hand, and what a profile made of them says as text. For
 * tests of whatever reads a stream: functions are inline, names are short. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/gather.h"
#include "agent/profile/profile.h"
#include "agent/profile/slice.h"
#include "base/buffer.h"
#include "tests/ft_check.h"

#define SECOND 1000000000ull
#define START  (1700000000ull * SECOND)

static const struct ft_slice_kind cpu_kind = {
	1, "cpu", "samples", "cpu", "nanoseconds", 10000000
};
static const struct ft_slice_kind off_kind = { 2, "offcpu", "waits", "offcpu", "nanoseconds", 0 };

/* A slice under construction: second number i of the recording. */
struct slice {
	struct ft_buffer bytes;
	struct ft_slice_span span;
	size_t begun;
};

static inline struct slice begin(uint64_t i)
{
	struct slice s = { .bytes = FT_BUFFER_INIT(1 << 20),
			   .span = { START + i * SECOND, START + (i + 1) * SECOND, 0 } };

	s.begun = ft_slice_begin(&s.bytes, &s.span);
	return s;
}

/* Hand the slice to gather, through the framing. */
static inline int end_with(struct slice *s, struct ft_gather *g)
{
	const uint8_t *payload = NULL;
	size_t len = 0, used;
	int r;

	r = ft_slice_finish(&s->bytes, s->begun);
	if (r == 0 && ft_slice_split(s->bytes.data, s->bytes.len, &payload, &len, &used) == 1)
		r = ft_gather_slice(g, payload, len);
	ft_buffer_deinit(&s->bytes);
	return r;
}

static inline void string(struct slice *s, uint32_t id, const char *text)
{
	ft_slice_put_string(&s->bytes, id, text, strlen(text));
}

static inline void stack(struct slice *s, uint32_t id, uint32_t n, const uint32_t *locations)
{
	ft_slice_put_stack(&s->bytes, &(struct ft_slice_stack){ id, n, locations });
}

static inline void sample(struct slice *s, struct ft_slice_sample sample_)
{
	if (!sample_.kind)
		sample_.kind = 1;
	if (!sample_.time_ns)
		sample_.time_ns = s->span.from_ns + 5;
	ft_slice_put_sample(&s->bytes, &s->span, &sample_);
}

static inline void count(struct slice *s, uint32_t name, uint64_t n)
{
	ft_slice_put_count(&s->bytes, &(struct ft_slice_count){ name, n });
}

/* Strings 1 "/bin/app", 2 "main", 3 "pid", 4 "worker"; file 1; locations 1 and 2 at
 * 0x1100 and 0x1200; stacks 1 (both) and 2 (the second); label set 1 { pid: 7 }. */
static inline void dictionary(struct slice *s)
{
	ft_slice_put_kind(&s->bytes, &cpu_kind);
	ft_slice_put_kind(&s->bytes, &off_kind);
	string(s, 1, "/bin/app");
	string(s, 2, "main");
	string(s, 3, "pid");
	string(s, 4, "worker");
	ft_slice_put_file(&s->bytes,
			  &(struct ft_slice_file){ .id = 1, .kind = FT_FILE_ELF, .path = 1 });
	ft_slice_put_location(&s->bytes, &(struct ft_slice_location){ 1, 1, 0x1100 });
	ft_slice_put_location(&s->bytes, &(struct ft_slice_location){ 2, 1, 0x1200 });
	stack(s, 1, 2, (uint32_t[]){ 1, 2 });
	stack(s, 2, 1, (uint32_t[]){ 2 });
	ft_slice_put_labels(&s->bytes, &(struct ft_slice_labels){
					       1, 1, &(struct ft_label){ .key = 3, .number = 7 } });
}

static inline struct ft_gather *new_gather(struct ft_gather_options options)
{
	struct ft_gather *g = NULL;

	ck_assert_int_eq(ft_gather_new(&options, &g), 0);
	return g;
}

static inline struct ft_profile *finish(const struct ft_gather *g)
{
	struct ft_profile *p = NULL;

	ck_assert_int_eq(ft_gather_profile(g, &p), 0);
	return p;
}

static inline const char *text_of(const struct ft_profile *p, uint32_t string_)
{
	return ft_profile_get_string(p, string_, NULL);
}

static inline bool has_comment(const struct ft_profile *p, const char *text)
{
	for (uint32_t i = 0; i < ft_profile_n_comments(p); i++)
		if (strcmp(text_of(p, ft_profile_get_comment(p, i)), text) == 0)
			return true;
	return false;
}

/* The labels of a row as "key=value key=value". */
static inline const char *labels_of(const struct ft_profile *p, uint32_t row, char *out,
				    size_t size)
{
	uint32_t n;
	const struct ft_label *labels = ft_profile_get_labels(p, ft_profile_get_row(p, row).labels,
							      &n);
	size_t len = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < n; i++) {
		len += (size_t)snprintf(out + len, size - len, "%s%s=", i ? " " : "",
					text_of(p, labels[i].key));
		if (labels[i].text)
			len += (size_t)snprintf(out + len, size - len, "%s",
						text_of(p, labels[i].text));
		else
			len += (size_t)snprintf(out + len, size - len, "%lld",
						(long long)labels[i].number);
	}
	return out;
}

/* "leaf;root" by frame names. */
static inline const char *frames_of(const struct ft_profile *p, uint32_t row, char *out,
				    size_t size)
{
	uint32_t n;
	const uint32_t *frames = ft_profile_get_stack(p, ft_profile_get_row(p, row).stack, &n);
	char name[64];
	size_t len = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < n; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", i ? ";" : "",
					ft_profile_frame_name(p, frames[i], 0, name, sizeof(name)));
	return out;
}
