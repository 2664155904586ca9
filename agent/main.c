/* main.c - picks the subcommand. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/commands.h"
#include "agent/symbolizer_process.h"
#include "base/base.h"
#include "base/log.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "record", ft_cmd_record, "profile a process, a command or the host into a file" },
	{ "agent", ft_cmd_agent, "profile this host continuously and serve the viewer" },
	{ "view", ft_cmd_view, "look at a pprof file or a store in the viewer" },
	{ "symbolize", ft_cmd_symbolize, "name addresses of a file, like addr2line" },
	{ "inspect", ft_cmd_inspect, "what is known of a file's frames, for unwinding" },
	{ "doctor", ft_cmd_doctor, "what works on this host, what does not, and what to do" },
};

static void usage(FILE *out)
{
	fputs("usage: flametrail COMMAND [OPTIONS]\n\n", out);
	for (size_t i = 0; i < FT_COUNT(commands); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
	fputs("\nflametrail COMMAND --help tells more; flametrail --version.\n", out);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error to handle */
	if (strcmp(name, FT_SYMBOLIZER_COMMAND) == 0)
		return ft_symbolizer_main();
	if (strcmp(name, "--version") == 0) {
		puts("flametrail " FT_VERSION);
		return 0;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		usage(stdout);
		return 0;
	}
	for (size_t i = 0; i < FT_COUNT(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (*name)
		ft_complain("there is no command \"%s\"", name);
	usage(stderr);
	return 2;
}
