#include "agent/profile/gather.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/epoch.h"
#include "agent/profile/merge.h"
#include "agent/profile/outcome.h"
#include "base/array.h"
#include "base/strings.h"
#include "base/utf8.h"

#define MAX_LOSSES 256u /* different names; more are counted as "other" */

struct ft_gather {
	struct ft_gather_options options;
	struct ft_slice_reader reader;
	struct ft_slice_span span; /* of the payload being read */
	bool any_span;
	uint64_t first_ns, last_ns; /* over all spans */

	bool any_kind;
	uint32_t kind_id;
	char events[FT_SLICE_MAX_PLAIN + 1];
	char value[FT_SLICE_MAX_PLAIN + 1];
	char unit[FT_SLICE_MAX_PLAIN + 1];
	uint64_t period;

	/* As their comments say it; "" unknown. */
	char host[2 * FT_SLICE_MAX_PLAIN + 64];
	char agent[FT_SLICE_MAX_PLAIN + 16];

	struct ft_epoch *epoch;	  /* the one going on */
	struct ft_profile *ended; /* those before it; NULL while there are none */

	uint64_t n_samples;
	uint64_t outcomes[FT_OUTCOMES];
	/* Of all samples together, without sign: while they fit, no sum of a row can
	 * overflow. */
	int64_t total_count, total_value;
	struct ft_strings loss_names;
	struct ft_array losses; /* uint64_t; of name i + 1 */
};

int ft_gather_new(const struct ft_gather_options *options, struct ft_gather **ret_gather)
{
	_cleanup_gather_ struct ft_gather *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return -ENOMEM;
	g->options = *options;
	g->losses = FT_ARRAY_INIT(uint64_t);
	r = ft_epoch_new(&g->epoch);
	if (r < 0)
		return r;
	*ret_gather = FT_TAKE(g);
	return 0;
}

void ft_gather_freep(struct ft_gather **p)
{
	struct ft_gather *gather = FT_TAKE(*p);

	if (!gather)
		return;
	ft_epoch_freep(&gather->epoch);
	ft_profile_freep(&gather->ended);
	ft_strings_deinit(&gather->loss_names);
	ft_array_deinit(&gather->losses);
	free(gather);
}

static bool in_range(const struct ft_gather *g, uint64_t time_ns)
{
	return time_ns >= g->options.from_ns && (!g->options.to_ns || time_ns < g->options.to_ns);
}

static int take_span(void *context, const struct ft_slice_span *span)
{
	struct ft_gather *g = context;

	g->first_ns = g->any_span ? FT_MIN(g->first_ns, span->from_ns) : span->from_ns;
	g->last_ns = g->any_span ? FT_MAX(g->last_ns, span->to_ns) : span->to_ns;
	g->any_span = true;
	g->span = *span;
	return 0;
}

/* Append text to a comment, harmless to a terminal. */
static void append(char *comment, size_t size, const char *before, const char *text)
{
	size_t len = strlen(comment);

	if (!*text)
		return;
	len += ft_utf8_clean(before, strlen(before), comment + len, size - len);
	ft_utf8_clean(text, strlen(text), comment + len, size - len);
}

static int take_host(void *context, const struct ft_slice_host *host)
{
	struct ft_gather *g = context;
	char cpus[16] = "";

	g->host[0] = g->agent[0] = '\0';
	if (host->n_cpus)
		snprintf(cpus, sizeof(cpus), "%" PRIu32, host->n_cpus);
	append(g->host, sizeof(g->host), "host ", host->hostname);
	append(g->host, sizeof(g->host), *g->host ? ", kernel " : "kernel ", host->kernel);
	append(g->host, sizeof(g->host), *g->host ? ", CPUs " : "CPUs ", cpus);
	append(g->agent, sizeof(g->agent), "agent ", host->agent);
	return 0;
}

static int take_kind(void *context, const struct ft_slice_kind *kind)
{
	struct ft_gather *g = context;

	if (g->any_kind || (g->options.kind && g->options.kind != kind->id))
		return 0;
	g->any_kind = true;
	g->kind_id = kind->id;
	/* As long as they may be in a slice, so nothing is cut. */
	snprintf(g->events, sizeof(g->events), "%s", kind->events);
	snprintf(g->value, sizeof(g->value), "%s", kind->value);
	snprintf(g->unit, sizeof(g->unit), "%s", kind->unit);
	g->period = kind->period;
	return 0;
}

static unsigned int with_flags(const struct ft_gather *g)
{
	return (g->options.with_tid ? FT_EPOCH_TID : 0u) |
	       (g->options.with_thread ? FT_EPOCH_THREAD : 0u) |
	       (g->options.with_cpu ? FT_EPOCH_CPU : 0u);
}

/* The ids of an epoch mean nothing after it and no name can come any more: its rows
 * become part of a profile, where content counts. */
static int take_epoch(void *context)
{
	struct ft_gather *g = context;
	int r;

	if (!g->ended) {
		r = ft_profile_new(&g->ended);
		if (r < 0)
			return r;
		ft_profile_info(g->ended)->n_types = 2;
	}
	r = ft_epoch_render(g->epoch, with_flags(g), g->ended);
	if (r < 0)
		return r;
	ft_epoch_clear(g->epoch);
	return 0;
}

static int take_string(void *context, uint32_t id, const char *text, size_t len)
{
	struct ft_gather *g = context;

	(void)id; /* the next one, as the reader has checked */
	return ft_epoch_string(g->epoch, text, len);
}

static int take_file(void *context, const struct ft_slice_file *file)
{
	return ft_epoch_file(((struct ft_gather *)context)->epoch, file);
}

static int take_location(void *context, const struct ft_slice_location *location)
{
	return ft_epoch_location(((struct ft_gather *)context)->epoch, location);
}

static int take_names(void *context, const struct ft_slice_names *names)
{
	return ft_epoch_names(((struct ft_gather *)context)->epoch, names);
}

static int take_stack(void *context, const struct ft_slice_stack *stack)
{
	return ft_epoch_stack(((struct ft_gather *)context)->epoch, stack);
}

static int take_labels(void *context, const struct ft_slice_labels *labels)
{
	return ft_epoch_labels(((struct ft_gather *)context)->epoch, labels);
}

static int take_sample(void *context, const struct ft_slice_sample *sample)
{
	struct ft_gather *g = context;
	uint64_t time_ns = g->span.untimed ? g->span.from_ns : sample->time_ns;
	struct ft_epoch_key key = {
		.stack = sample->stack,
		.labels = sample->labels,
		.thread = g->options.with_thread ? sample->thread : 0,
		.tid = g->options.with_tid ? sample->tid : 0,
		.cpu = g->options.with_cpu ? sample->cpu : 0,
		.outcome = sample->outcome,
	};
	int64_t count, value;
	int r;

	if (!g->any_kind || sample->kind != g->kind_id || !in_range(g, time_ns))
		return 0;
	if (sample->value == INT64_MIN ||
	    __builtin_add_overflow(g->total_count, sample->count, &count) ||
	    __builtin_add_overflow(g->total_value,
				   sample->value < 0 ? -sample->value : sample->value, &value))
		return -EOVERFLOW;
	r = ft_epoch_add(g->epoch, &key, (int64_t)sample->count, sample->value);
	if (r < 0)
		return r;
	g->total_count = count;
	g->total_value = value;
	g->n_samples++;
	g->outcomes[sample->outcome]++;
	return 0;
}

static int take_count(void *context, const struct ft_slice_count *count)
{
	struct ft_gather *g = context;
	uint64_t *loss;
	uint32_t id;
	size_t len;
	const char *name = ft_epoch_get_string(g->epoch, count->name, &len);
	int r;

	if (count->n == 0 || g->span.to_ns <= g->options.from_ns ||
	    (g->options.to_ns && g->span.from_ns >= g->options.to_ns))
		return 0;
	if (len == 0 || (ft_strings_count(&g->loss_names) >= MAX_LOSSES &&
			 ft_strings_find(&g->loss_names, name, len) == FT_INDEX_NONE)) {
		name = "other";
		len = strlen(name);
	}
	r = ft_strings_add(&g->loss_names, name, len, &id);
	if (r == 0 && id > g->losses.n)
		r = ft_array_push(&g->losses, NULL, id - g->losses.n);
	if (r < 0)
		return r;
	loss = ft_array_at(&g->losses, id - 1);
	if (__builtin_add_overflow(*loss, count->n, loss))
		*loss = UINT64_MAX;
	return 0;
}

int ft_gather_slice(struct ft_gather *gather, const uint8_t *payload, size_t len)
{
	static const struct ft_slice_sink sink = {
		.span = take_span,
		.host = take_host,
		.kind = take_kind,
		.epoch = take_epoch,
		.string = take_string,
		.file = take_file,
		.location = take_location,
		.names = take_names,
		.stack = take_stack,
		.labels = take_labels,
		.sample = take_sample,
		.count = take_count,
	};

	return ft_slice_read(&gather->reader, payload, len, &sink, gather);
}

static int put_comments(const struct ft_gather *g, struct ft_profile *profile)
{
	char text[320], name[256];
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < FT_OUTCOMES; i++) {
		if (!g->outcomes[i])
			continue;
		snprintf(text, sizeof(text), "outcome %s %" PRIu64, ft_outcome_name(i),
			 g->outcomes[i]);
		r = ft_profile_comment(profile, text);
	}
	for (uint32_t i = 0; r == 0 && i < g->losses.n; i++) {
		size_t len;
		const char *bytes = ft_strings_get(&g->loss_names, i + 1, &len);

		ft_utf8_clean(bytes, len, name, sizeof(name));
		snprintf(text, sizeof(text), "lost %s %" PRIu64, name,
			 *(const uint64_t *)ft_array_at(&g->losses, i));
		r = ft_profile_comment(profile, text);
	}
	if (r == 0 && *g->host)
		r = ft_profile_comment(profile, g->host);
	if (r == 0 && *g->agent)
		r = ft_profile_comment(profile, g->agent);
	return r;
}

static int put_type(struct ft_profile *profile, const char *type, const char *unit,
		    struct ft_value_type *ret_type)
{
	int r = ft_profile_string(profile, type, strlen(type), &ret_type->type);

	return r < 0 ? r : ft_profile_string(profile, unit, strlen(unit), &ret_type->unit);
}

static int put_info(const struct ft_gather *g, struct ft_profile *profile)
{
	struct ft_profile_info *info = ft_profile_info(profile);
	uint64_t to_ns = g->options.to_ns ? FT_MIN(g->last_ns, g->options.to_ns) : g->last_ns;
	int r;

	info->time_ns = FT_MAX(g->first_ns, g->options.from_ns);
	info->duration_ns = to_ns > info->time_ns ? to_ns - info->time_ns : 0;
	info->n_samples = g->n_samples;
	info->n_types = 1;
	if (!g->any_kind)
		return put_type(profile, "samples", "count", &info->types[0]);
	info->n_types = 2;
	info->default_type = 1;
	info->period = g->period > INT64_MAX ? 0 : (int64_t)g->period;
	r = put_type(profile, g->events, "count", &info->types[0]);
	if (r < 0)
		return r;
	r = put_type(profile, g->value, g->unit, &info->types[1]);
	info->period_type = info->types[1];
	return r;
}

int ft_gather_profile(const struct ft_gather *gather, struct ft_profile **ret_profile)
{
	_cleanup_profile_ struct ft_profile *profile = NULL;
	int r;

	r = ft_profile_new(&profile);
	if (r == 0)
		r = put_info(gather, profile);
	if (r == 0 && gather->any_kind && gather->ended)
		r = ft_profile_merge(profile, gather->ended);
	if (r == 0 && gather->any_kind)
		r = ft_epoch_render(gather->epoch, with_flags(gather), profile);
	if (r == 0)
		r = put_comments(gather, profile);
	if (r < 0)
		return r;
	*ret_profile = FT_TAKE(profile);
	return 0;
}
