/* target_file.h - opening a file that a profiled process has mapped.
 *
 * The most dangerous thing the collector does: the process chooses names, and what
 * lies behind them. So: only inside the process's own root, never through magic
 * links, regular files of bounded size only, looked at before they are opened (a
 * device or a pipe is never opened), and only what the process may read itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/profile/process_event.h"
#include "base/base.h"

#define FT_TARGET_FILE_MAX_BYTES (8ull << 30)

enum ft_target_trust {
	/* The inode found is the one that was mapped. */
	FT_TARGET_SAME_INODE,
	/* The process lives and may read it, but the file system numbers its inodes
	 * otherwise than the kernel does (overlayfs, btrfs). */
	FT_TARGET_SAME_PATH,
};

struct ft_target_file {
	int fd; /* read only; the receiver's */
	enum ft_target_trust trust;
	uint64_t size;
	uint64_t ctime_ns;
};

/* Open path as process pid sees it. 0, or: -ENOENT gone, -ESRCH the process has gone,
 * -EACCES not the process's to read, -EINVAL not a regular file, -EFBIG, -ESTALE
 * another file is there now, -EOPNOTSUPP a program serves it (FUSE), other -errno.
 * May block for ever where a program serves part of the path: see opener.h. */
int ft_target_file_open(uint32_t pid, const char *path, const struct ft_inode *inode,
			struct ft_target_file *ret_file) FT_MUST_CHECK;

/* The same for a process that has gone, in our own root: the inode must be the same. */
int ft_target_file_open_here(const char *path, const struct ft_inode *inode,
			     struct ft_target_file *ret_file) FT_MUST_CHECK;
