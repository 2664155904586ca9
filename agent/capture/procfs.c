#include "agent/capture/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/procmaps.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/units.h"

static int gone_or(int r)
{
	return r == -ENOENT ? -ESRCH : r;
}

/* /proc/PID/stat: pid (comm) state ppid ...; comm may hold anything, also ')'. */
static uint32_t parent_of(int process)
{
	char line[1024];
	const char *after;
	uint32_t ppid;

	if (ft_read_line(process, "stat", line, sizeof(line)) < 0)
		return 0;
	after = strrchr(line, ')');
	if (!after || sscanf(after + 1, " %*c %u", &ppid) != 1)
		return 0;
	return ppid;
}

static int read_maps(int process, char **ret_text, size_t *ret_len)
{
	_cleanup_close_ int fd = openat(process, "maps", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return ft_read_fd(fd, FT_PROCFS_MAPS_MAX, ret_text, ret_len);
}

static int take_maps(uint32_t pid, const char *text, size_t len, struct ft_processes *processes,
		     struct ft_files *files)
{
	struct ft_procmaps_line line;
	int r;

	while (ft_procmaps_next(&text, &len, &line)) {
		struct ft_mapping mapping = { line.start, line.end, line.offset, 0 };

		if (!line.executable)
			continue;
		mapping.file = ft_files_number(files, &line.inode, line.path, line.path_len);
		r = ft_processes_map(processes, pid, &mapping);
		if (r < 0)
			return r;
	}
	return 0;
}

int ft_procfs_read(uint32_t pid, struct ft_processes *processes, struct ft_files *files)
{
	_cleanup_close_ int directory = -1;
	_cleanup_free_ char *text = NULL;
	struct ft_process *process;
	char name[32], comm[64];
	size_t len;
	int r;

	snprintf(name, sizeof(name), "/proc/%u", pid);
	directory = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return gone_or(-errno);
	r = ft_read_line(directory, "comm", comm, sizeof(comm));
	if (r < 0)
		return gone_or(r);
	r = read_maps(directory, &text, &len);
	if (r < 0)
		return gone_or(r);
	r = ft_processes_comm(processes, pid, comm);
	if (r < 0)
		return r;
	r = take_maps(pid, text, len, processes, files);
	process = ft_processes_find(processes, pid);
	if (process) {
		process->ppid = parent_of(directory);
		process->knowledge = FT_PROCESS_COMPLETE;
		process->read_ns = ft_monotonic_ns();
	}
	return r;
}

int ft_procfs_walk_begin(struct ft_procfs_walk *walk)
{
	walk->directory = opendir("/proc");
	return walk->directory ? 0 : -errno;
}

void ft_procfs_walk_end(struct ft_procfs_walk *walk)
{
	if (walk->directory)
		closedir(walk->directory);
	walk->directory = NULL;
}

uint32_t ft_procfs_walk_next(struct ft_procfs_walk *walk)
{
	struct dirent *entry;
	uint64_t pid;

	while (walk->directory && (entry = readdir(walk->directory)))
		if (ft_parse_number(entry->d_name, 1, UINT32_MAX, &pid) == 0)
			return (uint32_t)pid;
	ft_procfs_walk_end(walk);
	return 0;
}
