/* cmd_view.c - flametrail view: a file or a store in the viewer. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "agent/commands.h"
#include "agent/listen.h"
#include "agent/profile/formats.h"
#include "agent/profile/slice.h"
#include "agent/profile/unroll.h"
#include "agent/server/server.h"
#include "agent/server/store.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"

#define MAX_FILE_BYTES (1u << 30)
#define MAX_HOSTS      16u

struct arguments {
	const char *path, *listen, *token;
	const char *hosts[MAX_HOSTS + 1];
	uint32_t n_hosts;
};

/* What is looked at. */
struct subject {
	int slices_fd;	       /* -1: a store */
	const char *store_dir; /* NULL: a file */
};

static const char help[] =
	"usage: flametrail view [OPTIONS] FILE.pb.gz | FILE | STORE-DIR\n"
	"\n"
	"Serve the viewer on a pprof file of any tool, on a file of recorded slices\n"
	"(record --raw), or on the store of an agent.\n"
	"\n"
	"      --listen ADDR:PORT   default " FT_LISTEN_DEFAULT "; or unix:PATH\n"
	"      --token TOKEN        needed to listen beyond this host\n"
	"      --allow-host NAME    a name browsers may use for this host\n"
	"  -h, --help\n";

enum { OPT_LISTEN = 256, OPT_TOKEN, OPT_HOST };

static const struct option long_options[] = {
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "token", required_argument, NULL, OPT_TOKEN },
	{ "allow-host", required_argument, NULL, OPT_HOST },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int usage_error(const char *text)
{
	ft_complain("%s; flametrail view --help tells more", text);
	return 2;
}

static int option_error(int option, const char *text)
{
	if (option == '?')
		ft_complain("unknown option %s; see flametrail view --help", text);
	else if (option == OPT_HOST)
		ft_complain("more than %u --allow-host", MAX_HOSTS);
	else
		ft_complain("%s wants a value; see flametrail view --help", text);
	return 2;
}

/* -1: go on; else the exit code. */
static int parse_arguments(int argc, char **argv, struct arguments *a)
{
	int option;

	opterr = 0; /* we say it ourselves */
	optind = 1;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) >= 0) {
		if (option == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (option == OPT_LISTEN)
			a->listen = optarg;
		else if (option == OPT_TOKEN && *optarg)
			a->token = optarg;
		else if (option == OPT_HOST && a->n_hosts < MAX_HOSTS)
			a->hosts[a->n_hosts++] = optarg;
		else
			return option_error(option, argv[optind - 1]);
	}
	if (argc - optind != 1)
		return usage_error("give one file or store directory");
	a->path = argv[optind];
	return -1;
}

/* ---- files ---- */

/* Whether bytes are a whole stream of slices. 0, -EBADMSG, or -ENODATA when it is cut. */
static int check_slices(const uint8_t *bytes, size_t len)
{
	static const struct ft_slice_sink sink = { 0 };
	struct ft_slice_reader reader = { 0 };
	size_t at = FT_SLICE_MAGIC_BYTES;

	while (at < len) {
		const uint8_t *payload;
		size_t payload_len, used;
		int r = ft_slice_split(bytes + at, len - at, &payload, &payload_len, &used);

		if (r == 0)
			return -ENODATA;
		if (r > 0)
			r = ft_slice_read(&reader, payload, payload_len, &sink, NULL);
		if (r < 0)
			return r;
		at += used;
	}
	return 0;
}

static int complain(const char *path, int error, const char *why)
{
	if (error == -ENODATA)
		ft_complain("%s is cut short: copy or record it again", path);
	else if (error == -EBADMSG)
		ft_complain("%s cannot be shown: %s; give a pprof file, slices of record --raw, or "
			    "an agent's store",
			    path, why ? why : "its slices are damaged");
	else if (error == -ENOENT)
		ft_complain("there is no file %s: give the name of one, or of an agent's store",
			    path);
	else if (error == -EFBIG)
		ft_complain("%s is larger than 1 GiB: choose a shorter profile", path);
	else
		ft_complain("%s cannot be read: %s", path, strerror(-error));
	return error;
}

/* Bytes as a file without a name, to be read by the server. */
static int make_file(const uint8_t *bytes, size_t len, int *ret_fd)
{
	_cleanup_close_ int fd = memfd_create("slices", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = ft_write_all(fd, bytes, len);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	*ret_fd = FT_TAKE_FD(fd);
	return 0;
}

static int open_pprof(const struct arguments *a, const uint8_t *bytes, size_t len,
		      const struct stat *st, int *ret_fd)
{
	_cleanup_buffer_ struct ft_buffer slices = FT_BUFFER_INIT((size_t)MAX_FILE_BYTES * 4);
	_cleanup_profile_ struct ft_profile *profile = NULL;
	const char *why = NULL;
	int r;

	r = ft_pprof_read(bytes, len, &profile, &why);
	if (r == 0)
		r = ft_unroll(profile,
			      (uint64_t)FT_MAX(st->st_mtim.tv_sec, (time_t)1) * FT_NS_PER_SEC,
			      &slices);
	if (r == 0)
		r = make_file(slices.data, slices.len, ret_fd);
	return r < 0 ? complain(a->path, r, why) : 0;
}

static int open_file(const struct arguments *a, const struct stat *st, int *ret_fd)
{
	_cleanup_free_ char *text = NULL;
	const uint8_t *bytes;
	size_t len;
	int r;

	r = ft_read_file(a->path, MAX_FILE_BYTES, &text, &len);
	if (r < 0)
		return complain(a->path, r, NULL);
	bytes = (const uint8_t *)text;
	if (len < FT_SLICE_MAGIC_BYTES || memcmp(text, FT_SLICE_MAGIC, FT_SLICE_MAGIC_BYTES) != 0)
		return open_pprof(a, bytes, len, st, ret_fd);
	r = check_slices(bytes, len);
	if (r == 0)
		r = make_file(bytes, len, ret_fd);
	return r < 0 ? complain(a->path, r, NULL) : 0;
}

/* Look once whether the server will find a store there. */
static int check_store(const char *dir)
{
	_cleanup_store_ struct ft_store *store = NULL;
	int r = ft_store_open(dir, FT_STORE_READ, &store);

	if (r == -ENOENT)
		ft_complain("%s is no store, it holds no flametrail.db: give a directory that an "
			    "agent was given with --store",
			    dir);
	else if (r == -EUCLEAN)
		ft_complain("the store %s is damaged: start the agent on it, which sets it aside",
			    dir);
	else if (r < 0)
		ft_complain("the store %s cannot be read: %s", dir, strerror(-r));
	return r;
}

static int open_subject(const struct arguments *a, struct subject *ret_subject)
{
	struct subject subject = { .slices_fd = -1 };
	struct stat st;
	int r = 0;

	if (stat(a->path, &st) < 0)
		return complain(a->path, -errno, NULL);
	if (S_ISDIR(st.st_mode)) {
		subject.store_dir = a->path;
		r = check_store(a->path);
	} else {
		r = open_file(a, &st, &subject.slices_fd);
	}
	if (r == 0)
		*ret_subject = subject;
	return r;
}

int ft_cmd_view(int argc, char **argv)
{
	struct arguments a = { .listen = FT_LISTEN_DEFAULT };
	struct ft_listen listen = { .fd = -1 };
	struct subject subject = { .slices_fd = -1 };
	const char *slash;
	int code = parse_arguments(argc, argv, &a);

	if (code >= 0)
		return code;
	if (open_subject(&a, &subject) < 0)
		return EXIT_FAILURE;
	code = ft_listen_open(a.listen, &listen);
	if (code < 0)
		return code == -EINVAL ? 2 : EXIT_FAILURE; /* it has said why */
	if (!listen.is_loopback && !a.token) {
		ft_complain("%s can be reached from other hosts: give a --token, or listen on "
			    "127.0.0.1",
			    listen.text);
		return EXIT_FAILURE;
	}
	printf("viewer: %s\n", listen.url);
	fflush(stdout);
	slash = strrchr(a.path, '/');
	code = ft_server_run(&(struct ft_server_options){
		.listen_fd = listen.fd,
		.listen_is_unix = listen.is_unix,
		.listen_text = listen.text,
		.store_dir = subject.store_dir,
		.read_only = subject.store_dir != NULL,
		.token = a.token,
		.allow_hosts = a.hosts,
		.source = subject.store_dir ? "store" : "file",
		.title = slash && slash[1] ? slash + 1 : a.path,
		.slices_fd = subject.slices_fd,
		.control_fd = -1,
	});
	if (listen.is_unix)
		unlink(listen.text);
	ft_closep(&listen.fd);
	return code;
}
