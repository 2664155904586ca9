#include "agent/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/privileges.h"
#include "base/base.h"
#include "base/log.h"
#include "symbolizer/inspect.h"

struct options {
	const char *path;
	struct ft_inspect_what what;
};

static void usage(FILE *out)
{
	fputs("usage: flametrail inspect [--rows | -a ADDRESS] FILE\n"
	      "Print what is known of the frames of FILE, a program or library: the table by "
	      "which\n"
	      "stacks are unwound through it, and how much of its code that covers.\n"
	      "  -a, --address ADDRESS   print the rule of one address, as the linker counts them\n"
	      "  -r, --rows              print every row: offset in FILE, CFA, rbp, return "
	      "address\n",
	      out);
}

/* Hexadecimal, with or without 0x. */
static bool parse_address(const char *text, uint64_t *ret_address)
{
	char *end;

	errno = 0;
	*ret_address = strtoull(text, &end, 16);
	return errno == 0 && end != text && *end == '\0' && text[0] != '-' && text[0] != '+';
}

/* 0; 1: help was printed, or -EINVAL, which has been said. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = { { "address", required_argument, NULL, 'a' },
					       { "rows", no_argument, NULL, 'r' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "a:rh", names, NULL)) != -1) {
		switch (c) {
		case 'a':
			options->what.has_address = parse_address(optarg, &options->what.address);
			if (options->what.has_address)
				break;
			ft_complain("inspect: \"%s\" is not a hexadecimal address", optarg);
			return -EINVAL;
		case 'r':
			options->what.rows = true;
			break;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return -EINVAL;
		}
	}
	if (argc - optind != 1 || (options->what.rows && options->what.has_address)) {
		usage(stderr);
		return -EINVAL;
	}
	options->path = argv[optind];
	return 0;
}

static const char *reason_of(int r)
{
	switch (r) {
	case -ENXIO:
		return "the address is in no executable segment";
	case -ENOTSUP:
		return "not a 64-bit ELF program or library of x86-64 or arm64";
	case -EBADMSG:
		return "not an ELF file, or damaged beyond use";
	case -E2BIG:
		return "larger than what is read of one file";
	default:
		return r > 0 ? "it has no frame information, and is not known to keep frame "
			       "pointers"
			     : strerror(-r);
	}
}

/* In a process of its own: whoever wrote the file meets no privileges of ours. */
static int inspect(const struct options *options, int fd)
{
	int r = ft_become(FT_ROLE_SYMBOLIZER);

	if (r < 0) {
		ft_complain("inspect: cannot give up privileges: %s", strerror(-r));
		return 1;
	}
	r = ft_inspect_print(fd, &options->what, stdout);
	if (r != 0)
		ft_complain("inspect: %s: %s", options->path, reason_of(r));
	return r == 0 ? 0 : 1;
}

int ft_cmd_inspect(int argc, char **argv)
{
	_cleanup_close_ int fd = -1;
	struct options options = { 0 };
	int status, r = parse_options(argc, argv, &options);
	pid_t child;

	if (r != 0)
		return r > 0 ? 0 : 2;
	fd = open(options.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		ft_complain("inspect: %s: %s", options.path, strerror(errno));
		return 1;
	}
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(inspect(&options, fd));
	if (child < 0) {
		ft_complain("inspect: cannot start a process: %s", strerror(errno));
		return 1;
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	ft_complain("inspect: %s: reading it was ended by signal %d", options.path,
		    WTERMSIG(status));
	return 1;
}
