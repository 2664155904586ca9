/* speedscope refuses a file that is not JSON, or whose samples and weights differ in
 * number, without saying where: what is written must be right for any name. */
#include <errno.h>
#include <string.h>

#include "agent/profile/formats.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"
#include "tests/ft_stacks.h"

#define MAX_BYTES (16u << 20)

static char *write_text(const struct ft_profile *profile, uint32_t type, struct ft_buffer *out)
{
	*out = FT_BUFFER_INIT(MAX_BYTES);
	ck_assert_int_eq(ft_speedscope_write(profile, type, "a \"name\"", out), 0);
	ft_buffer_put_u8(out, 0);
	return (char *)out->data;
}

static const char *const sample[] = {
	"sh;main!a.c:9;work>in!b.c:4;read@[kernel.kallsyms] 3",
	"sh;main!a.c:7~9;?77@app 4",
	"cc;main!a.c:8 5",
	"cc;nothing 0",
	"cc;less -3",
};

static const char want[] =
	"{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
	"\"exporter\":\"flametrail " FT_VERSION "\",\n"
	"\"name\":\"a \\\"name\\\"\",\n"
	"\"activeProfileIndex\":0,\n"
	"\"shared\":{\"frames\":[\n"
	"{\"name\":\"sh\"},\n"
	/* One function, the first of its lines. */
	"{\"name\":\"main\",\"file\":\"a.c\",\"line\":7},\n"
	"{\"name\":\"work\"},\n"
	"{\"name\":\"in\",\"file\":\"b.c\",\"line\":4},\n"
	"{\"name\":\"read\"},\n"
	"{\"name\":\"app+0x77\"},\n"
	"{\"name\":\"cc\"}]},\n"
	"\"profiles\":[{\"type\":\"sampled\",\"name\":\"cpu\",\"unit\":\"nanoseconds\",\n"
	"\"samples\":[\n"
	"[0,1,2,3,4],\n"
	"[0,1,5],\n"
	"[6,1]],\n"
	"\"weights\":[3000,4000,5000],\n"
	"\"startValue\":0,\"endValue\":12000}]}\n";

START_TEST(gives_file)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(sample, FT_COUNT(sample));
	_cleanup_buffer_ struct ft_buffer out;

	ck_assert_str_eq(write_text(profile, 1, &out), want);
}
END_TEST

START_TEST(empty_profile_has_empty_lists)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_empty();
	_cleanup_buffer_ struct ft_buffer out;
	const char *text = write_text(profile, 0, &out);

	ck_assert_ptr_nonnull(strstr(text, "\"frames\":[]"));
	ck_assert_ptr_nonnull(strstr(text, "\"samples\":[],\n\"weights\":[],\n"));
	ck_assert_ptr_nonnull(strstr(text, "\"endValue\":0}"));
}
END_TEST

static const struct {
	const char *unit, *said;
} units[] = {
	{ "nanoseconds", "\"unit\":\"nanoseconds\"" },
	{ "bytes", "\"unit\":\"bytes\"" },
	{ "count", "\"unit\":\"none\"" },
	{ "", "\"unit\":\"none\"" },
	{ "\"},", "\"unit\":\"none\"" },
};

START_TEST(knows_the_units_it_may_say)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_empty();
	_cleanup_buffer_ struct ft_buffer out;

	ft_profile_info(profile)->types[0].unit = ft_stacks_string(profile, units[_i].unit);
	ck_assert_ptr_nonnull(strstr(write_text(profile, 0, &out), units[_i].said));
}
END_TEST

static const struct {
	const char *name, *said;
} names[] = {
	{ "operator\"\"_x", "{\"name\":\"operator\\\"\\\"_x\"}" },
	{ "a\\b", "{\"name\":\"a\\\\b\"}" },
	{ "bad\xff\x01", "{\"name\":\"bad??\"}" },
	{ "</script><img src=x>", "{\"name\":\"\\u003c/script\\u003e\\u003cimg src=x\\u003e\"}" },
	{ "caf\xc3\xa9", "{\"name\":\"caf\xc3\xa9\"}" },
};

START_TEST(escapes_names)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_empty();
	_cleanup_buffer_ struct ft_buffer out;
	struct ft_profile_function function = { .name = ft_stacks_string(profile, names[_i].name) };
	struct ft_profile_line line = { 0 };
	struct ft_profile_location location = { .n_lines = 1, .lines = &line };
	const int64_t values[] = { 1, 1 };
	uint32_t id, stack;

	ck_assert_int_eq(ft_profile_function(profile, &function, &line.function), 0);
	ck_assert_int_eq(ft_profile_location(profile, &location, &id), 0);
	ck_assert_int_eq(ft_profile_stack(profile, &id, 1, &stack), 0);
	ck_assert_int_eq(ft_profile_add(profile, stack, 0, values), 0);
	ck_assert_ptr_nonnull(strstr(write_text(profile, 0, &out), names[_i].said));
}
END_TEST

START_TEST(stops_at_the_limit_of_the_buffer)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(sample, FT_COUNT(sample));

	for (size_t max = 0; max < sizeof(want) - 1; max++) {
		_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(max);

		ck_assert_int_eq(ft_speedscope_write(profile, 1, "a \"name\"", &out), -EFBIG);
	}
}
END_TEST

static int write_speedscope(void *context)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);

	return ft_speedscope_write(context, 0, "name", &out);
}

START_TEST(survives_lack_of_memory)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_profile(sample, FT_COUNT(sample));

	ft_alloc_each(write_speedscope, profile);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, gives_file);
	tcase_add_test(tc, empty_profile_has_empty_lists);
	tcase_add_loop_test(tc, knows_the_units_it_may_say, 0, FT_CASES(units));
	tcase_add_loop_test(tc, escapes_names, 0, FT_CASES(names));
	tcase_add_test(tc, stops_at_the_limit_of_the_buffer);
	tcase_add_test(tc, survives_lack_of_memory);
}

FT_CHECK_MAIN("speedscope", add_tests)
