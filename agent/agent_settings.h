/* agent_settings.h - what `flametrail agent` can be told, by flag, by environment
 * (FLAMETRAIL_LISTEN for --listen) or by a configuration file ("listen = ..." a line,
 * # at the beginning of a word begins a comment). A flag wins over the environment, that over the
 * file. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/why.h"

#define FT_AGENT_MAX_HOSTS 16u

struct ft_agent_settings {
	char listen[256];
	char store[PATH_MAX];
	char pprof_dir[PATH_MAX]; /* "": none */
	char token[256];	  /* "": none */
	char replay[PATH_MAX];	  /* "": none */
	char hosts[FT_AGENT_MAX_HOSTS][256];
	uint32_t n_hosts;
	uint64_t window_ns;
	uint32_t hz;
	bool cycles;
};

/* Defaults; the store's place depends on whether we are root. */
void ft_agent_settings_init(struct ft_agent_settings *settings);

/* Set one by the name of its flag ("listen"). 0, or -EINVAL with why: no such name, or
 * a value that makes no sense. */
int ft_agent_settings_set(struct ft_agent_settings *settings, const char *name, const char *value,
			  struct ft_why *why) FT_MUST_CHECK;
/* Does a name exist, and does it take a value? */
bool ft_agent_settings_has(const char *name, bool *ret_takes_value);
/* Take what is in the environment / in a file's text. 0, or -EINVAL with why. */
int ft_agent_settings_environment(struct ft_agent_settings *settings,
				  struct ft_why *why) FT_MUST_CHECK;
int ft_agent_settings_text(struct ft_agent_settings *settings, const char *text,
			   struct ft_why *why) FT_MUST_CHECK;
