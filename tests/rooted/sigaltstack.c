/* sigaltstack - a signal handler with a stack of its own that never stands still, above a
 * main program that does not, either. */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>

#define OPAQUE __attribute__((noipa))

static volatile uint64_t sink;

OPAQUE static void burn(uint32_t n)
{
	uint64_t x = n;

	for (uint32_t i = 0; i < n; i++)
		x = x * 6364136223846793005ull + 1442695040888963407ull;
	sink = x;
}

OPAQUE static void on_alarm(int signal)
{
	burn(2000000);
	sink += (uint64_t)signal;
}

OPAQUE static uint64_t interrupted(uint32_t depth)
{
	if (depth == 0) {
		burn(1000000);
		return 1;
	}
	return interrupted(depth - 1) * 3 + depth;
}

int main(void)
{
	struct itimerval every = { { 0, 5000 }, { 0, 5000 } };
	stack_t stack = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 };
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_ONSTACK };

	if (!stack.ss_sp || sigaltstack(&stack, NULL) || sigaction(SIGALRM, &action, NULL) ||
	    setitimer(ITIMER_REAL, &every, NULL))
		return 1;
	for (;;)
		sink = interrupted(20);
}
