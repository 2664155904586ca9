/* opener.h - opens files of targets without waiting for them.
 *
 * A file system that its owner serves himself (FUSE, or anything on top of it) may
 * never answer, and then nothing wakes whoever asked. So that samples are taken all
 * the same, a thread asks, and is left behind when it takes too long. */
#pragma once

#include <stdint.h>

#include "base/base.h"

struct ft_inode;
struct ft_opener;
struct ft_target_file;

#define FT_OPENER_WAIT_MS   300u /* for one file */
#define FT_OPENER_MAX_STUCK 4u	 /* threads left behind; then no file is opened */

/* The caller owns *ret_opener. 0 or -ENOMEM. */
int ft_opener_new(struct ft_opener **ret_opener) FT_MUST_CHECK;
/* Free *p, which may be NULL, and set it to NULL. Threads left behind clean up after
 * themselves if they ever go on. */
void ft_opener_freep(struct ft_opener **p);

/* As ft_target_file_open, or with pid 0 ft_target_file_open_here; also -ETIMEDOUT,
 * -EBUSY while FT_OPENER_MAX_STUCK threads are stuck, and -ENOMEM or -EAGAIN. */
int ft_opener_open(struct ft_opener *opener, uint32_t pid, const char *path,
		   const struct ft_inode *inode, struct ft_target_file *ret_file) FT_MUST_CHECK;
