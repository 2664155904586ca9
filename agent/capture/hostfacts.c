#include "agent/capture/hostfacts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "agent/capture/hostcheck.h"
#include "agent/capture/perf_event.h"
#include "base/io.h"

#define INITIAL_PIDNS 0xeffffffcu /* PROC_PID_INIT_INO: inode of the first namespace */

bool ft_have_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };
	bool covered = capability == CAP_BPF || capability == CAP_PERFMON ||
		       capability == CAP_CHECKPOINT_RESTORE;

	if (syscall(SYS_capget, &header, sets) < 0)
		return false;
	if (sets[capability / 32].effective >> (capability % 32) & 1)
		return true;
	return covered && ft_have_capability(CAP_SYS_ADMIN);
}

void ft_probe_kernel(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	uname(&name);
	ft_finding_set(finding, FT_VERDICT_YES, "%s", name.release);
	if (sscanf(name.release, "%u.%u", &major, &minor) != 2)
		finding->verdict = FT_VERDICT_UNKNOWN;
	else if (((uint64_t)major << 16 | minor) < check->number)
		finding->verdict = FT_VERDICT_DEGRADED;
}

void ft_probe_architecture(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	struct utsname name;

	(void)check;
	uname(&name);
	ft_finding_set(finding, FT_VERDICT_YES, "%s", name.machine);
	if (strcmp(name.machine, "x86_64") != 0 && strcmp(name.machine, "aarch64") != 0)
		finding->verdict = FT_VERDICT_NO;
}

void ft_probe_readable(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	if (access(check->key, R_OK) < 0)
		ft_finding_error(finding, -errno);
	else
		ft_finding_set(finding, FT_VERDICT_YES, "%s", check->key);
}

void ft_probe_lockdown(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	char text[64];
	int r = ft_read_line(AT_FDCWD, "/sys/kernel/security/lockdown", text, sizeof(text));

	(void)check;
	if (r == -ENOENT)
		ft_finding_set(finding, FT_VERDICT_YES, "none");
	else if (r < 0)
		ft_finding_set(finding, FT_VERDICT_UNKNOWN, "%s", strerror(-r));
	else
		ft_finding_set(finding,
			       strstr(text, "[confidentiality]") ? FT_VERDICT_NO : FT_VERDICT_YES,
			       "%s", text);
}

/* Without permission the file is readable but all its addresses are 0. */
void ft_probe_kallsyms(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	char text[4096];
	int r = ft_read_line(AT_FDCWD, "/proc/kallsyms", text, sizeof(text));

	(void)check;
	if (r < 0) {
		ft_finding_error(finding, r);
		return;
	}
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strspn(line, "0 ") < 16 && strspn(line, "0123456789abcdef") == 16) {
			ft_finding_set(finding, FT_VERDICT_YES, "/proc/kallsyms");
			return;
		}
	}
	finding->forbidden = !ft_have_capability(CAP_SYSLOG);
	ft_finding_set(finding, FT_VERDICT_NO, "/proc/kallsyms hides addresses");
}

void ft_probe_pid_namespace(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	struct stat st;

	(void)check;
	if (stat("/proc/self/ns/pid", &st) < 0)
		ft_finding_set(finding, FT_VERDICT_UNKNOWN, "%s", strerror(errno));
	else if (st.st_ino == INITIAL_PIDNS)
		ft_finding_set(finding, FT_VERDICT_YES, "the host's own");
	else
		ft_finding_set(finding, FT_VERDICT_DEGRADED, "not the host's own");
}

void ft_probe_user_namespace(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	unsigned int inside, outside, count;
	char text[128];
	int r = ft_read_line(AT_FDCWD, "/proc/self/uid_map", text, sizeof(text));

	(void)check;
	if (r == -ENOENT) {
		ft_finding_set(finding, FT_VERDICT_YES, "none in this kernel");
	} else if (r < 0 || sscanf(text, "%u %u %u", &inside, &outside, &count) != 3) {
		ft_finding_set(finding, FT_VERDICT_UNKNOWN, "/proc/self/uid_map");
	} else if (inside == 0 && outside == 0 && count == UINT32_MAX) {
		ft_finding_set(finding, FT_VERDICT_YES, "the host's own");
	} else {
		ft_finding_set(finding, FT_VERDICT_DEGRADED, "not the host's own");
	}
}

void ft_probe_capability(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	if (ft_have_capability((unsigned int)check->number))
		return;
	/* An entry with a remedy of its own is one that privileges are not asked for. */
	finding->forbidden = !check->remedy;
	ft_finding_set(finding, FT_VERDICT_NO, "missing");
}

/* Before 5.11 all of BPF's memory counted; since then only perf's buffers do. */
void ft_probe_memlock(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	struct rlimit limit;

	(void)check;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		ft_finding_set(finding, FT_VERDICT_UNKNOWN, "%s", strerror(errno));
	else if (limit.rlim_cur == RLIM_INFINITY)
		ft_finding_set(finding, FT_VERDICT_YES, "unlimited");
	else
		ft_finding_set(finding,
			       limit.rlim_cur < (1u << 20) && !ft_have_capability(CAP_IPC_LOCK)
				       ? FT_VERDICT_DEGRADED
				       : FT_VERDICT_YES,
			       "%" PRIu64 " KiB", (uint64_t)limit.rlim_cur / 1024);
}

/* Whether there is a value to judge; where there is none the finding is complete. */
static bool read_sysctl(const struct ft_hostcheck *check, struct ft_finding *finding,
			long *ret_value)
{
	char path[128], text[32], *end;
	int r;

	snprintf(path, sizeof(path), "/proc/sys/%s", check->key);
	r = ft_read_line(AT_FDCWD, path, text, sizeof(text));
	if (r == -ENOENT) {
		/* Not built in, or hidden from this namespace. */
		ft_finding_set(finding, FT_VERDICT_UNKNOWN, "not set on this host");
		return false;
	}
	if (r < 0) {
		ft_finding_error(finding, r);
		finding->verdict = FT_VERDICT_UNKNOWN;
		return false;
	}
	*ret_value = strtol(text, &end, 10);
	if (end == text || *end) {
		ft_finding_set(finding, FT_VERDICT_UNKNOWN, "not a number");
		return false;
	}
	ft_finding_set(finding, FT_VERDICT_YES, "%ld", *ret_value);
	return true;
}

void ft_probe_sysctl_least(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	long value;

	if (read_sysctl(check, finding, &value) && value < (long)check->number)
		finding->verdict = FT_VERDICT_DEGRADED;
}

void ft_probe_sysctl_unless(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	long value;

	if (!read_sysctl(check, finding, &value)) {
		/* Yama may be missing; the others always are there. */
		if (!finding->forbidden)
			finding->verdict = FT_VERDICT_YES;
		return;
	}
	if (value <= 0)
		return;
	if (check->number == CAP_SYSLOG && value >= 2) {
		finding->verdict = FT_VERDICT_NO; /* hidden from everybody */
	} else if (!ft_have_capability((unsigned int)check->number)) {
		finding->verdict = FT_VERDICT_DEGRADED;
		finding->forbidden = true;
	}
}

/* Mainline ends at 2. Kernels of Debian and Ubuntu know more, where CAP_SYS_ADMIN is asked
 * in place of CAP_PERFMON: no capability that we advise would help. */
void ft_probe_paranoid(const struct ft_hostcheck *check, struct ft_finding *finding)
{
	long value;

	if (!read_sysctl(check, finding, &value) || value <= 2 || ft_perf_event_try() == 0)
		ft_probe_sysctl_unless(check, finding);
	else
		finding->verdict = FT_VERDICT_DEGRADED;
}
