#include "agent/collector_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "agent/control.h"
#include "agent/outbox.h"
#include "agent/privileges.h"
#include "agent/profile/slice.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"

#define FINISH_NS	(500 * FT_NS_PER_MS) /* for the last names, and the last slice */
#define COLLECTOR_NICE	(-10)
#define SLICES_PER_SIGN 5 /* of life */
#define COPY_BYTES	65536

struct worker {
	struct ft_collector *collector;
	struct ft_outbox outbox;
	int control, signals;
	uint32_t n_slices;
	bool ending;
};

static void worker_deinit(struct worker *worker)
{
	ft_collector_freep(&worker->collector);
	ft_outbox_deinit(&worker->outbox);
	ft_closep(&worker->signals);
}
#define _cleanup_worker_ FT_CLEANUP(worker_deinit)

static void tell_supervisor(struct worker *worker, enum ft_control letter)
{
	if (ft_control_send(worker->control, letter, -1) < 0)
		worker->ending = true; /* it has gone */
}

static void report_stuck(void *context)
{
	tell_supervisor(context, FT_CONTROL_STUCK);
}

static void hang_up(struct worker *worker)
{
	ft_outbox_connect(&worker->outbox, -1);
	tell_supervisor(worker, FT_CONTROL_HUNG_UP);
}

static void send_waiting(struct worker *worker)
{
	if (!ft_outbox_flush(&worker->outbox))
		hang_up(worker);
}

static bool take_slice(void *context, const uint8_t *block, size_t len)
{
	struct worker *worker = context;
	bool taken = ft_outbox_put(&worker->outbox, block, len);

	send_waiting(worker);
	if (worker->n_slices++ % SLICES_PER_SIGN == 0)
		tell_supervisor(worker, FT_CONTROL_ALIVE);
	return taken;
}

/* Privileges are gone for good; the supervisor starts another of us who has them yet. */
static void end_for_cpu(void *context)
{
	struct worker *worker = context;

	ft_log(FT_LOG_INFO, "a new CPU takes privileges that were given up: beginning anew");
	worker->ending = true;
}

static void connect_server(struct worker *worker, int fd)
{
	ft_outbox_connect(&worker->outbox, fd);
	if (!ft_outbox_put(&worker->outbox, FT_SLICE_MAGIC, FT_SLICE_MAGIC_BYTES))
		ft_log(FT_LOG_ERROR, "out of memory");
	ft_collector_new_reader(worker->collector);
}

static void take_control(struct worker *worker)
{
	_cleanup_close_ int fd = -1;
	enum ft_control letter;
	int r = ft_control_receive(worker->control, &letter, &fd);

	if (r == -EAGAIN)
		return;
	if (r <= 0) {
		worker->ending = true;
		return;
	}
	if (letter == FT_CONTROL_SLICES && fd >= 0)
		connect_server(worker, FT_TAKE_FD(fd));
	else if (letter == FT_CONTROL_SYMBOLIZER && fd >= 0 &&
		 ft_collector_connect(worker->collector, FT_TAKE_FD(fd)) < 0)
		ft_log(FT_LOG_ERROR, "out of memory");
}

static int watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void wait_until(struct worker *worker, uint64_t when_ns)
{
	enum { CONTROL = FT_COLLECTOR_FDS, SIGNALS, SERVER, FDS };
	struct pollfd fds[FDS] = {
		[CONTROL] = { .fd = worker->control, .events = POLLIN },
		[SIGNALS] = { .fd = worker->signals, .events = POLLIN },
		[SERVER] = { .fd = worker->outbox.fd },
	};
	uint64_t now_ns = ft_monotonic_ns();
	int timeout_ms = when_ns > now_ns ? (int)((when_ns - now_ns) / FT_NS_PER_MS) + 1 : 0;
	struct signalfd_siginfo info;

	ft_collector_poll(worker->collector, fds);
	if (!ft_outbox_is_empty(&worker->outbox))
		fds[SERVER].events |= POLLOUT;
	if (poll(fds, FDS, timeout_ms) <= 0)
		return;
	if (fds[CONTROL].revents)
		take_control(worker);
	/* Ctrl-C reaches every process of the terminal; the supervisor decides. */
	if (fds[SIGNALS].revents && read(worker->signals, &info, sizeof(info)) == sizeof(info) &&
	    info.ssi_signo == SIGTERM)
		worker->ending = true;
	/* When nothing waits only poll tells that it has gone, and would tell for ever. */
	if (fds[SERVER].revents & (POLLERR | POLLHUP) && worker->outbox.fd == fds[SERVER].fd)
		hang_up(worker);
	else if (fds[SERVER].revents)
		send_waiting(worker);
}

static void send_rest(struct worker *worker)
{
	uint64_t deadline_ns = ft_monotonic_ns() + FINISH_NS;

	while (!ft_outbox_is_empty(&worker->outbox) && worker->outbox.fd >= 0 &&
	       ft_monotonic_ns() < deadline_ns) {
		struct pollfd fd = { .fd = worker->outbox.fd, .events = POLLOUT };

		poll(&fd, 1, 50);
		ft_outbox_flush(&worker->outbox);
	}
}

static int begin(struct worker *worker, const struct ft_collector_options *options)
{
	static const struct ft_collector_sink sink = { .slice = take_slice,
						       .symbolizer_lost = report_stuck,
						       .cpu_refused = end_for_cpu };
	struct ft_why why = { "" };
	int r;

	r = watch_signals();
	if (r >= 0) {
		worker->signals = r;
		r = ft_collector_new(options, &sink, worker, &why, &worker->collector);
	}
	/* It runs for microseconds, but a new program waits for it to be known; on a host
	 * without a free CPU it would come last. Without the right to: it comes later. */
	if (setpriority(PRIO_PROCESS, 0, COLLECTOR_NICE) < 0)
		ft_log(FT_LOG_DEBUG, "no priority for the collector", ft_kv_errno(errno));
	if (r == 0)
		r = ft_become(FT_ROLE_COLLECTOR);
	if (r == 0)
		r = ft_collector_start(worker->collector, &why);
	if (r < 0) {
		ft_complain("%s", why.text[0] ? why.text : strerror(-r));
		return FT_EXIT_FATAL;
	}
	return ft_control_send(worker->control, FT_CONTROL_READY, -1) < 0 ? EXIT_FAILURE : 0;
}

int ft_collector_worker_main(const struct ft_collector_options *options, int control)
{
	_cleanup_worker_ struct worker worker = { .control = control,
						  .signals = -1,
						  .outbox = FT_OUTBOX_INIT };
	int r;

	ft_log_set_process("collector");
	prctl(PR_SET_NAME, "ft-collector");
	r = begin(&worker, options);
	if (r != 0)
		return r;
	while (!worker.ending)
		wait_until(&worker, ft_collector_tick(worker.collector));
	ft_collector_finish(worker.collector, ft_monotonic_ns() + FINISH_NS);
	send_rest(&worker);
	return EXIT_SUCCESS;
}

/* ---- replay ---- */

static int copy(int from, int to)
{
	char bytes[COPY_BYTES];
	ssize_t n;

	while ((n = read(from, bytes, sizeof(bytes))) > 0) {
		int r = ft_write_all(to, bytes, (size_t)n);

		if (r < 0)
			return r;
	}
	return n < 0 ? -errno : 0;
}

int ft_replay_worker_main(const char *path, int control)
{
	_cleanup_close_ int file = open(path, O_RDONLY | O_CLOEXEC), server = -1;
	enum ft_control letter = 0;
	int r;

	ft_log_set_process("replay");
	prctl(PR_SET_NAME, "ft-replay");
	if (file < 0) {
		ft_complain("cannot open %s: %s", path, strerror(errno));
		return FT_EXIT_FATAL;
	}
	if (ft_control_send(control, FT_CONTROL_READY, -1) < 0)
		return EXIT_FAILURE;
	while (letter != FT_CONTROL_SLICES || server < 0) {
		ft_closep(&server);
		if (ft_control_receive(control, &letter, &server) <= 0)
			return EXIT_SUCCESS;
	}
	r = copy(file, server);
	if (r < 0)
		ft_log(FT_LOG_ERROR, "replay stopped", ft_kv_errno(r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
