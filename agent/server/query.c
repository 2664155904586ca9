#include "agent/server/query.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/outcome.h"
#include "agent/profile/profile.h"
#include "agent/server/catalog.h"
#include "agent/server/render.h"
#include "agent/server/rows.h"
#include "agent/server/store.h"
#include "agent/server/windows.h"
#include "base/clock.h"
#include "base/strings.h"

#define MAX_LOSSES 64u /* names told apart; more are "other" */

struct loss {
	uint32_t name;
	uint64_t n;
};

struct reading {
	const struct ft_query *query;
	struct ft_rows rows;
	struct ft_columns samples;
	uint64_t covered_ns;
	uint32_t damaged;
	bool any_untimed;
	struct loss losses[MAX_LOSSES];
	uint32_t n_losses;
};

static void reading_deinit(struct reading *reading)
{
	ft_rows_deinit(&reading->rows);
	ft_columns_deinit(&reading->samples);
}

const char *const ft_query_losses[] = { "ring_full",  "scratch_busy", "queue_full",
					"slice_lost", "slice_failed", NULL };

bool ft_query_is_loss(const char *name)
{
	for (size_t i = 0; ft_query_losses[i]; i++)
		if (strcmp(name, ft_query_losses[i]) == 0)
			return true;
	return false;
}

/* The part of [from, to) that is in the question. */
static uint64_t overlap(const struct ft_query *query, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t from = FT_MAX(from_ns, query->from_ns), to = FT_MIN(to_ns, query->to_ns);

	return to > from ? to - from : 0;
}

/* A share of n, rounded to the nearest. */
static int64_t share(int64_t n, uint64_t part, uint64_t whole)
{
	if (part >= whole)
		return n;
	return (int64_t)(((__int128)n * part + (n < 0 ? -(__int128)(whole / 2) : whole / 2)) /
			 whole);
}

static int add_sample(struct reading *reading, const struct ft_window *window,
		      const struct ft_column_sample *sample, uint64_t part)
{
	unsigned int with = reading->query->with;
	uint64_t whole = window->to_ns - window->from_ns;
	struct ft_row row = {
		.key = { .stack = sample->stack,
			 .labels = sample->labels,
			 .thread = with & FT_QUERY_THREAD ? sample->thread : 0,
			 .tid = with & FT_QUERY_TID ? sample->tid : 0,
			 .cpu = with & FT_QUERY_CPU ? sample->cpu : 0,
			 .outcome = sample->outcome },
		.n_samples = 1,
		.count = (int64_t)FT_MIN(sample->count, (uint64_t)INT64_MAX),
		.value = sample->value,
	};

	if (window->untimed) {
		/* Its rows are sums already: how many samples they were is their count. */
		row.n_samples = (uint64_t)FT_MAX(row.count, (int64_t)0);
		row.count = share(row.count, part, whole);
		row.value = share(row.value, part, whole);
	} else if (sample->time_us * FT_NS_PER_US < reading->query->from_ns ||
		   sample->time_us * FT_NS_PER_US >= reading->query->to_ns) {
		return 0;
	}
	return ft_rows_add(&reading->rows, &row);
}

static int on_window(void *context, const struct ft_window *window, const uint8_t *packed,
		     size_t len)
{
	struct reading *reading = context;
	uint64_t part = overlap(reading->query, window->from_ns, window->to_ns);
	int r;

	reading->covered_ns += part;
	reading->any_untimed |= window->untimed;
	if (window->n_samples == 0)
		return 0;
	reading->samples.n = 0;
	r = ft_columns_decode(packed, len, window->from_ns / FT_NS_PER_US, &reading->samples);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		reading->damaged++;
		return 0;
	}
	for (uint32_t i = 0; i < reading->samples.n; i++) {
		r = add_sample(reading, window, &reading->samples.samples[i], part);
		if (r < 0)
			return r;
	}
	return 0;
}

static int on_loss(void *context, uint64_t from_ns, uint64_t to_ns, uint32_t name, uint64_t n)
{
	struct reading *reading = context;
	uint64_t part = overlap(reading->query, from_ns, to_ns);
	uint32_t i;

	n = (uint64_t)share((int64_t)n, part, to_ns - from_ns);
	for (i = 0; i < reading->n_losses; i++)
		if (reading->losses[i].name == name)
			break;
	if (i == MAX_LOSSES)
		i--;
	if (i == reading->n_losses)
		reading->losses[reading->n_losses++] = (struct loss){ .name = name };
	reading->losses[i].n += n;
	return 0;
}

static int add_comment(struct ft_profile *profile, const char *what, const char *name, uint64_t n)
{
	char text[128];

	snprintf(text, sizeof(text), "%s %s %" PRIu64, what, name, n);
	return ft_profile_comment(profile, text);
}

static int add_outcomes(const struct reading *reading, struct ft_profile *profile)
{
	uint64_t outcomes[256] = { 0 };
	int r = 0;

	for (uint32_t i = 0; i < reading->rows.n; i++)
		outcomes[reading->rows.rows[i].key.outcome & 0xff] +=
			reading->rows.rows[i].n_samples;
	for (unsigned int i = 0; r == 0 && i < FT_COUNT(outcomes); i++)
		if (outcomes[i] > 0)
			r = add_comment(profile, "outcome", ft_outcome_name(i), outcomes[i]);
	return r;
}

static int add_losses(struct ft_store *store, const struct reading *reading,
		      struct ft_profile *profile, struct ft_query_facts *facts)
{
	_cleanup_buffer_ struct ft_buffer text = FT_BUFFER_INIT(FT_SLICE_MAX_TEXT);

	for (uint32_t i = 0; i < reading->n_losses; i++) {
		char name[64];
		int r = ft_catalog_get_string(ft_store_database(store), reading->losses[i].name,
					      &text);

		if (r < 0)
			return r;
		snprintf(name, sizeof(name), "%.*s", (int)FT_MIN(text.len, sizeof(name)),
			 text.len ? (const char *)text.data : "");
		if (ft_query_is_loss(name))
			facts->lost += reading->losses[i].n;
		if (reading->losses[i].n > 0)
			r = add_comment(profile, "lost", name, reading->losses[i].n);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_types(struct ft_profile *profile, const struct ft_query *query)
{
	struct ft_profile_info *info = ft_profile_info(profile);
	const struct ft_store_kind *kind = query->kind;
	const char *texts[4] = { kind->events, "count", kind->value, kind->unit };
	uint32_t *ids[4] = { &info->types[0].type, &info->types[0].unit, &info->types[1].type,
			     &info->types[1].unit };

	for (size_t i = 0; i < 4; i++) {
		int r = ft_profile_string(profile, texts[i], strlen(texts[i]), ids[i]);

		if (r < 0)
			return r;
	}
	info->n_types = 2;
	info->default_type = 1;
	info->period_type = info->types[1];
	info->period = (int64_t)FT_MIN(kind->period, (uint64_t)INT64_MAX);
	info->time_ns = query->from_ns;
	info->duration_ns = query->to_ns - query->from_ns;
	return 0;
}

static int add_comments(struct ft_store *store, const struct reading *reading,
			struct ft_profile *profile, struct ft_query_facts *facts)
{
	char host[256], agent[256], text[600];
	int r;

	snprintf(text, sizeof(text), "host %s",
		 ft_store_fact(store, "hostname", host, sizeof(host)));
	r = host[0] ? ft_profile_comment(profile, text) : 0;
	ft_store_fact(store, "agent", agent, sizeof(agent));
	if (r == 0 && agent[0])
		r = ft_profile_comment(profile, agent);
	/* What another tool made says nothing about outcomes. */
	if (r == 0 && !reading->any_untimed)
		r = add_outcomes(reading, profile);
	if (r == 0)
		r = add_losses(store, reading, profile, facts);
	if (r == 0 && reading->damaged > 0)
		r = add_comment(profile, "damaged", "windows", reading->damaged);
	return r;
}

int ft_query_profile(struct ft_store *store, const struct ft_query *query,
		     struct ft_query_facts *ret_facts, struct ft_profile **ret_profile)
{
	_cleanup_profile_ struct ft_profile *profile = NULL;
	FT_CLEANUP(reading_deinit)
	struct reading reading = { .query = query };
	struct ft_query_facts facts = { 0 };
	int r;

	assert(query->to_ns >= query->from_ns);

	r = ft_windows_each(ft_store_database(store), query->kind->id, query->from_ns, query->to_ns,
			    on_window, &reading);
	if (r == 0)
		r = ft_windows_each_loss(ft_store_database(store), query->from_ns, query->to_ns,
					 on_loss, &reading);
	if (r == 0)
		r = ft_profile_new(&profile);
	if (r == 0)
		r = set_types(profile, query);
	if (r == 0)
		r = ft_render(ft_store_database(store), &reading.rows, query, profile,
			      &facts.n_samples);
	if (r == 0)
		r = add_comments(store, &reading, profile, &facts);
	if (r < 0)
		return r;
	ft_profile_info(profile)->n_samples = facts.n_samples;
	facts.covered_ns = FT_MIN(reading.covered_ns, query->to_ns - query->from_ns);
	*ret_facts = facts;
	*ret_profile = FT_TAKE(profile);
	return 0;
}
