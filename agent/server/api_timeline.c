/* api_timeline.c - /api/1/timeline: the rate of a metric over time. */
#include <errno.h>
#include <inttypes.h>

#include "agent/server/params.h"
#include "agent/server/reply.h"
#include "agent/server/service.h"
#include "agent/server/store.h"
#include "agent/server/timeline.h"
#include "base/clock.h"

#define DEFAULT_COLUMNS 600
/* Less of a column than this is too little to divide by: one sample at the edge of
 * what is stored would stand out like a tower. */
#define MIN_COVERED_NS (100 * FT_NS_PER_MS)

static double rate_of(const struct ft_timeline_column *column, uint64_t step_us)
{
	uint64_t least = FT_MIN((uint64_t)MIN_COVERED_NS, step_us * FT_NS_PER_US);

	return column->value / ((double)FT_MAX(column->covered_ns, least) / 1e9);
}

static void put_timeline(struct ft_buffer *out, const struct ft_timeline_column *columns,
			 uint32_t n, uint64_t from_us, uint64_t step_us)
{
	ft_buffer_printf(out, "{\"from_us\":%" PRIu64 ",\"step_us\":%" PRIu64 ",\"cols\":%u,",
			 from_us, step_us, n);
	ft_buffer_put_text(out, "\"series\":[{\"key\":\"\",\"label\":\"all\",\"v\":[");
	for (uint32_t i = 0; i < n; i++) {
		ft_buffer_put_text(out, i ? "," : "");
		if (columns[i].covered_ns == 0)
			ft_buffer_put_text(out, "null");
		else
			ft_buffer_printf(out, "%.7g", rate_of(&columns[i], step_us));
	}
	ft_buffer_put_text(out, "]}],\"lost\":[");
	for (uint32_t i = 0; i < n; i++)
		ft_buffer_printf(out, i ? ",%" PRIu64 : "%" PRIu64, columns[i].lost);
	ft_buffer_put_text(out, "]}\n");
}

static int answer(struct ft_service *service, const struct ft_store_kind *kind, uint64_t from_us,
		  uint64_t to_us, uint32_t n, struct ft_reply *reply)
{
	_cleanup_free_ struct ft_timeline_column *columns = NULL;
	uint64_t step_us = (to_us - from_us + n - 1) / n;
	int r;

	/* No more columns than microseconds, and none beyond the end. */
	n = (uint32_t)((to_us - from_us + step_us - 1) / step_us);
	columns = calloc(n, sizeof(*columns));
	if (!columns)
		return -ENOMEM;
	r = ft_timeline_read(service->store, kind->id, from_us, step_us, columns, n);
	if (r < 0)
		return r;
	reply->type = "application/json";
	put_timeline(&reply->body, columns, n, from_us, step_us);
	return 0;
}

void ft_api_timeline(struct ft_service *service, struct ft_params *params, struct ft_reply *reply)
{
	static const char *const known[] = { "metric", "from", "to", "cols", NULL };
	struct ft_store_kind kind;
	uint64_t from_us, to_us;
	uint32_t n;
	int r;

	ft_params_check(params, known);
	n = (uint32_t)ft_params_number(params, "cols", 1, FT_TIMELINE_MAX_COLUMNS, DEFAULT_COLUMNS);
	if (params->problem[0]) {
		ft_reply_error(reply, 400, "bad_query", "%s", params->problem);
		return;
	}
	r = ft_service_kind(service, ft_params_text(params, "metric"), &kind, reply);
	if (r > 0)
		r = ft_service_range(service, params, &kind, &from_us, &to_us, reply);
	if (r > 0)
		r = answer(service, &kind, from_us, to_us, n, reply);
	if (r < 0)
		ft_reply_errno(reply, r, false);
}
