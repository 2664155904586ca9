#include "agent/profile/slice.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "flametrail/event.h"

/* A payload is read as if an enemy had written it: the server must survive a
 * collector that was taken over, and files are made by anybody. Nothing here
 * allocates: records of many parts are put together in arrays of their limits. */

struct reading {
	struct ft_slice_reader *reader;
	const struct ft_slice_sink *sink;
	void *context;
	struct ft_cursor in;
	uint64_t from_ns; /* of the span */
};

/* Call one callback of the sink when it is there; used as an expression. */
#define TELL(r, callback, ...) \
	((r)->sink->callback ? (r)->sink->callback((r)->context, ##__VA_ARGS__) : 0)

/* The failed cursor is the one place that knows a record was bad. */
static void refuse(struct reading *r)
{
	r->in.failed = true;
}

/* A number that must not be over max. */
static uint32_t number(struct reading *r, uint32_t max)
{
	uint32_t value = ft_cursor_varint32(&r->in);

	if (value > max) {
		refuse(r);
		return 0;
	}
	return value;
}

/* A count of parts with at least each_min bytes, not over max. */
static uint32_t parts(struct reading *r, size_t each_min, uint32_t max)
{
	uint32_t n = ft_cursor_count(&r->in, each_min);

	if (n > max) {
		refuse(r);
		return 0;
	}
	return n;
}

/* A reference to one of n ids, 0 not allowed. */
static uint32_t reference(struct reading *r, uint32_t n)
{
	uint32_t id = number(r, n);

	if (id == 0)
		refuse(r);
	return id;
}

static uint32_t string(struct reading *r)
{
	return number(r, r->reader->n_strings);
}

/* The id a definition must have when n are there. */
static uint32_t next_id(struct reading *r, uint32_t n)
{
	uint32_t id = number(r, FT_SLICE_MAX_IDS);

	if (id != n + 1)
		refuse(r);
	return id;
}

static bool bad(const struct reading *r)
{
	return r->in.failed;
}

static void read_plain(struct reading *r, char text[static FT_SLICE_MAX_PLAIN + 1])
{
	uint32_t len = parts(r, 1, FT_SLICE_MAX_PLAIN);
	const uint8_t *bytes = ft_cursor_take(&r->in, len);

	text[0] = '\0';
	if (!bytes || len == 0)
		return;
	if (memchr(bytes, '\0', len)) {
		refuse(r);
		return;
	}
	memcpy(text, bytes, len);
	text[len] = '\0';
}

static int read_span(struct reading *r)
{
	struct ft_slice_span span;
	uint64_t length;

	if (ft_cursor_varint32(&r->in) != FT_SLICE_SPAN)
		return -EBADMSG;
	span.from_ns = ft_cursor_varint(&r->in);
	length = ft_cursor_varint(&r->in);
	span.untimed = (uint8_t)number(r, 1);
	if (bad(r) || __builtin_add_overflow(span.from_ns, length, &span.to_ns))
		return -EBADMSG;
	r->from_ns = span.from_ns;
	return TELL(r, span, &span);
}

static int read_host(struct reading *r)
{
	char text[4][FT_SLICE_MAX_PLAIN + 1];
	struct ft_slice_host host = { text[0], text[1], text[2], text[3], 0 };

	for (size_t i = 0; i < FT_COUNT(text); i++)
		read_plain(r, text[i]);
	host.n_cpus = ft_cursor_varint32(&r->in);
	if (bad(r))
		return -EBADMSG;
	return TELL(r, host, &host);
}

static int read_kind(struct reading *r)
{
	char text[4][FT_SLICE_MAX_PLAIN + 1];
	struct ft_slice_kind kind = { 0, text[0], text[1], text[2], text[3], 0 };
	int result;

	kind.id = reference(r, FT_SLICE_MAX_KINDS);
	for (size_t i = 0; i < FT_COUNT(text); i++)
		read_plain(r, text[i]);
	kind.period = ft_cursor_varint(&r->in);
	if (bad(r))
		return -EBADMSG;
	result = TELL(r, kind, &kind);
	if (result >= 0)
		r->reader->kinds |= 1u << kind.id;
	return result;
}

static int read_epoch(struct reading *r)
{
	int result = TELL(r, epoch);

	/* Kinds stay: they are no dictionary. */
	if (result >= 0)
		*r->reader = (struct ft_slice_reader){ .kinds = r->reader->kinds };
	return result;
}

static int read_string(struct reading *r)
{
	uint32_t id = next_id(r, r->reader->n_strings);
	uint32_t len = parts(r, 1, FT_SLICE_MAX_TEXT);
	const char *text = (const char *)ft_cursor_take(&r->in, len);
	int result;

	if (bad(r))
		return -EBADMSG;
	result = TELL(r, string, id, text, len);
	if (result >= 0)
		r->reader->n_strings++;
	return result;
}

static void read_segment(struct reading *r, uint64_t offset_min, struct ft_segment *ret_segment)
{
	uint64_t end;

	ret_segment->offset = ft_cursor_varint(&r->in);
	ret_segment->size = ft_cursor_varint(&r->in);
	ret_segment->vaddr = ft_cursor_varint(&r->in);
	if (ret_segment->size == 0 || ret_segment->offset < offset_min ||
	    __builtin_add_overflow(ret_segment->offset, ret_segment->size, &end) ||
	    __builtin_add_overflow(ret_segment->vaddr, ret_segment->size, &end))
		refuse(r);
}

static int read_file(struct reading *r)
{
	struct ft_segment segments[FT_SLICE_MAX_SEGMENTS];
	struct ft_slice_file file = { .segments = segments };
	uint32_t n_max = FT_MIN(r->reader->n_files + 1, FT_SLICE_MAX_IDS);
	int result;

	file.id = reference(r, n_max);
	file.kind = (uint8_t)number(r, FT_FILE_OTHER);
	file.path = string(r);
	file.build_id = string(r);
	file.identity = string(r);
	file.n_segments = parts(r, 3, FT_SLICE_MAX_SEGMENTS);
	for (uint32_t i = 0; i < file.n_segments && !bad(r); i++)
		read_segment(r, i ? segments[i - 1].offset : 0, &segments[i]);
	if (bad(r) || file.kind < FT_FILE_ELF)
		return -EBADMSG;
	result = TELL(r, file, &file);
	if (result >= 0)
		r->reader->n_files = FT_MAX(r->reader->n_files, file.id);
	return result;
}

static int read_location(struct reading *r)
{
	struct ft_slice_location location;
	int result;

	location.id = next_id(r, r->reader->n_locations);
	location.file = reference(r, r->reader->n_files);
	location.address = ft_cursor_varint(&r->in);
	if (bad(r))
		return -EBADMSG;
	result = TELL(r, location, &location);
	if (result >= 0)
		r->reader->n_locations++;
	return result;
}

static int read_names(struct reading *r)
{
	struct ft_line lines[FT_SLICE_MAX_LINES];
	struct ft_slice_names names = { .lines = lines };

	names.location = reference(r, r->reader->n_locations);
	names.n_lines = parts(r, 6, FT_SLICE_MAX_LINES);
	for (uint32_t i = 0; i < names.n_lines; i++) {
		lines[i].function = string(r);
		lines[i].system = string(r);
		lines[i].file = string(r);
		lines[i].line = ft_cursor_varint32(&r->in);
		lines[i].column = ft_cursor_varint32(&r->in);
		lines[i].flags = (uint8_t)number(r, FT_LINE_INLINED | FT_LINE_JIT);
	}
	if (bad(r))
		return -EBADMSG;
	return TELL(r, names, &names);
}

static int read_stack(struct reading *r)
{
	uint32_t locations[FT_SLICE_MAX_FRAMES];
	struct ft_slice_stack stack = { .locations = locations };
	int result;

	stack.id = next_id(r, r->reader->n_stacks);
	stack.n = parts(r, 1, FT_SLICE_MAX_FRAMES);
	for (uint32_t i = 0; i < stack.n; i++)
		locations[i] = reference(r, r->reader->n_locations);
	if (bad(r))
		return -EBADMSG;
	result = TELL(r, stack, &stack);
	if (result >= 0)
		r->reader->n_stacks++;
	return result;
}

static int read_labels(struct reading *r)
{
	struct ft_label list[FT_SLICE_MAX_LABELS];
	struct ft_slice_labels labels = { .labels = list };
	int result;

	labels.id = next_id(r, r->reader->n_labels);
	labels.n = parts(r, 4, FT_SLICE_MAX_LABELS);
	for (uint32_t i = 0; i < labels.n; i++) {
		list[i].key = string(r);
		list[i].text = string(r);
		list[i].number = ft_cursor_signed(&r->in);
		list[i].unit = string(r);
	}
	if (bad(r))
		return -EBADMSG;
	result = TELL(r, labels, &labels);
	if (result >= 0)
		r->reader->n_labels++;
	return result;
}

static int read_sample(struct reading *r)
{
	struct ft_slice_sample sample;

	sample.kind = reference(r, FT_SLICE_MAX_KINDS);
	if (!(r->reader->kinds & 1u << sample.kind))
		refuse(r);
	sample.time_ns = r->from_ns + (uint64_t)ft_cursor_signed(&r->in);
	sample.stack = number(r, r->reader->n_stacks);
	sample.labels = number(r, r->reader->n_labels);
	sample.tid = ft_cursor_varint32(&r->in);
	sample.thread = string(r);
	sample.cpu = ft_cursor_varint32(&r->in);
	sample.outcome = (uint8_t)number(r, FT_OUTCOMES - 1);
	sample.count = ft_cursor_varint(&r->in);
	sample.value = ft_cursor_signed(&r->in);
	if (bad(r))
		return -EBADMSG;
	return TELL(r, sample, &sample);
}

static int read_count(struct reading *r)
{
	struct ft_slice_count count;

	count.name = string(r);
	count.n = ft_cursor_varint(&r->in);
	if (bad(r))
		return -EBADMSG;
	return TELL(r, count, &count);
}

/* SPAN is missing here: it comes first and only once. */
static int (*const record_readers[])(struct reading *r) = {
	[FT_SLICE_HOST] = read_host,	 [FT_SLICE_KIND] = read_kind,
	[FT_SLICE_EPOCH] = read_epoch,	 [FT_SLICE_STRING] = read_string,
	[FT_SLICE_FILE] = read_file,	 [FT_SLICE_LOCATION] = read_location,
	[FT_SLICE_NAMES] = read_names,	 [FT_SLICE_STACK] = read_stack,
	[FT_SLICE_LABELS] = read_labels, [FT_SLICE_SAMPLE] = read_sample,
	[FT_SLICE_COUNT] = read_count,
};

int ft_slice_read(struct ft_slice_reader *reader, const uint8_t *payload, size_t len,
		  const struct ft_slice_sink *sink, void *context)
{
	struct reading r = {
		.reader = reader,
		.sink = sink,
		.context = context,
		.in = ft_cursor_of(payload, len),
	};
	int result;

	if (len > FT_SLICE_MAX_BYTES)
		return -EBADMSG;
	result = read_span(&r);
	while (result >= 0 && ft_cursor_left(&r.in)) {
		uint32_t tag = ft_cursor_varint32(&r.in);

		if (tag >= FT_COUNT(record_readers) || !record_readers[tag])
			return -EBADMSG;
		result = record_readers[tag](&r);
	}
	if (result < 0)
		return result;
	result = TELL(&r, end);
	return result < 0 ? result : 0;
}

int ft_slice_split(const uint8_t *bytes, size_t len, const uint8_t **ret_payload, size_t *ret_len,
		   size_t *ret_used)
{
	struct ft_cursor in = ft_cursor_of(bytes, len);
	uint32_t payload_len, checksum;
	const uint8_t *payload;

	if (len < FT_SLICE_HEAD_BYTES)
		return 0;
	payload_len = ft_cursor_u32(&in);
	checksum = ft_cursor_u32(&in);
	if (payload_len == 0 || payload_len > FT_SLICE_MAX_BYTES)
		return -EBADMSG;
	payload = ft_cursor_take(&in, payload_len);
	if (!payload)
		return 0;
	if ((uint32_t)crc32(0, payload, (uInt)payload_len) != checksum)
		return -EBADMSG;
	*ret_payload = payload;
	*ret_len = payload_len;
	*ret_used = FT_SLICE_HEAD_BYTES + payload_len;
	return 1;
}
