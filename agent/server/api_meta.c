/* api_meta.c - /api/1/meta: what there is to look at. */
#include <inttypes.h>
#include <string.h>

#include "agent/server/ingest.h"
#include "agent/server/params.h"
#include "agent/server/reply.h"
#include "agent/server/server.h"
#include "agent/server/service.h"
#include "agent/server/store.h"
#include "agent/server/windows.h"
#include "base/clock.h"

#define MAX_NODES 250000u

static void put_text(struct ft_buffer *out, const char *key, const char *text)
{
	ft_buffer_printf(out, "\"%s\":\"", key);
	ft_buffer_put_json(out, text, strlen(text));
	ft_buffer_put_text(out, "\",");
}

static const char *label_of(const struct ft_store_kind *kind)
{
	static const struct {
		const char *name, *label;
	} labels[] = { { "cpu", "CPU" },
		       { "cycles", "CPU cycles" },
		       { "offcpu", "Off-CPU" },
		       { "alloc", "Allocations" },
		       { "faults", "Page faults" } };

	for (size_t i = 0; i < FT_COUNT(labels); i++)
		if (strcmp(labels[i].name, kind->name) == 0)
			return labels[i].label;
	return kind->name;
}

static void put_metric(struct ft_buffer *out, const struct ft_store_kind *kind)
{
	ft_buffer_put_text(out, "{");
	put_text(out, "id", kind->name);
	put_text(out, "unit", kind->unit);
	put_text(out, "kind", kind->value);
	put_text(out, "events", kind->events);
	put_text(out, "label", label_of(kind));
	ft_buffer_printf(out, "\"period_ns\":%" PRIu64 "}", kind->period);
}

/* What is stored of any of the kinds. */
static int find_bounds(struct ft_service *service, const struct ft_store_kind *kinds, uint32_t n,
		       uint64_t *ret_from_ns, uint64_t *ret_to_ns)
{
	uint64_t from = UINT64_MAX, to = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t kind_from, kind_to;
		int r = ft_windows_bounds(ft_store_database(service->store), kinds[i].id,
					  &kind_from, &kind_to);

		if (r < 0)
			return r;
		if (r == 0)
			continue;
		from = FT_MIN(from, kind_from);
		to = FT_MAX(to, kind_to);
	}
	*ret_from_ns = to ? from : 0;
	*ret_to_ns = to;
	return 0;
}

static void put_host(struct ft_service *service, struct ft_buffer *out)
{
	char host[256], text[256];

	put_text(out, "agent", "flametrail");
	put_text(out, "ver", FT_VERSION);
	ft_store_fact(service->store, "hostname", host, sizeof(host));
	put_text(out, "host", host);
	put_text(out, "title", service->options->title ? service->options->title : host);
	put_text(out, "source", service->options->source);
	put_text(out, "kernel", ft_store_fact(service->store, "kernel", text, sizeof(text)));
	put_text(out, "boot_id", ft_store_fact(service->store, "boot_id", text, sizeof(text)));
	ft_store_fact(service->store, "ncpu", text, sizeof(text));
	ft_buffer_printf(out, "\"ncpu\":%ld,", strtol(text, NULL, 10));
}

void ft_api_meta(struct ft_service *service, struct ft_params *params, struct ft_reply *reply)
{
	static const char *const known[] = { NULL };
	struct ft_store_kind kinds[FT_STORE_MAX_KINDS];
	struct ft_buffer *out = &reply->body;
	uint64_t from_ns = 0, to_ns = 0, gen;
	uint32_t n = 0;
	int r;

	ft_params_check(params, known);
	if (params->problem[0]) {
		ft_reply_error(reply, 400, "bad_query", "%s", params->problem);
		return;
	}
	r = ft_store_kinds(service->store, kinds, &n);
	if (r == 0)
		r = find_bounds(service, kinds, n, &from_ns, &to_ns);
	if (r < 0) {
		ft_reply_errno(reply, r, false);
		return;
	}
	reply->type = "application/json";
	gen = ft_ingest_stats(service->ingest)->slices + ft_store_epoch(service->store);
	ft_buffer_put_text(out, "{");
	put_host(service, out);
	ft_buffer_printf(out, "\"now_us\":%llu,\"gen\":%" PRIu64 ",",
			 (unsigned long long)(ft_realtime_ns() / FT_NS_PER_US), gen);
	ft_buffer_printf(out, "\"retain\":{\"from_us\":%llu,\"to_us\":%llu,\"fine_us\":%llu},",
			 (unsigned long long)(from_ns / FT_NS_PER_US),
			 (unsigned long long)((to_ns + FT_NS_PER_US - 1) / FT_NS_PER_US),
			 (unsigned long long)(from_ns / FT_NS_PER_US));
	ft_buffer_put_text(out, "\"metrics\":[");
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			ft_buffer_put_text(out, ",");
		put_metric(out, &kinds[i]);
	}
	ft_buffer_printf(out, "],\"limits\":{\"nodes\":%u,\"window_us\":%llu}}\n", MAX_NODES,
			 (unsigned long long)(service->options->window_ns / FT_NS_PER_US));
}
