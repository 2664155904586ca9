/* shares [SECONDS] - 60, 30 and 10 % of its CPU time in three functions, at any moment:
 * slices of about 1 ms go to whoever is furthest behind. */
#include "tests/truth/truth.h"

#define SLICE_NS 1000000u

static TRUTH_NOINLINE void burn_sixty(uint64_t ns)
{
	BURN(ns);
}

static TRUTH_NOINLINE void burn_thirty(uint64_t ns)
{
	BURN(ns);
}

static TRUTH_NOINLINE void burn_ten(uint64_t ns)
{
	BURN(ns);
}

static struct part {
	const char *name;
	void (*burn)(uint64_t ns);
	uint64_t share; /* percent */
	uint64_t used_ns;
} parts[] = {
	{ "burn_sixty_ns", burn_sixty, 60, 0 },
	{ "burn_thirty_ns", burn_thirty, 30, 0 },
	{ "burn_ten_ns", burn_ten, 10, 0 },
};

static struct part *furthest_behind(void)
{
	struct part *behind = &parts[0];

	for (size_t i = 1; i < 3; i++)
		if (parts[i].used_ns * behind->share < behind->used_ns * parts[i].share)
			behind = &parts[i];
	return behind;
}

int main(int argc, char **argv)
{
	uint64_t end = truth_begin(argc, argv), random = 88172645463325252ull;

	while (truth_goes_on(end)) {
		struct part *part = furthest_behind();
		uint64_t before = thread_ns();

		part->burn(jitter(&random, SLICE_NS));
		part->used_ns += thread_ns() - before;
	}
	for (size_t i = 0; i < 3; i++)
		tell(parts[i].name, parts[i].used_ns);
	tell("total_ns", clock_of(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
