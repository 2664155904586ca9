/* Payloads are read as if an enemy had made them: whatever the bytes, the reader says 0
 * or -EBADMSG, reads nothing outside them, and tells its sink only what it promised. */
#include "agent/profile/slice.h"

#include <errno.h>
#include <string.h>

#include "agent/profile/gather.h"
#include "flametrail/event.h"
#include "tests/ft_check.h"

/* A sink that counts definitions itself and holds the reader to its promises. */
struct witness {
	uint32_t strings, files, locations, stacks, labels;
	bool kinds[FT_SLICE_MAX_KINDS + 1];
	uint32_t spans, hosts, counts, samples, ends;
	uint64_t touched; /* sum of bytes: reads every one of them */
};

/* Asserting what holds is slow with check, and this is done millions of times. */
static void promise(bool kept)
{
	if (!kept)
		ck_abort_msg("the reader did what it had promised not to");
}

static int saw_span(void *context, const struct ft_slice_span *s)
{
	promise(s->from_ns <= s->to_ns && s->untimed <= 1);
	((struct witness *)context)->spans++;
	return 0;
}

static int saw_host(void *context, const struct ft_slice_host *h)
{
	struct witness *w = context;

	w->hosts++;
	w->touched += strlen(h->hostname) + strlen(h->kernel) + strlen(h->boot_id) +
		      strlen(h->agent);
	return 0;
}

static int saw_kind(void *context, const struct ft_slice_kind *k)
{
	struct witness *w = context;

	promise(k->id >= 1 && k->id <= FT_SLICE_MAX_KINDS);
	promise(strlen(k->name) <= FT_SLICE_MAX_PLAIN && strlen(k->unit) <= FT_SLICE_MAX_PLAIN);
	w->touched += strlen(k->events) + strlen(k->value);
	w->kinds[k->id] = true;
	return 0;
}

static int saw_epoch(void *context)
{
	struct witness *w = context;

	w->strings = w->files = w->locations = w->stacks = w->labels = 0;
	return 0;
}

static int saw_string(void *context, uint32_t id, const char *text, size_t len)
{
	struct witness *w = context;

	promise(id == ++w->strings && len <= FT_SLICE_MAX_TEXT);
	for (size_t i = 0; i < len; i++)
		w->touched += (uint8_t)text[i];
	return 0;
}

static int saw_file(void *context, const struct ft_slice_file *f)
{
	struct witness *w = context;

	promise(f->id >= 1 && f->id <= w->files + 1);
	promise(f->kind >= FT_FILE_ELF && f->kind <= FT_FILE_OTHER);
	promise(f->path <= w->strings && f->build_id <= w->strings && f->identity <= w->strings);
	promise(f->n_segments <= FT_SLICE_MAX_SEGMENTS);
	for (uint32_t i = 0; i < f->n_segments; i++)
		promise(f->segments[i].size && f->segments[i].offset + f->segments[i].size &&
			(!i || f->segments[i].offset >= f->segments[i - 1].offset));
	w->files = FT_MAX(w->files, f->id);
	return 0;
}

static int saw_location(void *context, const struct ft_slice_location *l)
{
	struct witness *w = context;

	promise(l->id == ++w->locations && l->file >= 1 && l->file <= w->files);
	return 0;
}

static int saw_names(void *context, const struct ft_slice_names *n)
{
	struct witness *w = context;

	promise(n->location >= 1 && n->location <= w->locations);
	promise(n->n_lines <= FT_SLICE_MAX_LINES);
	for (uint32_t i = 0; i < n->n_lines; i++)
		promise(n->lines[i].function <= w->strings && n->lines[i].system <= w->strings &&
			n->lines[i].file <= w->strings && n->lines[i].flags <= 3);
	return 0;
}

static int saw_stack(void *context, const struct ft_slice_stack *s)
{
	struct witness *w = context;

	promise(s->id == ++w->stacks && s->n <= FT_SLICE_MAX_FRAMES);
	for (uint32_t i = 0; i < s->n; i++)
		promise(s->locations[i] >= 1 && s->locations[i] <= w->locations);
	return 0;
}

static int saw_labels(void *context, const struct ft_slice_labels *l)
{
	struct witness *w = context;

	promise(l->id == ++w->labels && l->n <= FT_SLICE_MAX_LABELS);
	for (uint32_t i = 0; i < l->n; i++)
		promise(l->labels[i].key <= w->strings && l->labels[i].text <= w->strings &&
			l->labels[i].unit <= w->strings);
	return 0;
}

static int saw_sample(void *context, const struct ft_slice_sample *s)
{
	struct witness *w = context;

	promise(s->kind >= 1 && s->kind <= FT_SLICE_MAX_KINDS && w->kinds[s->kind]);
	promise(s->stack <= w->stacks && s->labels <= w->labels && s->thread <= w->strings);
	promise(s->outcome < FT_OUTCOMES);
	w->samples++;
	return 0;
}

static int saw_count(void *context, const struct ft_slice_count *c)
{
	struct witness *w = context;

	promise(c->name <= w->strings);
	w->counts++;
	return 0;
}

static int saw_end(void *context)
{
	((struct witness *)context)->ends++;
	return 0;
}

static const struct ft_slice_sink saw_all = {
	saw_span,  saw_host,  saw_kind,	  saw_epoch,  saw_string, saw_file, saw_location,
	saw_names, saw_stack, saw_labels, saw_sample, saw_count,  saw_end,
};

/* Read from memory of exactly this size, so that AddressSanitizer sees one byte more. */
static int read_exactly(const uint8_t *bytes, size_t len)
{
	_cleanup_free_ uint8_t *copy = malloc(len ? len : 1);
	struct ft_slice_reader reader = { 0 };
	struct witness w = { 0 };
	int r;

	promise(copy != NULL);
	memcpy(copy, bytes, len);
	r = ft_slice_read(&reader, copy, len, &saw_all, &w);
	promise(r == 0 || r == -EBADMSG);
	promise(w.spans <= 1 && w.ends == (r == 0));
	return r;
}

/* A small payload with every record: string 1 "abc", file 1, locations 1 and 2, stack 1,
 * label set 1, kind 3. */
static const uint8_t base[] = {
	1,  100, 50,  0,				     /* span */
	2,  1,	 'h', 1,   'k', 1,   'b', 1,   'a', 2,	     /* host */
	3,  3,	 1,   'n', 1,	'e', 1,	  'v', 1,   'u', 9,  /* kind */
	5,  1,	 3,   'a', 'b', 'c',			     /* string */
	6,  1,	 1,   1,   0,	0,   1,	  0,   16,  64,	     /* file, one segment */
	7,  1,	 1,   7,   7,	2,   1,	  8,		     /* locations */
	8,  1,	 1,   1,   0,	1,   12,  3,   1,	     /* names */
	9,  1,	 2,   1,   2,				     /* stack */
	10, 1,	 1,   1,   0,	14,  1,			     /* labels */
	11, 3,	 4,   1,   1,	77,  1,	  0,   2,   1,	 20, /* sample */
	12, 1,	 5,					     /* count */
};

START_TEST(base_is_good)
{
	struct ft_slice_reader reader = { 0 };
	struct witness w = { 0 };

	ck_assert_int_eq(ft_slice_read(&reader, base, sizeof(base), &saw_all, &w), 0);
	ck_assert_uint_eq(w.hosts, 1);
	ck_assert_uint_eq(w.samples, 1);
	ck_assert_uint_eq(w.counts, 1);
	ck_assert_uint_eq(reader.n_strings, 1);
	ck_assert_uint_eq(reader.n_files, 1);
	ck_assert_uint_eq(reader.n_locations, 2);
	ck_assert_uint_eq(reader.n_stacks, 1);
	ck_assert_uint_eq(reader.n_labels, 1);
	ck_assert_uint_eq(reader.kinds, 1u << 3);
}
END_TEST

/* What gather makes of bytes must be a profile too. */
static void gather_exactly(const uint8_t *bytes, size_t len)
{
	const struct ft_gather_options options = { .with_tid = true, .with_thread = true };
	_cleanup_gather_ struct ft_gather *g = NULL;
	_cleanup_profile_ struct ft_profile *p = NULL;
	int r;

	promise(ft_gather_new(&options, &g) == 0);
	r = ft_gather_slice(g, bytes, len);
	promise(r == 0 || r == -EBADMSG || r == -EOVERFLOW);
	promise(ft_gather_profile(g, &p) == 0);
}

START_TEST(every_truncation)
{
	for (size_t len = 0; len < sizeof(base); len++) {
		read_exactly(base, len);
		gather_exactly(base, len);
	}
	ck_assert_int_eq(read_exactly(base, 0), -EBADMSG);
	ck_assert_int_eq(read_exactly(base, 3), -EBADMSG);
	ck_assert_int_eq(read_exactly(base, 4), 0);
	ck_assert_int_eq(read_exactly(base, sizeof(base) - 1), -EBADMSG);
}
END_TEST

START_TEST(every_byte_changed)
{
	uint8_t bytes[sizeof(base)];
	uint32_t n_bad = 0;

	memcpy(bytes, base, sizeof(base));
	for (size_t at = 0; at < sizeof(base); at++) {
		for (unsigned int value = 0; value < 256; value++) {
			bytes[at] = (uint8_t)value;
			n_bad += read_exactly(bytes, sizeof(bytes)) != 0;
			gather_exactly(bytes, sizeof(bytes));
		}
		bytes[at] = base[at];
	}
	ck_assert_uint_gt(n_bad, 5000);
}
END_TEST

START_TEST(random_bytes)
{
	uint8_t bytes[64] = { 1, 100, 50, 0, 3, 3, 0, 0, 0, 0, 9 };
	uint64_t random = 99;

	for (int round = 0; round < 20000; round++) {
		for (size_t i = 11; i < sizeof(bytes); i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			/* Small numbers pass more checks. */
			bytes[i] = (uint8_t)(random >> 56 >> (random >> 40 & 7));
		}
		read_exactly(bytes, sizeof(bytes));
	}
}
END_TEST

#define TEN_BYTES_OF_ONES 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01

/* Records after base, and whether they may be there. */
static const struct {
	bool good;
	uint8_t len;
	uint8_t bytes[30];
} records[] = {
	{ false, 1, { 0 } },		 /* no tag */
	{ false, 1, { 13 } },		 /* unknown tag */
	{ false, 4, { 1, 100, 50, 0 } }, /* a second span */
	{ true, 6, { 2, 0, 0, 0, 0, 0 } },
	{ false, 7, { 2, 1, 0, 0, 0, 0, 0 } }, /* a NUL in plain text */
	{ true, 7, { 3, 16, 0, 0, 0, 0, 0 } },
	{ false, 7, { 3, 0, 0, 0, 0, 0, 0 } },
	{ false, 7, { 3, 17, 0, 0, 0, 0, 0 } },
	{ true, 3, { 5, 2, 0 } },
	{ false, 3, { 5, 0, 0 } },
	{ false, 3, { 5, 1, 0 } },	      /* defined again */
	{ false, 3, { 5, 3, 0 } },	      /* skips one */
	{ false, 5, { 5, 2, 200, 1, 'x' } },  /* longer than what is left */
	{ true, 7, { 6, 1, 6, 1, 1, 1, 0 } }, /* known better */
	{ true, 7, { 6, 2, 1, 1, 0, 0, 0 } },
	{ false, 7, { 6, 3, 1, 1, 0, 0, 0 } },
	{ false, 7, { 6, 0, 1, 1, 0, 0, 0 } },
	{ false, 7, { 6, 1, 0, 1, 0, 0, 0 } }, /* kind */
	{ false, 7, { 6, 1, 7, 1, 0, 0, 0 } },
	{ false, 7, { 6, 1, 1, 2, 0, 0, 0 } }, /* strings */
	{ false, 7, { 6, 1, 1, 1, 2, 0, 0 } },
	{ false, 7, { 6, 1, 1, 1, 0, 2, 0 } },
	{ true, 13, { 6, 1, 1, 1, 0, 0, 2, 5, 1, 0, 5, 1, 0 } },
	{ false, 13, { 6, 1, 1, 1, 0, 0, 2, 5, 1, 0, 4, 1, 0 } }, /* out of order */
	{ false, 10, { 6, 1, 1, 1, 0, 0, 1, 5, 0, 0 } },	  /* empty segment */
	{ false, 19, { 6, 1, 1, 1, 0, 0, 1, TEN_BYTES_OF_ONES, 1, 0 } },
	{ false, 19, { 6, 1, 1, 1, 0, 0, 1, 0, 1, TEN_BYTES_OF_ONES } },
	{ true, 4, { 7, 3, 1, 0 } },
	{ false, 4, { 7, 2, 1, 0 } },
	{ false, 4, { 7, 4, 1, 0 } },
	{ false, 4, { 7, 3, 0, 0 } }, /* file */
	{ false, 4, { 7, 3, 2, 0 } },
	{ true, 3, { 8, 2, 0 } },
	{ true, 9, { 8, 2, 1, 1, 1, 1, 0, 0, 3 } },
	{ false, 3, { 8, 0, 0 } },
	{ false, 3, { 8, 3, 0 } },
	{ false, 9, { 8, 2, 1, 2, 1, 1, 0, 0, 3 } },
	{ false, 9, { 8, 2, 1, 1, 2, 1, 0, 0, 3 } },
	{ false, 9, { 8, 2, 1, 1, 1, 2, 0, 0, 3 } },
	{ false, 9, { 8, 2, 1, 1, 1, 1, 0, 0, 4 } },				 /* flags */
	{ false, 13, { 8, 2, 1, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x1f, 0, 0 } }, /* line */
	{ true, 4, { 9, 2, 1, 2 } },
	{ true, 3, { 9, 2, 0 } },
	{ false, 4, { 9, 1, 1, 2 } },
	{ false, 4, { 9, 3, 1, 2 } },
	{ false, 4, { 9, 2, 1, 0 } }, /* location */
	{ false, 4, { 9, 2, 1, 3 } },
	{ false, 4, { 9, 2, 2, 1 } }, /* one is missing */
	{ true, 7, { 10, 2, 1, 1, 1, 0, 0 } },
	{ false, 7, { 10, 1, 1, 1, 1, 0, 0 } },
	{ false, 7, { 10, 2, 1, 2, 1, 0, 0 } },
	{ false, 7, { 10, 2, 1, 1, 2, 0, 0 } },
	{ false, 7, { 10, 2, 1, 1, 1, 0, 2 } },
	{ true, 11, { 11, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
	{ true, 11, { 11, 3, 0, 1, 1, 0, 1, 0, 5, 0, 0 } },
	{ false, 11, { 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } }, /* kind */
	{ false, 11, { 11, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
	{ false, 11, { 11, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
	{ false, 11, { 11, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0 } },	       /* stack */
	{ false, 11, { 11, 3, 0, 0, 2, 0, 0, 0, 0, 0, 0 } },	       /* labels */
	{ false, 11, { 11, 3, 0, 0, 0, 0, 2, 0, 0, 0, 0 } },	       /* thread */
	{ false, 11, { 11, 3, 0, 0, 0, 0, 0, 0, FT_OUTCOMES, 0, 0 } }, /* outcome */
	{ false, 15, { 11, 3, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x1f, 0, 0, 0, 0, 0 } },
	{ true, 3, { 12, 0, 1 } },
	{ true, 3, { 12, 1, 1 } },
	{ false, 3, { 12, 2, 1 } },
	{ true, 1, { 4 } },
	{ true, 12, { 4, 11, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0 } }, /* kinds outlive an epoch */
	{ true, 4, { 4, 5, 1, 0 } },
	{ false, 4, { 4, 12, 1, 1 } }, /* strings do not */
	{ false, 5, { 4, 7, 1, 1, 0 } },
	{ false, 4, { 4, 8, 1, 0 } },
	{ false, 12, { 4, 11, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0 } },
	{ false, 12, { 4, 11, 3, 0, 0, 1, 0, 0, 0, 0, 0, 0 } },
	{ false, 4, { 4, 5, 2, 0 } },
	{ false, 12, { 12, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02 } },
};

START_TEST(records_after_base)
{
	uint8_t bytes[sizeof(base) + sizeof(records[0].bytes)];

	memcpy(bytes, base, sizeof(base));
	memcpy(bytes + sizeof(base), records[_i].bytes, records[_i].len);
	ck_assert_int_eq(read_exactly(bytes, sizeof(base) + records[_i].len),
			 records[_i].good ? 0 : -EBADMSG);
}
END_TEST

static const struct {
	bool good;
	uint8_t len;
	uint8_t bytes[24];
} spans[] = {
	{ true, 4, { 1, 0, 0, 0 } },
	{ true, 4, { 1, 0, 0, 1 } },
	{ false, 4, { 1, 0, 0, 2 } },
	{ false, 4, { 4, 1, 0, 0 } }, /* something else first */
	{ true, 13, { 1, TEN_BYTES_OF_ONES, 0, 0 } },
	{ false, 13, { 1, TEN_BYTES_OF_ONES, 1, 0 } }, /* ends after the end of time */
};

START_TEST(span_comes_first)
{
	ck_assert_int_eq(read_exactly(spans[_i].bytes, spans[_i].len),
			 spans[_i].good ? 0 : -EBADMSG);
}
END_TEST

/* A record of n parts of these bytes; the limit is just passed or just kept. */
static const struct {
	uint8_t head[6];
	uint8_t head_len;
	uint8_t part[6];
	uint8_t part_len;
	uint32_t limit;
} counts[] = {
	{ { 2 }, 1, { 'x' }, 1, FT_SLICE_MAX_PLAIN },
	{ { 5, 2 }, 2, { 'x' }, 1, FT_SLICE_MAX_TEXT },
	{ { 6, 1, 1, 0, 0, 0 }, 6, { 1, 1, 1 }, 3, FT_SLICE_MAX_SEGMENTS },
	{ { 8, 1 }, 2, { 1, 0, 0, 0, 0, 0 }, 6, FT_SLICE_MAX_LINES },
	{ { 9, 2 }, 2, { 1 }, 1, FT_SLICE_MAX_FRAMES },
	{ { 10, 2 }, 2, { 1, 0, 0, 0 }, 4, FT_SLICE_MAX_LABELS },
};

START_TEST(counts_at_their_limits)
{
	for (uint32_t over = 0; over < 2; over++) {
		_cleanup_buffer_ struct ft_buffer b = FT_BUFFER_INIT(8 << 20);

		ft_buffer_put(&b, base, sizeof(base));
		ft_buffer_put(&b, counts[_i].head, counts[_i].head_len);
		ft_buffer_put_varint(&b, counts[_i].limit + over);
		for (uint32_t i = 0; i < counts[_i].limit + over; i++)
			ft_buffer_put(&b, counts[_i].part, counts[_i].part_len);
		if (counts[_i].head[0] == FT_SLICE_HOST)
			ft_buffer_put(&b, "\0\0\0\0", 4);
		ck_assert_int_eq(b.error, 0);
		ck_assert_int_eq(read_exactly(b.data, b.len), over ? -EBADMSG : 0);
	}
}
END_TEST

START_TEST(ids_end_at_their_limit)
{
	for (uint32_t over = 0; over < 2; over++) {
		_cleanup_buffer_ struct ft_buffer b = FT_BUFFER_INIT(4096);
		struct ft_slice_reader reader = { .n_strings = FT_SLICE_MAX_IDS - 1 + over };

		ft_buffer_put(&b, base, 4);
		ft_slice_put_string(&b, FT_SLICE_MAX_IDS + over, "", 0);
		ck_assert_int_eq(
			ft_slice_read(&reader, b.data, b.len, &(struct ft_slice_sink){ 0 }, NULL),
			over ? -EBADMSG : 0);
		ck_assert_uint_eq(reader.n_strings, FT_SLICE_MAX_IDS);
	}
}
END_TEST

static int refuse_sample(void *context, const struct ft_slice_sample *sample)
{
	(void)sample;
	++*(int *)context;
	return -ENOSPC;
}

static int refuse_string(void *context, uint32_t id, const char *text, size_t len)
{
	(void)context, (void)id, (void)text, (void)len;
	return -ENOMEM;
}

START_TEST(sink_ends_the_reading)
{
	static const struct ft_slice_sink sample = { .sample = refuse_sample };
	static const struct ft_slice_sink string = { .string = refuse_string };
	struct ft_slice_reader reader = { 0 };
	int calls = 0;

	ck_assert_int_eq(ft_slice_read(&reader, base, sizeof(base), &sample, &calls), -ENOSPC);
	ck_assert_int_eq(calls, 1);
	ck_assert_uint_eq(reader.n_labels, 1);
	reader = (struct ft_slice_reader){ 0 };
	ck_assert_int_eq(ft_slice_read(&reader, base, sizeof(base), &string, NULL), -ENOMEM);
	ck_assert_uint_eq(reader.n_strings, 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, base_is_good);
	tcase_add_test(tc, every_truncation);
	tcase_add_test(tc, every_byte_changed);
	tcase_add_test(tc, random_bytes);
	tcase_add_loop_test(tc, records_after_base, 0, FT_CASES(records));
	tcase_add_loop_test(tc, span_comes_first, 0, FT_CASES(spans));
	tcase_add_loop_test(tc, counts_at_their_limits, 0, FT_CASES(counts));
	tcase_add_test(tc, ids_end_at_their_limit);
	tcase_add_test(tc, sink_ends_the_reading);
}

FT_CHECK_MAIN("slice_read", add_tests)
