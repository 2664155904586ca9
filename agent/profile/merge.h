/* merge.h - one profile added to another. */
#pragma once

#include "agent/profile/profile.h"

/* Add every row of from to into, which must have as many sample types, meaning the
 * same. Facts about the whole and comments stay as they are in into. 0, -ENOMEM,
 * -E2BIG or -EOVERFLOW; after a failure part of the rows may have been added. */
int ft_profile_merge(struct ft_profile *into, const struct ft_profile *from) FT_MUST_CHECK;
