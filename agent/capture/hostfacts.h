/* hostfacts.h - checks that read: kernel, namespaces, capabilities, sysctls. Each
 * function is a probe of hostcheck.h; comments say what key and number mean to it. */
#pragma once

#include <stdbool.h>

struct ft_hostcheck;
struct ft_finding;

/* Whether this process has the capability in its effective set. For BPF, PERFMON and
 * CHECKPOINT_RESTORE the kernel takes SYS_ADMIN too. */
bool ft_have_capability(unsigned int capability);

/* number: least version, major << 16 | minor. */
void ft_probe_kernel(const struct ft_hostcheck *check, struct ft_finding *finding);
void ft_probe_architecture(const struct ft_hostcheck *check, struct ft_finding *finding);
/* key: a file that must be readable. */
void ft_probe_readable(const struct ft_hostcheck *check, struct ft_finding *finding);
void ft_probe_lockdown(const struct ft_hostcheck *check, struct ft_finding *finding);
void ft_probe_kallsyms(const struct ft_hostcheck *check, struct ft_finding *finding);
void ft_probe_pid_namespace(const struct ft_hostcheck *check, struct ft_finding *finding);
void ft_probe_user_namespace(const struct ft_hostcheck *check, struct ft_finding *finding);
/* number: the capability. */
void ft_probe_capability(const struct ft_hostcheck *check, struct ft_finding *finding);
void ft_probe_memlock(const struct ft_hostcheck *check, struct ft_finding *finding);

/* key: path below /proc/sys. At least number is good. */
void ft_probe_sysctl_least(const struct ft_hostcheck *check, struct ft_finding *finding);
/* At most 0 is good; above it only with capability number. */
void ft_probe_sysctl_unless(const struct ft_hostcheck *check, struct ft_finding *finding);
/* The same, of perf_event_paranoid, which above 2 may stand above the capability. */
void ft_probe_paranoid(const struct ft_hostcheck *check, struct ft_finding *finding);
