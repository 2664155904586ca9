/* What is over a limit must be cut so that the reader takes it, and a block must be found
 * whole and undamaged or not at all. */
#include "agent/profile/slice.h"

#include <errno.h>
#include <string.h>

#include "tests/ft_check.h"

struct sizes {
	size_t text;
	uint32_t segments, lines, frames, labels;
	char host[300];
};

static int size_of_host(void *context, const struct ft_slice_host *h)
{
	strcpy(((struct sizes *)context)->host, h->hostname);
	return 0;
}

static int size_of_string(void *context, uint32_t id, const char *text, size_t len)
{
	(void)id;
	ck_assert_int_eq(text[len - 1], 'x');
	((struct sizes *)context)->text = len;
	return 0;
}

static int size_of_file(void *context, const struct ft_slice_file *f)
{
	((struct sizes *)context)->segments = f->n_segments;
	return 0;
}

static int size_of_names(void *context, const struct ft_slice_names *n)
{
	((struct sizes *)context)->lines = n->n_lines;
	return 0;
}

static int size_of_stack(void *context, const struct ft_slice_stack *s)
{
	((struct sizes *)context)->frames = s->n;
	return 0;
}

static int size_of_labels(void *context, const struct ft_slice_labels *l)
{
	((struct sizes *)context)->labels = l->n;
	return 0;
}

/* Each record one part over its limit. */
START_TEST(too_much_is_cut)
{
	static const struct ft_slice_sink sink = { .host = size_of_host,
						   .string = size_of_string,
						   .file = size_of_file,
						   .names = size_of_names,
						   .stack = size_of_stack,
						   .labels = size_of_labels };
	static char text[FT_SLICE_MAX_TEXT + 2];
	static struct ft_segment segments[FT_SLICE_MAX_SEGMENTS + 1];
	static struct ft_line lines[FT_SLICE_MAX_LINES + 1];
	static struct ft_label labels[FT_SLICE_MAX_LABELS + 1];
	static uint32_t frames[FT_SLICE_MAX_FRAMES + 1];
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(8 << 20);
	struct ft_slice_reader reader = { 0 };
	struct sizes sizes = { 0 };

	memset(text, 'x', sizeof(text) - 1);
	for (uint32_t i = 0; i < FT_COUNT(segments); i++)
		segments[i] = (struct ft_segment){ i, 1, i };
	for (uint32_t i = 0; i < FT_COUNT(frames); i++)
		frames[i] = 1;
	ft_slice_begin(&out, &(struct ft_slice_span){ 0, 1, 0 });
	ft_slice_put_host(&out, &(struct ft_slice_host){ text, NULL, "", "", 1 });
	ft_slice_put_string(&out, 1, text, sizeof(text) - 1);
	ft_slice_put_file(&out, &(struct ft_slice_file){ 1, FT_FILE_ELF, 1, 0, 0,
							 FT_COUNT(segments), segments });
	ft_slice_put_location(&out, &(struct ft_slice_location){ 1, 1, 0 });
	ft_slice_put_names(&out, &(struct ft_slice_names){ 1, FT_COUNT(lines), lines });
	ft_slice_put_stack(&out, &(struct ft_slice_stack){ 1, FT_COUNT(frames), frames });
	ft_slice_put_labels(&out, &(struct ft_slice_labels){ 1, FT_COUNT(labels), labels });
	ck_assert_int_eq(ft_slice_read(&reader, out.data + FT_SLICE_HEAD_BYTES,
				       out.len - FT_SLICE_HEAD_BYTES, &sink, &sizes),
			 0);
	ck_assert_uint_eq(strlen(sizes.host), FT_SLICE_MAX_PLAIN);
	ck_assert_uint_eq(sizes.text, FT_SLICE_MAX_TEXT);
	ck_assert_uint_eq(sizes.segments, FT_SLICE_MAX_SEGMENTS);
	ck_assert_uint_eq(sizes.lines, FT_SLICE_MAX_LINES);
	ck_assert_uint_eq(sizes.frames, FT_SLICE_MAX_FRAMES);
	ck_assert_uint_eq(sizes.labels, FT_SLICE_MAX_LABELS);
}
END_TEST

/* What an ELF file may claim; the number of segments that may be passed on. */
static const struct {
	struct ft_segment segments[2];
	uint32_t n_left;
} claims[] = {
	{ { { 0, 1, 0 }, { 1, 1, 1 } }, 2 },
	{ { { 5, 9, 0 }, { 5, 9, 0 } }, 2 },
	{ { { 5, 1, 0 }, { 4, 1, 0 } }, 1 },
	{ { { 5, 0, 0 }, { 4, 1, 0 } }, 1 },
	{ { { UINT64_MAX, 1, 0 }, { 4, 1, 0 } }, 1 },
	{ { { 0, 1, UINT64_MAX }, { 4, 0, 0 } }, 0 },
	{ { { 1, UINT64_MAX, 0 }, { 4, 1, UINT64_MAX - 1 } }, 1 },
};

START_TEST(senseless_segments_are_left_out)
{
	static const struct ft_slice_sink sink = { .file = size_of_file };
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(4096);
	struct ft_slice_reader reader = { 0 };
	struct sizes sizes = { .segments = 99 };

	ft_slice_begin(&out, &(struct ft_slice_span){ 0, 1, 0 });
	ft_slice_put_file(
		&out, &(struct ft_slice_file){ 1, FT_FILE_ELF, 0, 0, 0, 2, claims[_i].segments });
	ck_assert_int_eq(ft_slice_read(&reader, out.data + FT_SLICE_HEAD_BYTES,
				       out.len - FT_SLICE_HEAD_BYTES, &sink, &sizes),
			 0);
	ck_assert_uint_eq(sizes.segments, claims[_i].n_left);
}
END_TEST

START_TEST(failed_block_leaves_the_rest)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(64);
	size_t begun;

	ft_buffer_put_text(&out, FT_SLICE_MAGIC);
	begun = ft_slice_begin(&out, &(struct ft_slice_span){ 0, 1, 0 });
	ck_assert_uint_eq(begun, FT_SLICE_MAGIC_BYTES);
	ft_slice_put_string(&out, 1,
			    FT_SLICE_MAGIC FT_SLICE_MAGIC FT_SLICE_MAGIC FT_SLICE_MAGIC
				    FT_SLICE_MAGIC FT_SLICE_MAGIC,
			    48);
	ck_assert_int_eq(ft_slice_finish(&out, begun), -EFBIG);
	ck_assert_uint_eq(out.len, FT_SLICE_MAGIC_BYTES);
	ck_assert_int_eq(out.error, 0);
	begun = ft_slice_begin(&out, &(struct ft_slice_span){ 0, 1, 0 });
	ck_assert_int_eq(ft_slice_finish(&out, begun), 0);
	ck_assert_mem_eq(out.data, FT_SLICE_MAGIC, FT_SLICE_MAGIC_BYTES);
}
END_TEST

START_TEST(block_over_its_limit)
{
	static char text[FT_SLICE_MAX_TEXT];
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(2 * (size_t)FT_SLICE_MAX_BYTES);
	size_t begun = ft_slice_begin(&out, &(struct ft_slice_span){ 0, 1, 0 });

	for (uint32_t i = 1; out.len <= FT_SLICE_MAX_BYTES + FT_SLICE_HEAD_BYTES; i++)
		ft_slice_put_string(&out, i, text, sizeof(text));
	ck_assert_int_eq(ft_slice_finish(&out, begun), -EFBIG);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(block_is_found_only_whole)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(4096);
	size_t begun = ft_slice_begin(&out, &(struct ft_slice_span){ 12345, 67890, 0 });
	const uint8_t *payload;
	size_t len, used;

	ft_slice_put_string(&out, 1, "some text", 9);
	ck_assert_int_eq(ft_slice_finish(&out, begun), 0);
	for (size_t cut = 0; cut < out.len; cut++)
		ck_assert_int_eq(ft_slice_split(out.data, cut, &payload, &len, &used), 0);
	ck_assert_int_eq(ft_slice_split(out.data, out.len, &payload, &len, &used), 1);
	ck_assert_uint_eq(used, out.len);
	ck_assert_uint_eq(len, out.len - FT_SLICE_HEAD_BYTES);
	for (size_t at = 0; at < out.len; at++)
		for (int flip = 1; flip < 256; flip++) {
			out.data[at] ^= (uint8_t)flip;
			ck_assert_int_ne(ft_slice_split(out.data, out.len, &payload, &len, &used),
					 1);
			out.data[at] ^= (uint8_t)flip;
		}
	/* A length over the limit, and none. */
	memset(out.data, 0xff, 4);
	ck_assert_int_eq(ft_slice_split(out.data, out.len, &payload, &len, &used), -EBADMSG);
	memset(out.data, 0, 8);
	ck_assert_int_eq(ft_slice_split(out.data, out.len, &payload, &len, &used), -EBADMSG);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, too_much_is_cut);
	tcase_add_loop_test(tc, senseless_segments_are_left_out, 0, FT_CASES(claims));
	tcase_add_test(tc, failed_block_leaves_the_rest);
	tcase_add_test(tc, block_over_its_limit);
	tcase_add_test(tc, block_is_found_only_whole);
}

FT_CHECK_MAIN("slice_limits", add_tests)
