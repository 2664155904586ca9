#include "agent/capture/bpfprobe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "agent/capture/hostcheck.h"
#include "agent/capture/hostfacts.h"
#include "agent/capture/perf_event.h"
#include "base/io.h"

/* Newer than the headers of Debian 12. */
#define TRACE_UPROBE_MULTI 48

/* r0 = 0; exit */
static const struct bpf_insn nothing[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int load_nothing(enum bpf_prog_type type, const struct bpf_prog_load_opts *opts)
{
	return bpf_prog_load(type, "ft_doctor", "GPL", nothing, FT_COUNT(nothing), opts);
}

/* Results of libbpf and of ours are descriptors or -errno. */
static void judge(struct ft_finding *finding, int r, const char *doing)
{
	size_t len;

	if (r >= 0)
		return;
	ft_finding_error(finding, r);
	len = strlen(finding->detail);
	snprintf(finding->detail + len, sizeof(finding->detail) - len, " (%s)", doing);
}

/* A tick on this CPU that is never switched on. */
static int open_tick(uint32_t type, uint64_t config)
{
	struct perf_event_attr attr = {
		.type = type,
		.config = config,
		.sample_freq = 1,
		.freq = 1,
		.disabled = 1,
	};

	return ft_perf_event_open(&attr, sched_getcpu());
}

/* The same, for an event: where CAP_PERFMON did not do, more of that kind will not. */
static void judge_event(struct ft_finding *finding, int r)
{
	judge(finding, r, "open event");
	finding->forbidden &= !ft_have_capability(CAP_PERFMON);
}

void ft_probe_perf_event(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	uint32_t type = (uint32_t)check->number;
	_cleanup_close_ int fd = open_tick(type, type == PERF_TYPE_SOFTWARE
							 ? (uint64_t)PERF_COUNT_SW_CPU_CLOCK
							 : (uint64_t)PERF_COUNT_HW_CPU_CYCLES);

	judge_event(finding, fd);
}

void ft_probe_side_band(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.mmap = 1,
		.mmap2 = 1,
		.build_id = check->number & 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.disabled = 1,
	};
	struct ft_perf_ring ring = FT_PERF_RING_CLOSED;

	judge_event(finding, ft_perf_ring_open(&attr, sched_getcpu(), 4096, &ring));
	ft_perf_ring_close(&ring);
}

void ft_probe_ring_buffer(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	uint32_t bytes = (uint32_t)sysconf(_SC_PAGESIZE);
	_cleanup_close_ int map = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ft_doctor", 0, 0, bytes,
						 NULL);

	(void)check;
	judge(finding, map, "create");
}

static void judge_attached(struct ft_finding *finding, int event, int program)
{
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) < 0)
		judge(finding, -errno, "attach");
}

void ft_probe_bpf_perf_event(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	_cleanup_close_ int program = load_nothing(BPF_PROG_TYPE_PERF_EVENT, NULL);
	_cleanup_close_ int event = -1;

	(void)check;
	if (program < 0) {
		judge(finding, program, "load");
		return;
	}
	event = open_tick(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK);
	if (event < 0)
		judge_event(finding, event);
	else
		judge_attached(finding, event, program);
}

void ft_probe_bpf_tracepoint(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	_cleanup_close_ int program = load_nothing(BPF_PROG_TYPE_TRACEPOINT, NULL);
	_cleanup_close_ int event = -1;
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .disabled = 1 };
	char path[128], text[16];
	int r;

	if (program < 0) {
		judge(finding, program, "load");
		return;
	}
	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id", check->key);
	r = ft_read_line(AT_FDCWD, path, text, sizeof(text));
	if (r < 0) {
		judge(finding, r, "tracefs");
		return;
	}
	attr.config = strtoul(text, NULL, 10);
	event = ft_perf_event_open(&attr, sched_getcpu());
	if (event < 0)
		judge(finding, event, "open event");
	else
		judge_attached(finding, event, program);
}

void ft_probe_bpf_raw_tracepoint(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	_cleanup_close_ int program = load_nothing(BPF_PROG_TYPE_RAW_TRACEPOINT, NULL);
	_cleanup_close_ int link = -1;

	if (program < 0) {
		judge(finding, program, "load");
		return;
	}
	link = bpf_raw_tracepoint_open(check->key, program);
	judge(finding, link, "attach");
}

void ft_probe_bpf_tracing(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	enum bpf_attach_type type = (enum bpf_attach_type)check->number;
	int btf_id = libbpf_find_vmlinux_btf_id(check->key, type);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type,
		    .attach_btf_id = (uint32_t)btf_id);
	_cleanup_close_ int program = -1;
	_cleanup_close_ int link = -1;

	if (btf_id < 0) {
		judge(finding, btf_id, "BTF");
		return;
	}
	program = load_nothing(BPF_PROG_TYPE_TRACING, &opts);
	if (program < 0) {
		judge(finding, program, "load");
		return;
	}
	link = type == BPF_TRACE_ITER ? bpf_link_create(program, 0, type, NULL)
				      : bpf_raw_tracepoint_open(NULL, program);
	judge(finding, link, "attach");
}

/* Nobody calls it: a probe here costs nobody anything. */
__attribute__((noinline, used)) static void never_called(void)
{
	__asm__ volatile("");
}

/* Turn the address of never_called into an offset in the file of this program. */
static int find_offset(struct dl_phdr_info *info, size_t size, void *offset)
{
	uint64_t address = (uintptr_t)never_called - info->dlpi_addr;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
		    address - segment->p_vaddr < segment->p_filesz) {
			*(uint64_t *)offset = address - segment->p_vaddr + segment->p_offset;
			return 1;
		}
	}
	return 0;
}

void ft_probe_bpf_probe(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	_cleanup_close_ int program = load_nothing(BPF_PROG_TYPE_KPROBE, NULL);
	_cleanup_close_ int event = -1;
	struct perf_event_attr attr = { .size = sizeof(attr), .disabled = 1 };
	bool user = strcmp(check->key, "uprobe") == 0;
	char path[128], text[16];
	uint64_t offset = 0;
	int r;

	if (program < 0) {
		judge(finding, program, "load");
		return;
	}
	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", check->key);
	r = ft_read_line(AT_FDCWD, path, text, sizeof(text));
	if (r < 0) {
		judge(finding, r, "not built into this kernel");
		return;
	}
	dl_iterate_phdr(find_offset, &offset);
	attr.type = (uint32_t)strtoul(text, NULL, 10);
	attr.config1 = (uintptr_t)(user ? "/proc/self/exe" : "wake_up_new_task");
	attr.config2 = user ? offset : 0;
	event = (int)syscall(SYS_perf_event_open, &attr, user ? 0 : -1, user ? -1 : sched_getcpu(),
			     -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		judge(finding, -errno, "open event");
	else
		judge_attached(finding, event, program);
}

void ft_probe_bpf_uprobe_multi(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	/* What bpf(2) takes for BPF_LINK_CREATE with this type. */
	struct {
		uint32_t program, target, attach_type, flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t count, multi_flags, pid, reserved;
	} attr = { .attach_type = TRACE_UPROBE_MULTI, .count = 1 };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = TRACE_UPROBE_MULTI);
	_cleanup_close_ int program = load_nothing(BPF_PROG_TYPE_KPROBE, &opts);
	_cleanup_close_ int link = -1;
	uint64_t offset = 0;

	(void)check;
	if (program < 0) {
		judge(finding, program, "load");
		return;
	}
	dl_iterate_phdr(find_offset, &offset);
	attr.program = (uint32_t)program;
	attr.path = (uintptr_t) "/proc/self/exe";
	attr.offsets = (uintptr_t)&offset;
	attr.pid = (uint32_t)getpid();
	link = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	if (link < 0)
		judge(finding, -errno, "attach");
}

/* libbpf takes every failure for support, unless the verifier says otherwise; so find
 * out first whether the verifier is reached at all. */
void ft_probe_bpf_helper(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	_cleanup_close_ int program = load_nothing(BPF_PROG_TYPE_PERF_EVENT, NULL);
	int r;

	if (program < 0) {
		judge(finding, program, "load");
		return;
	}
	r = libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, (enum bpf_func_id)check->number,
				    NULL);
	if (r < 0)
		judge(finding, r, "load");
	else if (r == 0)
		ft_finding_set(finding, FT_VERDICT_NO, "not in this kernel");
}

void ft_probe_bpf_kfunc(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	struct btf *btf = btf__load_vmlinux_btf();
	char name[128];

	if (!btf) {
		judge(finding, -errno, "BTF");
		return;
	}
	snprintf(name, sizeof(name), "%s_impl", check->key);
	if (btf__find_by_name_kind(btf, check->key, BTF_KIND_FUNC) < 0 &&
	    btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) < 0)
		ft_finding_set(finding, FT_VERDICT_NO, "not in this kernel");
	btf__free(btf);
}
