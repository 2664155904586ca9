// throws - exceptions through 30 frames, over and over.
#include <stdexcept>
#include <string>

static volatile unsigned long sink;

__attribute__((noipa)) static unsigned long down(unsigned depth)
{
	std::string held(depth, 'x');

	if (depth == 0)
		throw std::runtime_error("the bottom");
	return down(depth - 1) + held.size();
}

int main()
{
	for (;;) {
		try {
			sink = down(30);
		} catch (const std::exception &e) {
			sink = e.what()[0];
		}
	}
}
