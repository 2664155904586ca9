/* Flags, environment and configuration text: each says what it means, or why not. */
#include "agent/agent_settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/ft_check.h"

#define SECOND 1000000000ull

static struct ft_agent_settings fresh(void)
{
	static struct ft_agent_settings s;

	ft_agent_settings_init(&s);
	return s;
}

START_TEST(has_defaults)
{
	struct ft_agent_settings s = fresh();

	ck_assert_str_eq(s.listen, "127.0.0.1:7117");
	ck_assert_uint_eq(s.window_ns, 10 * SECOND);
	ck_assert_uint_eq(s.hz, 99);
	ck_assert(s.store[0]);
	ck_assert(!s.pprof_dir[0] && !s.token[0] && !s.replay[0] && !s.cycles);
	ck_assert_uint_eq(s.n_hosts, 0);
}
END_TEST

static const struct {
	const char *name, *value;
	bool ok;
} flags[] = {
	{ "listen", "unix:/run/x", true },
	{ "store", "/s", true },
	{ "pprof-dir", "/p", true },
	{ "token", "t", true },
	{ "replay", "/r", true },
	{ "allow-host", "h", true },
	{ "window", "1s", true },
	{ "window", "10m", true },
	{ "window", "600s", true },
	{ "window", "999ms", false },
	{ "window", "0s", false },
	{ "window", "601s", false },
	{ "window", "1500ms", false },
	{ "window", "", false },
	{ "window", "-1s", false },
	{ "window", "10 s", false },
	{ "frequency", "1", true },
	{ "frequency", "1000", true },
	{ "frequency", "0", false },
	{ "frequency", "1001", false },
	{ "frequency", "-1", false },
	{ "frequency", "", false },
	{ "frequency", "9x", false },
	{ "frequency", "99999999999999999999", false },
	{ "cycles", "", true },
	{ "cycles", "1", true },
	{ "cycles", "true", true },
	{ "cycles", "0", true },
	{ "cycles", "false", true },
	{ "cycles", "yes", false },
	{ "nonsense", "1", false },
	{ "", "", false },
	{ "Listen", "x", false },
	{ "listen ", "x", false },
};

/* A refusal says why, and changes nothing. */
START_TEST(takes_flag)
{
	struct ft_agent_settings s = fresh(), before = s;
	struct ft_why why = { "" };
	int r = ft_agent_settings_set(&s, flags[_i].name, flags[_i].value, &why);

	ck_assert_int_eq(r, flags[_i].ok ? 0 : -EINVAL);
	ck_assert_int_eq(why.text[0] != '\0', !flags[_i].ok);
	if (!flags[_i].ok)
		ck_assert(memcmp(&s, &before, sizeof(s)) == 0);
}
END_TEST

static const struct {
	const char *name;
	size_t offset, size;
} texts[] = {
	{ "listen", offsetof(struct ft_agent_settings, listen), 256 },
	{ "store", offsetof(struct ft_agent_settings, store), PATH_MAX },
	{ "pprof-dir", offsetof(struct ft_agent_settings, pprof_dir), PATH_MAX },
	{ "token", offsetof(struct ft_agent_settings, token), 256 },
	{ "replay", offsetof(struct ft_agent_settings, replay), PATH_MAX },
	{ "allow-host", offsetof(struct ft_agent_settings, hosts), 256 },
};

/* Values fit to the last byte, and are never cut. */
START_TEST(never_cuts_a_value)
{
	struct ft_agent_settings s = fresh(), before = s;
	char value[PATH_MAX + 1];
	struct ft_why why;

	memset(value, 'v', sizeof(value));
	value[texts[_i].size] = '\0';
	ck_assert_int_eq(ft_agent_settings_set(&s, texts[_i].name, value, &why), -EINVAL);
	ck_assert(memcmp(&s, &before, sizeof(s)) == 0);
	value[texts[_i].size - 1] = '\0';
	ck_assert_int_eq(ft_agent_settings_set(&s, texts[_i].name, value, &why), 0);
	ck_assert_str_eq((char *)&s + texts[_i].offset, value);
}
END_TEST

START_TEST(keeps_some_hosts)
{
	struct ft_agent_settings s = fresh();
	struct ft_why why;
	char host[8];

	for (uint32_t i = 0; i < FT_AGENT_MAX_HOSTS; i++) {
		snprintf(host, sizeof(host), "h%u", i);
		ck_assert_int_eq(ft_agent_settings_set(&s, "allow-host", host, &why), 0);
		ck_assert_str_eq(s.hosts[i], host);
	}
	ck_assert_int_eq(ft_agent_settings_set(&s, "allow-host", "x", &why), -EINVAL);
	ck_assert_uint_eq(s.n_hosts, FT_AGENT_MAX_HOSTS);
}
END_TEST

START_TEST(knows_its_names)
{
	bool takes = false;

	for (size_t i = 0; i < FT_COUNT(texts); i++) {
		ck_assert(ft_agent_settings_has(texts[i].name, &takes));
		ck_assert(takes);
	}
	ck_assert(ft_agent_settings_has("cycles", &takes));
	ck_assert(!takes);
	ck_assert(!ft_agent_settings_has("nonsense", &takes));
}
END_TEST

START_TEST(reads_environment)
{
	struct ft_agent_settings s = fresh();
	struct ft_why why = { "" };

	setenv("FLAMETRAIL_LISTEN", "unix:/e", 1);
	setenv("FLAMETRAIL_PPROF_DIR", "/e-p", 1);
	setenv("FLAMETRAIL_CYCLES", "1", 1);
	setenv("FLAMETRAIL_WINDOW", "30s", 1);
	setenv("FLAMETRAIL_UNKNOWN", "is nobody's business", 1);
	ck_assert_int_eq(ft_agent_settings_environment(&s, &why), 0);
	ck_assert_str_eq(s.listen, "unix:/e");
	ck_assert_str_eq(s.pprof_dir, "/e-p");
	ck_assert(s.cycles);
	ck_assert_uint_eq(s.window_ns, 30 * SECOND);
	setenv("FLAMETRAIL_WINDOW", "nonsense", 1);
	ck_assert_int_eq(ft_agent_settings_environment(&s, &why), -EINVAL);
	ck_assert(strstr(why.text, "nonsense"));
}
END_TEST

static const struct {
	const char *text, *listen, *token; /* listen NULL: refused */
	const char *why;
} files[] = {
	{ "", "127.0.0.1:7117", "", NULL },
	{ "listen = a", "a", "", NULL },
	{ "listen=a\ntoken=b\n", "a", "b", NULL },
	{ "\n\n  # nothing\n\t listen\t =  a b \t\r\n", "a b", "", NULL },
	{ "listen = a # local\ntoken = b\t# secret", "a", "b", NULL },
	{ "#listen = a\n# token = b\n", "127.0.0.1:7117", "", NULL },
	{ "token = b#c\n", "127.0.0.1:7117", "b#c", NULL },
	{ "token = b=c=\n", "127.0.0.1:7117", "b=c=", NULL },
	{ "token =\n", "127.0.0.1:7117", "", NULL },
	{ "token = b\ntoken = c\n", "127.0.0.1:7117", "c", NULL },
	{ "listen = a\nnonsense\n", NULL, NULL, "line 2" },
	{ "\n\n= a\n", NULL, NULL, "no setting" },
	{ "colour = red\n", NULL, NULL, "colour" },
	{ "window = 1x\n", NULL, NULL, "window" },
};

START_TEST(reads_text)
{
	struct ft_agent_settings s = fresh();
	struct ft_why why = { "" };
	int r = ft_agent_settings_text(&s, files[_i].text, &why);

	ck_assert_int_eq(r, files[_i].listen ? 0 : -EINVAL);
	if (r < 0) {
		ck_assert_msg(strstr(why.text, files[_i].why) != NULL, "%s", why.text);
		return;
	}
	ck_assert_str_eq(s.listen, files[_i].listen);
	ck_assert_str_eq(s.token, files[_i].token);
}
END_TEST

START_TEST(refuses_endless_line)
{
	struct ft_agent_settings s = fresh();
	struct ft_why why = { "" };
	static char text[20000];

	memset(text, 'x', sizeof(text) - 1);
	ck_assert_int_eq(ft_agent_settings_text(&s, text, &why), -EINVAL);
	ck_assert(strstr(why.text, "too long"));
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, has_defaults);
	tcase_add_loop_test(tc, takes_flag, 0, FT_CASES(flags));
	tcase_add_loop_test(tc, never_cuts_a_value, 0, FT_CASES(texts));
	tcase_add_test(tc, keeps_some_hosts);
	tcase_add_test(tc, knows_its_names);
	tcase_add_test(tc, reads_environment);
	tcase_add_loop_test(tc, reads_text, 0, FT_CASES(files));
	tcase_add_test(tc, refuses_endless_line);
}

FT_CHECK_MAIN("agent_settings", add_tests)
