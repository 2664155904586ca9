/* placement.h - from where code lies in a file to where tools expect it: the mapping a
 * loader would make and the address in it. Pure; the one place for this arithmetic. */
#pragma once

#include <stdint.h>

#include "agent/profile/profile.h"
#include "agent/profile/slice.h"

/* The address of a location of file as in its mapping, and into *mapping its kind,
 * start, limit and offset (its strings stay as they are). That is the file's own
 * address (vaddr) when a segment holds the location, in whole pages around the
 * segment; otherwise, and for kernel and anonymous memory, the location's address
 * as it is in a mapping of unknown extent (all 0). */
uint64_t ft_placement(const struct ft_slice_file *file, uint64_t address,
		      struct ft_profile_mapping *mapping);
