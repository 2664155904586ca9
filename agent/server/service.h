/* service.h - what answers are made from, and one function per address. Each fills a
 * reply; none blocks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

struct ft_ingest;
struct ft_params;
struct ft_reply;
struct ft_server_options;
struct ft_store;
struct ft_store_kind;

struct ft_service {
	const struct ft_server_options *options;
	struct ft_store *store;
	struct ft_ingest *ingest;
	uint64_t started_ns; /* CLOCK_REALTIME */
	bool stream_open;    /* slices may still come */
	bool damaged;	     /* an answer met a damaged store: it must be healed */
	uint64_t n_requests;
	uint64_t n_waiting; /* requests that wait for samples */
	uint64_t n_refused; /* by Host, site, token or limit */
};

void ft_api_meta(struct ft_service *service, struct ft_params *params, struct ft_reply *reply);
void ft_api_timeline(struct ft_service *service, struct ft_params *params, struct ft_reply *reply);
void ft_api_tree(struct ft_service *service, struct ft_params *params, struct ft_reply *reply);
void ft_api_metrics(struct ft_service *service, struct ft_reply *reply);
void ft_api_health(struct ft_reply *reply);
void ft_api_ready(struct ft_service *service, struct ft_reply *reply);
/* Whether windows are being stored now; if not, *ret_why says why (static text). */
bool ft_service_is_ready(const struct ft_service *service, const char **ret_why);

/* ---- pprof ---- */

/* A profile as asked for. Texts are borrowed from the request. */
struct ft_pprof_query {
	char kind[64];		/* name; "" the first there is */
	uint64_t not_before_ns; /* when to answer at the earliest, however soon it could be */
	bool wait;		/* for samples up to to_ns */
	uint64_t from_ns, to_ns;
	int64_t pid; /* -1 all */
	const char *comm;
	unsigned int with; /* FT_QUERY_ flags */
};

void ft_api_pprof_index(struct ft_service *service, struct ft_reply *reply);
/* What go tool pprof asks, and gives up without, when a profile has frames without
 * names: does the server know more? It does not. */
void ft_api_pprof_symbol(struct ft_reply *reply);
/* Read the question /debug/pprof/NAME?...: 0, or -EINVAL with the error in reply. */
int ft_api_pprof_parse(struct ft_service *service, const char *name, struct ft_params *params,
		       struct ft_pprof_query *ret_query, struct ft_reply *reply) FT_MUST_CHECK;
/* Whether nothing more can come for it; if not, *ret_again_ns is when to ask again at
 * the latest (CLOCK_REALTIME). */
bool ft_api_pprof_is_due(const struct ft_service *service, const struct ft_pprof_query *query,
			 uint64_t *ret_again_ns);
void ft_api_pprof_answer(struct ft_service *service, const struct ft_pprof_query *query,
			 struct ft_reply *reply);

/* ---- shared by them ---- */

/* The kind named metric, or the first one for NULL: 1, 0 when there is none (error in
 * reply), or an error. */
int ft_service_kind(struct ft_service *service, const char *metric, struct ft_store_kind *ret_kind,
		    struct ft_reply *reply) FT_MUST_CHECK;
/* from= and to= in microseconds, what is stored of kind by default. 1, or 0 with the
 * error in reply. */
int ft_service_range(struct ft_service *service, struct ft_params *params,
		     const struct ft_store_kind *kind, uint64_t *ret_from_us, uint64_t *ret_to_us,
		     struct ft_reply *reply) FT_MUST_CHECK;
