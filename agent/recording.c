#include "agent/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "agent/profile/slice.h"
#include "agent/slice_file.h"
#include "agent/symbolizer_process.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"

/* What is left for names after the end: within a second of its time, when it was given
 * one; what ends by itself may have begun so shortly before that a slow machine is not done
 * with the kernel's symbols. */
#define NAMES_WAIT_NS	  (600 * FT_NS_PER_MS)
#define NAMES_PATIENCE_NS (5 * FT_NS_PER_SEC)
#define PROGRESS_NS	  (500 * FT_NS_PER_MS)
#define MAX_RESTARTS	  20u

struct recording {
	const struct ft_recording_options *options;
	struct ft_collector *collector;
	struct ft_gather *gather;
	pid_t symbolizer; /* 0: none */
	uint32_t restarts;
	int signals;
	int failure; /* first error of gathering */
	uint64_t begun_ns, shown_ns;
	bool interrupted;
	struct ft_recording_result result;
};

static void recording_deinit(struct recording *recording)
{
	ft_collector_freep(&recording->collector); /* closes the symbolizer's socket */
	if (recording->symbolizer > 0) {
		kill(recording->symbolizer, SIGKILL);
		waitpid(recording->symbolizer, NULL, 0);
	}
	ft_gather_freep(&recording->gather);
	ft_closep(&recording->signals);
}
#define _cleanup_recording_ FT_CLEANUP(recording_deinit)

static bool take_slice(void *context, const uint8_t *block, size_t len)
{
	struct recording *recording = context;
	int r;

	r = ft_gather_slice(recording->gather, block + FT_SLICE_HEAD_BYTES,
			    len - FT_SLICE_HEAD_BYTES);
	ft_raw_file_put(recording->options->raw, block, len);
	if (r < 0 && recording->failure == 0)
		recording->failure = r;
	return r == 0;
}

static void restart_symbolizer(void *context)
{
	struct recording *recording = context;
	int socket, r;

	if (recording->symbolizer > 0) {
		kill(recording->symbolizer, SIGKILL);
		waitpid(recording->symbolizer, NULL, 0);
		recording->symbolizer = 0;
		ft_log(FT_LOG_WARN, "symbolizer restarted");
	}
	if (recording->restarts++ > MAX_RESTARTS)
		return; /* names are not worth a storm of processes */
	r = ft_symbolizer_spawn(&recording->symbolizer, &socket);
	if (r == 0)
		r = ft_collector_connect(recording->collector, socket);
	if (r < 0)
		ft_log(FT_LOG_WARN, "no symbolizer, frames stay without names", ft_kv_errno(r));
}

static int watch_signals(struct recording *recording)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	recording->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return recording->signals < 0 ? -errno : 0;
}

static int set_up(struct recording *recording, struct ft_why *why)
{
	static const struct ft_collector_sink sink = { .slice = take_slice,
						       .symbolizer_lost = restart_symbolizer };
	const struct ft_recording_options *options = recording->options;
	int r;

	r = watch_signals(recording);
	if (r == 0)
		r = ft_gather_new(&options->gather, &recording->gather);
	if (r < 0)
		return ft_why(why, r, "cannot begin: %s", strerror(-r));
	r = ft_collector_new(&options->collector, &sink, recording, why, &recording->collector);
	if (r < 0)
		return r;
	restart_symbolizer(recording);
	for (size_t i = 0; r == 0 && i < options->watch->n; i++)
		r = ft_collector_add_target(recording->collector,
					    (uint32_t)options->watch->targets[i].pid);
	if (r == 0 && options->command->pid > 0)
		r = ft_collector_add_target(recording->collector, (uint32_t)options->command->pid);
	if (r < 0)
		return ft_why(why, r, "cannot select processes: %s", strerror(-r));
	r = ft_raw_file_begin(recording->options->raw, why);
	if (r < 0)
		return r;
	return ft_collector_start(recording->collector, why);
}

static void take_signals(struct recording *recording)
{
	struct signalfd_siginfo info;
	struct ft_command *command = recording->options->command;

	while (read(recording->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			recording->interrupted = true;
	if (command->pid > 0 && !recording->result.command_ended &&
	    waitpid(command->pid, &recording->result.command_status, WNOHANG) == command->pid)
		recording->result.command_ended = true;
}

static bool is_over(struct recording *recording, uint64_t now_ns)
{
	const struct ft_recording_options *options = recording->options;

	if (recording->interrupted || recording->result.command_ended)
		return true;
	if (options->duration_ns && now_ns >= recording->begun_ns + options->duration_ns)
		return true;
	return options->watch->n > 0 && ft_watch_alive(options->watch) == 0;
}

static void show_progress(struct recording *recording, uint64_t now_ns)
{
	struct ft_collector_totals totals = ft_collector_totals(recording->collector);

	if (!recording->options->progress || now_ns < recording->shown_ns + PROGRESS_NS)
		return;
	recording->shown_ns = now_ns;
	fprintf(stderr, "\r\033[Krecording %.1f s", (double)(now_ns - recording->begun_ns) / 1e9);
	if (recording->options->duration_ns)
		fprintf(stderr, " of %.1f s", (double)recording->options->duration_ns / 1e9);
	fprintf(stderr, ", %llu samples, %llu lost", (unsigned long long)totals.samples,
		(unsigned long long)totals.lost);
	fflush(stderr);
}

static void wait_until(struct recording *recording, uint64_t when_ns)
{
	struct pollfd fds[FT_COLLECTOR_FDS + 1];
	uint64_t now_ns = ft_monotonic_ns();
	int timeout_ms = when_ns > now_ns ? (int)((when_ns - now_ns) / FT_NS_PER_MS) + 1 : 0;

	ft_collector_poll(recording->collector, fds);
	fds[FT_COLLECTOR_FDS] = (struct pollfd){ .fd = recording->signals, .events = POLLIN };
	poll(fds, FT_COUNT(fds), timeout_ms);
}

static void loop(struct recording *recording)
{
	const struct ft_recording_options *options = recording->options;
	uint64_t now_ns = ft_monotonic_ns();
	bool is_due;

	recording->begun_ns = now_ns;
	while (!is_over(recording, now_ns)) {
		uint64_t next_ns = ft_collector_tick(recording->collector);

		if (options->duration_ns)
			next_ns = FT_MIN(next_ns, recording->begun_ns + options->duration_ns);
		show_progress(recording, now_ns);
		wait_until(recording, next_ns);
		take_signals(recording);
		now_ns = ft_monotonic_ns();
	}
	recording->result.duration_ns = now_ns - recording->begun_ns;
	is_due = recording->interrupted ||
		 (options->duration_ns && recording->result.duration_ns >= options->duration_ns);
	ft_collector_finish(recording->collector,
			    ft_monotonic_ns() + (is_due ? NAMES_WAIT_NS : NAMES_PATIENCE_NS));
	if (recording->options->progress)
		fputs("\r\033[K", stderr);
}

int ft_recording_run(const struct ft_recording_options *options, struct ft_why *why,
		     struct ft_recording_result *ret_result, struct ft_profile **ret_profile)
{
	_cleanup_recording_ struct recording recording = { .options = options, .signals = -1 };
	int r;

	r = set_up(&recording, why);
	if (r < 0)
		return r;
	if (options->command->pid > 0) {
		r = ft_command_go(options->command, options->command_name, why);
		if (r < 0)
			return r;
	}
	loop(&recording);
	if (recording.failure)
		ft_complain("part of the recording was lost: %s", strerror(-recording.failure));
	recording.result.totals = ft_collector_totals(recording.collector);
	r = ft_gather_profile(recording.gather, ret_profile);
	if (r < 0)
		return ft_why(why, r, "cannot make the profile: %s", strerror(-r));
	*ret_result = recording.result;
	return 0;
}

/* ---- replay ---- */

static int replay_slice(void *context, const uint8_t *payload, size_t len)
{
	return ft_gather_slice(context, payload, len);
}

int ft_recording_replay(const char *path, const struct ft_gather_options *options,
			struct ft_why *why, struct ft_profile **ret_profile)
{
	_cleanup_gather_ struct ft_gather *gather = NULL;
	int r;

	r = ft_gather_new(options, &gather);
	if (r < 0)
		return ft_why(why, r, "out of memory");
	r = ft_slice_file_read(path, replay_slice, gather, why);
	if (r < 0)
		return r;
	r = ft_gather_profile(gather, ret_profile);
	return r < 0 ? ft_why(why, r, "cannot make the profile: %s", strerror(-r)) : 0;
}
