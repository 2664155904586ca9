#include "agent/capture/collector.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "agent/capture/host.h"
#include "agent/capture/perf_event.h"
#include "agent/capture/sampler.h"
#include "agent/capture/sideband.h"
#include "agent/capture/slicer.h"
#include "agent/capture/tracker.h"
#include "agent/profile/event_queue.h"
#include "base/clock.h"
#include "base/log.h"

/* What is younger than this may still be on its way into a buffer. */
#define LAG_NS (5 * FT_NS_PER_MS)

/* While programs start, their files must be opened before they are gone again; on an
 * idle host every wakeup counts. */
#define BUSY_TICK_NS (50 * FT_NS_PER_MS)
#define IDLE_TICK_NS (500 * FT_NS_PER_MS)

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
	struct ft_buffer block;
	struct ft_cpus cpus;
	uint64_t span_from_ns, cpus_seen_ns;
	bool started;
	bool new_reader;   /* the next slice must begin an epoch */
	bool begins_epoch; /* the open slice does */
	uint32_t n_news;   /* programs and mappings announced in this tick */
	uint64_t queue_full, slices_lost;
	/* Counters as they were at the end of the last slice. */
	uint64_t sampler_counts[FT_COUNTERS];
	struct ft_tracker_counts tracker_counts;
	struct ft_names_counts names_counts;
	struct ft_collector_totals totals;
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

static int make_kernel_side(struct ft_collector *c, struct ft_why *why)
{
	struct ft_sampler_options options = {
		.hz = c->options.hz,
		.cycles = c->options.cycles,
		.only_targets = c->options.only_targets,
		.follow_children = c->options.follow_children,
	};
	int r;

	r = ft_sampler_new(&options, why, &c->sampler);
	if (r < 0)
		return r;
	c->kind.period = ft_sampler_period_ns(c->sampler);
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

int ft_collector_add_target(struct ft_collector *collector, uint32_t pid)
{
	return ft_sampler_add_target(collector->sampler, pid);
}

static void begin_slice(struct ft_collector *c, uint64_t from_ns)
{
	c->span_from_ns = from_ns;
	c->begins_epoch = ft_slicer_begin(c->slicer, from_ns, c->new_reader);
	c->new_reader = false;
}

int ft_collector_start(struct ft_collector *collector, struct ft_why *why)
{
	int r;

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
}

struct ft_collector_totals ft_collector_totals(const struct ft_collector *collector)
{
	return collector->totals;
}

/* ---- taking what the kernel has ---- */

static void queue_sample(void *context, const struct ft_sample_event *event, size_t len)
{
	struct ft_collector *c = context;

	if (len < FT_SAMPLE_EVENT_HEAD || event->kind != FT_EVENT_SAMPLE ||
	    event->n_kernel > FT_MAX_KERNEL_FRAMES || event->n_user > FT_MAX_USER_FRAMES ||
	    len < FT_SAMPLE_EVENT_HEAD + 8ul * (event->n_kernel + event->n_user))
		return; /* cannot be: our own program wrote it */
	if (ft_event_queue_push(c->queue, event->time_ns, SOURCE_SAMPLE, event, len) < 0)
		c->queue_full++;
}

static void queue_process_event(void *context, const void *record, size_t len)
{
	static const struct ft_process_event lost = { .kind = FT_PROCESS_LOST, .n_lost = 1 };
	struct ft_collector *c = context;
	struct ft_process_event event;

	if (ft_process_event_read(record, len, &event) != 0)
		return;
	if (ft_event_queue_push(c->queue, event.time_ns, SOURCE_PROCESS, record, len) < 0)
		ft_tracker_apply(c->tracker, &lost);
}

static void handle(struct ft_collector *c, const struct ft_queued_event *queued, uint64_t now_ns)
{
	struct ft_process_event event;

	if (queued->source == SOURCE_SAMPLE) {
		const struct ft_sample_event *sample = (const void *)queued->bytes;

		ft_slicer_sample(c->slicer, sample,
				 ft_tracker_meet(c->tracker, sample->pid, now_ns));
		return;
	}
	if (ft_process_event_read(queued->bytes, queued->len, &event) != 0)
		return;
	ft_tracker_apply(c->tracker, &event);
	c->n_news += event.kind == FT_PROCESS_EXEC || event.kind == FT_PROCESS_MMAP;
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

static void count_kernel(struct ft_collector *c)
{
	static const char *const names[FT_COUNTERS] = {
		[FT_COUNT_RING_FULL] = "ring_full",
		[FT_COUNT_SCRATCH_BUSY] = "scratch_busy",
		[FT_COUNT_FOREIGN_PIDNS] = "foreign_pid_namespace",
		[FT_COUNT_KSTACK_FAILED] = "kernel_stack_failed",
		[FT_COUNT_TARGETS_FULL] = "targets_full",
	};
	uint64_t counts[FT_COUNTERS];

	ft_sampler_counters(c->sampler, counts);
	for (uint32_t i = 0; i < FT_COUNTERS; i++) {
		uint64_t n = counts[i] - c->sampler_counts[i];

		if (i == FT_COUNT_SAMPLES)
			c->totals.samples += n;
		if (i == FT_COUNT_RING_FULL || i == FT_COUNT_SCRATCH_BUSY)
			c->totals.lost += n;
		if (names[i])
			ft_slicer_count(c->slicer, names[i], n);
		c->sampler_counts[i] = counts[i];
	}
}

static void count_user(struct ft_collector *c)
{
	struct ft_tracker_counts tracker = ft_tracker_counts(c->tracker);
	struct ft_names_counts names = ft_names_counts(ft_slicer_names(c->slicer));
	const struct ft_tracker_counts *t = &c->tracker_counts;
	const struct ft_names_counts *n = &c->names_counts;

	ft_slicer_count(c->slicer, "sideband_lost", tracker.sideband_lost - t->sideband_lost);
	ft_slicer_count(c->slicer, "process_limit", tracker.refused - t->refused);
	ft_slicer_count(c->slicer, "proc_failed", tracker.proc_failures - t->proc_failures);
	ft_slicer_count(c->slicer, "queue_full", c->queue_full);
	ft_slicer_count(c->slicer, "slice_lost", c->slices_lost);
	ft_slicer_count(c->slicer, "name_dropped", names.dropped - n->dropped);
	ft_slicer_count(c->slicer, "file_refused", names.refused - n->refused);
	ft_slicer_count(c->slicer, "symbolizer_died",
			names.symbolizer_deaths - n->symbolizer_deaths);
	c->totals.lost += c->queue_full;
	c->totals.names_asked = names.asked;
	c->totals.names_answered = names.answered;
	c->queue_full = 0;
	c->slices_lost = 0;
	c->tracker_counts = tracker;
	c->names_counts = names;
}

static void end_slice(struct ft_collector *c, uint64_t to_ns)
{
	int r;

	count_kernel(c);
	count_user(c);
	ft_buffer_clear(&c->block);
	r = ft_slicer_end(c->slicer, to_ns, &c->block);
	if (r < 0)
		ft_log(FT_LOG_ERROR, "slice lost", ft_kv_errno(r));
	if (r < 0 || c->new_reader || !c->sink->slice(c->context, c->block.data, c->block.len)) {
		c->slices_lost++;
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

static void run_names(struct ft_collector *c, uint64_t now_ns)
{
	if (!ft_names_run(ft_slicer_names(c->slicer), now_ns))
		c->sink->symbolizer_lost(c->context);
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
	run_names(c, now_ns);
	follow_cpus(c, now_ns);
	if (until_ns >= c->span_from_ns + FT_COLLECTOR_SLICE_NS)
		end_slice(c, until_ns);
	next_ns = now_ns +
		  (c->n_news || ft_tracker_is_walking(c->tracker) ? BUSY_TICK_NS : IDLE_TICK_NS);
	return FT_MIN(next_ns, c->span_from_ns + FT_COLLECTOR_SLICE_NS + LAG_NS);
}

static void wait_for_names(struct ft_collector *c, uint64_t deadline_ns)
{
	struct ft_names *names = ft_slicer_names(c->slicer);

	for (uint64_t now_ns = ft_monotonic_ns(); ft_names_waiting(names) && now_ns < deadline_ns;
	     now_ns = ft_monotonic_ns()) {
		struct pollfd fd = { .fd = ft_names_fd(names), .events = POLLIN };
		uint64_t left_ms = (deadline_ns - now_ns) / FT_NS_PER_MS + 1;

		if (ft_names_wants_write(names))
			fd.events |= POLLOUT;
		if (fd.fd < 0)
			return;
		poll(&fd, 1, (int)FT_MIN(left_ms, (uint64_t)100));
		run_names(c, ft_monotonic_ns());
	}
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
	wait_for_names(c, deadline_ns);
	end_slice(c, end_ns);
	c->started = false;
}
