/* pprof_dir.h - finished windows as pprof files in a directory. */
#pragma once

#include <stdint.h>

#include "base/base.h"

struct ft_store;

/* Write [from, to) of each kind that has samples in it as
 * dir/flametrail-KIND-YYYYmmddTHHMMSSZ.pb.gz (its begin in UTC), replacing what is
 * there. 0 or the first -errno; the others are written nevertheless. */
int ft_pprof_dir_write(struct ft_store *store, const char *dir, uint64_t from_ns,
		       uint64_t to_ns) FT_MUST_CHECK;
