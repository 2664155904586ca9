/* syscalls [SECONDS] - nearly all its time in the kernel, below do_syscalls: 64 KiB at a
 * time through a pipe, and the names in /proc. */
#include <dirent.h>
#include <sys/resource.h>

#include "tests/truth/truth.h"

static int ends[2];
static char bytes[64 << 10];
static uint64_t calls;

static TRUTH_NOINLINE int do_syscalls(void)
{
	DIR *dir = opendir("/proc");

	if (!dir)
		return -1;
	while (readdir(dir))
		;
	closedir(dir);
	for (int i = 0; i < 64; i++) {
		if (write(ends[1], bytes, sizeof(bytes)) != sizeof(bytes) ||
		    read(ends[0], bytes, sizeof(bytes)) != sizeof(bytes))
			return -1;
		calls += 2;
	}
	return 0;
}

static uint64_t ns_of(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_usec * 1000u;
}

int main(int argc, char **argv)
{
	uint64_t end = truth_begin(argc, argv);
	struct rusage usage;

	if (pipe(ends) < 0)
		return 1;
	while (truth_goes_on(end))
		if (do_syscalls() < 0)
			return 1;
	getrusage(RUSAGE_SELF, &usage);
	tell("pipe_calls", calls);
	tell("user_ns", ns_of(&usage.ru_utime));
	tell("system_ns", ns_of(&usage.ru_stime));
	tell("total_ns", clock_of(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
