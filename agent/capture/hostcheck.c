#include "agent/capture/hostcheck.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/capture/bpfprobe.h"
#include "agent/capture/hostfacts.h"

const char ft_hostcheck_privileges[] =
	"run with sudo, or once: sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,"
	"cap_dac_read_search,cap_syslog+ep $(command -v flametrail)";

const char *ft_verdict_name(enum ft_verdict verdict)
{
	static const char *const names[] = { "yes", "degraded", "no", "unknown" };

	return names[verdict];
}

void ft_finding_set(struct ft_finding *finding, enum ft_verdict verdict, const char *format, ...)
{
	va_list args;

	finding->verdict = verdict;
	va_start(args, format);
	vsnprintf(finding->detail, sizeof(finding->detail), format, args);
	va_end(args);
}

void ft_finding_error(struct ft_finding *finding, int error)
{
	finding->forbidden = error == -EPERM || error == -EACCES;
	ft_finding_set(finding, FT_VERDICT_NO, "%s", strerror(-error));
}

#define KERNEL_5_15 (5 << 16 | 15)

static const struct ft_hostcheck table[] = {
	{ "kernel", "version", ft_probe_kernel, .number = KERNEL_5_15,
	  .consequence = "flametrail is made for 5.15 and later; older ones are not tried",
	  .remedy = "install a newer kernel" },
	{ "kernel", "architecture", ft_probe_architecture,
	  .consequence = "stacks of this architecture cannot be walked",
	  .remedy = "use x86_64 or aarch64", .needed = true },
	{ "kernel", "BTF", ft_probe_readable, .key = "/sys/kernel/btf/vmlinux", .needed = true,
	  .consequence = "BPF programs cannot be fitted to this kernel",
	  .remedy = "use a kernel with CONFIG_DEBUG_INFO_BTF=y (Debian's have it)" },
	{ "kernel", "lockdown", ft_probe_lockdown,
	  .consequence = "BPF programs may not read kernel memory",
	  .remedy = "boot without lockdown=confidentiality" },
	{ "kernel", "kernel symbols", ft_probe_kallsyms,
	  .consequence = "kernel frames are shown as addresses",
	  .remedy = "sysctl -w kernel.kptr_restrict=1, and run as root or with CAP_SYSLOG" },
	{ "kernel", "tracefs", ft_probe_readable, .key = "/sys/kernel/tracing/events",
	  .consequence = "plain tracepoints cannot be found by name; CPU profiling needs none",
	  .remedy = "mount -t tracefs tracefs /sys/kernel/tracing" },

	{ "process", "PID namespace", ft_probe_pid_namespace,
	  .consequence = "only processes of this namespace are seen",
	  .remedy = "run on the host itself (docker: --pid=host, Kubernetes: hostPID: true)" },
	{ "process", "user namespace", ft_probe_user_namespace,
	  .consequence = "capabilities count only inside the namespace, BPF is refused",
	  .remedy = "run outside of user namespaces (rootless containers have one)" },
	{ "process", "locked memory", ft_probe_memlock,
	  .consequence = "BPF maps and event buffers may be refused for their size",
	  .remedy = "ulimit -l unlimited (systemd: LimitMEMLOCK=infinity)" },

	{ "capability", "BPF", ft_probe_capability, .number = CAP_BPF,
	  .consequence = "no BPF program can be loaded" },
	{ "capability", "PERFMON", ft_probe_capability, .number = CAP_PERFMON,
	  .consequence = "no system-wide events, no tracing programs" },
	{ "capability", "SYS_PTRACE", ft_probe_capability, .number = CAP_SYS_PTRACE,
	  .consequence = "mappings of other users' processes cannot be read: no names for them" },
	{ "capability", "DAC_READ_SEARCH", ft_probe_capability, .number = CAP_DAC_READ_SEARCH,
	  .consequence = "programs this user may not read get no names" },
	{ "capability", "SYSLOG", ft_probe_capability, .number = CAP_SYSLOG,
	  .consequence = "addresses of kernel symbols may be hidden" },
	{ "capability", "SYS_RESOURCE", ft_probe_capability, .number = CAP_SYS_RESOURCE,
	  .consequence = "the limit on locked memory cannot be raised; matters before Linux 5.11",
	  .remedy = "nothing on Linux 5.11 and later; else ulimit -l unlimited" },

	{ "setting", "kernel.kptr_restrict", ft_probe_sysctl_unless, .key = "kernel/kptr_restrict",
	  .number = CAP_SYSLOG, .consequence = "kernel frames are shown as addresses",
	  .remedy = "sysctl -w kernel.kptr_restrict=1, and run as root or with CAP_SYSLOG" },
	{ "setting", "kernel.perf_event_paranoid", ft_probe_paranoid,
	  .key = "kernel/perf_event_paranoid", .number = CAP_PERFMON,
	  .consequence = "no system-wide events for this user, above 2 not even with CAP_PERFMON",
	  .remedy = "sysctl -w kernel.perf_event_paranoid=2" },
	{ "setting", "kernel.unprivileged_bpf_disabled", ft_probe_sysctl_unless,
	  .key = "kernel/unprivileged_bpf_disabled", .number = CAP_BPF,
	  .consequence = "no BPF for this user" },
	{ "setting", "kernel.perf_event_max_stack", ft_probe_sysctl_least,
	  .key = "kernel/perf_event_max_stack", .number = 127,
	  .consequence = "deeper kernel stacks are cut",
	  .remedy = "sysctl -w kernel.perf_event_max_stack=127" },
	{ "setting", "kernel.perf_event_mlock_kb", ft_probe_sysctl_least,
	  .key = "kernel/perf_event_mlock_kb", .number = 516,
	  .consequence = "buffers for process events may be refused without CAP_IPC_LOCK",
	  .remedy = "sysctl -w kernel.perf_event_mlock_kb=516" },
	{ "setting", "net.core.bpf_jit_enable", ft_probe_sysctl_least,
	  .key = "net/core/bpf_jit_enable", .number = 1,
	  .consequence = "BPF programs are interpreted: a sample costs several times more",
	  .remedy = "sysctl -w net.core.bpf_jit_enable=1" },
	{ "setting", "kernel.yama.ptrace_scope", ft_probe_sysctl_unless,
	  .key = "kernel/yama/ptrace_scope", .number = CAP_SYS_PTRACE,
	  .consequence = "memory of this user's own processes cannot be read" },

	{ "event", "cpu-clock", ft_probe_perf_event, .number = PERF_TYPE_SOFTWARE, .needed = true,
	  .consequence = "there is no tick to sample at",
	  .remedy = "sysctl -w kernel.perf_event_paranoid=2, or run as root" },
	{ "event", "hardware cycles", ft_probe_perf_event, .number = PERF_TYPE_HARDWARE,
	  .consequence = "sampling by cycles is not to be had; by time it is",
	  .remedy = "virtual machines: switch on the virtual PMU" },
	{ "event", "process events", ft_probe_side_band, .number = 0, .needed = true,
	  .consequence = "new processes and mappings are not seen",
	  .remedy = "sysctl -w kernel.perf_event_paranoid=2, or run as root" },
	{ "event", "process events with build-id", ft_probe_side_band, .number = 1,
	  .consequence = "build-ids are read from files instead",
	  .remedy = "use Linux 5.12 or later" },

	{ "bpf", "ring buffer", ft_probe_ring_buffer, .needed = true,
	  .consequence = "samples have no way to user space", .remedy = "use Linux 5.8 or later" },
	{ "bpf", "perf_event", ft_probe_bpf_perf_event, .needed = true,
	  .consequence = "there is no CPU profile",
	  .remedy = "see event cpu-clock; else use Linux 5.15 or later" },
	{ "bpf", "tp_btf", ft_probe_bpf_tracing, .key = "sched_process_fork",
	  .number = BPF_TRACE_RAW_TP,
	  .consequence = "children of a profiled process are not followed",
	  .remedy = "use Linux 5.5 or later with BTF" },
	{ "bpf", "tracepoint", ft_probe_bpf_tracepoint, .key = "sched/sched_process_exec",
	  .consequence = "nothing in CPU profiles",
	  .remedy = "mount -t tracefs tracefs /sys/kernel/tracing" },
	{ "bpf", "raw tracepoint", ft_probe_bpf_raw_tracepoint, .key = "sched_process_exit",
	  .consequence = "nothing in CPU profiles", .remedy = "use Linux 4.17 or later" },
	{ "bpf", "task iterator", ft_probe_bpf_tracing, .key = "task", .number = BPF_TRACE_ITER,
	  .consequence = "no survey of waiting threads", .remedy = "use Linux 5.8 or later" },
	{ "bpf", "kprobe", ft_probe_bpf_probe, .key = "kprobe",
	  .consequence = "kernel functions cannot be probed; CPU profiling needs none",
	  .remedy = "use a kernel with CONFIG_KPROBES=y" },
	{ "bpf", "uprobe", ft_probe_bpf_probe, .key = "uprobe",
	  .consequence = "no allocation profiles", .remedy = "use a kernel with CONFIG_UPROBES=y" },
	{ "bpf", "uprobe_multi", ft_probe_bpf_uprobe_multi,
	  .consequence = "probes are attached one by one, which takes longer",
	  .remedy = "use Linux 6.6 or later" },
	{ "bpf", "bpf_loop", ft_probe_bpf_helper, .number = BPF_FUNC_loop,
	  .consequence = "user stacks are walked to fewer frames",
	  .remedy = "use Linux 5.17 or later" },
	{ "bpf", "task work", ft_probe_bpf_kfunc, .key = "bpf_task_work_schedule_resume",
	  .consequence = "stacks of waits are taken when the thread leaves the CPU instead",
	  .remedy = "use Linux 6.18 or later" },
};

const struct ft_hostcheck *ft_hostcheck_table(size_t *ret_n)
{
	*ret_n = FT_COUNT(table);
	return table;
}
