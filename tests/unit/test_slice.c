/* What is written must be read back field by field, in its order, over blocks and epochs. */
#include "agent/profile/slice.h"

#include <string.h>

#include "base/index.h"
#include "flametrail/event.h"
#include "tests/ft_check.h"

static uint64_t random_state;

static uint64_t roll(uint64_t sides)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 20) % sides;
}

/* Any magnitude is as likely as any other. */
static uint64_t roll_u64(void)
{
	return ft_hash_u64(random_state ^ roll(UINT32_MAX)) >> roll(64);
}

static uint32_t roll_u32(void)
{
	return (uint32_t)ft_hash_u64(random_state ^ roll(UINT32_MAX)) >> roll(32);
}

/* Digests of records in their order: one list made while writing, one while reading. */
struct diary {
	uint64_t *entries;
	uint32_t n, n_max;
};

static int note(struct diary *diary, const uint64_t *fields, size_t n)
{
	ck_assert_uint_lt(diary->n, diary->n_max);
	diary->entries[diary->n++] = ft_hash_bytes(fields, n * sizeof(*fields));
	return 0;
}

#define NOTE(diary, ...)                         \
	note(diary, (uint64_t[]){ __VA_ARGS__ }, \
	     sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

static uint64_t text_hash(const char *text)
{
	return ft_hash_bytes(text, strlen(text));
}

static int note_span(void *d, const struct ft_slice_span *s)
{
	return NOTE(d, FT_SLICE_SPAN, s->from_ns, s->to_ns, s->untimed);
}

static int note_host(void *d, const struct ft_slice_host *h)
{
	return NOTE(d, FT_SLICE_HOST, text_hash(h->hostname), text_hash(h->kernel),
		    text_hash(h->boot_id), text_hash(h->agent), h->n_cpus);
}

static int note_kind(void *d, const struct ft_slice_kind *k)
{
	return NOTE(d, FT_SLICE_KIND, k->id, text_hash(k->name), text_hash(k->events),
		    text_hash(k->value), text_hash(k->unit), k->period);
}

static int note_epoch(void *d)
{
	return NOTE(d, FT_SLICE_EPOCH);
}

static int note_string(void *d, uint32_t id, const char *text, size_t len)
{
	return NOTE(d, FT_SLICE_STRING, id, len, ft_hash_bytes(text, len));
}

static int note_file(void *d, const struct ft_slice_file *f)
{
	NOTE(d, FT_SLICE_FILE, f->id, f->kind, f->path, f->build_id, f->identity, f->n_segments);
	for (uint32_t i = 0; i < f->n_segments; i++)
		NOTE(d, f->segments[i].offset, f->segments[i].size, f->segments[i].vaddr);
	return 0;
}

static int note_location(void *d, const struct ft_slice_location *l)
{
	return NOTE(d, FT_SLICE_LOCATION, l->id, l->file, l->address);
}

static int note_names(void *d, const struct ft_slice_names *n)
{
	NOTE(d, FT_SLICE_NAMES, n->location, n->n_lines);
	for (uint32_t i = 0; i < n->n_lines; i++)
		NOTE(d, n->lines[i].function, n->lines[i].system, n->lines[i].file,
		     n->lines[i].line, n->lines[i].column, n->lines[i].flags);
	return 0;
}

static int note_stack(void *d, const struct ft_slice_stack *s)
{
	return NOTE(d, FT_SLICE_STACK, s->id, s->n,
		    ft_hash_bytes(s->locations, s->n * sizeof(*s->locations)));
}

static int note_labels(void *d, const struct ft_slice_labels *l)
{
	NOTE(d, FT_SLICE_LABELS, l->id, l->n);
	for (uint32_t i = 0; i < l->n; i++)
		NOTE(d, l->labels[i].key, l->labels[i].text, (uint64_t)l->labels[i].number,
		     l->labels[i].unit);
	return 0;
}

static int note_sample(void *d, const struct ft_slice_sample *s)
{
	return NOTE(d, FT_SLICE_SAMPLE, s->kind, s->time_ns, s->stack, s->labels, s->tid, s->thread,
		    s->cpu, s->outcome, s->count, (uint64_t)s->value);
}

static int note_count(void *d, const struct ft_slice_count *c)
{
	return NOTE(d, FT_SLICE_COUNT, c->name, c->n);
}

static int note_end(void *d)
{
	return NOTE(d, UINT64_MAX);
}

static const struct ft_slice_sink note_all = {
	note_span,  note_host,	note_kind,   note_epoch,  note_string, note_file, note_location,
	note_names, note_stack, note_labels, note_sample, note_count,  note_end,
};

/* ---- random streams ---- */

struct writing {
	struct ft_buffer out;
	struct diary diary;
	struct ft_slice_span span;
	uint32_t n_strings, n_files, n_locations, n_stacks, n_labels;
};

static uint32_t any(uint32_t n)
{
	return (uint32_t)roll((uint64_t)n + 1);
}

/* From 1; only when there is one. */
static uint32_t some(uint32_t n)
{
	return 1 + (uint32_t)roll(n);
}

static void write_string(struct writing *w)
{
	char text[64];
	size_t len = roll(sizeof(text));

	for (size_t i = 0; i < len; i++)
		text[i] = (char)roll(256);
	note_string(&w->diary, ++w->n_strings, text, len);
	ft_slice_put_string(&w->out, w->n_strings, text, len);
}

static void write_file(struct writing *w)
{
	struct ft_segment segments[FT_SLICE_MAX_SEGMENTS];
	struct ft_slice_file f = { .kind = (uint8_t)(1 + roll(6)), .segments = segments };

	f.id = some(w->n_files + 1);
	w->n_files = FT_MAX(w->n_files, f.id);
	f.path = any(w->n_strings);
	f.build_id = any(w->n_strings);
	f.identity = any(w->n_strings);
	f.n_segments = (uint32_t)roll(FT_SLICE_MAX_SEGMENTS + 1);
	for (uint32_t i = 0; i < f.n_segments; i++)
		segments[i] = (struct ft_segment){ (uint64_t)i << 59, 1 + (roll_u64() >> 6),
						   roll_u64() >> 1 };
	note_file(&w->diary, &f);
	ft_slice_put_file(&w->out, &f);
}

static void write_location(struct writing *w)
{
	struct ft_slice_location l = { w->n_locations + 1, 0, roll_u64() };

	if (!w->n_files)
		return;
	l.file = some(w->n_files);
	w->n_locations++;
	note_location(&w->diary, &l);
	ft_slice_put_location(&w->out, &l);
}

static void write_names(struct writing *w)
{
	struct ft_line lines[8];
	struct ft_slice_names n = { .n_lines = (uint32_t)roll(9), .lines = lines };

	if (!w->n_locations)
		return;
	n.location = some(w->n_locations);
	for (uint32_t i = 0; i < n.n_lines; i++)
		lines[i] = (struct ft_line){ any(w->n_strings), any(w->n_strings),
					     any(w->n_strings), roll_u32(),
					     roll_u32(),	(uint8_t)roll(4) };
	note_names(&w->diary, &n);
	ft_slice_put_names(&w->out, &n);
}

static void write_stack(struct writing *w)
{
	uint32_t locations[64];
	struct ft_slice_stack s = { w->n_stacks + 1, (uint32_t)roll(65), locations };

	if (!w->n_locations)
		return;
	w->n_stacks++;
	for (uint32_t i = 0; i < s.n; i++)
		locations[i] = some(w->n_locations);
	note_stack(&w->diary, &s);
	ft_slice_put_stack(&w->out, &s);
}

static void write_labels(struct writing *w)
{
	struct ft_label list[FT_SLICE_MAX_LABELS];
	struct ft_slice_labels l = { ++w->n_labels, any(FT_SLICE_MAX_LABELS), list };

	for (uint32_t i = 0; i < l.n; i++)
		list[i] = (struct ft_label){ any(w->n_strings), any(w->n_strings),
					     (int64_t)roll_u64() * (roll(2) ? 1 : -1),
					     any(w->n_strings) };
	note_labels(&w->diary, &l);
	ft_slice_put_labels(&w->out, &l);
}

static void write_sample(struct writing *w)
{
	struct ft_slice_sample s = {
		.kind = 5,
		.time_ns = roll_u64(),
		.stack = any(w->n_stacks),
		.labels = any(w->n_labels),
		.tid = roll_u32(),
		.thread = any(w->n_strings),
		.cpu = roll_u32(),
		.outcome = (uint8_t)roll(FT_OUTCOMES),
		.count = roll_u64(),
		.value = (int64_t)roll_u64(),
	};

	note_sample(&w->diary, &s);
	ft_slice_put_sample(&w->out, &w->span, &s);
}

static void write_count(struct writing *w)
{
	struct ft_slice_count c = { any(w->n_strings), roll_u64() };

	note_count(&w->diary, &c);
	ft_slice_put_count(&w->out, &c);
}

static void write_epoch(struct writing *w)
{
	const struct ft_slice_host host = { "host", "6.1.0", "boot-id", "flametrail", roll_u32() };
	const struct ft_slice_kind kind = {
		5, "cpu", "samples", "time", "nanoseconds", roll_u64()
	};

	note_epoch(&w->diary);
	ft_slice_put_epoch(&w->out);
	note_host(&w->diary, &host);
	ft_slice_put_host(&w->out, &host);
	note_kind(&w->diary, &kind);
	ft_slice_put_kind(&w->out, &kind);
	w->n_strings = w->n_files = w->n_locations = w->n_stacks = w->n_labels = 0;
}

static void write_block(struct writing *w, bool epoch)
{
	static void (*const writers[])(struct writing * w) = {
		write_string, write_file,   write_location, write_names,
		write_stack,  write_labels, write_sample,   write_count,
	};
	size_t begun;

	w->span = (struct ft_slice_span){ roll_u64() >> 1, 0, (uint8_t)roll(2) };
	w->span.to_ns = w->span.from_ns + (roll_u64() >> 1);
	begun = ft_slice_begin(&w->out, &w->span);
	note_span(&w->diary, &w->span);
	if (epoch)
		write_epoch(w);
	for (uint64_t n = roll(60); n; n--)
		writers[roll(FT_COUNT(writers))](w);
	note_end(&w->diary);
	ck_assert_int_eq(ft_slice_finish(&w->out, begun), 0);
}

START_TEST(random_streams_come_back)
{
	enum { BLOCKS = 30, ENTRIES = 50000 };
	static uint64_t written[ENTRIES], seen[ENTRIES];
	struct writing w = { .out = FT_BUFFER_INIT(16 << 20), .diary = { written, 0, ENTRIES } };
	struct diary reading = { seen, 0, ENTRIES };
	struct ft_slice_reader reader = { 0 };
	size_t at = 0;

	random_state = (uint64_t)_i + 1;
	for (int i = 0; i < BLOCKS; i++)
		write_block(&w, i == 0 || roll(5) == 0);
	for (int i = 0; i < BLOCKS; i++) {
		const uint8_t *payload;
		size_t len, used;

		ck_assert_int_eq(
			ft_slice_split(w.out.data + at, w.out.len - at, &payload, &len, &used), 1);
		ck_assert_int_eq(ft_slice_read(&reader, payload, len, &note_all, &reading), 0);
		at += used;
	}
	ck_assert_uint_eq(at, w.out.len);
	ck_assert_uint_eq(reading.n, w.diary.n);
	for (uint32_t i = 0; i < reading.n; i++)
		ck_assert_uint_eq(seen[i], written[i]);
	ft_buffer_deinit(&w.out);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, random_streams_come_back, 0, 20);
}

FT_CHECK_MAIN("slice", add_tests)
