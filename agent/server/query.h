/* query.h - any stretch of time of the store as a profile. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

struct ft_profile;
struct ft_store;
struct ft_store_kind;

/* What of a single sample becomes a label beside its label set. */
enum { FT_QUERY_TID = 1, FT_QUERY_THREAD = 2, FT_QUERY_CPU = 4 };

struct ft_query {
	const struct ft_store_kind *kind;
	uint64_t from_ns, to_ns; /* samples with from <= time < to; whole microseconds */
	int64_t pid;		 /* only this process; -1: all */
	const char *comm;	 /* only this command name; NULL: all */
	unsigned int with;	 /* FT_QUERY_ flags */
	bool only_comm;		 /* of labels keep comm and outcome: what a tree needs */
};

struct ft_query_facts {
	uint64_t n_samples;
	uint64_t lost;	     /* samples lost in this time, all kinds */
	uint64_t covered_ns; /* of [from, to) that stored windows cover */
};

/* The caller owns *ret_profile. 0, -ENOMEM, -E2BIG: too many distinct rows, -EOVERFLOW,
 * or an error of the store. Windows that cannot be read are left out and told in a
 * comment. */
int ft_query_profile(struct ft_store *store, const struct ft_query *query,
		     struct ft_query_facts *ret_facts,
		     struct ft_profile **ret_profile) FT_MUST_CHECK;

/* The reasons by which samples are lost, NULL at the end. */
extern const char *const ft_query_losses[];
/* Whether a count of this name tells samples that were lost, not another event. */
bool ft_query_is_loss(const char *name);
