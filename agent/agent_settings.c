#include "agent/agent_settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"

enum setting { LISTEN, STORE, PPROF_DIR, TOKEN, REPLAY, ALLOW_HOST, WINDOW, FREQUENCY, CYCLES };

static const struct {
	const char *name;
	enum setting setting;
	bool takes_value;
} names[] = {
	{ "listen", LISTEN, true },	  { "store", STORE, true },
	{ "pprof-dir", PPROF_DIR, true }, { "token", TOKEN, true },
	{ "replay", REPLAY, true },	  { "allow-host", ALLOW_HOST, true },
	{ "window", WINDOW, true },	  { "frequency", FREQUENCY, true },
	{ "cycles", CYCLES, false },
};

void ft_agent_settings_init(struct ft_agent_settings *settings)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	memset(settings, 0, sizeof(*settings));
	settings->window_ns = 10 * FT_NS_PER_SEC;
	settings->hz = 99;
	snprintf(settings->listen, sizeof(settings->listen), "127.0.0.1:7117");
	if (geteuid() == 0)
		snprintf(settings->store, sizeof(settings->store), "/var/lib/flametrail");
	else if (state && *state)
		snprintf(settings->store, sizeof(settings->store), "%s/flametrail", state);
	else
		snprintf(settings->store, sizeof(settings->store), "%s/.local/state/flametrail",
			 home && *home ? home : ".");
}

bool ft_agent_settings_has(const char *name, bool *ret_takes_value)
{
	for (size_t i = 0; i < FT_COUNT(names); i++)
		if (strcmp(name, names[i].name) == 0) {
			*ret_takes_value = names[i].takes_value;
			return true;
		}
	return false;
}

static int copy(char *to, size_t size, const char *name, const char *value, struct ft_why *why)
{
	if (strlen(value) >= size)
		return ft_why(why, -EINVAL, "the value of %s is too long", name);
	snprintf(to, size, "%s", value);
	return 0;
}

static int add_host(struct ft_agent_settings *s, const char *name, const char *value,
		    struct ft_why *why)
{
	int r;

	if (s->n_hosts == FT_AGENT_MAX_HOSTS)
		return ft_why(why, -EINVAL, "at most %u times --allow-host", FT_AGENT_MAX_HOSTS);
	r = copy(s->hosts[s->n_hosts], sizeof(s->hosts[0]), name, value, why);
	s->n_hosts += r == 0;
	return r;
}

static int set_window(struct ft_agent_settings *s, const char *value, struct ft_why *why)
{
	uint64_t ns;

	if (ft_parse_duration(value, &ns) < 0 || ns < FT_NS_PER_SEC || ns > 600 * FT_NS_PER_SEC ||
	    ns % FT_NS_PER_SEC)
		return ft_why(why, -EINVAL, "bad window \"%s\"; give whole seconds, 1s to 10m",
			      value);
	s->window_ns = ns;
	return 0;
}

static int set_frequency(struct ft_agent_settings *s, const char *value, struct ft_why *why)
{
	uint64_t hz;

	if (ft_parse_number(value, 1, 1000, &hz) < 0)
		return ft_why(why, -EINVAL,
			      "bad frequency \"%s\"; give 1 to 1000 samples per second", value);
	s->hz = (uint32_t)hz;
	return 0;
}

static int set_switch(bool *to, const char *name, const char *value, struct ft_why *why)
{
	if (strcmp(value, "1") == 0 || strcmp(value, "true") == 0 || *value == '\0')
		*to = true;
	else if (strcmp(value, "0") == 0 || strcmp(value, "false") == 0)
		*to = false;
	else
		return ft_why(why, -EINVAL, "%s is true or false, not \"%s\"", name, value);
	return 0;
}

int ft_agent_settings_set(struct ft_agent_settings *settings, const char *name, const char *value,
			  struct ft_why *why)
{
	size_t i = 0;

	while (i < FT_COUNT(names) && strcmp(name, names[i].name) != 0)
		i++;
	if (i == FT_COUNT(names))
		return ft_why(why, -EINVAL,
			      "there is no setting \"%s\"; see flametrail agent --help", name);
	switch (names[i].setting) {
	case LISTEN:
		return copy(settings->listen, sizeof(settings->listen), name, value, why);
	case STORE:
		return copy(settings->store, sizeof(settings->store), name, value, why);
	case PPROF_DIR:
		return copy(settings->pprof_dir, sizeof(settings->pprof_dir), name, value, why);
	case TOKEN:
		return copy(settings->token, sizeof(settings->token), name, value, why);
	case REPLAY:
		return copy(settings->replay, sizeof(settings->replay), name, value, why);
	case ALLOW_HOST:
		return add_host(settings, name, value, why);
	case WINDOW:
		return set_window(settings, value, why);
	case FREQUENCY:
		return set_frequency(settings, value, why);
	case CYCLES:
		return set_switch(&settings->cycles, name, value, why);
	}
	return -EINVAL;
}

int ft_agent_settings_environment(struct ft_agent_settings *settings, struct ft_why *why)
{
	for (size_t i = 0; i < FT_COUNT(names); i++) {
		char variable[64];
		const char *value;
		int r;

		snprintf(variable, sizeof(variable), "FLAMETRAIL_%s", names[i].name);
		for (char *c = variable; *c; c++)
			*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
		value = getenv(variable);
		if (!value)
			continue;
		r = ft_agent_settings_set(settings, names[i].name, value, why);
		if (r < 0)
			return r;
	}
	return 0;
}

static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* A # inside a word belongs to it: a token may hold one. */
static void cut_comment(char *line)
{
	for (char *c = line; *c; c++)
		if (*c == '#' && (c == line || isspace((unsigned char)c[-1]))) {
			*c = '\0';
			return;
		}
}

int ft_agent_settings_text(struct ft_agent_settings *settings, const char *text, struct ft_why *why)
{
	for (unsigned int number = 1; *text; number++) {
		size_t len = strcspn(text, "\n");
		char line[PATH_MAX + 64], *equals;
		int r;

		if (len >= sizeof(line))
			return ft_why(why, -EINVAL, "line %u of the configuration is too long",
				      number);
		memcpy(line, text, len);
		line[len] = '\0';
		text += len + (text[len] == '\n');
		cut_comment(line);
		if (*trim(line) == '\0')
			continue;
		equals = strchr(line, '=');
		if (!equals)
			return ft_why(why, -EINVAL,
				      "line %u of the configuration is not \"name = value\"",
				      number);
		*equals = '\0';
		r = ft_agent_settings_set(settings, trim(line), trim(equals + 1), why);
		if (r < 0)
			return r;
	}
	return 0;
}
