/* api_tree.c - /api/1/tree: a flame graph as FTTR bytes. */
#include <string.h>

#include "agent/profile/profile.h"
#include "agent/profile/tree.h"
#include "agent/server/params.h"
#include "agent/server/query.h"
#include "agent/server/reply.h"
#include "agent/server/service.h"
#include "agent/server/store.h"
#include "agent/server/subtree.h"
#include "base/clock.h"

#define DEFAULT_MIN_PPM 50
#define MAX_NODES	250000
#define PPM		1000000ull

/* What the question says beside metric and time. */
struct options {
	struct ft_tree_options tree;
	int64_t pid;
	const char *comm;
	bool has_root;
	uint64_t root; /* path id */
};

static void take_options(struct ft_params *params, struct options *options)
{
	static const char *const known[] = { "metric", "from", "to",   "min_ppm", "nodes", "lines",
					     "root",   "pid",  "comm", "base",	  NULL };
	const char *root = ft_params_text(params, "root");
	const char *base = ft_params_text(params, "base");

	*options = (struct options){ .pid = -1, .comm = ft_params_text(params, "comm") };
	ft_params_check(params, known);
	options->tree.type = 1;
	options->tree.with_process = true;
	options->tree.min_ppm = (uint32_t)ft_params_number(params, "min_ppm", 0, PPM,
							   DEFAULT_MIN_PPM);
	options->tree.max_nodes = (uint32_t)ft_params_number(params, "nodes", 1, MAX_NODES,
							     MAX_NODES);
	options->tree.with_lines = ft_params_number(params, "lines", 0, 1, 0) == 1;
	if (ft_params_text(params, "pid"))
		options->pid = (int64_t)ft_params_number(params, "pid", 1, INT32_MAX, 1);
	if (params->problem[0])
		return;
	if (base && strcmp(base, "none") != 0)
		strcpy(params->problem, "parameter base can only be none yet");
	if (root && root[0]) {
		options->has_root = true;
		if (ft_path_id_parse(root, &options->root) < 0)
			strcpy(params->problem, "parameter root is no path id");
	}
}

static int write_tree(struct ft_service *service, const struct ft_query *query,
		      struct options *options, struct ft_buffer *out)
{
	_cleanup_profile_ struct ft_profile *profile = NULL, *below = NULL;
	const struct ft_profile *shown;
	struct ft_query_facts facts;
	int r;

	r = ft_query_profile(service->store, query, &facts, &profile);
	if (r < 0)
		return r;
	shown = profile;
	if (options->has_root) {
		r = ft_subtree_of(profile, options->root, &below);
		if (r < 0)
			return r;
		shown = below;
		options->tree.with_process = false;
	}
	options->tree.window_us = facts.covered_ns / FT_NS_PER_US;
	if (facts.lost > 0)
		options->tree.lost_ppm = (uint32_t)((unsigned __int128)facts.lost * PPM /
						    (facts.lost + facts.n_samples));
	return ft_tree_write(shown, &options->tree, out);
}

void ft_api_tree(struct ft_service *service, struct ft_params *params, struct ft_reply *reply)
{
	struct ft_store_kind kind;
	struct options options;
	uint64_t from_us, to_us;
	int r;

	take_options(params, &options);
	if (params->problem[0]) {
		ft_reply_error(reply, 400, "bad_query", "%s", params->problem);
		return;
	}
	r = ft_service_kind(service, ft_params_text(params, "metric"), &kind, reply);
	if (r > 0)
		r = ft_service_range(service, params, &kind, &from_us, &to_us, reply);
	if (r > 0) {
		struct ft_query query = { .kind = &kind,
					  .from_ns = from_us * FT_NS_PER_US,
					  .to_ns = to_us * FT_NS_PER_US,
					  .pid = options.pid,
					  .comm = options.comm,
					  .only_comm = true };

		reply->type = "application/octet-stream";
		r = write_tree(service, &query, &options, &reply->body);
	}
	if (r < 0)
		ft_reply_errno(reply, r, false);
}
