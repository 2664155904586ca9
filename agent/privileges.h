/* privileges.h - who each process is.
 *
 * Only the collector keeps capabilities, and only those it uses. The symbolizer reads
 * files anybody may have crafted, the server talks to anybody: each has a user id of
 * its own, so that neither can touch the other, nor the collector. Without root all
 * of them are the caller. */
#pragma once

#include <sys/types.h>

#include "base/base.h"

enum ft_role { FT_ROLE_COLLECTOR, FT_ROLE_SYMBOLIZER, FT_ROLE_SERVER };

/* The user id of a role: that of the system user "flametrail" (server) or
 * "flametrail-symbolizer" when there is one, else a fixed number from the range that
 * Debian and systemd leave to local use; our own without root. */
uid_t ft_role_uid(enum ft_role role);

/* Become this role for good: user and group, no supplementary groups, no
 * capabilities but the collector's, no new privileges by exec, no core dumps. Dies
 * with the parent. 0 or -errno; then the process must end. */
int ft_become(enum ft_role role) FT_MUST_CHECK;
