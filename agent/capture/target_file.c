#include "agent/capture/target_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/clock.h"
#include "base/io.h"
#include "flametrail/unwind.h"

_Static_assert(FT_TARGET_FILE_MAX_BYTES >> FT_UNWIND_PAGE_BITS == FT_UNWIND_FILE_PAGES,
	       "unwind tables have a page for every byte of a file that may be read");

struct owner {
	uid_t uid;
	gid_t gid;
};

/* O_PATH: nothing is opened for reading yet, so no device wakes up. */
static int look_up(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Supplementary groups are not looked at: too strict is safe. */
static bool may_read(const struct stat *st, const struct owner *owner)
{
	if (owner->uid == 0)
		return true;
	if (st->st_uid == owner->uid)
		return st->st_mode & S_IRUSR;
	if (st->st_gid == owner->gid)
		return st->st_mode & S_IRGRP;
	return st->st_mode & S_IROTH;
}

static bool same_inode(const struct stat *st, const struct ft_inode *inode)
{
	return st->st_ino == inode->number && major(st->st_dev) == inode->major &&
	       minor(st->st_dev) == inode->minor;
}

/* Only file systems without a device of their own (overlayfs, btrfs) tell stat(2) another
 * device than the kernel has, and only then is another device no other file. */
static bool may_be_renumbered(const struct stat *st, const struct ft_inode *inode)
{
	return major(st->st_dev) == 0 && (inode->major != 0 || minor(st->st_dev) != inode->minor);
}

/* What a program answers to reads (FUSE) may make even closing wait for ever, and the
 * program may be the target itself. */
static bool is_served_by_a_program(int place)
{
	struct statfs fs;

	return fstatfs(place, &fs) < 0 || fs.f_type == FUSE_SUPER_MAGIC;
}

/* owner NULL: nobody vouches for the path, so the inode must. */
static int check(const struct stat *st, const struct ft_inode *inode, const struct owner *owner,
		 enum ft_target_trust *ret_trust)
{
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	if ((uint64_t)st->st_size > FT_TARGET_FILE_MAX_BYTES)
		return -EFBIG;
	if (same_inode(st, inode)) {
		*ret_trust = FT_TARGET_SAME_INODE;
		return 0;
	}
	if (!owner || !may_be_renumbered(st, inode))
		return -ESTALE; /* replaced since it was mapped */
	if (!may_read(st, owner))
		return -EACCES;
	*ret_trust = FT_TARGET_SAME_PATH;
	return 0;
}

static int open_checked(int root, const char *path, const struct ft_inode *inode,
			const struct owner *owner, struct ft_target_file *ret_file)
{
	_cleanup_close_ int place = look_up(root, path);
	_cleanup_close_ int fd = -1;
	enum ft_target_trust trust;
	char self[32];
	struct stat st;
	int r;

	if (place < 0)
		return place;
	if (is_served_by_a_program(place))
		return -EOPNOTSUPP;
	if (fstat(place, &st) < 0)
		return -errno;
	r = check(&st, inode, owner, &trust);
	if (r < 0)
		return r;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", place);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	*ret_file = (struct ft_target_file){
		.fd = FT_TAKE_FD(fd),
		.trust = trust,
		.size = (uint64_t)st.st_size,
		.ctime_ns = (uint64_t)st.st_ctim.tv_sec * FT_NS_PER_SEC +
			    (uint64_t)st.st_ctim.tv_nsec,
	};
	return 0;
}

/* What it may read by. Not from the owner of its directory in /proc: that is root as soon
 * as a process says it may not be dumped, and root may read everything. */
static int owner_of(int process, struct owner *ret_owner)
{
	struct owner owner;
	char text[4096];
	const char *uids, *gids;
	int r = ft_read_line(process, "status", text, sizeof(text));

	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	uids = strstr(text, "\nUid:");
	gids = strstr(text, "\nGid:");
	if (!uids || sscanf(uids, " Uid: %*u %*u %*u %u", &owner.uid) != 1 || !gids ||
	    sscanf(gids, " Gid: %*u %*u %*u %u", &owner.gid) != 1)
		return -EACCES;
	*ret_owner = owner;
	return 0;
}

int ft_target_file_open(uint32_t pid, const char *path, const struct ft_inode *inode,
			struct ft_target_file *ret_file)
{
	_cleanup_close_ int process = -1, root = -1;
	struct owner owner;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "/proc/%u", pid);
	process = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = owner_of(process, &owner);
	if (r < 0)
		return r;
	/* This one magic link is ours: it leads to the root the process has. */
	root = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return open_checked(root, path, inode, &owner, ret_file);
}

int ft_target_file_open_here(const char *path, const struct ft_inode *inode,
			     struct ft_target_file *ret_file)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return root < 0 ? -errno : open_checked(root, path, inode, NULL, ret_file);
}
