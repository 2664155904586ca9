/* forker [COUNT [MS [exec]]] - COUNT children (20), one after the other, that burn MS (50)
 * milliseconds of CPU time each in child_burn and exit; with exec, each is first replaced
 * by this program anew, found by the path it was called with. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/truth/truth.h"

static TRUTH_NOINLINE void child_burn(uint64_t ns)
{
	BURN(ns);
}

static uint64_t ns_of(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_usec * 1000u;
}

static void be_child(const char *program, const char *ms, int exec)
{
	if (exec) {
		execl(program, program, "child", ms, (char *)NULL);
		_exit(127);
	}
	child_burn(strtoull(ms, NULL, 10) * 1000000u);
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *ms = argc > 2 ? argv[2] : "50";
	int count = argc > 1 ? atoi(argv[1]) : 20;
	uint64_t children_ns = 0;

	if (argc > 2 && strcmp(argv[1], "child") == 0)
		be_child(argv[0], ms, 0);
	tell("pid", (uint64_t)getpid());
	for (int i = 0; i < count; i++) {
		struct rusage usage;
		int status;
		pid_t pid = fork();

		if (pid == 0)
			be_child(argv[0], ms, argc > 3);
		if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || status != 0)
			return 1;
		children_ns += ns_of(&usage.ru_utime) + ns_of(&usage.ru_stime);
	}
	tell("children", (uint64_t)count);
	tell("children_ns", children_ns);
	tell("parent_ns", clock_of(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
