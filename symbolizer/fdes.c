#include "symbolizer/fdes.h"

#include <errno.h>
#include <stdlib.h>

struct reading {
	struct ft_fdes *fdes;
	const struct ft_codemap *map;
	uint32_t n_eh;	/* sorted functions of .eh_frame, while .debug_frame is read */
	uint32_t first; /* row of the function at hand */
};

int ft_fdes_init(struct ft_fdes *fdes)
{
	struct ft_fdes made = { .functions = FT_ARRAY_INIT(struct ft_function),
				.rows = FT_ARRAY_INIT(struct ft_raw_row) };
	int r = ft_rules_init(&made.rules);

	if (r == 0)
		*fdes = made;
	return r;
}

void ft_fdes_deinit(struct ft_fdes *fdes)
{
	ft_array_deinit(&fdes->functions);
	ft_array_deinit(&fdes->rows);
	ft_rules_deinit(&fdes->rules);
}

static int add_row(struct reading *reading, uint64_t delta, struct ft_unwind_rule rule)
{
	struct ft_fdes *fdes = reading->fdes;
	struct ft_raw_row row = { .delta = (uint32_t)delta };
	int number = ft_rules_number(&fdes->rules, rule, FT_FDES_RULES_MAX);

	fdes->n_raw_rows++;
	if (number < 0)
		return number;
	row.rule = (uint32_t)number;
	if (fdes->rows.n > reading->first) {
		const struct ft_raw_row *last = ft_array_at(&fdes->rows, fdes->rows.n - 1);

		if (last->rule == row.rule)
			return 0;
	}
	if (fdes->rows.n == FT_FDES_ROWS_MAX)
		return -E2BIG;
	return ft_array_push(&fdes->rows, &row, 1);
}

static int on_row(void *sink, uint64_t offset, const struct ft_cfa_state *state)
{
	return add_row(sink, offset, ft_cfa_rule(state));
}

static int add_rows(struct reading *reading, const struct ft_fde *fde)
{
	const struct ft_unwind_rule signal = { .kind = FT_RULE_SIGNAL,
					       .cfa = FT_CFA_SIGNAL_REGISTERS };

	if (fde->cie->is_signal)
		return add_row(reading, 0, signal);
	return ft_cfa_run(&fde->cie->context, fde->program, fde->length, on_row, reading);
}

/* Is a function of .eh_frame where this one is? */
static bool is_covered(const struct reading *reading, uint64_t offset, uint64_t length)
{
	const struct ft_function *functions = reading->fdes->functions.items;
	uint32_t low = 0, high = reading->n_eh;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (functions[middle].offset + functions[middle].length <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < reading->n_eh && functions[low].offset < offset + length;
}

/* 0, FT_EHFRAME_BAD for a function that is left out, or -errno. */
static int add_function(struct reading *reading, const struct ft_fde *fde)
{
	struct ft_fdes *fdes = reading->fdes;
	struct ft_function function = { .first = fdes->rows.n };
	uint64_t left;
	int r;

	if (!ft_codemap_offset_of(reading->map, fde->address, &function.offset, &left) ||
	    fde->length > left || fde->length > UINT32_MAX || fdes->functions.n == FT_FDES_MAX)
		return FT_EHFRAME_BAD;
	if (fde->length == 0 || is_covered(reading, function.offset, fde->length))
		return 0;
	function.length = (uint32_t)fde->length;
	reading->first = function.first;
	r = add_rows(reading, fde);
	if (r == 0)
		r = ft_array_push(&fdes->functions, &function, 1);
	if (r < 0)
		ft_array_cut(&fdes->rows, function.first);
	return r == -EBADMSG || r == -E2BIG ? FT_EHFRAME_BAD : r;
}

/* A chain that breaks leaves what came before it. */
static int read_frames(struct reading *reading, int fd, const struct ft_ehframe_extent *extent)
{
	_cleanup_ehframe_ struct ft_ehframe frames = { 0 };
	struct ft_fdes *fdes = reading->fdes;
	int r;

	if (extent->size == 0)
		return 0;
	r = ft_ehframe_init(&frames, fd, extent);
	while (r >= 0 && r != FT_EHFRAME_END) {
		struct ft_fde fde;

		r = ft_ehframe_next(&frames, &fde);
		if (r == 0)
			r = add_function(reading, &fde);
		if (r == FT_EHFRAME_END)
			break;
		fdes->n_fdes++;
		if (r == FT_EHFRAME_BAD || r == -EBADMSG)
			fdes->n_bad++;
	}
	return r == -EBADMSG || r == FT_EHFRAME_END ? 0 : r;
}

/* At one offset the longer one comes first, so that it is the one to be cut. */
static int compare_functions(const void *a, const void *b)
{
	const struct ft_function *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset > y->offset ? 1 : -1;
	if (x->length != y->length)
		return x->length < y->length ? 1 : -1;
	return (x->first > y->first) - (x->first < y->first);
}

static void sort_functions(struct ft_fdes *fdes)
{
	struct ft_function *functions = fdes->functions.items;
	uint32_t n = 0;

	if (fdes->functions.n == 0)
		return;
	qsort(functions, fdes->functions.n, sizeof(*functions), compare_functions);
	for (uint32_t i = 0; i < fdes->functions.n; i++) {
		struct ft_function *function = &functions[i];
		uint64_t next = i + 1 < fdes->functions.n ? function[1].offset : UINT64_MAX;
		bool is_good = next - function->offset > 0;

		if (next - function->offset < function->length) {
			/* An FDE of a signal frame begins a byte early: that is as it should be. */
			if (function->length - (next - function->offset) > 1)
				fdes->n_bad++;
			function->length = (uint32_t)(next - function->offset);
		}
		if (is_good)
			functions[n++] = *function;
	}
	ft_array_cut(&fdes->functions, n);
}

int ft_fdes_read(struct ft_fdes *fdes, int fd, const struct ft_codemap *map)
{
	struct reading reading = { .fdes = fdes, .map = map };
	int r = read_frames(&reading, fd, &map->eh_frame);

	if (r < 0)
		return r;
	sort_functions(fdes);
	if (map->debug_frame.size == 0)
		return 0;
	reading.n_eh = fdes->functions.n;
	r = read_frames(&reading, fd, &map->debug_frame);
	if (r == 0)
		sort_functions(fdes);
	return r;
}
