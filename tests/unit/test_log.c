/* Log lines are read by machines: each is one valid JSON object and one line, whatever
 * the names of other people's programs hold and however long they are. */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/io.h"
#include "base/log.h"
#include "base/utf8.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

/* What the last captured call wrote to stderr. */
static char line[8192];
static int kept_stderr, capture;

static void begin_capture(void)
{
	capture = memfd_create("stderr", MFD_CLOEXEC);
	ck_assert_int_ge(capture, 0);
	kept_stderr = dup(STDERR_FILENO);
	ck_assert_int_ge(dup2(capture, STDERR_FILENO), 0);
}

static void end_capture(void)
{
	ssize_t n = pread(capture, line, sizeof(line) - 1, 0);

	ck_assert_int_ge(n, 0);
	line[n] = '\0';
	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	close(capture);
}

/* Past a JSON string at s, or NULL when it is none. */
static const char *skip_string(const char *s)
{
	if (*s++ != '"')
		return NULL;
	while (*s != '"') {
		size_t n = ft_utf8_sequence(s, strlen(s));

		if (n == 0 || (unsigned char)*s < 0x20)
			return NULL;
		if (*s == '\\') {
			if (s[1] == 'u' && strspn(s + 2, "0123456789abcdef") >= 4)
				n = 6;
			else if (s[1] && strchr("\"\\/bfnrt", s[1]))
				n = 2;
			else
				return NULL;
		}
		s += n;
	}
	return s + 1;
}

/* The number of pairs when line is one flat object and a newline, else -1. */
static int count_pairs(void)
{
	const char *s = line;
	int n = 0;

	if (*s++ != '{')
		return -1;
	for (;; s++) {
		s = skip_string(s);
		if (!s || *s++ != ':')
			return -1;
		if (*s == '"')
			s = skip_string(s);
		else if (strncmp(s, "null", 4) == 0)
			s += 4;
		else if (strspn(s, "-0123456789.e+") > 0)
			s += strspn(s, "-0123456789.e+");
		else
			return -1;
		n++;
		if (!s)
			return -1;
		if (*s != ',')
			break;
	}
	return strcmp(s, "}\n") == 0 ? n : -1;
}

#define log_captured(...)            \
	do {                         \
		begin_capture();     \
		ft_log(__VA_ARGS__); \
		end_capture();       \
	} while (0)

START_TEST(all_kinds_of_values)
{
	log_captured(FT_LOG_WARN, "something happened", ft_kv_text("text", "a b"),
		     ft_kv_int("number", INT64_MIN), ft_kv_real("real", 0.25),
		     ft_kv_errno(-ENOENT));
	ck_assert_int_eq(count_pairs(), 7);
	ck_assert_ptr_nonnull(strstr(line,
				     "\"level\":\"warn\",\"msg\":\"something happened\","
				     "\"text\":\"a b\",\"number\":-9223372036854775808,"
				     "\"real\":0.25,\"error\":\"No such file or directory\"}"));
	ck_assert_int_eq(strncmp(line, "{\"ts\":\"2", 8), 0);
	ck_assert_ptr_eq(strstr(line, "Z\",\"level\""), line + 30);
}
END_TEST

START_TEST(no_pairs)
{
	log_captured(FT_LOG_ERROR, "alone");
	ck_assert_int_eq(count_pairs(), 3);
}
END_TEST

static const char *const hostile[] = {
	"\"}\n{\"level\":\"error\"",
	"\\",
	"\xff\xfe\x80",
	"\x1b[2J\x07",
	"\xc2\x9b"
	"2J",
	"</script>",
	"\xf0\x9f\x94\xa5",
	"",
	NULL,
};

START_TEST(hostile_text_stays_inside)
{
	log_captured(FT_LOG_INFO, "name", ft_kv_text("comm", hostile[_i]), ft_kv_int("pid", 7));
	ck_assert_int_eq(count_pairs(), 5);
	ck_assert_ptr_nonnull(strstr(line, "\",\"pid\":7}\n"));
	ck_assert(ft_utf8_printable(line, strlen(line) - 1));
}
END_TEST

static const double odd[] = { NAN, INFINITY, -INFINITY };

START_TEST(numbers_json_does_not_know)
{
	log_captured(FT_LOG_INFO, "odd", ft_kv_real("real", odd[_i]));
	ck_assert_int_eq(count_pairs(), 4);
	ck_assert_ptr_nonnull(strstr(line, "\"real\":null}"));
}
END_TEST

/* Each text may blow up six times; the line must stay whole and keep what fits. */
START_TEST(long_lines_are_cut_between_values)
{
	char text[3000];

	memset(text, _i ? '\x01' : 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_captured(FT_LOG_INFO, "long", ft_kv_text("one", text), ft_kv_text("two", text),
		     ft_kv_text("three", text), ft_kv_text("four", text), ft_kv_text("five", text),
		     ft_kv_int("last", 7));
	ck_assert_int_ge(count_pairs(), 4);
	ck_assert_uint_le(strlen(line), 4096);
	ck_assert_uint_gt(strlen(line), 3000);
	ck_assert_ptr_nonnull(strstr(line, "\"one\":\""));
}
END_TEST

START_TEST(level_is_a_threshold)
{
	log_captured(FT_LOG_DEBUG, "hidden");
	ck_assert_str_eq(line, "");
	ft_log_set_level(FT_LOG_DEBUG);
	log_captured(FT_LOG_DEBUG, "shown");
	ck_assert_int_eq(count_pairs(), 3);
	ft_log_set_level(FT_LOG_ERROR);
	log_captured(FT_LOG_WARN, "hidden");
	ck_assert_str_eq(line, "");
}
END_TEST

START_TEST(process_has_its_key)
{
	ft_log_set_process("collector");
	log_captured(FT_LOG_INFO, "named");
	ck_assert_int_eq(count_pairs(), 4);
	ck_assert_ptr_nonnull(strstr(line, ",\"process\":\"collector\"}"));
}
END_TEST

/* Want of memory is a thing to log. */
START_TEST(needs_no_memory)
{
	unsigned int count;

	begin_capture();
	ft_alloc_fail_at(1);
	ft_log(FT_LOG_ERROR, "no memory", ft_kv_text("text", "value"), ft_kv_int("n", 3));
	ft_alloc_stop();
	count = ft_alloc_count();
	end_capture();
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(count_pairs(), 5);
}
END_TEST

START_TEST(complaint_is_one_clean_line)
{
	begin_capture();
	ft_complain("cannot open %s: no such file", "\x1b[2Ja\nb");
	end_capture();
	ck_assert_str_eq(line, "flametrail: cannot open ?[2Ja?b: no such file\n");
}
END_TEST

START_TEST(complaint_is_cut)
{
	begin_capture();
	ft_complain("%*s", 10000, "");
	end_capture();
	ck_assert_uint_eq(strlen(line), strlen("flametrail: \n") + 2047);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, all_kinds_of_values);
	tcase_add_test(tc, no_pairs);
	tcase_add_loop_test(tc, hostile_text_stays_inside, 0, FT_CASES(hostile));
	tcase_add_loop_test(tc, numbers_json_does_not_know, 0, FT_CASES(odd));
	tcase_add_loop_test(tc, long_lines_are_cut_between_values, 0, 2);
	tcase_add_test(tc, level_is_a_threshold);
	tcase_add_test(tc, process_has_its_key);
	tcase_add_test(tc, needs_no_memory);
	tcase_add_test(tc, complaint_is_one_clean_line);
	tcase_add_test(tc, complaint_is_cut);
}

FT_CHECK_MAIN("log", add_tests)
