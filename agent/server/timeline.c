#include "agent/server/timeline.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/slice.h"
#include "agent/server/catalog.h"
#include "agent/server/query.h"
#include "agent/server/store.h"
#include "agent/server/windows.h"
#include "base/clock.h"

struct reading {
	struct ft_store *store;
	uint64_t from_ns, step_ns, to_ns;
	struct ft_timeline_column *columns;
	double *lost; /* shares, before rounding */
	uint32_t n;
	struct ft_columns samples;
	struct ft_buffer text;
};

static void reading_deinit(struct reading *reading)
{
	free(reading->lost);
	ft_columns_deinit(&reading->samples);
	ft_buffer_deinit(&reading->text);
}

/* The columns that [from, to) touches: from first to last inclusive, false for none. */
static bool touched(const struct reading *reading, uint64_t from_ns, uint64_t to_ns,
		    uint32_t *ret_first, uint32_t *ret_last)
{
	uint64_t from = FT_MAX(from_ns, reading->from_ns), to = FT_MIN(to_ns, reading->to_ns);

	if (from >= to)
		return false;
	*ret_first = (uint32_t)((from - reading->from_ns) / reading->step_ns);
	*ret_last = (uint32_t)((to - 1 - reading->from_ns) / reading->step_ns);
	return true;
}

/* How much of [from, to) lies in column i. */
static uint64_t overlap(const struct reading *reading, uint32_t i, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t begin = reading->from_ns + i * reading->step_ns;
	uint64_t from = FT_MAX(from_ns, begin), to = FT_MIN(to_ns, begin + reading->step_ns);

	return to > from ? to - from : 0;
}

static int add_samples(struct reading *reading, const struct ft_window *window,
		       const uint8_t *packed, size_t len)
{
	int r;

	reading->samples.n = 0;
	r = ft_columns_decode(packed, len, window->from_ns / FT_NS_PER_US, &reading->samples);
	if (r < 0)
		return r == -ENOMEM ? r : 0; /* a damaged window shows as nothing */
	for (uint32_t i = 0; i < reading->samples.n; i++) {
		const struct ft_column_sample *sample = &reading->samples.samples[i];
		uint64_t time_ns = sample->time_us * FT_NS_PER_US;

		if (time_ns < reading->from_ns || time_ns >= reading->to_ns)
			continue;
		reading->columns[(time_ns - reading->from_ns) / reading->step_ns].value +=
			(double)sample->value;
	}
	return 0;
}

static int on_window(void *context, const struct ft_window *window, const uint8_t *packed,
		     size_t len)
{
	uint64_t whole = window->to_ns - window->from_ns;
	struct reading *reading = context;
	uint32_t first, last;

	if (!touched(reading, window->from_ns, window->to_ns, &first, &last))
		return 0;
	for (uint32_t i = first; i <= last; i++) {
		struct ft_timeline_column *column = &reading->columns[i];
		uint64_t part = overlap(reading, i, window->from_ns, window->to_ns);

		column->covered_ns = FT_MIN(column->covered_ns + part, reading->step_ns);
		if (window->untimed)
			column->value += (double)window->value * (double)part / (double)whole;
	}
	if (window->untimed)
		return 0;
	/* Wholly in one column: the sum is known without looking inside. */
	if (first == last && window->from_ns >= reading->from_ns &&
	    window->to_ns <= reading->to_ns) {
		reading->columns[first].value += (double)window->value;
		return 0;
	}
	return add_samples(reading, window, packed, len);
}

static int on_loss(void *context, uint64_t from_ns, uint64_t to_ns, uint32_t name, uint64_t n)
{
	struct reading *reading = context;
	uint32_t first, last;
	char text[64];
	int r;

	if (!touched(reading, from_ns, to_ns, &first, &last))
		return 0;
	r = ft_catalog_get_string(ft_store_database(reading->store), name, &reading->text);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%.*s", (int)FT_MIN(reading->text.len, sizeof(text)),
		 reading->text.len ? (const char *)reading->text.data : "");
	if (!ft_query_is_loss(text))
		return 0;
	for (uint32_t i = first; i <= last; i++)
		reading->lost[i] += (double)n * (double)overlap(reading, i, from_ns, to_ns) /
				    (double)(to_ns - from_ns);
	return 0;
}

int ft_timeline_read(struct ft_store *store, uint32_t kind, uint64_t from_us, uint64_t step_us,
		     struct ft_timeline_column *columns, uint32_t n)
{
	FT_CLEANUP(reading_deinit)
	struct reading reading = { .store = store,
				   .from_ns = from_us * FT_NS_PER_US,
				   .step_ns = step_us * FT_NS_PER_US,
				   .columns = columns,
				   .n = n,
				   .text = FT_BUFFER_INIT(FT_SLICE_MAX_TEXT) };
	int r;

	assert(n > 0 && n <= FT_TIMELINE_MAX_COLUMNS && step_us > 0);

	memset(columns, 0, n * sizeof(*columns));
	reading.to_ns = reading.from_ns + n * reading.step_ns;
	reading.lost = calloc(n, sizeof(*reading.lost));
	if (!reading.lost)
		return -ENOMEM;
	r = ft_windows_each(ft_store_database(store), kind, reading.from_ns, reading.to_ns,
			    on_window, &reading);
	if (r == 0)
		r = ft_windows_each_loss(ft_store_database(store), reading.from_ns, reading.to_ns,
					 on_loss, &reading);
	for (uint32_t i = 0; r == 0 && i < n; i++)
		columns[i].lost = (uint64_t)(reading.lost[i] + 0.999999);
	return r;
}
