#include "agent/server/server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "agent/server/http.h"
#include "agent/server/ingest.h"
#include "agent/server/pprof_dir.h"
#include "agent/server/service.h"
#include "agent/server/store.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"

#define DEFAULT_WINDOW_NS (10 * FT_NS_PER_SEC)
#define READ_BYTES	  (256u << 10)
/* Portions read before HTTP gets its turn. */
#define MAX_READS 16
/* Free memory the allocator may keep at the end of its heap. */
#define KEEP_BYTES (128 << 10)

enum source { ON_HTTP, ON_SLICES, ON_CONTROL, ON_SIGNAL };

struct server {
	struct ft_server_options options;
	struct ft_service service;
	struct ft_store *store;
	struct ft_ingest *ingest;
	struct ft_http *http;
	uint8_t *bytes; /* READ_BYTES */
	int epoll_fd, signal_fd, slices_fd, control_fd;
	bool slices_is_file; /* always readable, epoll takes no files */
	bool pprof_dir_failed;
	bool done;
};

static void server_deinit(struct server *server)
{
	ft_http_freep(&server->http);
	ft_ingest_freep(&server->ingest);
	ft_store_freep(&server->store);
	free(server->bytes);
	ft_closep(&server->epoll_fd);
	ft_closep(&server->signal_fd);
	ft_closep(&server->slices_fd);
	ft_closep(&server->control_fd);
}

/* ---- slices ---- */

static int watch(struct server *server, int fd, enum source source)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = source };

	return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void drop_slices(struct server *server)
{
	ft_closep(&server->slices_fd); /* leaves the epoll set, too */
	server->slices_is_file = false;
	server->service.stream_open = false;
}

/* fd becomes ours. */
static void take_slices(struct server *server, int fd)
{
	int r;

	drop_slices(server);
	ft_ingest_restart(server->ingest);
	server->slices_fd = fd;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	r = watch(server, fd, ON_SLICES);
	if (r < 0 && r != -EPERM) {
		ft_log(FT_LOG_ERROR, "a stream of slices cannot be watched", ft_kv_errno(r));
		drop_slices(server);
		return;
	}
	server->slices_is_file = r == -EPERM;
	server->service.stream_open = true;
}

static void heal(struct server *server)
{
	server->service.damaged = false;
	if (ft_store_heal(server->store, -EUCLEAN) != 0) {
		/* Ids known to the stream's reader mean nothing in a new store. */
		drop_slices(server);
		ft_ingest_restart(server->ingest);
	}
}

static void read_slices(struct server *server)
{
	for (int i = 0; i < MAX_READS && server->slices_fd >= 0; i++) {
		ssize_t n = read(server->slices_fd, server->bytes, READ_BYTES);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			if (n < 0)
				ft_log(FT_LOG_WARN, "the stream of slices broke off",
				       ft_kv_errno(errno));
			drop_slices(server);
			return;
		}
		r = ft_ingest_bytes(server->ingest, server->bytes, (size_t)n);
		if (r < 0) {
			ft_log(FT_LOG_WARN, "a stream of slices was dropped: it must begin again",
			       ft_kv_errno(r));
			drop_slices(server);
			ft_ingest_restart(server->ingest);
		}
	}
}

static void on_window_done(void *context, uint64_t from_ns, uint64_t to_ns)
{
	struct server *server = context;
	int r;

	if (!server->options.pprof_dir)
		return;
	r = ft_pprof_dir_write(server->store, server->options.pprof_dir, from_ns, to_ns);
	if (r < 0 && !server->pprof_dir_failed)
		ft_log(FT_LOG_ERROR, "a window could not be written as a pprof file",
		       ft_kv_text("dir", server->options.pprof_dir), ft_kv_errno(r));
	server->pprof_dir_failed = r < 0;
}

/* ---- the supervisor ---- */

static void read_control(struct server *server)
{
	uint8_t message[16];
	int fd = -1, r;

	r = ft_receive_message(server->control_fd, message, sizeof(message), &fd);
	if (r == -EAGAIN || r == -EINTR)
		return;
	if (r <= 0) {
		server->done = true; /* nobody is there to serve for */
		return;
	}
	if (r == 1 && message[0] == 'S' && fd >= 0) {
		take_slices(server, fd);
		return;
	}
	ft_log(FT_LOG_WARN, "a message of the supervisor was not understood");
	ft_closep(&fd);
}

/* ---- life ---- */

static int complain_store(const char *dir, int error)
{
	if (error == -EBUSY)
		ft_complain("another flametrail uses the store %s: stop it, or choose another "
			    "directory with --store",
			    dir);
	else if (error == -EROFS || error == -EACCES || error == -EPERM)
		ft_complain("the store %s cannot be written: make its owner flametrail's server, "
			    "or choose another directory with --store",
			    dir);
	else if (error == -EPROTO)
		ft_complain("the store %s was made by a newer flametrail: use that one, or choose "
			    "another directory with --store",
			    dir);
	else if (error == -EUCLEAN)
		ft_complain("the store %s is damaged: look at a copy made by the agent", dir);
	else if (error == -ENOENT)
		ft_complain("%s is no store, it holds no flametrail.db: give a directory that an "
			    "agent was given with --store",
			    dir);
	else
		ft_complain("the store %s cannot be opened: %s", dir ? dir : "in memory",
			    strerror(-error));
	return error;
}

static int open_store(struct server *server)
{
	const struct ft_server_options *options = &server->options;
	int r;

	if (options->pprof_dir) {
		r = ft_make_dirs(options->pprof_dir, 0755);
		if (r < 0 || access(options->pprof_dir, W_OK) < 0) {
			ft_complain("%s cannot be written: choose another directory with "
				    "--pprof-dir",
				    options->pprof_dir);
			return -EROFS;
		}
	}
	r = ft_store_open(options->store_dir, options->read_only ? FT_STORE_READ : FT_STORE_WRITE,
			  &server->store);
	return r < 0 ? complain_store(options->store_dir, r) : 0;
}

static int open_signals(struct server *server)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	server->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return server->signal_fd < 0 ? -errno : 0;
}

static int open_all(struct server *server)
{
	int r;

	server->bytes = malloc(READ_BYTES);
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!server->bytes || server->epoll_fd < 0)
		return server->bytes ? -errno : -ENOMEM;
	r = open_signals(server);
	if (r == 0)
		r = ft_ingest_new(server->store, server->options.window_ns,
				  server->options.read_only, on_window_done, server,
				  &server->ingest);
	if (r < 0)
		return r;
	server->service = (struct ft_service){ .options = &server->options,
					       .store = server->store,
					       .ingest = server->ingest,
					       .started_ns = ft_realtime_ns() };
	r = ft_http_new(&server->service, server->options.listen_fd, &server->http);
	if (r == 0)
		r = watch(server, ft_http_fd(server->http), ON_HTTP);
	if (r == 0)
		r = watch(server, server->signal_fd, ON_SIGNAL);
	if (r == 0 && server->control_fd >= 0)
		r = watch(server, server->control_fd, ON_CONTROL);
	if (r == 0 && server->control_fd >= 0)
		r = ft_send_message(server->control_fd, "R", 1, -1); /* we can serve */
	if (r == 0 && server->slices_fd >= 0)
		take_slices(server, FT_TAKE_FD(server->slices_fd));
	return r;
}

/* One turn of the loop: wait, read what came, answer. */
static int turn(struct server *server)
{
	struct epoll_event events[8];
	int timeout = server->slices_is_file ? 0 : ft_http_timeout_ms(server->http);
	int n = epoll_wait(server->epoll_fd, events, FT_COUNT(events), timeout);

	if (n < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == ON_SLICES)
			read_slices(server);
		else if (events[i].data.u32 == ON_CONTROL)
			read_control(server);
		else if (events[i].data.u32 == ON_SIGNAL)
			server->done = true;
	}
	if (server->slices_is_file)
		read_slices(server);
	ft_http_run(server->http);
	if (server->service.damaged)
		heal(server);
	return 0;
}

int ft_server_run(const struct ft_server_options *options)
{
	FT_CLEANUP(server_deinit)
	struct server server = { .options = *options,
				 .epoll_fd = -1,
				 .signal_fd = -1,
				 .slices_fd = options->slices_fd,
				 .control_fd = options->control_fd };
	int r;

	assert(options->source);

	/* A large answer is made of large pieces: what is freed goes back to the system. */
	mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
	mallopt(M_TRIM_THRESHOLD, 4 * KEEP_BYTES);
	if (server.options.window_ns == 0)
		server.options.window_ns = DEFAULT_WINDOW_NS;
	r = open_store(&server);
	if (r < 0)
		return EXIT_FAILURE;
	r = open_all(&server);
	if (r == -EPIPE)
		return EXIT_FAILURE; /* the supervisor has gone, and has said why */
	if (r < 0) {
		ft_complain("the server cannot start: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	while (r == 0 && !server.done)
		r = turn(&server);
	/* What is in the pipe has been sampled: keep it. */
	if (server.slices_fd >= 0 && !server.slices_is_file)
		read_slices(&server);
	if (r == 0 && !options->read_only && ft_ingest_finish(server.ingest) < 0)
		ft_log(FT_LOG_WARN, "the last window stays in pieces until the next start");
	if (r < 0)
		ft_log(FT_LOG_ERROR, "the server ends", ft_kv_errno(r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
