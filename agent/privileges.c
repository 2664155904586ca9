#include "agent/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Not given to anybody by Debian's or systemd's rules. */
#define SERVER_UID     64717
#define SYMBOLIZER_UID 64718

static const unsigned int collector_caps[] = {
	CAP_BPF,	     /* load programs, make maps */
	CAP_PERFMON,	     /* perf events of the whole host, read kernel memory in BPF */
	CAP_SYS_PTRACE,	     /* /proc/PID/maps and root of other users */
	CAP_DAC_READ_SEARCH, /* program files only their users may read */
	CAP_SYSLOG,	     /* addresses in /proc/kallsyms */
	CAP_SYS_RESOURCE,    /* memory limits of maps before cgroup accounting */
};

uid_t ft_role_uid(enum ft_role role)
{
	const char *name = role == FT_ROLE_SERVER ? "flametrail" : "flametrail-symbolizer";
	const struct passwd *user;

	if (role == FT_ROLE_COLLECTOR || geteuid() != 0)
		return geteuid();
	user = getpwnam(name);
	if (user && user->pw_uid != 0)
		return user->pw_uid;
	return role == FT_ROLE_SERVER ? SERVER_UID : SYMBOLIZER_UID;
}

static int keep_collector_caps(void)
{
	bool may_bound;

	capng_get_caps_process();
	may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (unsigned int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		bool keep = false;

		for (size_t i = 0; i < FT_COUNT(collector_caps); i++)
			keep |= collector_caps[i] == cap;
		if (!keep && capng_have_capability(CAPNG_PERMITTED, cap))
			capng_update(CAPNG_DROP,
				     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE |
					     CAPNG_BOUNDING_SET,
				     cap);
	}
	/* The bounding set first: to lower it takes CAP_SETPCAP, which goes with the rest. */
	if (may_bound && capng_apply(CAPNG_SELECT_BOUNDS) < 0)
		return -EPERM;
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

static int drop_everything(enum ft_role role)
{
	uid_t uid = ft_role_uid(role);

	capng_clear(CAPNG_SELECT_BOTH);
	if (geteuid() == 0)
		return capng_change_id((int)uid, (int)uid,
				       CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) < 0
			       ? -EPERM
			       : 0;
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

int ft_become(enum ft_role role)
{
	struct rlimit none = { 0, 0 };
	pid_t parent = getppid();
	int r;

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	r = role == FT_ROLE_COLLECTOR ? keep_collector_caps() : drop_everything(role);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	/* After the change of user, which forgets it. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH; /* it died in between */
}
