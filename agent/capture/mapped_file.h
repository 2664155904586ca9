/* mapped_file.h - a file by its number, wherever it must be looked for. */
#pragma once

#include <stdint.h>

#include "agent/capture/files.h"
#include "agent/profile/processes.h"
#include "base/base.h"

struct ft_opener;

/* Open file number for reading: as process pid sees it (target_file.h); when that has gone,
 * as its nearest living ancestor does, then as we do, and then only if the inode is the one
 * that was mapped. The kernel's symbols and the vDSO, which every process shares, are opened
 * from here. A descriptor that the caller closes, or -errno. */
int ft_mapped_file_open(struct ft_opener *opener, struct ft_files *files,
			struct ft_processes *processes, uint32_t number,
			uint32_t pid) FT_MUST_CHECK;
