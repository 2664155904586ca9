#include "agent/profile/slice.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

size_t ft_slice_begin(struct ft_buffer *out, const struct ft_slice_span *span)
{
	size_t begun = out->len;

	ft_buffer_put_u32(out, 0); /* length and checksum: filled by finish */
	ft_buffer_put_u32(out, 0);
	ft_buffer_put_varint(out, FT_SLICE_SPAN);
	ft_buffer_put_varint(out, span->from_ns);
	ft_buffer_put_varint(out, span->to_ns > span->from_ns ? span->to_ns - span->from_ns : 0);
	ft_buffer_put_varint(out, span->untimed != 0);
	return begun;
}

static void fill_u32(uint8_t *at, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

int ft_slice_finish(struct ft_buffer *out, size_t begun)
{
	uint8_t *head = out->data + begun;
	int r = out->error;
	size_t len;

	if (r == 0 && out->len - begun - FT_SLICE_HEAD_BYTES > FT_SLICE_MAX_BYTES)
		r = -EFBIG;
	if (r < 0) {
		out->len = begun;
		out->error = 0;
		return r;
	}
	len = out->len - begun - FT_SLICE_HEAD_BYTES;
	fill_u32(head, (uint32_t)len);
	fill_u32(head + 4, (uint32_t)crc32(0, head + FT_SLICE_HEAD_BYTES, (uInt)len));
	return 0;
}

static void put_text(struct ft_buffer *out, const char *text, size_t len)
{
	ft_buffer_put_varint(out, len);
	ft_buffer_put(out, text, len);
}

static void put_plain(struct ft_buffer *out, const char *text)
{
	put_text(out, text ? text : "", text ? strnlen(text, FT_SLICE_MAX_PLAIN) : 0);
}

void ft_slice_put_host(struct ft_buffer *out, const struct ft_slice_host *host)
{
	ft_buffer_put_varint(out, FT_SLICE_HOST);
	put_plain(out, host->hostname);
	put_plain(out, host->kernel);
	put_plain(out, host->boot_id);
	put_plain(out, host->agent);
	ft_buffer_put_varint(out, host->n_cpus);
}

void ft_slice_put_kind(struct ft_buffer *out, const struct ft_slice_kind *kind)
{
	ft_buffer_put_varint(out, FT_SLICE_KIND);
	ft_buffer_put_varint(out, kind->id);
	put_plain(out, kind->name);
	put_plain(out, kind->events);
	put_plain(out, kind->value);
	put_plain(out, kind->unit);
	ft_buffer_put_varint(out, kind->period);
}

void ft_slice_put_epoch(struct ft_buffer *out)
{
	ft_buffer_put_varint(out, FT_SLICE_EPOCH);
}

void ft_slice_put_string(struct ft_buffer *out, uint32_t id, const char *text, size_t len)
{
	ft_buffer_put_varint(out, FT_SLICE_STRING);
	ft_buffer_put_varint(out, id);
	put_text(out, text, FT_MIN(len, (size_t)FT_SLICE_MAX_TEXT));
}

/* Pick the segments that may be sent: what a file says of itself may be nonsense. */
static uint32_t sane_segments(const struct ft_slice_file *file,
			      const struct ft_segment *ret_picked[static FT_SLICE_MAX_SEGMENTS])
{
	uint64_t offset = 0, end;
	uint32_t n = 0;

	for (uint32_t i = 0; i < file->n_segments && n < FT_SLICE_MAX_SEGMENTS; i++) {
		const struct ft_segment *s = &file->segments[i];

		if (s->size == 0 || s->offset < offset ||
		    __builtin_add_overflow(s->offset, s->size, &end) ||
		    __builtin_add_overflow(s->vaddr, s->size, &end))
			continue;
		offset = s->offset;
		ret_picked[n++] = s;
	}
	return n;
}

void ft_slice_put_file(struct ft_buffer *out, const struct ft_slice_file *file)
{
	const struct ft_segment *picked[FT_SLICE_MAX_SEGMENTS];
	uint32_t n = sane_segments(file, picked);

	ft_buffer_put_varint(out, FT_SLICE_FILE);
	ft_buffer_put_varint(out, file->id);
	ft_buffer_put_varint(out, file->kind);
	ft_buffer_put_varint(out, file->path);
	ft_buffer_put_varint(out, file->build_id);
	ft_buffer_put_varint(out, file->identity);
	ft_buffer_put_varint(out, n);
	for (uint32_t i = 0; i < n; i++) {
		ft_buffer_put_varint(out, picked[i]->offset);
		ft_buffer_put_varint(out, picked[i]->size);
		ft_buffer_put_varint(out, picked[i]->vaddr);
	}
}

void ft_slice_put_location(struct ft_buffer *out, const struct ft_slice_location *location)
{
	ft_buffer_put_varint(out, FT_SLICE_LOCATION);
	ft_buffer_put_varint(out, location->id);
	ft_buffer_put_varint(out, location->file);
	ft_buffer_put_varint(out, location->address);
}

void ft_slice_put_names(struct ft_buffer *out, const struct ft_slice_names *names)
{
	uint32_t n = FT_MIN(names->n_lines, FT_SLICE_MAX_LINES);

	ft_buffer_put_varint(out, FT_SLICE_NAMES);
	ft_buffer_put_varint(out, names->location);
	ft_buffer_put_varint(out, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct ft_line *line = &names->lines[i];

		ft_buffer_put_varint(out, line->function);
		ft_buffer_put_varint(out, line->system);
		ft_buffer_put_varint(out, line->file);
		ft_buffer_put_varint(out, line->line);
		ft_buffer_put_varint(out, line->column);
		ft_buffer_put_varint(out, line->flags);
	}
}

void ft_slice_put_stack(struct ft_buffer *out, const struct ft_slice_stack *stack)
{
	uint32_t n = FT_MIN(stack->n, FT_SLICE_MAX_FRAMES);

	ft_buffer_put_varint(out, FT_SLICE_STACK);
	ft_buffer_put_varint(out, stack->id);
	ft_buffer_put_varint(out, n);
	for (uint32_t i = 0; i < n; i++)
		ft_buffer_put_varint(out, stack->locations[i]);
}

void ft_slice_put_labels(struct ft_buffer *out, const struct ft_slice_labels *labels)
{
	uint32_t n = FT_MIN(labels->n, FT_SLICE_MAX_LABELS);

	ft_buffer_put_varint(out, FT_SLICE_LABELS);
	ft_buffer_put_varint(out, labels->id);
	ft_buffer_put_varint(out, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct ft_label *label = &labels->labels[i];

		ft_buffer_put_varint(out, label->key);
		ft_buffer_put_varint(out, label->text);
		ft_buffer_put_signed(out, label->number);
		ft_buffer_put_varint(out, label->unit);
	}
}

void ft_slice_put_sample(struct ft_buffer *out, const struct ft_slice_span *span,
			 const struct ft_slice_sample *sample)
{
	ft_buffer_put_varint(out, FT_SLICE_SAMPLE);
	ft_buffer_put_varint(out, sample->kind);
	/* Modulo 2^64: the reader's sum comes back to the same time. */
	ft_buffer_put_signed(out, (int64_t)(sample->time_ns - span->from_ns));
	ft_buffer_put_varint(out, sample->stack);
	ft_buffer_put_varint(out, sample->labels);
	ft_buffer_put_varint(out, sample->tid);
	ft_buffer_put_varint(out, sample->thread);
	ft_buffer_put_varint(out, sample->cpu);
	ft_buffer_put_varint(out, sample->outcome);
	ft_buffer_put_varint(out, sample->count);
	ft_buffer_put_signed(out, sample->value);
}

void ft_slice_put_count(struct ft_buffer *out, const struct ft_slice_count *count)
{
	ft_buffer_put_varint(out, FT_SLICE_COUNT);
	ft_buffer_put_varint(out, count->name);
	ft_buffer_put_varint(out, count->n);
}
