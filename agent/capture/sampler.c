#include "agent/capture/sampler.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "agent/capture/perf_event.h"
#include "base/clock.h"
#include "base/log.h"
#include "flametrail/settings.h"

#include "skeleton/flametrail.skel.h"

#define MAX_RINGS     16u /* CPUs beyond share; at most FT_MAX_RINGS of maps.bpf.h */
#define RING_BYTES    (256u << 10)
#define INITIAL_PIDNS 0xeffffffcu /* PROC_PID_INIT_INO: inode of the first namespace */

struct ft_sampler {
	struct ft_sampler_options options;
	struct flametrail *skeleton;
	struct ring_buffer *rings;
	struct bpf_link *follow, *wake;
	int events[FT_CPUS_MAX];	  /* perf event by CPU, -1: none */
	uint64_t enabled_ns[FT_CPUS_MAX]; /* for how long, at the last look */
	int ring_maps[MAX_RINGS];	  /* -1: none */
	uint32_t n_cpus;		  /* possible */
	bool started;
	ft_sampler_event take; /* during a drain */
	void *context;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static uint32_t own_pidns(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino == INITIAL_PIDNS)
		return 0;
	return (uint32_t)st.st_ino;
}

static int explain_load(struct ft_why *why, int error)
{
	if (error == -EPERM || error == -EACCES)
		return ft_why(why, error,
			      "the kernel refuses BPF programs (missing CAP_BPF and CAP_PERFMON); "
			      "run flametrail as root, or see `flametrail doctor`");
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return ft_why(why, error,
			      "this kernel has no BTF (/sys/kernel/btf/vmlinux); "
			      "a kernel with CONFIG_DEBUG_INFO_BTF=y is needed, 5.15 or later");
	return ft_why(why, error,
		      "the kernel does not accept the BPF programs: %s; "
		      "`flametrail doctor` tells what this kernel lacks",
		      strerror(-error));
}

static int sample_event(void *context, void *data, size_t len)
{
	struct ft_sampler *sampler = context;

	sampler->take(sampler->context, data, len);
	return 0;
}

/* One ring per CPU or group of CPUs; the outer map's entries hold the real ones. */
static int make_rings(struct ft_sampler *sampler, uint32_t n)
{
	int outer = bpf_map__fd(sampler->skeleton->maps.rings);

	for (uint32_t i = 0; i < n; i++) {
		int ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ft_events", 0, 0, RING_BYTES,
					  NULL);
		int r;

		if (ring < 0)
			return ring;
		sampler->ring_maps[i] = ring;
		r = bpf_map_update_elem(outer, &i, &ring, BPF_ANY);
		if (r < 0)
			return r;
		if (!sampler->rings)
			sampler->rings = ring_buffer__new(ring, sample_event, sampler, NULL);
		else
			r = ring_buffer__add(sampler->rings, ring, sample_event, sampler);
		if (r < 0 || !sampler->rings)
			return r < 0 ? r : -errno;
	}
	return 0;
}

/* Kernels before 5.17 have no bpf_loop(): there a program walks some frames and calls
 * itself. */
static int choose_walk(struct ft_sampler *sampler, struct ft_settings *settings)
{
	struct flametrail *skeleton = sampler->skeleton;
	bool tail_calls = sampler->options.tail_calls ||
			  libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop, NULL) !=
				  1;

	settings->no_bpf_loop = tail_calls;
	return bpf_program__set_autoload(skeleton->progs.walk_on, tail_calls);
}

static int connect_walk(struct ft_sampler *sampler)
{
	struct flametrail *skeleton = sampler->skeleton;
	int program = bpf_program__fd(skeleton->progs.walk_on);
	uint32_t zero = 0;

	if (!skeleton->rodata->settings.no_bpf_loop)
		return 0;
	return bpf_map_update_elem(bpf_map__fd(skeleton->maps.walk_programs), &zero, &program,
				   BPF_ANY);
}

static int load(struct ft_sampler *sampler, struct ft_why *why)
{
	struct flametrail *skeleton;
	struct ft_settings *settings;
	uint32_t n_rings = FT_MIN(sampler->n_cpus, MAX_RINGS);
	int r;

	skeleton = flametrail__open();
	if (!skeleton)
		return explain_load(why, -errno);
	sampler->skeleton = skeleton;
	settings = (struct ft_settings *)(uintptr_t)&skeleton->rodata->settings;
	settings->fixed_period = ft_sampler_period_ns(sampler);
	settings->pidns_inum = own_pidns();
	settings->n_rings = n_rings;
	settings->only_targets = sampler->options.only_targets;
	settings->follow_children = sampler->options.follow_children;
	r = sampler->options.only_targets ? 0 : bpf_map__set_max_entries(skeleton->maps.targets, 1);
	if (r == 0)
		r = choose_walk(sampler, settings);
	if (r == 0)
		r = flametrail__load(skeleton);
	if (r == 0)
		r = connect_walk(sampler);
	if (r < 0)
		return explain_load(why, r);
	r = make_rings(sampler, n_rings);
	if (r < 0)
		return ft_why(why, r, "cannot make the BPF ring buffers: %s", strerror(-r));
	return 0;
}

static int follow(struct ft_sampler *sampler, struct ft_why *why)
{
	sampler->follow = bpf_program__attach(sampler->skeleton->progs.on_fork);
	if (sampler->follow || !sampler->options.follow_children) {
		if (!sampler->follow)
			ft_log(FT_LOG_WARN, "children begin unknown", ft_kv_errno(errno));
		return 0;
	}
	return ft_why(why, -errno,
		      "cannot follow child processes (tp_btf/sched_process_fork: %s); "
		      "leave out --children",
		      strerror(errno));
}

/* Without it new programs are seen when their time comes: later, but seen. */
static void attach_wake(struct ft_sampler *sampler)
{
	sampler->wake = bpf_program__attach(sampler->skeleton->progs.on_exec);
	if (!sampler->wake)
		ft_log(FT_LOG_WARN, "starts of programs are not announced", ft_kv_errno(errno));
}

int ft_sampler_new(const struct ft_sampler_options *options, struct ft_why *why,
		   struct ft_sampler **ret_sampler)
{
	struct ft_sampler *sampler = calloc(1, sizeof(*sampler));
	int n_cpus = libbpf_num_possible_cpus();
	int r;

	if (!sampler)
		return ft_why(why, -ENOMEM, "out of memory");
	assert(options->hz >= 1 && options->hz <= FT_SAMPLER_HZ_MAX);
	sampler->options = *options;
	sampler->n_cpus = n_cpus > 0 ? (uint32_t)n_cpus : 1;
	for (uint32_t cpu = 0; cpu < FT_CPUS_MAX; cpu++)
		sampler->events[cpu] = -1;
	for (uint32_t i = 0; i < MAX_RINGS; i++)
		sampler->ring_maps[i] = -1;
	libbpf_set_print(quiet);
	r = load(sampler, why);
	if (r == 0)
		r = follow(sampler, why);
	if (r < 0) {
		ft_sampler_freep(&sampler);
		return r;
	}
	attach_wake(sampler);
	*ret_sampler = sampler;
	return 0;
}

void ft_sampler_freep(struct ft_sampler **p)
{
	struct ft_sampler *sampler = FT_TAKE(*p);

	if (!sampler)
		return;
	for (uint32_t cpu = 0; cpu < FT_CPUS_MAX; cpu++)
		ft_closep(&sampler->events[cpu]);
	bpf_link__destroy(sampler->follow);
	bpf_link__destroy(sampler->wake);
	ring_buffer__free(sampler->rings);
	for (uint32_t i = 0; i < MAX_RINGS; i++)
		ft_closep(&sampler->ring_maps[i]);
	flametrail__destroy(sampler->skeleton);
	free(sampler);
}

uint64_t ft_sampler_period_ns(const struct ft_sampler *sampler)
{
	return sampler->options.cycles ? 0 : FT_NS_PER_SEC / sampler->options.hz;
}

int ft_sampler_fd(const struct ft_sampler *sampler)
{
	return ring_buffer__epoll_fd(sampler->rings);
}

struct ft_sampler_maps ft_sampler_maps(const struct ft_sampler *sampler)
{
	const struct flametrail *skeleton = sampler->skeleton;

	return (struct ft_sampler_maps){ .processes = bpf_map__fd(skeleton->maps.processes),
					 .code_ranges = bpf_map__fd(skeleton->maps.code_ranges),
					 .row_chunks = bpf_map__fd(skeleton->maps.row_chunks),
					 .rules = bpf_map__fd(skeleton->maps.rules),
					 .pages = bpf_map__fd(skeleton->maps.pages) };
}

int ft_sampler_add_target(struct ft_sampler *sampler, uint32_t pid)
{
	uint32_t one = 1;

	return bpf_map_update_elem(bpf_map__fd(sampler->skeleton->maps.targets), &pid, &one,
				   BPF_ANY);
}

void ft_sampler_remove_target(struct ft_sampler *sampler, uint32_t pid)
{
	/* It may be gone already. */
	(void)bpf_map_delete_elem(bpf_map__fd(sampler->skeleton->maps.targets), &pid);
}

static int explain_event(struct ft_why *why, const struct ft_sampler *sampler, uint32_t cpu, int r)
{
	if (sampler->options.cycles && (r == -ENOENT || r == -EOPNOTSUPP || r == -ENODEV))
		return ft_why(why, r,
			      "this machine counts no hardware cycles (no PMU, as in most virtual "
			      "machines); leave out --cycles");
	if (r == -EACCES || r == -EPERM)
		return ft_perf_event_refused(why, r);
	if (r == -EMFILE || r == -ENFILE)
		return ft_why(why, r, "too few file descriptors for all CPUs; raise `ulimit -n`");
	return ft_why(why, r, "cannot sample CPU %u: %s", cpu, strerror(-r));
}

static int open_cpu(struct ft_sampler *sampler, uint32_t cpu)
{
	struct perf_event_attr attr = {
		.type = sampler->options.cycles ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE,
		.config = sampler->options.cycles ? PERF_COUNT_HW_CPU_CYCLES
						  : PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = sampler->options.hz,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED,
		.disabled = 1,
		.exclude_idle = 1,
	};
	_cleanup_close_ int fd = ft_perf_event_open(&attr, (int)cpu);
	int program = bpf_program__fd(sampler->skeleton->progs.on_cpu_tick);

	if (fd < 0)
		return fd;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0)
		return -errno;
	if (sampler->started && ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
		return -errno;
	sampler->events[cpu] = FT_TAKE_FD(fd);
	sampler->enabled_ns[cpu] = 0;
	return 0;
}

int ft_sampler_set_cpus(struct ft_sampler *sampler, const struct ft_cpus *cpus, struct ft_why *why)
{
	int result = 0;

	for (uint32_t cpu = 0; cpu < FT_CPUS_MAX; cpu++) {
		int r = 0;

		if (!ft_cpus_has(cpus, cpu))
			ft_closep(&sampler->events[cpu]);
		else if (sampler->events[cpu] < 0)
			r = open_cpu(sampler, cpu);
		if (r < 0 && result == 0)
			result = explain_event(why, sampler, cpu, r);
	}
	return result;
}

/* An event whose CPU went offline is taken off it and never put back; what tells is that
 * its time stands still. */
static bool has_ended(struct ft_sampler *sampler, uint32_t cpu)
{
	struct {
		uint64_t value, enabled_ns;
	} now;
	bool ended;

	if (read(sampler->events[cpu], &now, sizeof(now)) != sizeof(now))
		return false; /* in an error state: cannot be told */
	ended = sampler->started && now.enabled_ns == sampler->enabled_ns[cpu];
	sampler->enabled_ns[cpu] = now.enabled_ns;
	return ended;
}

uint32_t ft_sampler_drop_ended(struct ft_sampler *sampler, struct ft_cpus *cpus)
{
	uint32_t n = 0;

	for (uint32_t cpu = 0; cpu < FT_CPUS_MAX; cpu++) {
		if (sampler->events[cpu] < 0 || !has_ended(sampler, cpu))
			continue;
		ft_closep(&sampler->events[cpu]);
		cpus->bits[cpu / 64] &= ~(1ull << (cpu % 64));
		n++;
	}
	return n;
}

int ft_sampler_start(struct ft_sampler *sampler)
{
	sampler->started = true;
	for (uint32_t cpu = 0; cpu < FT_CPUS_MAX; cpu++)
		if (sampler->events[cpu] >= 0 &&
		    ioctl(sampler->events[cpu], PERF_EVENT_IOC_ENABLE, 0) < 0)
			return -errno;
	return 0;
}

void ft_sampler_drain(struct ft_sampler *sampler, ft_sampler_event take, void *context)
{
	sampler->take = take;
	sampler->context = context;
	(void)ring_buffer__consume(sampler->rings); /* only our callback could fail */
}

void ft_sampler_counters(const struct ft_sampler *sampler, uint64_t counters[static FT_COUNTERS])
{
	int map = bpf_map__fd(sampler->skeleton->maps.counters);
	_cleanup_free_ uint64_t *per_cpu = calloc(sampler->n_cpus, sizeof(*per_cpu));

	for (uint32_t i = 0; i < FT_COUNTERS; i++) {
		counters[i] = 0;
		if (!per_cpu || bpf_map_lookup_elem(map, &i, per_cpu) < 0)
			continue;
		for (uint32_t cpu = 0; cpu < sampler->n_cpus; cpu++)
			counters[i] += per_cpu[cpu];
	}
}
