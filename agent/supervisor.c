#include "agent/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/collector_worker.h"
#include "agent/control.h"
#include "agent/privileges.h"
#include "agent/symbolizer_process.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"

#define FIRST_PAUSE_NS (100 * FT_NS_PER_MS)
#define MAX_PAUSE_NS   (30 * FT_NS_PER_SEC)
#define CALM_NS	       (60 * FT_NS_PER_SEC) /* up so long: its past is forgotten */
#define SILENT_NS      (20 * FT_NS_PER_SEC) /* a collector without a sign of life is stuck */
#define RECONNECT_NS   FT_NS_PER_SEC	    /* before a stream that was closed is made again */
#define STOP_NS	       (3 * FT_NS_PER_SEC)  /* to end by itself, before it is killed */

enum which { SERVER, COLLECTOR, SYMBOLIZER, WORKERS };

static const char *const names[WORKERS] = { "server", "collector", "symbolizer" };

struct worker {
	pid_t pid;   /* 0: not running */
	int control; /* our end; -1: none */
	uint64_t started_ns, not_before_ns;
	uint64_t heard_ns; /* last sign of life; 0: it gives none */
	uint64_t pause_ns; /* before the next restart */
	bool started_before, ready, done;
};

struct supervisor {
	const struct ft_supervisor_options *options;
	struct worker workers[WORKERS];
	int signals;
	bool ready;	       /* everything has worked once */
	uint64_t reconnect_ns; /* when to make the stream of slices again; 0: not asked */
	bool ending, failed;
};

static sigset_t handled_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	return set;
}

/* ---- starting ---- */

static int server_main(const struct ft_supervisor_options *options, int control)
{
	struct ft_server_options server = options->server;
	int r;

	ft_log_set_process("server");
	prctl(PR_SET_NAME, "ft-server");
	r = ft_become(FT_ROLE_SERVER);
	if (r < 0) {
		ft_log(FT_LOG_ERROR, "cannot give up privileges", ft_kv_errno(r));
		return FT_EXIT_FATAL;
	}
	server.slices_fd = -1;
	server.control_fd = control;
	return ft_server_run(&server);
}

/* In the child: nothing of the supervisor may stay open but what it was given. */
static int child_main(struct supervisor *s, enum which which, int control)
{
	sigset_t none;
	int r;

	for (int i = 0; i < WORKERS; i++)
		ft_closep(&s->workers[i].control);
	ft_closep(&s->signals);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (which == SERVER)
		return server_main(s->options, control);
	close(s->options->server.listen_fd);
	if (!s->options->replay)
		return ft_collector_worker_main(&s->options->collector, control);
	r = ft_become(FT_ROLE_SERVER); /* a file is read: no privilege is needed */
	return r < 0 ? FT_EXIT_FATAL : ft_replay_worker_main(s->options->replay, control);
}

static int start_child(struct supervisor *s, enum which which)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	pid_t pid;
	int r;

	r = ft_socket_pair(SOCK_SEQPACKET, &ours, &theirs);
	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		ft_closep(&ours);
		_exit(child_main(s, which, theirs));
	}
	s->workers[which].pid = pid;
	s->workers[which].control = FT_TAKE_FD(ours);
	return 0;
}

/* A fresh stream from collector to server; both must run. */
static int connect_slices(struct supervisor *s)
{
	_cleanup_close_ int from = -1, to = -1;
	int r;

	if (s->workers[SERVER].control < 0 || s->workers[COLLECTOR].control < 0)
		return 0;
	r = ft_socket_pair(SOCK_STREAM, &from, &to);
	if (r < 0)
		return r;
	r = ft_control_send(s->workers[SERVER].control, FT_CONTROL_SLICES, to);
	if (r == 0)
		r = ft_control_send(s->workers[COLLECTOR].control, FT_CONTROL_SLICES, from);
	/* A peer that is dying is noticed by its death. */
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

static int start_symbolizer(struct supervisor *s)
{
	_cleanup_close_ int socket = -1;
	int r;

	r = ft_symbolizer_spawn(&s->workers[SYMBOLIZER].pid, &socket);
	if (r < 0)
		return r;
	r = ft_control_send(s->workers[COLLECTOR].control, FT_CONTROL_SYMBOLIZER, socket);
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

static void start(struct supervisor *s, enum which which, uint64_t now_ns)
{
	struct worker *worker = &s->workers[which];
	int r = which == SYMBOLIZER ? start_symbolizer(s) : start_child(s, which);

	if (r == 0 && which != SYMBOLIZER)
		r = connect_slices(s);
	if (r < 0) {
		ft_log(FT_LOG_ERROR, "cannot start worker", ft_kv_text("worker", names[which]),
		       ft_kv_errno(r));
		worker->not_before_ns = now_ns + MAX_PAUSE_NS;
		if (worker->pid) /* it runs, but nobody could tell it whom to talk to */
			kill(worker->pid, SIGKILL);
		worker->started_ns = now_ns;
		return;
	}
	if (worker->started_before)
		ft_log(FT_LOG_INFO, "worker restarted", ft_kv_text("worker", names[which]),
		       ft_kv_int("pid", worker->pid));
	worker->started_before = true;
	worker->started_ns = now_ns;
	worker->heard_ns = 0;
}

/* Should it run now? The symbolizer serves the collector and goes with it. */
static bool is_wanted(const struct supervisor *s, enum which which, uint64_t now_ns)
{
	const struct worker *worker = &s->workers[which];

	if (worker->pid || worker->done || now_ns < worker->not_before_ns)
		return false;
	return which != SYMBOLIZER || (!s->options->replay && s->workers[COLLECTOR].pid);
}

/* A file system that never answers, a kernel bug: nothing but a kill helps. */
static void end_what_is_stuck(struct supervisor *s, uint64_t now_ns)
{
	struct worker *collector = &s->workers[COLLECTOR];

	if (collector->heard_ns == 0 || now_ns < collector->heard_ns + SILENT_NS)
		return;
	collector->heard_ns = 0;
	if (collector->pid == 0)
		return;
	ft_log(FT_LOG_WARN, "worker killed, it gave no sign of life",
	       ft_kv_text("worker", names[COLLECTOR]));
	kill(collector->pid, SIGKILL);
}

static void start_what_is_missing(struct supervisor *s)
{
	uint64_t now_ns = ft_monotonic_ns();

	end_what_is_stuck(s, now_ns);

	if (s->reconnect_ns && now_ns >= s->reconnect_ns) {
		s->reconnect_ns = 0;
		if (connect_slices(s) < 0)
			ft_log(FT_LOG_ERROR, "cannot connect collector and server");
	}

	for (int i = 0; i < WORKERS; i++)
		if (is_wanted(s, (enum which)i, now_ns))
			start(s, (enum which)i, now_ns);
}

/* ---- dying ---- */

static void schedule_restart(struct worker *worker, uint64_t now_ns)
{
	if (now_ns - worker->started_ns > CALM_NS)
		worker->pause_ns = 0;
	worker->not_before_ns = now_ns + worker->pause_ns;
	worker->pause_ns = worker->pause_ns ? FT_MIN(worker->pause_ns * 2, MAX_PAUSE_NS)
					    : FIRST_PAUSE_NS;
}

static void mourn(struct supervisor *s, enum which which, int status)
{
	struct worker *worker = &s->workers[which];
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	bool clean = WIFEXITED(status) && code == 0;

	worker->pid = 0;
	ft_closep(&worker->control);
	if (s->ending)
		return;
	/* Before anything ever worked, whoever gives up has said why. Later it is tried again,
	 * and the symbolizer, which reads what strangers wrote, never ends the others. */
	if (!s->ready && which != SYMBOLIZER && WIFEXITED(status) && code != 0) {
		s->failed = true;
		s->ending = true;
		return;
	}
	if (which == COLLECTOR && s->options->replay && clean) {
		worker->done = true;
		ft_log(FT_LOG_INFO, "replay is done");
		return;
	}
	schedule_restart(worker, ft_monotonic_ns());
	if (which == SYMBOLIZER && clean)
		return; /* its collector has gone; the new one gets a new one */
	ft_log(FT_LOG_WARN, "worker died", ft_kv_text("worker", names[which]),
	       WIFSIGNALED(status) ? ft_kv_int("signal", WTERMSIG(status))
				   : ft_kv_int("status", code));
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < WORKERS; i++)
			if (s->workers[i].pid == pid)
				mourn(s, (enum which)i, status);
}

/* ---- the loop ---- */

static void become_ready(struct supervisor *s, enum which which)
{
	s->workers[which].ready = true;
	if (s->ready || !s->workers[SERVER].ready || !s->workers[COLLECTOR].ready)
		return;
	s->ready = true;
	printf("viewer: %s\n", s->options->address);
	fflush(stdout);
}

/* A complaint may be about the one before: it cannot be stuck so soon. */
static bool is_old_enough(const struct worker *symbolizer)
{
	return symbolizer->pid && ft_monotonic_ns() > symbolizer->started_ns + FT_NS_PER_SEC;
}

static void note_hang_up(struct supervisor *s)
{
	s->reconnect_ns = ft_monotonic_ns() + RECONNECT_NS; /* it may be back by then */
	/* Before anything ever worked, the server has said why it gives up. */
	if (s->ready)
		ft_log(FT_LOG_WARN, "the server hung up, slices are lost until it is back");
}

static void listen_to(struct supervisor *s, enum which which)
{
	_cleanup_close_ int fd = -1;
	enum ft_control letter;

	if (ft_control_receive(s->workers[which].control, &letter, &fd) != 1) {
		ft_closep(&s->workers[which].control); /* its death follows */
		return;
	}
	if (letter == FT_CONTROL_ALIVE)
		s->workers[which].heard_ns = ft_monotonic_ns();
	else if (letter == FT_CONTROL_READY)
		become_ready(s, which);
	else if (which != COLLECTOR)
		return; /* the others have nothing else to say */
	else if (letter == FT_CONTROL_STUCK && is_old_enough(&s->workers[SYMBOLIZER]))
		kill(s->workers[SYMBOLIZER].pid, SIGKILL);
	else if (letter == FT_CONTROL_HUNG_UP)
		note_hang_up(s);
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			s->ending = true;
	reap(s);
}

static int pause_ms(const struct supervisor *s)
{
	uint64_t now_ns = ft_monotonic_ns(), next_ns = UINT64_MAX;

	for (int i = 0; i < WORKERS; i++) {
		const struct worker *worker = &s->workers[i];

		if (!worker->pid && !worker->done && worker->not_before_ns > now_ns)
			next_ns = FT_MIN(next_ns, worker->not_before_ns);
	}
	if (s->reconnect_ns)
		next_ns = FT_MIN(next_ns, s->reconnect_ns);
	if (s->workers[COLLECTOR].heard_ns)
		next_ns = FT_MIN(next_ns, s->workers[COLLECTOR].heard_ns + SILENT_NS);
	if (next_ns == UINT64_MAX)
		return -1; /* nothing to wait for but events */
	return next_ns > now_ns ? (int)((next_ns - now_ns) / FT_NS_PER_MS) + 1 : 0;
}

static void wait_for_events(struct supervisor *s, int timeout_ms)
{
	struct pollfd fds[3] = { { .fd = s->signals, .events = POLLIN },
				 { .fd = s->workers[COLLECTOR].control, .events = POLLIN },
				 { .fd = s->workers[SERVER].control, .events = POLLIN } };

	if (poll(fds, FT_COUNT(fds), timeout_ms) <= 0)
		return;
	if (fds[1].revents)
		listen_to(s, COLLECTOR);
	if (fds[2].revents)
		listen_to(s, SERVER);
	if (fds[0].revents)
		take_signals(s);
}

/* ---- ending ---- */

/* Wait for one worker to end; kill it when it takes too long. */
static void stop(struct supervisor *s, enum which which)
{
	struct worker *worker = &s->workers[which];
	uint64_t deadline_ns = ft_monotonic_ns() + STOP_NS;

	while (worker->pid) {
		uint64_t now_ns = ft_monotonic_ns();

		if (now_ns >= deadline_ns) {
			ft_log(FT_LOG_WARN, "worker killed, it did not end",
			       ft_kv_text("worker", names[which]));
			kill(worker->pid, SIGKILL);
			deadline_ns = UINT64_MAX;
		}
		wait_for_events(s, 50);
	}
}

/* From left to right, so that the last slice and the last window are kept. */
static void stop_all(struct supervisor *s)
{
	s->ending = true;
	if (s->workers[COLLECTOR].pid)
		kill(s->workers[COLLECTOR].pid, SIGTERM);
	stop(s, COLLECTOR);
	stop(s, SYMBOLIZER);			/* its socket has closed */
	ft_closep(&s->workers[SERVER].control); /* the server's sign to end */
	stop(s, SERVER);
}

int ft_supervisor_run(const struct ft_supervisor_options *options)
{
	struct supervisor s = { .options = options, .signals = -1 };
	sigset_t set = handled_signals();

	for (int i = 0; i < WORKERS; i++)
		s.workers[i].control = -1;
	sigprocmask(SIG_BLOCK, &set, NULL);
	s.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s.signals < 0) {
		ft_complain("cannot begin: %s", strerror(errno));
		return 1;
	}
	while (!s.ending) {
		start_what_is_missing(&s);
		wait_for_events(&s, pause_ms(&s));
	}
	stop_all(&s);
	ft_closep(&s.signals);
	return s.failed ? 1 : 0;
}
