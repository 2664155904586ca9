/* api_pprof.c - /debug/pprof/: profiles for other tools, in the manner of Go's
 * net/http/pprof: the same addresses, headers and kind of errors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/columns.h"
#include "agent/profile/formats.h"
#include "agent/server/ingest.h"
#include "agent/server/params.h"
#include "agent/server/query.h"
#include "agent/server/reply.h"
#include "agent/server/service.h"
#include "agent/server/store.h"
#include "agent/server/windows.h"
#include "base/clock.h"
#include "base/log.h"

#define DEFAULT_SECONDS 30
#define MAX_SECONDS	3600
#define MAX_TIME_US	9000000000000000ull
#define MAX_RANGE_US	(400ull * 86400 * 1000000)

/* A slice that ended no longer ago than this is the last one that was due. */
#define FRESH_US 1500000u
/* Samples of a second come when it is over; after so long none will come any more. */
#define GRACE_NS (2500 * FT_NS_PER_MS)

void ft_api_pprof_index(struct ft_service *service, struct ft_reply *reply)
{
	static const char head[] =
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<title>/debug/pprof/</title></head>\n<body>\n<h1>/debug/pprof/</h1>\n"
		"<p>Profiles in pprof format, for go tool pprof and for scrapers.</p>\n<ul>\n"
		"<li><a href=\"profile?seconds=30\">profile</a>: CPU; seconds=N waits for N "
		"seconds, from=&amp;to= (microseconds since 1970) takes what is stored</li>\n";
	static const char tail[] = "</ul>\n<p>Also pid=N, comm=NAME, "
				   "labels=tid,thread,cpu.</p>\n</body></html>\n";
	struct ft_store_kind kinds[FT_STORE_MAX_KINDS];
	uint32_t n = 0;

	reply->type = "text/html; charset=utf-8";
	ft_buffer_put_text(&reply->body, head);
	if (ft_store_kinds(service->store, kinds, &n) < 0)
		n = 0;
	for (uint32_t i = 0; i < n; i++) {
		/* Names of kinds come from the stream: only plain ones become links. */
		if (strspn(kinds[i].name, "abcdefghijklmnopqrstuvwxyz0123456789_-") !=
		    strlen(kinds[i].name))
			continue;
		ft_buffer_printf(&reply->body, "<li><a href=\"%s?seconds=30\">%s</a></li>\n",
				 kinds[i].name, kinds[i].name);
	}
	ft_buffer_put_text(&reply->body, tail);
}

void ft_api_pprof_symbol(struct ft_reply *reply)
{
	reply->type = "text/plain; charset=utf-8";
	ft_buffer_put_text(&reply->body, "num_symbols: 0\n");
}

/* The kind an address names: "profile" is the CPU's, whichever event measures it. */
static int find_kind(struct ft_service *service, const char *name, struct ft_store_kind *ret_kind)
{
	struct ft_store_kind kinds[FT_STORE_MAX_KINDS];
	uint32_t n = 0;
	int r = ft_store_kinds(service->store, kinds, &n);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(kinds[i].name, name[0] ? name : "cpu") == 0) {
			*ret_kind = kinds[i];
			return 1;
		}
	}
	if (n > 0 && !name[0])
		*ret_kind = kinds[0];
	return n > 0 && !name[0];
}

/* Slices come once a second. N seconds that begin where the last one ended are complete
 * when N seconds have passed; if they began now, the answer would wait for one more. */
static uint64_t begin_us(const struct ft_service *service, uint64_t now_us)
{
	uint64_t latest_us = ft_ingest_stats(service->ingest)->latest_ns / FT_NS_PER_US;
	bool is_fresh = latest_us <= now_us && now_us - latest_us <= FRESH_US;

	/* In the steps that times are kept in: what is sampled from then on is in. */
	return (is_fresh ? latest_us : now_us) / FT_COLUMNS_STEP_US * FT_COLUMNS_STEP_US;
}

static void take_times(const struct ft_service *service, struct ft_params *params,
		       struct ft_pprof_query *query)
{
	uint64_t now_us = ft_realtime_ns() / FT_NS_PER_US;
	uint64_t begin = begin_us(service, now_us);
	uint64_t from, to, seconds;
	bool past = ft_params_text(params, "from") || ft_params_text(params, "to");

	seconds = ft_params_number(params, "seconds", 1, MAX_SECONDS, DEFAULT_SECONDS);
	from = ft_params_number(params, "from", 0, MAX_TIME_US, begin);
	to = ft_params_number(params, "to", 0, MAX_TIME_US,
			      past ? now_us : begin + seconds * 1000000);
	query->from_ns = from * FT_NS_PER_US;
	query->to_ns = to * FT_NS_PER_US;
	query->wait = !past;
	query->not_before_ns = (now_us + seconds * 1000000) * FT_NS_PER_US;
	if (params->problem[0])
		return;
	if (past && (!ft_params_text(params, "from") || ft_params_text(params, "seconds")))
		snprintf(params->problem, sizeof(params->problem),
			 "give seconds, or from and to, not both");
	else if (from >= to || to - from > MAX_RANGE_US)
		snprintf(params->problem, sizeof(params->problem),
			 "from must be before to, by at most 400 days");
}

int ft_api_pprof_parse(struct ft_service *service, const char *name, struct ft_params *params,
		       struct ft_pprof_query *ret_query, struct ft_reply *reply)
{
	static const char *const known[] = { "seconds", "from",	 "to", "pid", "comm",
					     "labels",	"debug", "gc", NULL };
	static const char *const labels[] = { "tid", "thread", "cpu", NULL };
	struct ft_pprof_query query = { .pid = -1 };
	struct ft_store_kind kind;

	if (strcmp(name, "profile") != 0) {
		if (strlen(name) >= sizeof(query.kind) || find_kind(service, name, &kind) <= 0) {
			ft_reply_pprof_error(reply, 404, "Unknown profile");
			return -EINVAL;
		}
		snprintf(query.kind, sizeof(query.kind), "%s", name);
	}
	ft_params_check(params, known);
	take_times(service, params, &query);
	if (ft_params_text(params, "pid"))
		query.pid = (int64_t)ft_params_number(params, "pid", 1, INT32_MAX, 1);
	query.comm = ft_params_text(params, "comm");
	query.with = ft_params_set(params, "labels", labels);
	ft_params_number(params, "debug", 0, 0, 0);
	ft_params_number(params, "gc", 0, INT32_MAX, 0);
	if (params->problem[0]) {
		ft_reply_pprof_error(reply, 400, "%s", params->problem);
		return -EINVAL;
	}
	*ret_query = query;
	return 0;
}

_Static_assert(FT_QUERY_TID == 1 && FT_QUERY_THREAD == 2 && FT_QUERY_CPU == 4,
	       "the order of the words of labels=");

bool ft_api_pprof_is_due(const struct ft_service *service, const struct ft_pprof_query *query,
			 uint64_t *ret_again_ns)
{
	uint64_t now = ft_realtime_ns();
	uint64_t last = query->not_before_ns + (service->stream_open ? GRACE_NS : 0);

	*ret_again_ns = now < query->not_before_ns ? query->not_before_ns : last;
	if (!query->wait || now >= last)
		return true;
	/* A clock set back would make it wait for ever longer. */
	if (now + (MAX_SECONDS + 10) * FT_NS_PER_SEC < query->to_ns)
		return true;
	return now >= query->not_before_ns &&
	       ft_ingest_stats(service->ingest)->latest_ns >= query->to_ns;
}

static int make_profile(struct ft_service *service, const struct ft_pprof_query *query,
			struct ft_buffer *out)
{
	_cleanup_profile_ struct ft_profile *profile = NULL;
	struct ft_query_facts facts;
	struct ft_store_kind kind;
	struct ft_query question = {
		.kind = &kind,
		.from_ns = query->from_ns,
		.to_ns = query->to_ns,
		.pid = query->pid,
		.comm = query->comm,
		.with = query->with,
	};
	int r;

	r = find_kind(service, query->kind, &kind);
	if (r == 0)
		return -ENODATA;
	if (r > 0)
		r = ft_query_profile(service->store, &question, &facts, &profile);
	return r < 0 ? r : ft_pprof_write(profile, out);
}

void ft_api_pprof_answer(struct ft_service *service, const struct ft_pprof_query *query,
			 struct ft_reply *reply)
{
	int r = make_profile(service, query, &reply->body);

	if (r == -ENODATA) {
		ft_reply_pprof_error(reply, 503, "No samples have been stored yet");
	} else if (r < 0) {
		ft_log(FT_LOG_WARN, "a profile could not be made", ft_kv_errno(r));
		ft_reply_errno(reply, r, true);
	} else {
		reply->type = "application/octet-stream";
		reply->disposition = "attachment; filename=\"profile\"";
	}
}
