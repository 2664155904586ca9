/* cmd_record.c - flametrail record: a process, a command or the host into a file. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "agent/commands.h"
#include "agent/output.h"
#include "agent/profile/formats.h"
#include "agent/recording.h"
#include "base/io.h"
#include "base/log.h"
#include "base/units.h"

#define TOP_FUNCTIONS	 15u
#define EXIT_OWN_FAILURE 125 /* with a command, whose codes are its own */

struct arguments {
	const char *pids, *output, *format_name, *raw, *replay, *sample_type;
	bool all, quiet, children;
	enum ft_format format;
	char **command; /* NULL: none */
	struct ft_recording_options recording;
	struct ft_watch watch;
	struct ft_command child;
	struct ft_raw_file raw_file;
	char path[PATH_MAX]; /* of the output */
};

static void arguments_deinit(struct arguments *a)
{
	ft_watch_deinit(&a->watch);
	ft_command_deinit(&a->child);
	ft_raw_file_deinit(&a->raw_file);
}
#define _cleanup_arguments_ FT_CLEANUP(arguments_deinit)

static const char help[] =
	"usage: flametrail record [OPTIONS] (-p PID[,PID...] | -a | -- COMMAND [ARGUMENT...])\n"
	"\n"
	"Profile processes, the whole host, or a command from its first instruction.\n"
	"\n"
	"  -p, --pid PID[,PID]   these processes, with all their threads\n"
	"  -a, --all             every process of the host\n"
	"      --children        with -p: also the children they start (a command's always)\n"
	"  -e, --event KIND      cpu (default)\n"
	"  -F, --frequency HZ    samples per second and CPU, 1 to 1000 (default 99)\n"
	"      --cycles          sample by hardware cycles in place of the CPU clock\n"
	"  -d, --duration TIME   10s, 5m, 1h; default: until the process ends or Ctrl-C\n"
	"  -o, --output FILE     default flametrail-NAME-PID.pb.gz; - is standard output\n"
	"      --format FORMAT   pprof, folded, speedscope, html; default: by FILE's ending\n"
	"      --sample-type T   samples or cpu: the value in formats that hold only one\n"
	"      --labels L[,L]    tid, thread, cpu: more labels in pprof\n"
	"      --raw FILE        also keep every sample with its time, for --replay\n"
	"      --replay FILE     no recording: read a file made by --raw\n"
	"      --walk tail-calls for tests: walk stacks as on kernels before 5.17\n"
	"  -q, --quiet           no table, no progress line\n"
	"  -h, --help\n"
	"\n"
	"Needs root, or the capabilities that `flametrail doctor` lists.\n";

enum {
	OPT_CHILDREN = 256,
	OPT_CYCLES,
	OPT_FORMAT,
	OPT_TYPE,
	OPT_LABELS,
	OPT_RAW,
	OPT_REPLAY,
	OPT_WALK
};

static const struct option long_options[] = {
	{ "pid", required_argument, NULL, 'p' },
	{ "all", no_argument, NULL, 'a' },
	{ "children", no_argument, NULL, OPT_CHILDREN },
	{ "event", required_argument, NULL, 'e' },
	{ "frequency", required_argument, NULL, 'F' },
	{ "cycles", no_argument, NULL, OPT_CYCLES },
	{ "duration", required_argument, NULL, 'd' },
	{ "output", required_argument, NULL, 'o' },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "sample-type", required_argument, NULL, OPT_TYPE },
	{ "labels", required_argument, NULL, OPT_LABELS },
	{ "raw", required_argument, NULL, OPT_RAW },
	{ "replay", required_argument, NULL, OPT_REPLAY },
	{ "walk", required_argument, NULL, OPT_WALK },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int parse_labels(const char *text, struct ft_gather_options *gather, struct ft_why *why)
{
	while (*text) {
		size_t len = strcspn(text, ",");

		if (len == 3 && memcmp(text, "tid", 3) == 0)
			gather->with_tid = true;
		else if (len == 6 && memcmp(text, "thread", 6) == 0)
			gather->with_thread = true;
		else if (len == 3 && memcmp(text, "cpu", 3) == 0)
			gather->with_cpu = true;
		else
			return ft_why(why, -EINVAL,
				      "--labels knows tid, thread and cpu, not \"%.*s\"", (int)len,
				      text);
		text += len + (text[len] == ',');
	}
	return 0;
}

static int parse_option(int option, const char *value, struct arguments *a, struct ft_why *why)
{
	struct ft_recording_options *r = &a->recording;
	uint64_t number;

	switch (option) {
	case 'p':
		a->pids = value;
		return 0;
	case 'a':
		a->all = true;
		return 0;
	case 'e':
		if (strcmp(value, "cpu") != 0)
			return ft_why(why, -EINVAL,
				      "there is no event \"%s\"; this version has cpu", value);
		return 0;
	case 'F':
		if (ft_parse_number(value, 1, 1000, &number) < 0)
			return ft_why(why, -EINVAL,
				      "bad frequency \"%s\"; give 1 to 1000 samples per second",
				      value);
		r->collector.hz = (uint32_t)number;
		return 0;
	case 'd':
		if (ft_parse_duration(value, &r->duration_ns) < 0)
			return ft_why(why, -EINVAL, "bad duration \"%s\"; write 10s, 5m or 1h",
				      value);
		return 0;
	case 'o':
		a->output = value;
		return 0;
	case 'q':
		a->quiet = true;
		return 0;
	case OPT_CHILDREN:
		a->children = true;
		return 0;
	case OPT_CYCLES:
		r->collector.cycles = true;
		return 0;
	case OPT_FORMAT:
		a->format_name = value;
		if (ft_format_named(value, &a->format) < 0)
			return ft_why(why, -EINVAL,
				      "there is no format \"%s\"; choose pprof, folded, speedscope "
				      "or html",
				      value);
		return 0;
	case OPT_TYPE:
		a->sample_type = value;
		return 0;
	case OPT_LABELS:
		return parse_labels(value, &r->gather, why);
	case OPT_RAW:
		a->raw = value;
		return 0;
	case OPT_REPLAY:
		a->replay = value;
		return 0;
	case OPT_WALK:
		if (strcmp(value, "tail-calls") != 0)
			return ft_why(why, -EINVAL, "--walk knows tail-calls, not \"%s\"", value);
		r->collector.tail_calls = true;
		return 0;
	}
	return ft_why(why, -EINVAL, "see flametrail record --help");
}

static int check_usage(const struct arguments *a, struct ft_why *why)
{
	int ways = (a->pids != NULL) + a->all + (a->command != NULL) + (a->replay != NULL);

	if (ways == 0)
		return ft_why(why, -EINVAL,
			      "what shall be recorded? give -p PID, -a for the whole host, or -- "
			      "COMMAND");
	if (ways > 1)
		return ft_why(why, -EINVAL, "give only one of -p, -a, --replay and -- COMMAND");
	if (a->children && !a->pids)
		return ft_why(why, -EINVAL, "--children goes with -p");
	if (a->sample_type && !a->replay && strcmp(a->sample_type, "samples") != 0 &&
	    strcmp(a->sample_type, a->recording.collector.cycles ? "cycles" : "cpu") != 0)
		return ft_why(why, -EINVAL, "there is no sample type \"%s\"; choose samples or %s",
			      a->sample_type, a->recording.collector.cycles ? "cycles" : "cpu");
	if (a->raw && a->replay)
		return ft_why(why, -EINVAL,
			      "--raw records and --replay does not; give one of them");
	return 0;
}

/* 0, 1 when only help was asked for, or -EINVAL with why. */
static int parse(int argc, char **argv, struct arguments *a, struct ft_why *why)
{
	int option, r;

	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:p:ae:F:d:o:qh", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (option == ':')
			return ft_why(why, -EINVAL,
				      "%s wants a value; see flametrail record --help",
				      argv[optind - 1]);
		if (option == '?')
			return ft_why(why, -EINVAL,
				      "unknown option %s; see flametrail record --help",
				      argv[optind - 1]);
		r = parse_option(option, optarg, a, why);
		if (r < 0)
			return r;
	}
	if (optind < argc)
		a->command = argv + optind;
	if (!a->format_name)
		a->format = a->output ? ft_format_of_path(a->output) : FT_FORMAT_PPROF;
	return check_usage(a, why);
}

/* What may stand in a file name everywhere. */
static void put_safe(char *out, size_t size, const char *name)
{
	size_t n = 0;

	for (; *name && n + 1 < size; name++)
		out[n++] = isalnum((unsigned char)*name) || strchr("._-", *name) ? *name : '_';
	out[n] = '\0';
}

/* flametrail-NAME-PID.pb.gz; the host's name and no PID for -a. */
static void choose_path(struct arguments *a)
{
	char name[256] = "profile", comm[64], proc[64];
	const char *slash;
	pid_t pid = 0;

	if (a->output) {
		snprintf(a->path, sizeof(a->path), "%s", a->output);
		return;
	}
	if (a->watch.n > 0) {
		pid = a->watch.targets[0].pid;
		snprintf(proc, sizeof(proc), "/proc/%d/comm", pid);
		if (ft_read_line(AT_FDCWD, proc, comm, sizeof(comm)) > 0)
			put_safe(name, sizeof(name), comm);
	} else if (a->command) {
		pid = a->child.pid;
		slash = strrchr(a->command[0], '/');
		put_safe(name, sizeof(name), slash ? slash + 1 : a->command[0]);
	} else if (a->all && gethostname(comm, sizeof(comm)) == 0) {
		put_safe(name, sizeof(name), comm);
	}
	if (pid)
		snprintf(a->path, sizeof(a->path), "flametrail-%s-%d%s", name, pid,
			 ft_format_extension(a->format));
	else
		snprintf(a->path, sizeof(a->path), "flametrail-%s%s", name,
			 ft_format_extension(a->format));
}

static int find_type(const struct ft_profile *profile, const char *name, uint32_t *ret_type,
		     struct ft_why *why)
{
	const struct ft_profile_info *info = ft_profile_info_const(profile);

	for (uint32_t i = 0; i < info->n_types; i++)
		if (strcmp(ft_profile_get_string(profile, info->types[i].type, NULL), name) == 0) {
			*ret_type = i;
			return 0;
		}
	return ft_why(why, -EINVAL, "the profile has no sample type \"%s\"; it has %s and %s", name,
		      ft_profile_get_string(profile, info->types[0].type, NULL),
		      ft_profile_get_string(profile, info->types[info->n_types - 1].type, NULL));
}

static void print_top(const struct arguments *a, const struct ft_profile *profile)
{
	_cleanup_buffer_ struct ft_buffer text = FT_BUFFER_INIT(1u << 20);
	bool to_stderr = a->command || strcmp(a->path, "-") == 0;
	int fd = to_stderr ? STDERR_FILENO : STDOUT_FILENO;
	struct winsize window = { .ws_col = 100 };

	if (ioctl(fd, TIOCGWINSZ, &window) < 0 || window.ws_col < 40)
		window.ws_col = 100;
	if (ft_top_write(profile, ft_profile_info_const(profile)->default_type, TOP_FUNCTIONS,
			 window.ws_col, &text) < 0 ||
	    ft_write_all(fd, text.data, text.len) < 0)
		ft_complain("cannot print the table");
}

static int write_result(struct arguments *a, const struct ft_profile *profile, struct ft_why *why)
{
	/* Folded stacks count samples; the other formats show the value. */
	uint32_t type = a->format == FT_FORMAT_FOLDED
				? 0
				: ft_profile_info_const(profile)->default_type;
	int r;

	if (a->sample_type) {
		r = find_type(profile, a->sample_type, &type, why);
		if (r < 0)
			return r;
	}
	r = ft_output_write(profile, a->format, type, a->path, a->path, why);
	if (r < 0)
		return r;
	if (!a->quiet) {
		print_top(a, profile);
		if (strcmp(a->path, "-") != 0)
			fprintf(stderr, "written to %s\n", a->path);
	}
	return 0;
}

static int prepare(struct arguments *a, struct ft_why *why)
{
	struct ft_recording_options *recording = &a->recording;
	int r = 0;

	if (a->pids)
		r = ft_watch_parse(a->pids, &a->watch, why);
	else if (a->command)
		r = ft_command_prepare(a->command, &a->child, why);
	if (r < 0)
		return r;
	choose_path(a);
	r = ft_output_check(a->path, why);
	if (r == 0 && a->raw)
		r = ft_output_check(a->raw, why);
	if (r == 0 && a->raw)
		r = ft_raw_file_open(&a->raw_file, a->raw, why);
	recording->raw = &a->raw_file;
	recording->watch = &a->watch;
	recording->command = &a->child;
	recording->command_name = a->command ? a->command[0] : NULL;
	recording->collector.only_targets = !a->all;
	recording->collector.follow_children = a->children || a->command;
	recording->progress = !a->quiet && isatty(STDERR_FILENO);
	return r;
}

static int exit_code_of(const struct ft_recording_result *result)
{
	if (!result->command_ended)
		return 0;
	return WIFSIGNALED(result->command_status) ? 128 + WTERMSIG(result->command_status)
						   : WEXITSTATUS(result->command_status);
}

/* The exit code, or -errno with why. */
static int record(struct arguments *a, struct ft_why *why)
{
	_cleanup_profile_ struct ft_profile *profile = NULL;
	struct ft_recording_result result;
	int r;

	r = ft_recording_run(&a->recording, why, &result, &profile);
	if (r < 0)
		return r;
	r = write_result(a, profile, why);
	if (r == 0)
		r = ft_raw_file_check(&a->raw_file, why);
	if (a->child.pid > 0 && !result.command_ended)
		kill(a->child.pid, SIGTERM);
	if (r < 0)
		return r;
	if (result.totals.samples == 0 && !a->quiet)
		ft_complain("no samples: nothing of it ran on a CPU in that time");
	return exit_code_of(&result);
}

static int replay(struct arguments *a, struct ft_why *why)
{
	_cleanup_profile_ struct ft_profile *profile = NULL;
	int r;

	choose_path(a);
	r = ft_output_check(a->path, why);
	if (r == 0)
		r = ft_recording_replay(a->replay, &a->recording.gather, why, &profile);
	return r < 0 ? r : write_result(a, profile, why);
}

/* Is there a command, whose exit codes are its own? Parsing may not have come to it. */
static bool has_command(const struct arguments *a, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			return true;
	return a->command;
}

int ft_cmd_record(int argc, char **argv)
{
	_cleanup_arguments_ struct arguments a = {
		.recording = { .collector = { .hz = 99, .agent = "flametrail " FT_VERSION } },
		.child = FT_COMMAND_NONE,
		.raw_file = FT_RAW_FILE_NONE,
	};
	struct ft_why why = { "" };
	bool wrong_usage = false;
	int r;

	r = parse(argc, argv, &a, &why);
	if (r != 0) {
		if (r < 0)
			ft_complain("%s", why.text);
		return r > 0 ? 0 : has_command(&a, argc, argv) ? EXIT_OWN_FAILURE : 2;
	}
	if (a.replay) {
		r = replay(&a, &why);
	} else {
		r = prepare(&a, &why);
		wrong_usage = r == -EINVAL;
		if (r == 0)
			r = record(&a, &why);
	}
	if (r >= 0)
		return r;
	ft_complain("%s", why.text);
	return a.command ? EXIT_OWN_FAILURE : wrong_usage ? 2 : 1;
}
