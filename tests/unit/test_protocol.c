/* Messages between collector and symbolizer: what is put comes out again, and a message
 * that is cut, padded or changed is refused or means something allowed. */
#include "symbolizer/protocol.h"

#include <errno.h>
#include <string.h>

#include "symbolizer/cfi.h"
#include "tests/ft_check.h"

static const uint64_t addresses[] = { 0, 0x1234, UINT64_MAX };
static const struct ft_symfile_info info = {
	.file = 7,
	.status = FT_SYMFILE_NO_SYMBOLS,
	.n_build_id = 3,
	.build_id = { 1, 2, 3 },
	.n_segments = 2,
	.segments = { { 0x1000, 0x2000, 0x401000 }, { 0, UINT64_MAX, 0 } },
};
static const struct ft_symline lines[] = {
	{ .function = "in",
	  .function_len = 2,
	  .system = "_Z2inv",
	  .system_len = 6,
	  .source = "a.c",
	  .source_len = 3,
	  .module = "",
	  .line = 12,
	  .column = 3,
	  .inlined = 1 },
	{ .function = "out",
	  .function_len = 3,
	  .system = "",
	  .source = "",
	  .module = "ext4",
	  .module_len = 4,
	  .line = UINT32_MAX },
};

static const struct ft_symtable table = {
	.n_rules = FT_CFI_MAX_RULES,
	.n_pages = 3,
	.n_rows = FT_CFI_MAX_ROWS,
	.facts = { .text_bytes = 1ull << 33,
		   .covered_bytes = (1ull << 33) - 1,
		   .n_fdes = 11,
		   .n_bad_fdes = 12,
		   .n_raw_rows = 13,
		   .n_functions = 14,
		   .n_prologues = 15,
		   .keeps_frame_pointers = true },
};
/* Of the message it makes: number of bytes before status, and before the facts. */
#define TABLE_STATUS 6
#define TABLE_FACTS  19

/* One message of each type, by number. */
#define MESSAGES 7
static void put_message(struct ft_buffer *out, int which)
{
	struct ft_symanswer answer = { .address = 5, .n_lines = 2, .lines = lines };

	switch (which) {
	case 0:
		ft_symproto_put_open(out, 3, FT_SYMFILE_KALLSYMS);
		break;
	case 1:
		ft_symproto_put_resolve(out, 4, addresses, FT_COUNT(addresses));
		break;
	case 2:
		ft_symproto_put_forget(out, UINT32_MAX);
		break;
	case 3:
		ft_symproto_put_info(out, &info);
		break;
	case 4:
		ft_symproto_begin_answers(out, 9);
		ck_assert_int_eq(ft_symproto_put_answer(out, &answer), 0);
		answer.n_lines = 0;
		answer.address = 6;
		ck_assert_int_eq(ft_symproto_put_answer(out, &answer), 0);
		break;
	case 5:
		ft_symproto_put_build(out, 8);
		break;
	case 6:
		ft_symproto_put_table(out, 10, FT_SYMTABLE_READY, &table);
		break;
	}
	ck_assert_int_eq(out->error, 0);
}

static struct ft_symproto_answers reader;

/* Decode to the end with what fits its type. 0 or -EBADMSG. */
static int decode(const void *bytes, size_t len)
{
	struct ft_symrequest request;
	enum ft_symtable_status status;
	struct ft_symtable got_table;
	struct ft_symfile_info got;
	struct ft_symanswer answer;
	uint32_t file;
	int r = ft_symproto_type_of(bytes, len);

	if (r < 0)
		return r;
	if (r == FT_SYMPROTO_INFO)
		return ft_symproto_decode_info(bytes, len, &got);
	if (r == FT_SYMPROTO_TABLE)
		return ft_symproto_decode_table(bytes, len, &file, &status, &got_table);
	if (r != FT_SYMPROTO_ANSWERS)
		return ft_symproto_decode_request(bytes, len, &request);
	r = ft_symproto_decode_answers(bytes, len, &reader);
	while (r == 0) {
		r = ft_symproto_next_answer(&reader, &answer);
		if (r <= 0)
			break;
		r = 0;
		ck_assert_uint_le(answer.n_lines, FT_SYM_MAX_LINES);
		for (uint32_t i = 0; i < answer.n_lines; i++) {
			ck_assert_uint_gt(answer.lines[i].function_len, 0);
			ck_assert_ptr_nonnull(
				memchr(answer.lines[i].function, answer.lines[i].function[0], 1));
		}
	}
	return r;
}

START_TEST(requests_come_back)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	struct ft_symrequest request;

	put_message(&out, 0);
	ck_assert_int_eq(ft_symproto_decode_request(out.data, out.len, &request), 0);
	ck_assert_int_eq(request.type, FT_SYMPROTO_OPEN);
	ck_assert_uint_eq(request.file, 3);
	ck_assert_int_eq(request.kind, FT_SYMFILE_KALLSYMS);
	ft_buffer_clear(&out);
	put_message(&out, 1);
	ck_assert_int_eq(ft_symproto_decode_request(out.data, out.len, &request), 0);
	ck_assert_int_eq(request.type, FT_SYMPROTO_RESOLVE);
	ck_assert_uint_eq(request.file, 4);
	ck_assert_uint_eq(request.n, FT_COUNT(addresses));
	ck_assert_mem_eq(request.addresses, addresses, sizeof(addresses));
	ft_buffer_clear(&out);
	put_message(&out, 2);
	ck_assert_int_eq(ft_symproto_decode_request(out.data, out.len, &request), 0);
	ck_assert_int_eq(request.type, FT_SYMPROTO_FORGET);
	ck_assert_uint_eq(request.file, UINT32_MAX);
	ft_buffer_clear(&out);
	put_message(&out, 5);
	ck_assert_int_eq(ft_symproto_decode_request(out.data, out.len, &request), 0);
	ck_assert_int_eq(request.type, FT_SYMPROTO_BUILD);
	ck_assert_uint_eq(request.file, 8);
}
END_TEST

START_TEST(info_comes_back)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	struct ft_symfile_info got;

	put_message(&out, 3);
	ck_assert_int_eq(ft_symproto_decode_info(out.data, out.len, &got), 0);
	ck_assert_uint_eq(got.file, info.file);
	ck_assert_uint_eq(got.status, info.status);
	ck_assert_uint_eq(got.n_build_id, info.n_build_id);
	ck_assert_mem_eq(got.build_id, info.build_id, sizeof(info.build_id));
	ck_assert_uint_eq(got.n_segments, info.n_segments);
	ck_assert_mem_eq(got.segments, info.segments, sizeof(info.segments));
}
END_TEST

START_TEST(table_comes_back)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	enum ft_symtable_status status;
	struct ft_symtable got;
	uint32_t file;

	put_message(&out, 6);
	ck_assert_int_eq(ft_symproto_decode_table(out.data, out.len, &file, &status, &got), 0);
	ck_assert_uint_eq(file, 10);
	ck_assert_int_eq(status, FT_SYMTABLE_READY);
	ck_assert_uint_eq(got.n_rules, table.n_rules);
	ck_assert_uint_eq(got.n_pages, table.n_pages);
	ck_assert_uint_eq(got.n_rows, table.n_rows);
	ck_assert_ptr_null(got.block);
	ck_assert_uint_eq(got.facts.text_bytes, table.facts.text_bytes);
	ck_assert_uint_eq(got.facts.covered_bytes, table.facts.covered_bytes);
	ck_assert_uint_eq(got.facts.n_fdes, table.facts.n_fdes);
	ck_assert_uint_eq(got.facts.n_bad_fdes, table.facts.n_bad_fdes);
	ck_assert_uint_eq(got.facts.n_raw_rows, table.facts.n_raw_rows);
	ck_assert_uint_eq(got.facts.n_functions, table.facts.n_functions);
	ck_assert_uint_eq(got.facts.n_prologues, table.facts.n_prologues);
	ck_assert(got.facts.keeps_frame_pointers);
}
END_TEST

/* Numbers belong to tables that are ready, and to those alone. */
START_TEST(table_has_numbers_when_ready)
{
	const struct ft_symtable none = { .facts = table.facts };
	const bool ready = _i == FT_SYMTABLE_READY;

	for (int full = 0; full < 2; full++) {
		_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);

		ft_symproto_put_table(&out, 1, (enum ft_symtable_status)_i, full ? &table : &none);
		ck_assert_int_eq(decode(out.data, out.len), full == ready ? 0 : -EBADMSG);
	}
}
END_TEST

static void check_text(const char *text, uint32_t len, const char *expected, uint32_t expected_len)
{
	ck_assert_uint_eq(len, expected_len);
	ck_assert_mem_eq(text, expected, len);
}

START_TEST(answers_come_back)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	struct ft_symanswer got;

	put_message(&out, 4);
	ck_assert_int_eq(ft_symproto_decode_answers(out.data, out.len, &reader), 0);
	ck_assert_int_eq(ft_symproto_next_answer(&reader, &got), 1);
	ck_assert_uint_eq(got.file, 9);
	ck_assert_uint_eq(got.address, 5);
	ck_assert_uint_eq(got.n_lines, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct ft_symline *a = &got.lines[i], *b = &lines[i];

		check_text(a->function, a->function_len, b->function, b->function_len);
		check_text(a->system, a->system_len, b->system, b->system_len);
		check_text(a->source, a->source_len, b->source, b->source_len);
		check_text(a->module, a->module_len, b->module, b->module_len);
		ck_assert_uint_eq(a->line, b->line);
		ck_assert_uint_eq(a->column, b->column);
		ck_assert_uint_eq(a->inlined, b->inlined);
	}
	ck_assert_int_eq(ft_symproto_next_answer(&reader, &got), 1);
	ck_assert_uint_eq(got.address, 6);
	ck_assert_uint_eq(got.n_lines, 0);
	ck_assert_int_eq(ft_symproto_next_answer(&reader, &got), 0);
}
END_TEST

/* Cut anywhere a message is refused; answers may end after a whole one. */
START_TEST(refuses_cut_and_padded)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	unsigned int accepted = 0;

	put_message(&out, _i);
	for (size_t len = 0; len < out.len; len++) {
		_cleanup_free_ uint8_t *copy = malloc(len + 1); /* so that ASan sees its end */

		memcpy(copy, out.data, len);
		accepted += decode(copy, len) == 0;
	}
	ck_assert_uint_eq(accepted, _i == 4 ? 2 : 0);
	ck_assert_int_eq(decode(out.data, out.len), 0);
	ft_buffer_put_u8(&out, 0);
	ck_assert_int_eq(decode(out.data, out.len), -EBADMSG);
}
END_TEST

START_TEST(survives_changed_bytes)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);

	put_message(&out, _i);
	for (size_t i = 0; i < out.len; i++) {
		for (unsigned int value = 0; value < 256; value++) {
			uint8_t old = out.data[i];
			int r;

			out.data[i] = (uint8_t)value;
			r = decode(out.data, out.len);
			ck_assert(r == 0 || r == -EBADMSG);
			if (i == 0 && value != FT_SYMPROTO_VERSION)
				ck_assert_int_eq(r, -EBADMSG);
			out.data[i] = old;
		}
	}
}
END_TEST

/* Single lies inside of otherwise good messages. */
static const struct {
	int message;
	size_t at;
	uint8_t value;
} lies[] = {
	{ 0, 1, 9 }, /* type */
	{ 0, 6, 0 },
	{ 0, 6, 3 }, /* kind */
	{ 1, 6, 0 },
	{ 1, 6, 4 },			     /* number of addresses */
	{ 1, 7, 4 },			     /* more than a batch */
	{ 3, 6, FT_SYMFILE_NO_SYMBOLS + 1 }, /* status */
	{ 3, 7, FT_SYM_BUILD_ID_MAX + 1 },
	{ 3, 11, FT_SYM_MAX_SEGMENTS + 1 },
	{ 3, 36, 1 }, /* the second segment wraps around */
	{ 4, 14, FT_SYM_MAX_LINES + 1 },
	{ 4, 15, 0 }, /* no function */
	{ 6, TABLE_STATUS, FT_SYMTABLE_STATUSES },
	{ 6, TABLE_STATUS + 1, 1 },   /* one rule too many */
	{ 6, TABLE_STATUS + 5, 0 },   /* no page */
	{ 6, TABLE_STATUS + 7, 255 }, /* more pages than a file has */
	{ 6, TABLE_STATUS + 9, 1 },   /* one row too many */
	{ 6, TABLE_FACTS + 12, 2 },   /* more covered than there is */
	{ 6, TABLE_FACTS + 36, 2 },   /* no boolean */
};

START_TEST(refuses_a_lie)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);

	put_message(&out, lies[_i].message);
	ck_assert_uint_lt(lies[_i].at, out.len);
	ck_assert_uint_ne(out.data[lies[_i].at], lies[_i].value);
	out.data[lies[_i].at] = lies[_i].value;
	ck_assert_int_eq(decode(out.data, out.len), -EBADMSG);
}
END_TEST

/* The writer cuts names, a liar does not. */
START_TEST(refuses_long_names)
{
	static const uint8_t name[FT_SYM_MAX_NAME + 1], rest[6];
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	uint32_t len = FT_SYM_MAX_NAME + (uint32_t)_i;

	ft_symproto_begin_answers(&out, 1);
	ft_buffer_put_u64(&out, 1);
	ft_buffer_put_u8(&out, 1);
	ft_buffer_put_varint(&out, len);
	ft_buffer_put(&out, name, len);
	ft_buffer_put(&out, rest, sizeof(rest)); /* three empty names, line, column, inlined */
	ck_assert_int_eq(decode(out.data, out.len), _i == 0 ? 0 : -EBADMSG);
}
END_TEST

/* The worst that put_answer may be given still makes messages that are understood. */
START_TEST(fills_messages_to_the_limit)
{
	static char name[FT_SYM_MAX_NAME + 10];
	static struct ft_symline many[FT_SYM_MAX_LINES];
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(FT_SYMPROTO_MAX);
	struct ft_symanswer answer = { .n_lines = FT_SYM_MAX_LINES, .lines = many }, got;
	uint32_t n = 0;

	memset(name, 'n', sizeof(name));
	for (size_t i = 0; i < FT_SYM_MAX_LINES; i++)
		many[i] = (struct ft_symline){ .function = name,
					       .function_len = sizeof(name),
					       .system = name,
					       .system_len = (uint32_t)_i,
					       .source = name,
					       .source_len = 100,
					       .module = "" };
	ft_symproto_begin_answers(&out, 1);
	ck_assert_int_eq(ft_symproto_put_answer(&out, &answer), 0);
	ck_assert_int_eq(ft_symproto_put_answer(&out, &answer), FT_SYMPROTO_FULL);
	answer.n_lines = 0;
	while (ft_symproto_put_answer(&out, &answer) == 0)
		n++;
	ck_assert_uint_gt(n, 0);
	ck_assert_int_eq(out.error, 0);
	ck_assert_uint_gt(out.len + 9, FT_SYMPROTO_MAX);
	ck_assert_int_eq(ft_symproto_decode_answers(out.data, out.len, &reader), 0);
	ck_assert_int_eq(ft_symproto_next_answer(&reader, &got), 1);
	ck_assert_uint_ge(got.n_lines, 6);
	ck_assert_uint_eq(got.lines[0].function_len, FT_SYM_MAX_NAME);
	for (; n > 0; n--)
		ck_assert_int_eq(ft_symproto_next_answer(&reader, &got), 1);
	ck_assert_int_eq(ft_symproto_next_answer(&reader, &got), 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, requests_come_back);
	tcase_add_test(tc, info_comes_back);
	tcase_add_test(tc, answers_come_back);
	tcase_add_test(tc, table_comes_back);
	tcase_add_loop_test(tc, table_has_numbers_when_ready, 0, FT_SYMTABLE_STATUSES);
	tcase_add_loop_test(tc, refuses_cut_and_padded, 0, MESSAGES);
	tcase_add_loop_test(tc, survives_changed_bytes, 0, MESSAGES);
	tcase_add_loop_test(tc, refuses_a_lie, 0, FT_CASES(lies));
	tcase_add_loop_test(tc, refuses_long_names, 0, 2);
	tcase_add_loop_test(tc, fills_messages_to_the_limit, 4085, 4100);
}

FT_CHECK_MAIN("protocol", add_tests)
