/* sleeper [SECONDS] - does nothing, in small_sleep: a CPU profile of it is empty. */
#include "tests/truth/truth.h"

static TRUTH_NOINLINE void small_sleep(void)
{
	struct timespec time = { .tv_nsec = 100000000 };

	nanosleep(&time, NULL);
}

int main(int argc, char **argv)
{
	uint64_t end = truth_begin(argc, argv);

	while (truth_goes_on(end))
		small_sleep();
	tell("total_ns", clock_of(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
