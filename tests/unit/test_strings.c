/* Each text once, ids dense from 0, the limit exact, and a failure leaves the table as
 * it was. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

static uint32_t add(struct ft_strings *strings, const char *text, size_t len)
{
	uint32_t id = UINT32_MAX;

	ck_assert_int_eq(ft_strings_add(strings, text, len, &id), 0);
	return id;
}

static void check_text(const struct ft_strings *strings, uint32_t id, const char *text, size_t want)
{
	size_t len;
	const char *got = ft_strings_get(strings, id, &len);

	ck_assert_uint_eq(len, want);
	ck_assert_mem_eq(got, text, want);
	ck_assert_int_eq(got[len], '\0');
}

START_TEST(ids_are_dense_and_stable)
{
	struct ft_strings strings = { 0 };

	ck_assert_uint_eq(ft_strings_count(&strings), 1);
	ck_assert_uint_eq(add(&strings, "", 0), 0);
	ck_assert_uint_eq(add(&strings, "a", 1), 1);
	ck_assert_uint_eq(add(&strings, "b", 1), 2);
	ck_assert_uint_eq(add(&strings, "a", 1), 1);
	ck_assert_uint_eq(add(&strings, "", 0), 0);
	ck_assert_uint_eq(ft_strings_count(&strings), 3);
	check_text(&strings, 0, "", 0);
	check_text(&strings, 1, "a", 1);
	check_text(&strings, 2, "b", 1);
	ck_assert_str_eq(ft_strings_get(&strings, 2, NULL), "b");
	ft_strings_deinit(&strings);
}
END_TEST

/* One is the beginning of the other, one holds a NUL, one lacks it. */
START_TEST(bytes_and_lengths_tell_texts_apart)
{
	static const struct {
		const char *text;
		size_t len;
	} texts[] = { { "ab", 2 }, { "abc", 3 },  { "ab\0", 3 },
		      { "\0", 1 }, { "\0\0", 2 }, { "\xff", 1 } };
	struct ft_strings strings = { 0 };

	for (uint32_t i = 0; i < FT_COUNT(texts); i++)
		ck_assert_uint_eq(add(&strings, texts[i].text, texts[i].len), i + 1);
	for (uint32_t i = 0; i < FT_COUNT(texts); i++) {
		check_text(&strings, i + 1, texts[i].text, texts[i].len);
		ck_assert_uint_eq(ft_strings_find(&strings, texts[i].text, texts[i].len), i + 1);
	}
	ck_assert_uint_eq(ft_strings_find(&strings, "a", 1), FT_INDEX_NONE);
	ck_assert_uint_eq(ft_strings_find(&strings, "", 0), 0);
	ft_strings_deinit(&strings);
}
END_TEST

START_TEST(many_texts)
{
	struct ft_strings strings = { 0 };
	char text[32];

	for (uint32_t i = 1; i <= 5000; i++)
		ck_assert_uint_eq(
			add(&strings, text, (size_t)snprintf(text, sizeof(text), "name %u", i)), i);
	for (uint32_t i = 1; i <= 5000; i++)
		check_text(&strings, i, text, (size_t)snprintf(text, sizeof(text), "name %u", i));
	ft_strings_clear(&strings);
	ck_assert_uint_eq(ft_strings_count(&strings), 1);
	ck_assert_uint_eq(ft_strings_find(&strings, "name 1", 6), FT_INDEX_NONE);
	ck_assert_uint_eq(add(&strings, "name 9", 6), 1);
	ft_strings_deinit(&strings);
}
END_TEST

START_TEST(limit_is_exact)
{
	struct ft_strings strings = { .bytes_max = 8 };
	uint32_t id = 77;

	ck_assert_uint_eq(add(&strings, "abc", 3), 1); /* 4 bytes with its NUL */
	ck_assert_int_eq(ft_strings_add(&strings, "defg", 4, &id), -E2BIG);
	ck_assert_uint_eq(id, 77);
	ck_assert_uint_eq(add(&strings, "def", 3), 2);
	ck_assert_uint_le(strings.bytes_cap, 8);
	ck_assert_int_eq(ft_strings_add(&strings, "g", 1, &id), -E2BIG);
	ck_assert_uint_eq(add(&strings, "abc", 3), 1); /* what is there needs no room */
	ck_assert_uint_eq(ft_strings_count(&strings), 3);
	ft_strings_deinit(&strings);
	ck_assert_uint_eq(strings.bytes_max, 8);
}
END_TEST

static int fill(void *context)
{
	struct ft_strings strings = { 0 };
	char text[16];
	uint32_t id;
	int r = 0;

	(void)context;
	for (int i = 0; i < 300 && r == 0; i++)
		r = ft_strings_add(&strings, text, (size_t)snprintf(text, sizeof(text), "%d", i),
				   &id);
	ft_strings_deinit(&strings);
	return r;
}

START_TEST(survives_want_of_memory)
{
	ck_assert_uint_ge(ft_alloc_each(fill, NULL), 9);
}
END_TEST

/* The three parts grow one after the other; a failure of the last must not leave a
 * text that has no number. */
START_TEST(failed_add_can_be_repeated)
{
	for (unsigned int n = 1; n <= 3; n++) {
		struct ft_strings strings = { 0 };
		uint32_t id = 77;
		int r;

		ft_alloc_fail_at(n);
		r = ft_strings_add(&strings, "abc", 3, &id);
		ck_assert(ft_alloc_stop());
		ck_assert_int_eq(r, -ENOMEM);
		ck_assert_uint_eq(id, 77);
		ck_assert_uint_eq(ft_strings_count(&strings), 1);
		ck_assert_uint_eq(ft_strings_find(&strings, "abc", 3), FT_INDEX_NONE);
		ck_assert_uint_eq(add(&strings, "abc", 3), 1);
		check_text(&strings, 1, "abc", 3);
		ft_strings_deinit(&strings);
	}
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, ids_are_dense_and_stable);
	tcase_add_test(tc, bytes_and_lengths_tell_texts_apart);
	tcase_add_test(tc, many_texts);
	tcase_add_test(tc, limit_is_exact);
	tcase_add_test(tc, survives_want_of_memory);
	tcase_add_test(tc, failed_add_can_be_repeated);
}

FT_CHECK_MAIN("strings", add_tests)
