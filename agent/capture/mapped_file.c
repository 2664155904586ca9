#include "agent/capture/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "agent/capture/opener.h"
#include "agent/capture/target_file.h"
#include "base/io.h"

#define MAX_ANCESTORS 8u    /* whose root is tried for a process that has gone */
#define VDSO_BYTES    8192u /* two pages on every kernel so far */

static int open_kallsyms(void)
{
	int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* One kernel gives every process the same vDSO: ours will do. As much of it as is mapped,
 * a page at a time: how long it is, only its ELF header tells. */
static int open_vdso(void)
{
	unsigned long start = getauxval(AT_SYSINFO_EHDR);
	_cleanup_close_ int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int fd = memfd_create("vdso", MFD_CLOEXEC);
	char page[4096];

	if (start == 0)
		return -ENOENT;
	if (memory < 0 || fd < 0)
		return -errno;
	for (unsigned long at = 0; at < VDSO_BYTES; at += sizeof(page)) {
		int r;

		if (pread(memory, page, sizeof(page), (off_t)(start + at)) != sizeof(page))
			break;
		r = ft_write_all(fd, page, sizeof(page));
		if (r < 0)
			return r;
	}
	return FT_TAKE_FD(fd);
}

static int open_mapped(struct ft_opener *opener, struct ft_processes *processes,
		       const struct ft_file *file, uint32_t pid, struct ft_target_file *ret_file)
{
	int r = ft_opener_open(opener, pid, file->path, &file->inode, ret_file);

	for (uint32_t i = 0; r == -ESRCH && i < MAX_ANCESTORS; i++) {
		const struct ft_process *process = ft_processes_find(processes, pid);

		if (!process || process->ppid == 0)
			break;
		pid = process->ppid;
		r = ft_opener_open(opener, pid, file->path, &file->inode, ret_file);
		if (r == 0 && ret_file->trust != FT_TARGET_SAME_INODE) {
			ft_closep(&ret_file->fd);
			return -ESTALE;
		}
	}
	if (r == -ESRCH)
		r = ft_opener_open(opener, 0, file->path, &file->inode, ret_file);
	return r;
}

int ft_mapped_file_open(struct ft_opener *opener, struct ft_files *files,
			struct ft_processes *processes, uint32_t number, uint32_t pid)
{
	struct ft_target_file opened = { .fd = -1 };
	int r;

	if (number == FT_FILES_KERNEL)
		return open_kallsyms();
	if (number == FT_FILES_VDSO)
		return open_vdso();
	r = open_mapped(opener, processes, ft_files_at(files, number), pid, &opened);
	return r < 0 ? r : opened.fd;
}
