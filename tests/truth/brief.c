/* brief - lives 200 ms: 100 ms of CPU time in first_function, from its beginning, then
 * 100 ms in second_function. */
#include "tests/truth/truth.h"

#define PART_NS 100000000u

static TRUTH_NOINLINE void first_function(void)
{
	BURN(PART_NS);
}

static TRUTH_NOINLINE void second_function(void)
{
	BURN(PART_NS);
}

int main(void)
{
	uint64_t start = thread_ns(), middle, end;

	first_function();
	middle = thread_ns();
	second_function();
	end = thread_ns();
	tell("pid", (uint64_t)getpid());
	tell("first_function_ns", middle - start);
	tell("second_function_ns", end - middle);
	tell("total_ns", clock_of(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
