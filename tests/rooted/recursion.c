/* recursion [SECONDS] - functions that call each other up to 1,000 deep, by a graph that
 * a test knows: f0 to f7, where f<i> calls f<(3i+1)%8> and f<(5i+2)%8>, each of them calls
 * burn, and main calls f0. Frames have many sizes, two of them vary. */
#include <alloca.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define DEPTH_MAX 1000u
#define OPAQUE	  __attribute__((noipa))

static volatile uint64_t sink;

OPAQUE void burn(uint64_t x)
{
	for (uint32_t i = 0; i < 20000; i++)
		x = x * 6364136223846793005ull + 1442695040888963407ull;
	sink = x;
}

#define DECLARE(i) OPAQUE uint64_t f##i(uint32_t depth, uint64_t x)
DECLARE(0);
DECLARE(1);
DECLARE(2);
DECLARE(3);
DECLARE(4);
DECLARE(5);
DECLARE(6);
DECLARE(7);

/* Work after the call: nothing here is a tail call, and x lives in saved registers. */
#define DEFINE(i, one, other, setup)                                                     \
	DECLARE(i)                                                                       \
	{                                                                                \
		uint64_t next = x * 2862933555777941757ull + 3037000493ull, r = i;       \
                                                                                         \
		setup;                                                                   \
		if (depth == 0)                                                          \
			burn(x);                                                         \
		else                                                                     \
			r += next >> 63 ? one(depth - 1, next) : other(depth - 1, next); \
		return r * 31 + x + i;                                                   \
	}

#define FRAME(bytes)                \
	volatile char frame[bytes]; \
	frame[(bytes)-1] = (char)x; \
	r += (uint64_t)frame[(bytes)-1]
#define VARIES                                               \
	volatile char *frame = alloca(16 + (x >> 32) % 100); \
	frame[0] = (char)x;                                  \
	r += (uint64_t)frame[0]
#define ALIGNED                                               \
	volatile char frame[64] __attribute__((aligned(64))); \
	frame[63] = (char)x;                                  \
	r += (uint64_t)frame[63]

DEFINE(0, f1, f2, FRAME(8))
DEFINE(1, f4, f7, FRAME(200))
DEFINE(2, f7, f4, VARIES)
DEFINE(3, f2, f1, FRAME(3000))
DEFINE(4, f5, f6, ALIGNED)
DEFINE(5, f0, f3, FRAME(33))
DEFINE(6, f3, f0, VARIES)
DEFINE(7, f6, f5, r += 1)

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	uint64_t x = 1;

	while (time(NULL) < end)
		for (uint32_t i = 0; i < 100; i++) {
			x = x * 6364136223846793005ull + 1442695040888963407ull;
			sink = f0((uint32_t)(x >> 33) % DEPTH_MAX, x);
		}
	return 0;
}
