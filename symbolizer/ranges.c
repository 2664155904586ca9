#include "symbolizer/ranges.h"

#include <errno.h>
#include <stdbool.h>

/* Go up through the addresses with a stack of the symbols that have begun: the one on top
 * that has not ended covers what comes next. */
struct sweep {
	struct ft_ranges out;
	const struct ft_symbol *symbols;
	uint32_t *stack;
	uint32_t depth;
	uint32_t at; /* everything below is done */
};

void ft_ranges_deinit(struct ft_ranges *ranges)
{
	free(ranges->ranges);
	*ranges = (struct ft_ranges){ 0 };
}

static void sweep_deinit(struct sweep *sweep)
{
	ft_ranges_deinit(&sweep->out);
	free(sweep->stack);
}
#define _cleanup_sweep_ FT_CLEANUP(sweep_deinit)

int ft_symbol_compare(const void *pa, const void *pb)
{
	const struct ft_symbol *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return 0;
}

static uint32_t end_of(const struct ft_symbol *symbol)
{
	uint32_t end;

	return __builtin_add_overflow(symbol->start, symbol->size, &end) ? UINT32_MAX : end;
}

static int add_range(struct ft_ranges *out, struct ft_range range)
{
	if (out->n == out->n_cap) {
		uint32_t n_cap = out->n_cap ? out->n_cap * 2 : 256;
		struct ft_range *more = reallocarray(out->ranges, n_cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		out->ranges = more;
		out->n_cap = n_cap;
	}
	out->ranges[out->n++] = range;
	return 0;
}

static int sweep_to(struct sweep *sweep, uint32_t to)
{
	while (sweep->depth > 0) {
		const struct ft_symbol *top = &sweep->symbols[sweep->stack[sweep->depth - 1]];
		uint32_t end = end_of(top), stop = FT_MIN(end, to);
		int r;

		if (end <= sweep->at) {
			sweep->depth--;
			continue;
		}
		if (sweep->at == to)
			return 0;
		r = add_range(&sweep->out, (struct ft_range){ sweep->at, stop, top->name });
		if (r < 0)
			return r;
		sweep->at = stop;
	}
	sweep->at = to;
	return 0;
}

static bool is_sized(const struct ft_symbol *symbol)
{
	return symbol->rank >= FT_RANK_SIZED;
}

/* symbols from to next - 1 start here. */
static void begin(struct sweep *sweep, uint32_t from, uint32_t next)
{
	if (!is_sized(&sweep->symbols[next - 1])) {
		if (sweep->depth == 0)
			sweep->stack[sweep->depth++] = next - 1;
		return;
	}
	for (uint32_t i = from; i < next; i++)
		if (is_sized(&sweep->symbols[i]))
			sweep->stack[sweep->depth++] = i;
}

int ft_ranges_make(const struct ft_symbol *symbols, uint32_t n, struct ft_ranges *ret_ranges)
{
	_cleanup_sweep_ struct sweep sweep = { .symbols = symbols };
	struct ft_range *fit;
	int r;

	sweep.stack = reallocarray(NULL, (size_t)n + 1, sizeof(*sweep.stack));
	if (!sweep.stack)
		return -ENOMEM;
	for (uint32_t i = 0, next; i < n; i = next) {
		for (next = i + 1; next < n && symbols[next].start == symbols[i].start;)
			next++;
		r = sweep_to(&sweep, symbols[i].start);
		if (r < 0)
			return r;
		begin(&sweep, i, next);
	}
	r = sweep_to(&sweep, UINT32_MAX);
	if (r < 0)
		return r;
	fit = reallocarray(sweep.out.ranges, (size_t)sweep.out.n + 1, sizeof(*fit));
	if (!fit)
		return -ENOMEM;
	sweep.out.ranges = fit;
	sweep.out.n_cap = sweep.out.n + 1;
	*ret_ranges = sweep.out;
	sweep.out = (struct ft_ranges){ 0 };
	return 0;
}

const struct ft_range *ft_ranges_find(const struct ft_ranges *ranges, uint32_t address)
{
	uint32_t low = 0, high = ranges->n;

	/* Below low all start at or before address, from high on none does. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ranges->ranges[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address >= ranges->ranges[low - 1].end)
		return NULL;
	return &ranges->ranges[low - 1];
}
