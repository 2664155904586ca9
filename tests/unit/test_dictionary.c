/* The writer's ids against the reader's rules: whatever is defined, in whatever order and
 * through whatever failure, the stream that comes out is one a strict reader takes. */
#include "agent/profile/dictionary.h"

#include <errno.h>
#include <string.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

/* What a reader has been told. */
struct told {
	uint32_t strings, files, file_records, locations, stacks, labels, names, epochs;
	struct ft_slice_names last_names;
	struct ft_line first_line;
	struct ft_slice_file last_file;
	char last_string[64];
};

static int on_epoch(void *context)
{
	struct told *told = context, fresh = { .epochs = told->epochs + 1 };

	*told = fresh;
	return 0;
}

static int on_string(void *context, uint32_t id, const char *text, size_t len)
{
	struct told *told = context;

	told->strings = id;
	if (len < sizeof(told->last_string)) {
		memcpy(told->last_string, text, len);
		told->last_string[len] = '\0';
	}
	return 0;
}

static int on_file(void *context, const struct ft_slice_file *file)
{
	struct told *told = context;

	told->files = FT_MAX(told->files, file->id);
	told->file_records++;
	told->last_file = *file;
	return 0;
}

static int on_location(void *context, const struct ft_slice_location *location)
{
	((struct told *)context)->locations = location->id;
	return 0;
}

static int on_stack(void *context, const struct ft_slice_stack *stack)
{
	((struct told *)context)->stacks = stack->id;
	return 0;
}

static int on_labels(void *context, const struct ft_slice_labels *labels)
{
	((struct told *)context)->labels = labels->id;
	return 0;
}

static int on_names(void *context, const struct ft_slice_names *names)
{
	struct told *told = context;

	told->names++;
	told->last_names = *names;
	if (names->n_lines)
		told->first_line = names->lines[0];
	return 0;
}

static const struct ft_slice_sink sink = { .epoch = on_epoch,
					   .string = on_string,
					   .file = on_file,
					   .location = on_location,
					   .stack = on_stack,
					   .labels = on_labels,
					   .names = on_names };

/* A dictionary and the reader of what it writes. */
struct both {
	struct ft_dictionary *d;
	struct ft_buffer out;
	struct ft_slice_reader reader;
	struct told told;
};

static struct both open_both(void)
{
	struct both b = { .out = FT_BUFFER_INIT(64u << 20) };

	ck_assert_int_eq(ft_dictionary_new(&b.d), 0);
	return b;
}

static void close_both(struct both *b)
{
	ft_dictionary_freep(&b->d);
	ft_buffer_deinit(&b->out);
}

/* Hand what was written to the reader, as one payload. */
static void hand_over(struct both *b)
{
	struct ft_slice_span span = { 1000, 2000, 0 };
	_cleanup_buffer_ struct ft_buffer block = FT_BUFFER_INIT(64u << 20);
	const uint8_t *payload;
	size_t len, used, begun = ft_slice_begin(&block, &span);

	ck_assert_int_eq(b->out.error, 0);
	ft_buffer_put(&block, b->out.data, b->out.len);
	ck_assert_int_eq(ft_slice_finish(&block, begun), 0);
	ck_assert_int_eq(ft_slice_split(block.data, block.len, &payload, &len, &used), 1);
	ck_assert_int_eq(ft_slice_read(&b->reader, payload, len, &sink, &b->told), 0);
	ft_buffer_clear(&b->out);
}

static const struct ft_segment segment = { 0x1000, 0x2000, 0x401000 };
static const struct ft_dictionary_file plain = { FT_FILE_ELF, "/bin/x", "", "", NULL, 0 };
static const struct ft_dictionary_file rich = { FT_FILE_ELF, "/bin/x", "abcd", "i", &segment, 1 };

START_TEST(ids_are_dense_and_found_again)
{
	struct both b = open_both();
	uint32_t id, file, first, second, stack;

	ck_assert_int_eq(ft_dictionary_string(b.d, &b.out, "", 0, &id), 0);
	ck_assert_uint_eq(id, 0);
	ck_assert_int_eq(ft_dictionary_string(b.d, &b.out, "a", 1, &id), FT_DICTIONARY_NEW);
	ck_assert_uint_eq(id, 1);
	ck_assert_int_eq(ft_dictionary_string(b.d, &b.out, "a", 1, &id), 0);
	ck_assert_uint_eq(id, 1);
	/* Far apart for their owner, neighbours here. */
	ck_assert_int_eq(ft_dictionary_file(b.d, &b.out, 70000, &plain, &file), FT_DICTIONARY_NEW);
	ck_assert_uint_eq(file, 1);
	ck_assert_int_eq(ft_dictionary_file(b.d, &b.out, 3, &rich, &file), FT_DICTIONARY_NEW);
	ck_assert_uint_eq(file, 2);
	ck_assert_int_eq(ft_dictionary_file(b.d, &b.out, 70000, &rich, &file), 0);
	ck_assert_uint_eq(file, 1);
	ck_assert_uint_eq(ft_dictionary_file_id(b.d, 3), 2);
	ck_assert_uint_eq(ft_dictionary_file_id(b.d, 4), 0);
	ck_assert_uint_eq(ft_dictionary_file_id(b.d, 70001), 0);
	ck_assert_int_eq(ft_dictionary_location(b.d, &b.out, 1, 0, &first), FT_DICTIONARY_NEW);
	ck_assert_int_eq(ft_dictionary_location(b.d, &b.out, 2, 0, &second), FT_DICTIONARY_NEW);
	ck_assert_int_eq(ft_dictionary_location(b.d, &b.out, 1, 0, &id), 0);
	ck_assert_uint_eq(id, first);
	ck_assert_uint_ne(first, second);
	ck_assert_uint_eq(ft_dictionary_location_id(b.d, 2, 0), second);
	ck_assert_uint_eq(ft_dictionary_location_id(b.d, 2, 1), 0);
	ck_assert_int_eq(ft_dictionary_stack(b.d, &b.out, NULL, 0, &stack), 0);
	ck_assert_uint_eq(stack, 0);
	ck_assert_int_eq(ft_dictionary_stack(b.d, &b.out, (uint32_t[]){ 1, 2 }, 2, &stack),
			 FT_DICTIONARY_NEW);
	ck_assert_int_eq(ft_dictionary_stack(b.d, &b.out, (uint32_t[]){ 1 }, 1, &stack),
			 FT_DICTIONARY_NEW);
	ck_assert_int_eq(ft_dictionary_stack(b.d, &b.out, (uint32_t[]){ 1, 2 }, 2, &stack), 0);
	ck_assert_uint_eq(stack, 1);
	hand_over(&b);
	ck_assert_uint_eq(b.told.files, 2);
	ck_assert_uint_eq(b.told.locations, 2);
	ck_assert_uint_eq(b.told.stacks, 2);
	close_both(&b);
}
END_TEST

/* The same labels, once with other bytes in their padding. */
START_TEST(padding_is_no_difference)
{
	struct both b = open_both();
	struct ft_label labels[2][2];
	uint32_t key, text, first, second, third;

	ck_assert_int_ge(ft_dictionary_string(b.d, &b.out, "pid", 3, &key), 0);
	ck_assert_int_ge(ft_dictionary_string(b.d, &b.out, "x", 1, &text), 0);
	for (int i = 0; i < 2; i++) {
		memset(labels[i], i ? 0xff : 0, sizeof(labels[i]));
		for (int j = 0; j < 2; j++) {
			labels[i][j].key = j ? key : text;
			labels[i][j].text = j ? 0 : text;
			labels[i][j].number = j * 7;
			labels[i][j].unit = 0;
		}
	}
	ck_assert_int_eq(ft_dictionary_labels(b.d, &b.out, labels[0], 2, &first),
			 FT_DICTIONARY_NEW);
	ck_assert_int_eq(ft_dictionary_labels(b.d, &b.out, labels[1], 2, &second), 0);
	ck_assert_uint_eq(first, second);
	ck_assert_int_eq(ft_dictionary_labels(b.d, &b.out, labels[1], 1, &third),
			 FT_DICTIONARY_NEW);
	ck_assert_uint_ne(third, first);
	ck_assert_int_eq(ft_dictionary_labels(b.d, &b.out, NULL, 0, &third), 0);
	ck_assert_uint_eq(third, 0);
	hand_over(&b);
	ck_assert_uint_eq(b.told.labels, 2);
	close_both(&b);
}
END_TEST

START_TEST(files_and_names_become_known)
{
	struct both b = open_both();
	struct ft_dictionary_line lines[2] = {
		{ .function = "inner", .function_len = 5, .line = 7, .flags = FT_LINE_INLINED },
		{ .function = "outer",
		  .function_len = 5,
		  .system = "_Z5outer",
		  .system_len = 8,
		  .source = "a.c",
		  .source_len = 3 },
	};
	uint32_t file, location;

	ck_assert_int_eq(ft_dictionary_update_file(b.d, &b.out, 9, &rich), 0);
	ck_assert_uint_eq(b.out.len, 0); /* nobody asked for it */
	ck_assert_int_ge(ft_dictionary_file(b.d, &b.out, 9, &plain, &file), 0);
	ck_assert_int_ge(ft_dictionary_location(b.d, &b.out, file, 0x10, &location), 0);
	ck_assert_int_eq(ft_dictionary_update_file(b.d, &b.out, 9, &rich), 0);
	ck_assert_int_eq(ft_dictionary_names(b.d, &b.out, location, lines, 2), 0);
	hand_over(&b);
	ck_assert_uint_eq(b.told.files, 1);
	ck_assert_uint_eq(b.told.file_records, 2);
	ck_assert_uint_ne(b.told.last_file.build_id, 0);
	ck_assert_uint_eq(b.told.last_file.n_segments, 1);
	ck_assert_uint_eq(b.told.names, 1);
	ck_assert_uint_eq(b.told.last_names.n_lines, 2);
	ck_assert_uint_eq(b.told.first_line.line, 7);
	ck_assert_uint_eq(b.told.first_line.system, 0);
	ck_assert_uint_eq(b.told.first_line.flags, FT_LINE_INLINED);
	close_both(&b);
}
END_TEST

START_TEST(an_epoch_forgets_everything)
{
	struct both b = open_both();
	uint32_t id;

	for (uint32_t round = 0; round < 3; round++) {
		ft_dictionary_begin_epoch(b.d, &b.out);
		ck_assert_uint_eq(ft_dictionary_file_id(b.d, 9), 0);
		ck_assert_uint_eq(ft_dictionary_location_id(b.d, 1, 5), 0);
		ck_assert_int_eq(ft_dictionary_file(b.d, &b.out, 9, &rich, &id), FT_DICTIONARY_NEW);
		ck_assert_uint_eq(id, 1);
		ck_assert_int_eq(ft_dictionary_location(b.d, &b.out, 1, 5, &id), FT_DICTIONARY_NEW);
		ck_assert_uint_eq(id, 1);
		ck_assert_int_eq(ft_dictionary_stack(b.d, &b.out, &id, 1, &id), FT_DICTIONARY_NEW);
		ck_assert_uint_eq(id, 1);
		hand_over(&b);
		ck_assert_uint_eq(b.told.epochs, round + 1);
		ck_assert_uint_eq(b.told.stacks, 1);
	}
	close_both(&b);
}
END_TEST

/* Random definitions, over several payloads and epochs, are what a reader takes. */
START_TEST(a_strict_reader_is_content)
{
	struct both b = open_both();
	uint32_t seed = (uint32_t)_i + 1;

	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t file, locations[8], n, id;

		seed = seed * 1664525u + 1013904223u;
		n = 1 + (seed >> 8) % 8;
		ck_assert_int_ge(ft_dictionary_file(b.d, &b.out, (seed >> 12) % 50,
						    seed & 1u << 30 ? &rich : &plain, &file),
				 0);
		for (uint32_t j = 0; j < n; j++)
			if (ft_dictionary_location(b.d, &b.out, file, (seed >> j) % 64,
						   &locations[j]) < 0)
				ck_abort();
		ck_assert_int_ge(ft_dictionary_stack(b.d, &b.out, locations, n, &id), 0);
		if (i % 500 == 0)
			hand_over(&b);
		if (i % 7000 == 6999)
			ft_dictionary_begin_epoch(b.d, &b.out);
	}
	hand_over(&b);
	ck_assert_uint_gt(b.told.stacks, 100);
	close_both(&b);
}
END_TEST

START_TEST(is_full_by_text_or_places)
{
	struct both b = open_both();
	static char text[100000];
	uint32_t id;

	ck_assert(!ft_dictionary_full(b.d));
	for (uint32_t i = 0; _i == 0 && i < 43; i++) {
		memcpy(text, &i, sizeof(i));
		ck_assert_int_ge(ft_dictionary_string(b.d, &b.out, text, sizeof(text), &id), 0);
	}
	for (uint32_t i = 0; _i == 1 && i <= FT_DICTIONARY_MAX_LOCATIONS; i++)
		if (ft_dictionary_location(b.d, &b.out, 1, i, &id) < 0)
			ck_abort();
	ck_assert(ft_dictionary_full(b.d));
	ft_dictionary_begin_epoch(b.d, &b.out);
	ck_assert(!ft_dictionary_full(b.d));
	close_both(&b);
}
END_TEST

/* A text over the limit is cut, and the cut one is found again. */
START_TEST(cuts_endless_text)
{
	struct both b = open_both();
	size_t len = FT_SLICE_MAX_TEXT + 10;
	char *text = malloc(len);
	uint32_t id, again;

	memset(text, 'x', len);
	ck_assert_int_eq(ft_dictionary_string(b.d, &b.out, text, len, &id), FT_DICTIONARY_NEW);
	ck_assert_int_eq(ft_dictionary_string(b.d, &b.out, text, len - 1, &again), 0);
	ck_assert_uint_eq(id, again);
	hand_over(&b);
	free(text);
	close_both(&b);
}
END_TEST

/* One thing of each kind; whatever allocation fails, the second try succeeds and what was
 * written by both is a stream that can be read. */
static int define(struct both *b)
{
	struct ft_dictionary_line line = { .function = "f", .function_len = 1 };
	struct ft_label label = { .number = 5 };
	uint32_t file, location, id;
	int r = ft_dictionary_string(b->d, &b->out, "key", 3, &label.key);

	if (r >= 0)
		r = ft_dictionary_file(b->d, &b->out, 3, &rich, &file);
	if (r >= 0)
		r = ft_dictionary_location(b->d, &b->out, file, 77, &location);
	if (r >= 0)
		r = ft_dictionary_stack(b->d, &b->out, &location, 1, &id);
	if (r >= 0)
		r = ft_dictionary_labels(b->d, &b->out, &label, 1, &id);
	if (r >= 0)
		r = ft_dictionary_names(b->d, &b->out, location, &line, 1);
	return r < 0 ? r : 0;
}

START_TEST(lack_of_memory_does_not_break_the_stream)
{
	for (unsigned int n = 1; n < FT_ALLOC_MAX; n++) {
		struct both b = open_both();
		bool failed;
		int r;

		ft_buffer_extend(&b.out, 4096); /* so that it is the dictionary that fails */
		ft_buffer_clear(&b.out);
		ft_alloc_fail_at(n);
		r = define(&b);
		failed = ft_alloc_stop();
		ck_assert_int_eq(r, failed ? -ENOMEM : 0);
		ck_assert_int_eq(define(&b), 0);
		hand_over(&b);
		ck_assert_uint_eq(b.told.files, 1);
		ck_assert_uint_eq(b.told.stacks, 1);
		ck_assert_uint_eq(b.told.labels, 1);
		close_both(&b);
		if (!failed) {
			ck_assert_uint_gt(n, 10);
			return;
		}
	}
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, ids_are_dense_and_found_again);
	tcase_add_test(tc, padding_is_no_difference);
	tcase_add_test(tc, files_and_names_become_known);
	tcase_add_test(tc, an_epoch_forgets_everything);
	tcase_add_loop_test(tc, a_strict_reader_is_content, 0, 3);
	tcase_add_loop_test(tc, is_full_by_text_or_places, 0, 2);
	tcase_add_test(tc, cuts_endless_text);
	tcase_add_test(tc, lack_of_memory_does_not_break_the_stream);
}

FT_CHECK_MAIN("dictionary", add_tests)
