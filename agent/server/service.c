#include "agent/server/service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/server/ingest.h"
#include "agent/server/params.h"
#include "agent/server/reply.h"
#include "agent/server/server.h"
#include "agent/server/store.h"
#include "agent/server/windows.h"
#include "base/clock.h"

/* Longer is no question but a mistake in units. */
#define MAX_RANGE_US (400ull * 86400 * 1000000)
/* The year 2255: what signed nanoseconds hold. */
#define MAX_TIME_US 9000000000000000ull
/* Slices come once a second; after so long without one something is wrong. */
#define MAX_SILENCE_NS (15 * FT_NS_PER_SEC)

int ft_service_kind(struct ft_service *service, const char *metric, struct ft_store_kind *ret_kind,
		    struct ft_reply *reply)
{
	struct ft_store_kind kinds[FT_STORE_MAX_KINDS];
	uint32_t n = 0;
	int r;

	r = ft_store_kinds(service->store, kinds, &n);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++) {
		if (metric && strcmp(kinds[i].name, metric) != 0)
			continue;
		*ret_kind = kinds[i];
		return 1;
	}
	if (n == 0)
		ft_reply_error(reply, 404, "not_found", "nothing has been stored yet");
	else
		ft_reply_error(reply, 400, "bad_query", "there is no metric %.60s", metric);
	return 0;
}

int ft_service_range(struct ft_service *service, struct ft_params *params,
		     const struct ft_store_kind *kind, uint64_t *ret_from_us, uint64_t *ret_to_us,
		     struct ft_reply *reply)
{
	uint64_t from_ns = 0, to_ns = 0, from_us, to_us;
	int r;

	r = ft_windows_bounds(ft_store_database(service->store), kind->id, &from_ns, &to_ns);
	if (r < 0) {
		ft_reply_errno(reply, r, false);
		return 0;
	}
	from_us = from_ns / FT_NS_PER_US;
	to_us = (to_ns + FT_NS_PER_US - 1) / FT_NS_PER_US;
	from_us = ft_params_number(params, "from", 0, MAX_TIME_US, from_us);
	to_us = ft_params_number(params, "to", 0, MAX_TIME_US, to_us);
	if (params->problem[0]) {
		ft_reply_error(reply, 400, "bad_query", "%s", params->problem);
		return 0;
	}
	if (from_us >= to_us) {
		ft_reply_error(reply, 400, "bad_query", "from must be before to");
		return 0;
	}
	if (to_us - from_us > MAX_RANGE_US) {
		ft_reply_error(reply, 400, "too_large", "a range is at most 400 days");
		return 0;
	}
	*ret_from_us = from_us;
	*ret_to_us = to_us;
	return 1;
}

bool ft_service_is_ready(const struct ft_service *service, const char **ret_why)
{
	const struct ft_ingest_stats *stats = ft_ingest_stats(service->ingest);
	bool live = strcmp(service->options->source, "agent") == 0;

	*ret_why = NULL;
	if (stats->error)
		*ret_why = "the store cannot be written";
	else if (live && stats->stored_at_ns == 0)
		*ret_why = "no slice has arrived yet";
	else if (live && !service->stream_open)
		*ret_why = "the stream of slices has ended";
	else if (live && ft_monotonic_ns() - stats->stored_at_ns > MAX_SILENCE_NS)
		*ret_why = "no slice has arrived for 15 s";
	return !*ret_why;
}

void ft_api_health(struct ft_reply *reply)
{
	reply->type = "text/plain; charset=utf-8";
	ft_buffer_put_text(&reply->body, "ok\n");
}

void ft_api_ready(struct ft_service *service, struct ft_reply *reply)
{
	const char *why;

	reply->type = "text/plain; charset=utf-8";
	if (!ft_service_is_ready(service, &why))
		reply->status = 503;
	ft_buffer_printf(&reply->body, "%s\n", why ? why : "ready");
}
