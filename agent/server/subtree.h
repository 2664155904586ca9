/* subtree.h - the part of a profile below one path of functions. */
#pragma once

#include <stdint.h>

#include "base/base.h"

struct ft_profile;

/* A path id is FNV-1a, 64 bits, over function name NUL library basename NUL for each
 * frame from the first below "all" (the command name, without library), written in
 * base 32, 13 lower-case letters. 0, or -EINVAL. */
int ft_path_id_parse(const char *text, uint64_t *ret_id) FT_MUST_CHECK;

/* A new profile of the stacks that begin with path root, cut to what is below it: its
 * root stands for the path's last frame. Empty when no stack goes there. The caller
 * owns *ret_profile. 0, -ENOMEM, -E2BIG or -EOVERFLOW. */
int ft_subtree_of(const struct ft_profile *profile, uint64_t root,
		  struct ft_profile **ret_profile) FT_MUST_CHECK;
