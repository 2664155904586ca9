#include "symbolizer/protocol.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "symbolizer/tablecheck.h"

/* Of an answer without lines, and of the shortest line: five empty texts and numbers. */
#define ANSWER_HEAD_BYTES (8 + 1)

static void put_head(struct ft_buffer *out, enum ft_symproto_type type, uint32_t file)
{
	ft_buffer_put_u8(out, FT_SYMPROTO_VERSION);
	ft_buffer_put_u8(out, (uint8_t)type);
	ft_buffer_put_u32(out, file);
}

void ft_symproto_put_open(struct ft_buffer *out, uint32_t file, enum ft_symfile_kind kind)
{
	put_head(out, FT_SYMPROTO_OPEN, file);
	ft_buffer_put_u8(out, (uint8_t)kind);
}

void ft_symproto_put_resolve(struct ft_buffer *out, uint32_t file, const uint64_t *addresses,
			     uint32_t n)
{
	assert(n >= 1 && n <= FT_SYM_MAX_BATCH);
	put_head(out, FT_SYMPROTO_RESOLVE, file);
	ft_buffer_put_u32(out, n);
	for (uint32_t i = 0; i < n; i++)
		ft_buffer_put_u64(out, addresses[i]);
}

void ft_symproto_put_forget(struct ft_buffer *out, uint32_t file)
{
	put_head(out, FT_SYMPROTO_FORGET, file);
}

void ft_symproto_put_build(struct ft_buffer *out, uint32_t file)
{
	put_head(out, FT_SYMPROTO_BUILD, file);
}

void ft_symproto_put_info(struct ft_buffer *out, const struct ft_symfile_info *info)
{
	assert(info->n_build_id <= FT_SYM_BUILD_ID_MAX);
	assert(info->n_segments <= FT_SYM_MAX_SEGMENTS);
	put_head(out, FT_SYMPROTO_INFO, info->file);
	ft_buffer_put_u8(out, info->status);
	ft_buffer_put_u8(out, info->n_build_id);
	ft_buffer_put(out, info->build_id, info->n_build_id);
	ft_buffer_put_u8(out, (uint8_t)info->n_segments);
	for (uint32_t i = 0; i < info->n_segments; i++) {
		ft_buffer_put_u64(out, info->segments[i].offset);
		ft_buffer_put_u64(out, info->segments[i].size);
		ft_buffer_put_u64(out, info->segments[i].vaddr);
	}
}

void ft_symproto_put_table(struct ft_buffer *out, uint32_t file, enum ft_symtable_status status,
			   const struct ft_symtable *table)
{
	const struct ft_symtable_facts *facts = &table->facts;

	put_head(out, FT_SYMPROTO_TABLE, file);
	ft_buffer_put_u8(out, (uint8_t)status);
	ft_buffer_put_u32(out, table->n_rules);
	ft_buffer_put_u32(out, table->n_pages);
	ft_buffer_put_u32(out, table->n_rows);
	ft_buffer_put_u64(out, facts->text_bytes);
	ft_buffer_put_u64(out, facts->covered_bytes);
	ft_buffer_put_u32(out, facts->n_fdes);
	ft_buffer_put_u32(out, facts->n_bad_fdes);
	ft_buffer_put_u32(out, facts->n_raw_rows);
	ft_buffer_put_u32(out, facts->n_functions);
	ft_buffer_put_u32(out, facts->n_prologues);
	ft_buffer_put_u8(out, facts->keeps_frame_pointers ? 1 : 0);
}

void ft_symproto_begin_answers(struct ft_buffer *out, uint32_t file)
{
	put_head(out, FT_SYMPROTO_ANSWERS, file);
}

static void put_name(struct ft_buffer *out, const char *text, uint32_t len)
{
	len = FT_MIN(len, FT_SYM_MAX_NAME);
	ft_buffer_put_varint(out, len);
	ft_buffer_put(out, text, len);
}

static void put_line(struct ft_buffer *out, const struct ft_symline *line)
{
	put_name(out, line->function, line->function_len);
	put_name(out, line->system, line->system_len);
	put_name(out, line->source, line->source_len);
	put_name(out, line->module, line->module_len);
	ft_buffer_put_varint(out, line->line);
	ft_buffer_put_varint(out, line->column);
	ft_buffer_put_u8(out, line->inlined ? 1 : 0);
}

/* At least the bytes put_line writes. */
static size_t line_bytes_max(const struct ft_symline *line)
{
	return (size_t)FT_MIN(line->function_len, FT_SYM_MAX_NAME) +
	       FT_MIN(line->system_len, FT_SYM_MAX_NAME) +
	       FT_MIN(line->source_len, FT_SYM_MAX_NAME) +
	       FT_MIN(line->module_len, FT_SYM_MAX_NAME) + 4 * 2 + 2 * 5 + 1;
}

int ft_symproto_put_answer(struct ft_buffer *out, const struct ft_symanswer *answer)
{
	const size_t head = 6;
	size_t room = FT_SYMPROTO_MAX - out->len, need = ANSWER_HEAD_BYTES;
	uint32_t n = 0;

	assert(out->len >= head);
	for (; n < FT_MIN(answer->n_lines, FT_SYM_MAX_LINES); n++) {
		need += line_bytes_max(&answer->lines[n]);
		if (need > room)
			break;
	}
	if (need > room && out->len > head)
		return FT_SYMPROTO_FULL;
	ft_buffer_put_u64(out, answer->address);
	ft_buffer_put_u8(out, (uint8_t)n);
	for (uint32_t i = 0; i < n; i++)
		put_line(out, &answer->lines[i]);
	return 0;
}

int ft_symproto_type_of(const void *bytes, size_t len)
{
	struct ft_cursor c = ft_cursor_of(bytes, len);
	uint8_t version = ft_cursor_u8(&c);
	uint8_t type = ft_cursor_u8(&c);

	return c.failed || version != FT_SYMPROTO_VERSION ? -EBADMSG : type;
}

/* Past version and type, which the caller has looked at. */
static struct ft_cursor open_body(const void *bytes, size_t len, uint32_t *ret_file)
{
	struct ft_cursor c = ft_cursor_of(bytes, len);

	ft_cursor_take(&c, 2);
	*ret_file = ft_cursor_u32(&c);
	return c;
}

static bool complete(const struct ft_cursor *c)
{
	return !c->failed && ft_cursor_left(c) == 0;
}

int ft_symproto_decode_request(const void *bytes, size_t len, struct ft_symrequest *ret_request)
{
	int type = ft_symproto_type_of(bytes, len);
	struct ft_cursor c;
	uint32_t file, n = 0;
	uint8_t kind = 0;

	if (type < 0)
		return type;
	if (type < FT_SYMPROTO_OPEN || type > FT_SYMPROTO_BUILD)
		return -EBADMSG;
	c = open_body(bytes, len, &file);
	if (type == FT_SYMPROTO_OPEN) {
		kind = ft_cursor_u8(&c);
		if (kind != FT_SYMFILE_ELF && kind != FT_SYMFILE_KALLSYMS)
			return -EBADMSG;
	} else if (type == FT_SYMPROTO_RESOLVE) {
		n = ft_cursor_u32(&c);
		if (n < 1 || n > FT_SYM_MAX_BATCH || ft_cursor_left(&c) != n * sizeof(uint64_t))
			return -EBADMSG;
		for (uint32_t i = 0; i < n; i++)
			ret_request->addresses[i] = ft_cursor_u64(&c);
	}
	if (!complete(&c))
		return -EBADMSG;
	ret_request->type = (enum ft_symproto_type)type;
	ret_request->file = file;
	ret_request->kind = (enum ft_symfile_kind)kind;
	ret_request->n = n;
	return 0;
}

int ft_symproto_decode_info(const void *bytes, size_t len, struct ft_symfile_info *ret_info)
{
	struct ft_symfile_info info = { 0 };
	struct ft_cursor c = open_body(bytes, len, &info.file);
	const uint8_t *id;

	info.status = ft_cursor_u8(&c);
	info.n_build_id = ft_cursor_u8(&c);
	if (info.status > FT_SYMFILE_NO_SYMBOLS || info.n_build_id > FT_SYM_BUILD_ID_MAX)
		return -EBADMSG;
	id = ft_cursor_take(&c, info.n_build_id);
	if (id)
		memcpy(info.build_id, id, info.n_build_id);
	info.n_segments = ft_cursor_u8(&c);
	if (info.n_segments > FT_SYM_MAX_SEGMENTS)
		return -EBADMSG;
	for (uint32_t i = 0; i < info.n_segments; i++) {
		struct ft_symfile_segment *segment = &info.segments[i];
		uint64_t end;

		segment->offset = ft_cursor_u64(&c);
		segment->size = ft_cursor_u64(&c);
		segment->vaddr = ft_cursor_u64(&c);
		/* So that nobody downstream has to think of wrapping sums. */
		if (__builtin_add_overflow(segment->offset, segment->size, &end) ||
		    __builtin_add_overflow(segment->vaddr, segment->size, &end))
			return -EBADMSG;
	}
	if (!complete(&c))
		return -EBADMSG;
	*ret_info = info;
	return 0;
}

static struct ft_symtable_facts take_facts(struct ft_cursor *c)
{
	struct ft_symtable_facts facts = { 0 };
	uint8_t keeps;

	facts.text_bytes = ft_cursor_u64(c);
	facts.covered_bytes = ft_cursor_u64(c);
	facts.n_fdes = ft_cursor_u32(c);
	facts.n_bad_fdes = ft_cursor_u32(c);
	facts.n_raw_rows = ft_cursor_u32(c);
	facts.n_functions = ft_cursor_u32(c);
	facts.n_prologues = ft_cursor_u32(c);
	keeps = ft_cursor_u8(c);
	facts.keeps_frame_pointers = keeps;
	if (keeps > 1 || facts.covered_bytes > facts.text_bytes)
		c->failed = true;
	return facts;
}

int ft_symproto_decode_table(const void *bytes, size_t len, uint32_t *ret_file,
			     enum ft_symtable_status *ret_status, struct ft_symtable *ret_table)
{
	struct ft_symtable table = { 0 };
	uint32_t file;
	struct ft_cursor c = open_body(bytes, len, &file);
	uint8_t status = ft_cursor_u8(&c);

	table.n_rules = ft_cursor_u32(&c);
	table.n_pages = ft_cursor_u32(&c);
	table.n_rows = ft_cursor_u32(&c);
	table.facts = take_facts(&c);
	if (!complete(&c) || status >= FT_SYMTABLE_STATUSES)
		return -EBADMSG;
	if (status == FT_SYMTABLE_READY) {
		if (!ft_tablecheck_sizes(&table))
			return -EBADMSG;
	} else if (table.n_rules || table.n_pages || table.n_rows) {
		return -EBADMSG;
	}
	*ret_file = file;
	*ret_status = (enum ft_symtable_status)status;
	*ret_table = table;
	return 0;
}

int ft_symproto_decode_answers(const void *bytes, size_t len,
			       struct ft_symproto_answers *ret_answers)
{
	uint32_t file;
	struct ft_cursor c = open_body(bytes, len, &file);

	if (c.failed)
		return -EBADMSG;
	ret_answers->cursor = c;
	ret_answers->file = file;
	return 0;
}

static const char *take_name(struct ft_cursor *c, uint32_t *ret_len)
{
	uint32_t len = ft_cursor_varint32(c);

	if (len > FT_SYM_MAX_NAME)
		c->failed = true;
	*ret_len = len;
	return (const char *)ft_cursor_take(c, len);
}

static void take_line(struct ft_cursor *c, struct ft_symline *line)
{
	uint8_t inlined;

	line->function = take_name(c, &line->function_len);
	line->system = take_name(c, &line->system_len);
	line->source = take_name(c, &line->source_len);
	line->module = take_name(c, &line->module_len);
	line->line = ft_cursor_varint32(c);
	line->column = ft_cursor_varint32(c);
	inlined = ft_cursor_u8(c);
	line->inlined = inlined;
	if (line->function_len == 0 || inlined > 1)
		c->failed = true;
}

int ft_symproto_next_answer(struct ft_symproto_answers *answers, struct ft_symanswer *ret_answer)
{
	struct ft_cursor *c = &answers->cursor;
	uint64_t address;
	uint32_t n_lines;

	if (!c->failed && ft_cursor_left(c) == 0)
		return 0;
	address = ft_cursor_u64(c);
	n_lines = ft_cursor_u8(c);
	if (n_lines > FT_SYM_MAX_LINES)
		c->failed = true;
	for (uint32_t i = 0; i < n_lines && !c->failed; i++)
		take_line(c, &answers->lines[i]);
	if (c->failed)
		return -EBADMSG;
	*ret_answer = (struct ft_symanswer){ .file = answers->file,
					     .address = address,
					     .n_lines = n_lines,
					     .lines = answers->lines };
	return 1;
}
