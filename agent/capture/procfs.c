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

bool ft_procfs_is_running(uint32_t pid)
{
	char path[32], line[1024];
	const char *after;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (ft_read_line(AT_FDCWD, path, line, sizeof(line)) < 0)
		return false;
	after = strrchr(line, ')');
	return after && strncmp(after, ") R", 3) == 0;
}

static int read_maps(int process, char **ret_text, size_t *ret_len)
{
	_cleanup_close_ int fd = openat(process, "maps", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return ft_read_fd(fd, FT_PROCFS_MAPS_MAX, ret_text, ret_len);
}

/* A list of its own: what the process had before and has no more must not stay. */
static int list_maps(const char *text, size_t len, struct ft_files *files,
		     struct ft_mappings **ret_mappings)
{
	_cleanup_mappings_ struct ft_mappings *mappings = NULL;
	struct ft_procmaps_line line;
	int r;

	r = ft_mappings_new(&mappings);
	if (r < 0)
		return r;
	while (ft_procmaps_next(&text, &len, &line)) {
		struct ft_mapping mapping = { line.start, line.end, line.offset, 0 };

		if (!line.executable)
			continue;
		mapping.file = ft_files_number(files, &line.inode, line.path, line.path_len);
		r = ft_mappings_insert(&mappings, &mapping);
		if (r == -E2BIG)
			break; /* what fits is better than nothing */
		if (r < 0)
			return r;
	}
	*ret_mappings = FT_TAKE(mappings);
	return 0;
}

int ft_procfs_read(uint32_t pid, struct ft_processes *processes, struct ft_files *files)
{
	_cleanup_mappings_ struct ft_mappings *mappings = NULL;
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
	r = list_maps(text, len, files, &mappings);
	if (r < 0)
		return r;
	r = ft_processes_get(processes, pid, &process);
	if (r < 0)
		return r;
	r = ft_processes_comm(processes, pid, comm);
	if (r < 0)
		return r;
	/* Empty when its main thread has ended while others run: then the old list holds. */
	if (ft_mappings_count(mappings) > 0) {
		ft_mappings_dropp(&process->mappings);
		process->mappings = FT_TAKE(mappings);
	}
	process->ppid = parent_of(directory);
	process->knowledge = FT_PROCESS_COMPLETE;
	process->read_ns = ft_monotonic_ns();
	return 0;
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
