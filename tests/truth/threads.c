/* threads [SECONDS] - four threads, named truth-40 to truth-10, that use CPU time in the
 * ratio of their names, all in thread_work, and sleep between. */
#include <pthread.h>

#include "tests/truth/truth.h"

#define ROUND_NS 20000000u /* on average */

static uint64_t start_ns, end_ns;

static struct worker {
	const char *name;
	uint64_t share; /* percent of all four */
	uint64_t used_ns;
	pthread_t thread;
} workers[] = {
	{ "truth-40", 40, 0, 0 },
	{ "truth-30", 30, 0, 0 },
	{ "truth-20", 20, 0, 0 },
	{ "truth-10", 10, 0, 0 },
};

static TRUTH_NOINLINE void thread_work(uint64_t ns)
{
	BURN(ns);
}

static void sleep_ns(uint64_t ns)
{
	struct timespec time = { .tv_nsec = (long)ns };

	nanosleep(&time, NULL);
}

/* All four together use half a CPU. What one round burns too much, the next one burns
 * less; after a standstill they catch up by bits, so that they can still be ended. */
static void *run(void *argument)
{
	struct worker *worker = argument;
	uint64_t random = worker->share, wanted;

	pthread_setname_np(pthread_self(), worker->name);
	while (truth_goes_on(end_ns)) {
		wanted = (wall_ns() - start_ns) * worker->share / 200;
		if (wanted > thread_ns()) {
			uint64_t due = wanted - thread_ns();

			thread_work(due < ROUND_NS ? due : ROUND_NS);
		}
		sleep_ns(jitter(&random, ROUND_NS));
	}
	worker->used_ns = thread_ns();
	return NULL;
}

int main(int argc, char **argv)
{
	start_ns = wall_ns();
	end_ns = truth_begin(argc, argv);
	for (size_t i = 0; i < 4; i++)
		if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0)
			return 1;
	for (size_t i = 0; i < 4; i++) {
		pthread_join(workers[i].thread, NULL);
		tell(workers[i].name, workers[i].used_ns);
	}
	tell("total_ns", clock_of(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
