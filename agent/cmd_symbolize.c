#include "agent/commands.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "symbolizer/client.h"
#include "symbolizer/worker.h"

#define FILE_NUMBER 1u

struct options {
	const char *path;
	bool addresses, functions, inlines, demangle, base_names;
};

/* One address as it was asked for, and where it is in the file. */
struct query {
	uint64_t address;
	uint64_t offset; /* what the symbolizer is asked */
	bool mapped;	 /* false: in no segment, so it has no name */
};

struct job {
	const struct options *options;
	struct ft_symclient *client;
	pid_t worker;
	bool have_info;
	struct ft_symfile_info info;
	uint32_t n; /* queries of this batch */
	uint32_t n_asked, n_printed;
	struct query queries[FT_SYM_MAX_BATCH];
};

static void job_deinit(struct job *job)
{
	/* The worker ends when its socket closes. */
	ft_symclient_freep(&job->client);
	if (job->worker > 0)
		waitpid(job->worker, NULL, 0);
}
#define _cleanup_job_ FT_CLEANUP(job_deinit)

static void usage(FILE *out)
{
	fputs("usage: flametrail symbolize -e FILE [-a] [-f] [-i] [-C] [-s] [ADDRESS...]\n"
	      "Print function and line of each address of FILE, as its linker counts them;\n"
	      "addresses come from standard input when none are given.\n"
	      "  -e, --exe FILE     the program or library, or /proc/kallsyms\n"
	      "  -a, --addresses    print the address, too\n"
	      "  -f, --functions    print the name of the function, too\n"
	      "  -i, --inlines      print the functions this one was inlined into, too\n"
	      "  -C, --demangle     print C++ names as they are written in the source\n"
	      "  -s, --basenames    print file names without folders\n",
	      out);
}

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "exe", required_argument, NULL, 'e' }, { "addresses", no_argument, NULL, 'a' },
		{ "functions", no_argument, NULL, 'f' }, { "inlines", no_argument, NULL, 'i' },
		{ "demangle", no_argument, NULL, 'C' },	 { "basenames", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },	 { 0 }
	};
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "e:afiCsh", names, NULL)) != -1) {
		switch (c) {
		case 'e':
			options->path = optarg;
			break;
		case 'a':
			options->addresses = true;
			break;
		case 'f':
			options->functions = true;
			break;
		case 'i':
			options->inlines = true;
			break;
		case 'C':
			options->demangle = true;
			break;
		case 's':
			options->base_names = true;
			break;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return -EINVAL;
		}
	}
	if (options->path)
		return 0;
	ft_complain("symbolize: say which file: -e FILE");
	return -EINVAL;
}

/* Hexadecimal, with or without 0x. */
static bool parse_address(const char *text, uint64_t *ret_address)
{
	char *end;

	errno = 0;
	*ret_address = strtoull(text, &end, 16);
	return errno == 0 && end != text && text[0] != '-' && text[0] != '+' &&
	       end[strspn(end, " \t\r\n")] == '\0';
}

static void print_line(const struct options *options, const struct ft_symline *line)
{
	const char *source = line->source;
	size_t len = line->source_len;
	const char *slash = len ? memrchr(source, '/', len) : NULL;

	if (options->functions && options->demangle)
		printf("%.*s\n", (int)line->function_len, line->function);
	else if (options->functions && line->system_len)
		printf("%.*s\n", (int)line->system_len, line->system);
	else if (options->functions)
		printf("%.*s\n", (int)line->function_len, line->function);
	if (options->base_names && slash) {
		len -= (size_t)(slash + 1 - source);
		source = slash + 1;
	}
	if (len == 0)
		fputs("??:", stdout);
	else
		printf("%.*s:", (int)len, source);
	if (line->line)
		printf("%u\n", line->line);
	else
		puts(len ? "?" : "0");
}

static void print_address(const struct job *job, const struct query *query)
{
	if (job->options->addresses)
		printf("0x%016llx\n", (unsigned long long)query->address);
}

static void print_unknown(struct job *job)
{
	print_address(job, &job->queries[job->n_printed++]);
	if (job->options->functions)
		puts("??");
	puts("??:0");
}

/* Addresses that were not asked for, up to the next that was. */
static void print_unmapped(struct job *job)
{
	while (job->n_printed < job->n && !job->queries[job->n_printed].mapped)
		print_unknown(job);
}

static void on_info(void *context, const struct ft_symfile_info *info)
{
	struct job *job = context;

	job->info = *info;
	job->have_info = true;
}

static void on_answer(void *context, const struct ft_symanswer *answer)
{
	struct job *job = context;
	uint32_t n = job->options->inlines ? answer->n_lines : FT_MIN(answer->n_lines, 1u);

	print_unmapped(job);
	assert(job->n_printed < job->n);
	if (n == 0) {
		print_unknown(job);
		return;
	}
	print_address(job, &job->queries[job->n_printed++]);
	for (uint32_t i = 0; i < n; i++)
		print_line(job->options, &answer->lines[i]);
}

/* Until everything asked is answered. 0 or -errno. */
static int run(struct job *job)
{
	static const struct ft_symclient_sink sink = { .info = on_info, .answer = on_answer };

	while (ft_symclient_pending(job->client) > 0) {
		struct pollfd p = { .fd = ft_symclient_fd(job->client), .events = POLLIN };
		int r;

		if (ft_symclient_wants_write(job->client))
			p.events |= POLLOUT;
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return -errno;
		r = ft_symclient_run(job->client, &sink, job);
		if (r < 0)
			return r;
	}
	return 0;
}

/* 1: it was found in a segment. */
static bool to_offset(const struct ft_symfile_info *info, uint64_t address, uint64_t *ret_offset)
{
	for (uint32_t i = 0; i < info->n_segments; i++) {
		const struct ft_symfile_segment *segment = &info->segments[i];

		if (address < segment->vaddr || address - segment->vaddr >= segment->size)
			continue;
		*ret_offset = segment->offset + (address - segment->vaddr);
		return true;
	}
	return false;
}

static int flush_batch(struct job *job)
{
	uint64_t offsets[FT_SYM_MAX_BATCH];
	uint32_t n = 0;
	int r = 0;

	for (uint32_t i = 0; i < job->n; i++)
		if (job->queries[i].mapped)
			offsets[n++] = job->queries[i].offset;
	job->n_printed = 0;
	if (n > 0)
		r = ft_symclient_resolve(job->client, FILE_NUMBER, offsets, n);
	if (r == 0)
		r = run(job);
	if (r < 0)
		return r;
	print_unmapped(job);
	job->n = 0;
	return ferror(stdout) ? -EIO : 0;
}

/* A text that is no address is unknown, as with other tools. */
static int add_query(struct job *job, const char *text, bool kernel)
{
	struct query *query = &job->queries[job->n++];

	query->offset = 0;
	query->mapped = parse_address(text, &query->address);
	if (query->mapped && kernel)
		query->offset = query->address;
	else if (query->mapped)
		query->mapped = to_offset(&job->info, query->address, &query->offset);
	return job->n == FT_SYM_MAX_BATCH ? flush_batch(job) : 0;
}

/* Whole lines of text; what is left of it is moved to its beginning. The number of bytes
 * left, or -errno. */
static int add_lines(struct job *job, char *text, size_t len, bool kernel)
{
	char *line = text, *eol;

	while ((eol = memchr(line, '\n', len)) != NULL) {
		int r;

		*eol = '\0';
		r = add_query(job, line, kernel);
		if (r < 0)
			return r;
		len -= (size_t)(eol + 1 - line);
		line = eol + 1;
	}
	memmove(text, line, len);
	return (int)len;
}

static int answer_stdin(struct job *job, bool kernel)
{
	char text[16384];
	int left = 0;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, text + left, sizeof(text) - 1 - (size_t)left);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0 && left > 0)
			text[left + n++] = '\n'; /* the last line lacks its end */
		if (n == 0)
			return 0;
		left = add_lines(job, text, (size_t)left + (size_t)n, kernel);
		if (left < 0)
			return left;
		if ((size_t)left == sizeof(text) - 1)
			return -EMSGSIZE;
		/* Who asks one by one waits for each answer. */
		r = flush_batch(job);
		if (r == 0 && fflush(stdout) != 0)
			r = -errno;
		if (r < 0)
			return r;
	}
}

static int answer_arguments(struct job *job, char **texts, bool kernel)
{
	for (; *texts; texts++) {
		int r = add_query(job, *texts, kernel);

		if (r < 0)
			return r;
	}
	return flush_batch(job);
}

static int start_worker(struct job *job)
{
	int sockets[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	fflush(stdout);
	job->worker = fork();
	if (job->worker == 0) {
		close(sockets[0]);
		ft_log_set_level(FT_LOG_ERROR); /* the parent says what matters */
		_exit(ft_symbolizer_serve(sockets[1]) < 0 ? 1 : 0);
	}
	r = job->worker < 0 ? -errno : 0;
	close(sockets[1]);
	if (r < 0) {
		close(sockets[0]);
		return r;
	}
	return ft_symclient_new(sockets[0], &job->client);
}

static int open_file(struct job *job, bool kernel)
{
	_cleanup_close_ int fd = open(job->options->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = ft_symclient_open(job->client, FILE_NUMBER,
			      kernel ? FT_SYMFILE_KALLSYMS : FT_SYMFILE_ELF, fd);
	return r < 0 ? r : run(job);
}

int ft_cmd_symbolize(int argc, char **argv)
{
	_cleanup_job_ struct job job = { 0 };
	struct options options = { 0 };
	bool kernel;
	int r = parse_options(argc, argv, &options);

	if (r != 0)
		return r > 0 ? 0 : 2;
	kernel = strcmp(options.path, "/proc/kallsyms") == 0;
	job.options = &options;
	r = start_worker(&job);
	if (r == 0)
		r = open_file(&job, kernel);
	if (r < 0) {
		ft_complain("symbolize: %s: %s", options.path, strerror(-r));
		return 1;
	}
	if (job.info.status == FT_SYMFILE_DAMAGED) {
		ft_complain("symbolize: %s is not a 64-bit ELF file of x86-64 or arm64, or it is "
			    "damaged",
			    options.path);
		return 1;
	}
	r = argv[optind] ? answer_arguments(&job, argv + optind, kernel)
			 : answer_stdin(&job, kernel);
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	if (r < 0)
		ft_complain("symbolize: cannot go on: %s", strerror(-r));
	return r < 0 ? 1 : 0;
}
