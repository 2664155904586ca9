#include "agent/capture/collector.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "agent/capture/host.h"
#include "agent/capture/losses.h"
#include "agent/capture/perf_event.h"
#include "agent/capture/procfs.h"
#include "agent/capture/sampler.h"
#include "agent/capture/sideband.h"
#include "agent/capture/slicer.h"
#include "agent/capture/tracker.h"
#include "agent/capture/unwinding.h"
#include "agent/capture/vacate.h"
#include "agent/profile/event_queue.h"
#include "base/clock.h"
#include "base/log.h"

/* What is younger than this may still be on its way into a buffer. */
#define LAG_NS FT_NS_PER_MS

/* While programs start, their files must be opened before they are gone again; on an
 * idle host every wakeup counts. */
#define BUSY_TICK_NS (10 * FT_NS_PER_MS)
#define BUSY_FOR_NS  (50 * FT_NS_PER_MS)
/* A target that has just started is worth more wakeups than a host: its first samples are
 * unwound only when its mappings and tables are there. */
#define TARGET_TICK_NS (10 * FT_NS_PER_MS)
/* When almost all files are in use, looking again at once would find nothing. */
#define VACATE_AGAIN_NS (60 * FT_NS_PER_SEC)
/* For a look at all processes, and for tables of those that run, before sampling begins. */
#define WALK_NS	       (300 * FT_NS_PER_MS)
#define TABLES_WAIT_NS (500 * FT_NS_PER_MS)
#define WAIT_MS	       20
#define IDLE_TICK_NS   (500 * FT_NS_PER_MS)

enum source { SOURCE_SAMPLE, SOURCE_PROCESS };

struct ft_collector {
	struct ft_collector_options options;
	const struct ft_collector_sink *sink;
	void *context;
	struct ft_host host;
	struct ft_slice_host slice_host;
	struct ft_slice_kind kind;
	struct ft_processes *processes;
	struct ft_files *files;
	struct ft_tracker *tracker;
	struct ft_sampler *sampler;
	struct ft_sideband *sideband;
	struct ft_event_queue *queue;
	struct ft_slicer *slicer;
	struct ft_unwinding *unwinding;
	struct ft_buffer block;
	struct ft_cpus cpus;
	uint64_t span_from_ns, cpus_seen_ns, vacated_ns, busy_until_ns;
	bool started;
	bool new_reader;   /* the next slice must begin an epoch */
	bool begins_epoch; /* the open slice does */
	uint32_t n_news;   /* programs and mappings announced in this tick */
	struct ft_losses losses;
};

static int make_parts(struct ft_collector *c, struct ft_why *why)
{
	int r;

	r = ft_processes_new(&c->processes);
	if (r == 0)
		r = ft_files_new(c->host.boot_id, &c->files);
	if (r == 0)
		r = ft_tracker_new(c->processes, c->files, &c->tracker);
	if (r == 0)
		r = ft_sideband_new(&c->sideband);
	if (r == 0)
		r = ft_event_queue_new(&c->queue);
	if (r == 0)
		r = ft_slicer_new(&c->slice_host, &c->kind, c->files, c->processes, &c->slicer);
	return r < 0 ? ft_why(why, r, "out of memory") : 0;
}

static void take_table(void *context, uint32_t file, enum ft_symtable_status status,
		       struct ft_symtable *table)
{
	struct ft_collector *c = context;

	ft_unwinding_table(c->unwinding, file, status, table, ft_monotonic_ns());
}

static int make_kernel_side(struct ft_collector *c, struct ft_why *why)
{
	struct ft_sampler_options options = {
		.hz = c->options.hz,
		.cycles = c->options.cycles,
		.only_targets = c->options.only_targets,
		.follow_children = c->options.follow_children,
		.tail_calls = c->options.tail_calls,
	};
	struct ft_sampler_maps maps;
	int r;

	r = ft_sampler_new(&options, why, &c->sampler);
	if (r < 0)
		return r;
	c->kind.period = ft_sampler_period_ns(c->sampler);
	maps = ft_sampler_maps(c->sampler);
	r = ft_unwinding_new(&maps, c->files, c->processes, ft_slicer_names(c->slicer),
			     &c->unwinding);
	if (r < 0)
		return ft_why(why, r, "cannot map the unwind tables: %s", strerror(-r));
	ft_slicer_on_table(c->slicer, take_table, c);
	r = ft_cpus_online(&c->cpus);
	if (r < 0)
		return ft_why(why, r, "cannot read which CPUs are online: %s", strerror(-r));
	r = ft_sideband_set_cpus(c->sideband, &c->cpus);
	if (r < 0)
		return r == -EACCES || r == -EPERM ? ft_perf_event_refused(why, r)
						   : ft_why(why, r,
							    "cannot listen to process events: %s; "
							    "see `flametrail doctor`",
							    strerror(-r));
	return ft_sampler_set_cpus(c->sampler, &c->cpus, why);
}

static void describe(struct ft_collector *c)
{
	bool cycles = c->options.cycles;

	ft_host_read(&c->host);
	c->slice_host = (struct ft_slice_host){ .hostname = c->host.hostname,
						.kernel = c->host.kernel,
						.boot_id = c->host.boot_id,
						.agent = c->options.agent,
						.n_cpus = c->host.n_cpus };
	c->kind = (struct ft_slice_kind){ .id = FT_SLICER_KIND,
					  .name = cycles ? "cycles" : "cpu",
					  .events = "samples",
					  .value = cycles ? "cycles" : "cpu",
					  .unit = cycles ? "count" : "nanoseconds" };
}

int ft_collector_new(const struct ft_collector_options *options,
		     const struct ft_collector_sink *sink, void *context, struct ft_why *why,
		     struct ft_collector **ret_collector)
{
	struct ft_collector *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return ft_why(why, -ENOMEM, "out of memory");
	c->options = *options;
	c->sink = sink;
	c->context = context;
	c->block = FT_BUFFER_INIT(FT_SLICE_MAX_BYTES + FT_SLICE_HEAD_BYTES);
	c->new_reader = true;
	describe(c);
	r = make_parts(c, why);
	if (r == 0)
		r = make_kernel_side(c, why);
	if (r < 0) {
		ft_collector_freep(&c);
		return r;
	}
	*ret_collector = c;
	return 0;
}

void ft_collector_freep(struct ft_collector **p)
{
	struct ft_collector *c = FT_TAKE(*p);

	if (!c)
		return;
	ft_unwinding_freep(&c->unwinding);
	ft_sampler_freep(&c->sampler);
	ft_sideband_freep(&c->sideband);
	ft_slicer_freep(&c->slicer);
	ft_event_queue_freep(&c->queue);
	ft_tracker_freep(&c->tracker);
	ft_files_freep(&c->files);
	ft_processes_freep(&c->processes);
	ft_buffer_deinit(&c->block);
	free(c);
}

static void run_names(struct ft_collector *c, uint64_t now_ns)
{
	if (!ft_names_run(ft_slicer_names(c->slicer), now_ns))
		c->sink->symbolizer_lost(c->context);
}

int ft_collector_add_target(struct ft_collector *collector, uint32_t pid)
{
	uint64_t now_ns = ft_monotonic_ns();
	const struct ft_process *process = ft_tracker_meet(collector->tracker, pid, now_ns);

	/* Before the first sample, so that it is unwound whole. */
	if (process)
		ft_unwinding_meet(collector->unwinding, process, now_ns);
	return ft_sampler_add_target(collector->sampler, pid);
}

/* Talk to the symbolizer alone until nothing is pending, or it takes too long. */
static void wait_while(struct ft_collector *c, uint32_t (*pending)(const struct ft_names *names),
		       uint64_t deadline_ns)
{
	struct ft_names *names = ft_slicer_names(c->slicer);

	while (pending(names) && ft_monotonic_ns() < deadline_ns) {
		struct pollfd fd = { .fd = ft_names_fd(names), .events = POLLIN };

		run_names(c, ft_monotonic_ns());
		if (ft_names_wants_write(names))
			fd.events |= POLLOUT;
		if (fd.fd < 0)
			return;
		if (pending(names))
			poll(&fd, 1, WAIT_MS);
	}
}

/* Whoever runs now is likely to be in the first samples: their tables are to be there. */
static void look_around(struct ft_collector *c)
{
	uint64_t now_ns = ft_monotonic_ns();

	if (c->options.only_targets)
		return; /* they were met one by one */
	ft_tracker_walk(c->tracker, now_ns + WALK_NS);
	for (size_t i = 0; i < ft_processes_count(c->processes); i++) {
		const struct ft_process *process = ft_processes_at(c->processes, i);

		if (ft_procfs_is_running(process->pid))
			ft_unwinding_meet(c->unwinding, process, now_ns);
	}
}

static void begin_slice(struct ft_collector *c, uint64_t from_ns)
{
	bool many = ft_files_used(c->files) > FT_FILES_MANY &&
		    from_ns > c->vacated_ns + VACATE_AGAIN_NS;

	c->new_reader |= many;
	c->span_from_ns = from_ns;
	c->begins_epoch = ft_slicer_begin(c->slicer, from_ns, c->new_reader);
	c->new_reader = false;
	if (!many)
		return;
	c->vacated_ns = from_ns;
	ft_log(FT_LOG_INFO, "files no process has mapped any more were forgotten",
	       ft_kv_int("files",
			 ft_vacate_files(c->files, c->processes, ft_slicer_names(c->slicer),
					 c->unwinding, from_ns)));
}

int ft_collector_start(struct ft_collector *collector, struct ft_why *why)
{
	int r;

	look_around(collector);
	/* Of what runs already: its first sample is to be whole. */
	wait_while(collector, ft_names_tables_pending, ft_monotonic_ns() + TABLES_WAIT_NS);
	begin_slice(collector, ft_monotonic_ns());
	collector->started = true;
	collector->cpus_seen_ns = collector->span_from_ns;
	r = ft_sampler_start(collector->sampler);
	return r < 0 ? ft_why(why, r, "cannot begin to sample: %s", strerror(-r)) : 0;
}

int ft_collector_connect(struct ft_collector *collector, int symbolizer)
{
	return ft_names_connect(ft_slicer_names(collector->slicer), symbolizer);
}

void ft_collector_new_reader(struct ft_collector *collector)
{
	/* A slice that begins an epoch is all a new reader needs; any other one is
	 * nothing to it. */
	if (!collector->begins_epoch)
		collector->new_reader = true;
}

void ft_collector_poll(const struct ft_collector *collector,
		       struct pollfd fds[static FT_COLLECTOR_FDS])
{
	const struct ft_names *names = ft_slicer_names(collector->slicer);

	fds[0] = (struct pollfd){ .fd = ft_names_fd(names), .events = POLLIN };
	if (ft_names_wants_write(names))
		fds[0].events |= POLLOUT;
	fds[1] = (struct pollfd){ .fd = ft_sideband_fd(collector->sideband), .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = ft_sampler_fd(collector->sampler), .events = POLLIN };
}

struct ft_collector_totals ft_collector_totals(const struct ft_collector *collector)
{
	struct ft_names_counts names = ft_names_counts(ft_slicer_names(collector->slicer));

	return (struct ft_collector_totals){ .samples = collector->losses.samples,
					     .lost = collector->losses.lost,
					     .names_asked = names.asked,
					     .names_answered = names.answered };
}

/* ---- taking what the kernel has ---- */

static void queue_sample(void *context, const struct ft_sample_event *event, size_t len)
{
	struct ft_collector *c = context;

	if (event->kind != FT_EVENT_SAMPLE || event->n_kernel > FT_MAX_KERNEL_FRAMES ||
	    event->n_user > FT_MAX_USER_FRAMES ||
	    len < FT_SAMPLE_EVENT_HEAD + 8ul * (event->n_kernel + event->n_user))
		return; /* FT_EVENT_WAKE: we are awake */
	if (ft_event_queue_push(c->queue, event->time_ns, SOURCE_SAMPLE, event, len) < 0)
		c->losses.queue_full++;
}

/* Does the kernel side have something to learn from it? */
static bool is_news(const struct ft_process_event *event)
{
	return event->kind == FT_PROCESS_EXEC || event->kind == FT_PROCESS_MMAP ||
	       (event->kind == FT_PROCESS_FORK && event->pid != event->ppid);
}

static void queue_process_event(void *context, const void *record, size_t len)
{
	static const struct ft_process_event lost = { .kind = FT_PROCESS_LOST, .n_lost = 1 };
	struct ft_collector *c = context;
	struct ft_process_event event;

	if (ft_process_event_read(record, len, &event) != 0)
		return;
	c->n_news += is_news(&event); /* it may be too young for this tick */
	if (ft_event_queue_push(c->queue, event.time_ns, SOURCE_PROCESS, record, len) < 0)
		ft_tracker_apply(c->tracker, &lost);
}

static void handle_sample(struct ft_collector *c, const struct ft_sample_event *sample,
			  uint64_t now_ns)
{
	const struct ft_process *process = ft_tracker_meet(c->tracker, sample->pid, now_ns);

	ft_unwinding_use(c->unwinding, sample, now_ns);
	if (process && sample->n_user)
		ft_unwinding_meet(c->unwinding, process, now_ns);
	ft_slicer_sample(c->slicer, sample, process);
}

/* Targets that have ended make room for others; one whose first thread alone has ended is
 * still there. */
static void handle_exit(struct ft_collector *c, uint32_t pid, uint64_t now_ns)
{
	ft_unwinding_exit(c->unwinding, pid, now_ns);
	if (c->options.only_targets && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
		ft_sampler_remove_target(c->sampler, pid);
}

static void handle(struct ft_collector *c, const struct ft_queued_event *queued, uint64_t now_ns)
{
	struct ft_process_event event;

	if (queued->source == SOURCE_SAMPLE) {
		handle_sample(c, (const void *)queued->bytes, now_ns);
		return;
	}
	if (ft_process_event_read(queued->bytes, queued->len, &event) != 0)
		return;
	ft_tracker_apply(c->tracker, &event);
	if (event.kind == FT_PROCESS_EXIT && event.pid == event.tid)
		handle_exit(c, event.pid, now_ns);
	c->n_news += is_news(&event);
}

static void take(struct ft_collector *c, uint64_t now_ns, uint64_t until_ns)
{
	struct ft_queued_event queued;

	/* Samples first: whatever happened before a sample was taken is then in the
	 * side-band buffers when those are drained. */
	ft_sampler_drain(c->sampler, queue_sample, c);
	ft_sideband_drain(c->sideband, queue_process_event, c);
	while (ft_event_queue_pop(c->queue, until_ns, &queued))
		handle(c, &queued, now_ns);
	ft_event_queue_compact(c->queue);
}

/* ---- slices ---- */

static void end_slice(struct ft_collector *c, uint64_t to_ns)
{
	int r;

	ft_losses_report(&c->losses, c->sampler, c->tracker, c->unwinding, c->files, c->slicer);
	ft_buffer_clear(&c->block);
	r = ft_slicer_end(c->slicer, to_ns, &c->block);
	if (r < 0)
		ft_log(FT_LOG_ERROR, "slice lost", ft_kv_errno(r));
	if (r < 0 || c->new_reader || !c->sink->slice(c->context, c->block.data, c->block.len)) {
		c->losses.slices_lost++;
		c->new_reader = true;
	}
	begin_slice(c, to_ns);
}

/* CPUs come and go; a look a second is cheaper than listening for it, and sees what is not
 * announced: a suspended host takes its CPUs away without a word. */
static void follow_cpus(struct ft_collector *c, uint64_t now_ns)
{
	struct ft_cpus cpus;
	struct ft_why why;
	int r;

	if (now_ns < c->cpus_seen_ns + FT_NS_PER_SEC)
		return;
	c->cpus_seen_ns = now_ns;
	/* The rings of the process events went the same way: they are opened anew, too. */
	if (ft_sampler_drop_ended(c->sampler, &c->cpus) > 0 &&
	    ft_sideband_set_cpus(c->sideband, &c->cpus) < 0)
		ft_log(FT_LOG_WARN, "process events of a CPU cannot be had");
	if (ft_cpus_online(&cpus) < 0 || memcmp(&cpus, &c->cpus, sizeof(cpus)) == 0)
		return;
	c->cpus = cpus;
	ft_log(FT_LOG_INFO, "online CPUs changed", ft_kv_int("cpus", ft_cpus_count(&cpus)));
	r = ft_sampler_set_cpus(c->sampler, &cpus, &why);
	if ((r == -EACCES || r == -EPERM) && c->sink->cpu_refused) {
		c->sink->cpu_refused(c->context);
		return;
	}
	if (r < 0)
		ft_log(FT_LOG_WARN, "a new CPU cannot be sampled", ft_kv_text("why", why.text));
	if (ft_sideband_set_cpus(c->sideband, &cpus) < 0)
		ft_log(FT_LOG_WARN, "process events of a new CPU cannot be had");
}

/* One program seldom starts alone, and the next may start while wakes are rationed. */
static bool is_busy(struct ft_collector *c, uint64_t now_ns)
{
	if (c->n_news || ft_tracker_is_walking(c->tracker))
		c->busy_until_ns = now_ns + BUSY_FOR_NS;
	return now_ns < c->busy_until_ns;
}

uint64_t ft_collector_tick(struct ft_collector *collector)
{
	struct ft_collector *c = collector;
	uint64_t now_ns = ft_monotonic_ns();
	uint64_t until_ns = now_ns - LAG_NS;
	uint64_t next_ns;

	c->n_news = 0;
	take(c, now_ns, until_ns);
	ft_tracker_tick(c->tracker, now_ns);
	ft_unwinding_tick(c->unwinding, c->n_news > 0 || ft_tracker_is_walking(c->tracker), now_ns);
	run_names(c, now_ns);
	follow_cpus(c, now_ns);
	if (until_ns >= c->span_from_ns + FT_COLLECTOR_SLICE_NS)
		end_slice(c, until_ns);
	if (c->options.only_targets)
		next_ns = now_ns + TARGET_TICK_NS;
	else
		next_ns = now_ns + (is_busy(c, now_ns) ? BUSY_TICK_NS : IDLE_TICK_NS);
	return FT_MIN(next_ns, c->span_from_ns + FT_COLLECTOR_SLICE_NS + LAG_NS);
}

void ft_collector_finish(struct ft_collector *collector, uint64_t deadline_ns)
{
	static const struct ft_cpus none;
	struct ft_collector *c = collector;
	uint64_t end_ns;

	if (!c->started)
		return;
	if (ft_sampler_set_cpus(c->sampler, &none, NULL) < 0)
		ft_log(FT_LOG_WARN, "sampling did not stop on every CPU");
	end_ns = ft_monotonic_ns();
	take(c, end_ns, UINT64_MAX);
	run_names(c, end_ns);
	wait_while(c, ft_names_waiting, deadline_ns);
	end_slice(c, end_ns);
	c->started = false;
}
