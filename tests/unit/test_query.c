/* Any stretch of time must hold exactly the samples whose time is in it, whichever way
 * slices were cut into windows; and the same for a process, a label, a timeline. */
#include "agent/server/query.h"

#include <errno.h>
#include <stdio.h>

#include "agent/profile/profile.h"
#include "agent/server/database.h"
#include "agent/server/ingest.h"
#include "agent/server/store.h"
#include "agent/server/timeline.h"
#include "tests/unit/slice_feed.h"

#define T0	  (1700000003ull * FEED_SEC + 123456789)
#define N_SECONDS 33u
#define PER_SLICE 40u

static struct feed_sample samples[N_SECONDS * PER_SLICE];
static uint32_t n_samples;
static struct ft_store *store;
static struct ft_store_kind kinds[FT_STORE_MAX_KINDS];
static uint64_t seed;

static uint64_t rnd(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 20) % n;
}

/* A stream whose samples are not in order and stray over the edges of their slices. */
static void set_up(void)
{
	static const char *const comms[] = { "app", "db", "app" };
	struct ft_ingest *ingest = NULL;
	struct feed feed;
	uint32_t n = 0;

	seed = 42;
	n_samples = 0;
	feed_init(&feed);
	for (uint32_t i = 0; i < N_SECONDS; i++) {
		uint64_t from = T0 + i * FEED_SEC;

		feed_begin(&feed, from, from + FEED_SEC);
		for (uint32_t k = 0; k < PER_SLICE; k++) {
			uint32_t who = (uint32_t)rnd(3);
			struct feed_sample *s = &samples[n_samples++];

			*s = (struct feed_sample){
				.time_ns = from + rnd(FEED_SEC + 100 * FEED_MS) - 50 * FEED_MS,
				.comm = comms[who],
				.pid = 100 + who,
				.tid = 200 + (uint32_t)rnd(4),
				.cpu = (uint32_t)rnd(2),
				.address = 0x2000 + (uint32_t)rnd(50),
				.outcome = (uint8_t)rnd(3),
				.count = 1 + rnd(3),
				.value = (int64_t)rnd(20000000),
			};
			feed_sample(&feed, s);
		}
		if (i % 10 == 5) {
			feed_count(&feed, "ring_full", 4);
			feed_count(&feed, "proc_failed", 9);
		}
		feed_end(&feed);
	}
	ck_assert_int_eq(ft_store_open(NULL, FT_STORE_WRITE, &store), 0);
	ck_assert_int_eq(ft_ingest_new(store, 10 * FEED_SEC, false, NULL, NULL, &ingest), 0);
	ck_assert_int_eq(ft_ingest_bytes(ingest, feed.out.data, feed.out.len), 0);
	ck_assert_int_eq(ft_store_kinds(store, kinds, &n), 0);
	ft_ingest_freep(&ingest);
	feed_deinit(&feed);
}

static void tear_down(void)
{
	ft_store_freep(&store);
}

/* The time as it is kept. */
static uint64_t kept_us(const struct feed_sample *sample)
{
	return sample->time_ns / 100000 * 100;
}

static struct ft_query all(void)
{
	return (struct ft_query){ .kind = kinds, .to_ns = INT64_MAX, .pid = -1 };
}

/* Count the raw samples and compare. */
static void check(const struct ft_query *query)
{
	_cleanup_profile_ struct ft_profile *profile = NULL;
	struct ft_query_facts facts;
	int64_t count = 0, value = 0;
	uint64_t n = 0;

	for (uint32_t i = 0; i < n_samples; i++) {
		const struct feed_sample *s = &samples[i];
		uint64_t time_ns = kept_us(s) * 1000;

		if (time_ns < query->from_ns || time_ns >= query->to_ns ||
		    (query->pid >= 0 && s->pid != query->pid) ||
		    (query->comm && strcmp(s->comm, query->comm) != 0))
			continue;
		n++;
		count += (int64_t)s->count;
		value += s->value;
	}
	ck_assert_int_eq(ft_query_profile(store, query, &facts, &profile), 0);
	ck_assert_uint_eq(facts.n_samples, n);
	ck_assert_int_eq(ft_profile_total(profile, 0), count);
	ck_assert_int_eq(ft_profile_total(profile, 1), value);
}

START_TEST(any_stretch_equals_a_recount)
{
	struct ft_query query = all();

	check(&query);
	for (int i = 0; i < 60; i++) {
		uint64_t a = T0 / 1000 + rnd(N_SECONDS * 1000000), b = a + rnd(12000000);

		query.from_ns = a * 1000;
		query.to_ns = b * 1000;
		query.with = (unsigned int)rnd(8);
		query.pid = rnd(3) == 0 ? 100 + (int64_t)rnd(4) : -1;
		query.comm = rnd(3) == 0 ? "app" : NULL;
		check(&query);
	}
}
END_TEST

START_TEST(adjacent_stretches_share_no_sample)
{
	struct ft_query query = all();
	uint64_t n = 0;

	for (uint64_t at = 0; at < 40; at++) {
		_cleanup_profile_ struct ft_profile *profile = NULL;
		struct ft_query_facts facts;

		query.from_ns = (T0 - FEED_SEC) / 1000 * 1000 + at * FEED_SEC;
		query.to_ns = query.from_ns + FEED_SEC;
		ck_assert_int_eq(ft_query_profile(store, &query, &facts, &profile), 0);
		n += facts.n_samples;
	}
	ck_assert_uint_eq(n, n_samples);
}
END_TEST

static bool has_key(const struct ft_profile *profile, const char *key)
{
	uint32_t n;

	for (uint32_t i = 0; i < ft_profile_n_rows(profile); i++) {
		struct ft_profile_row row = ft_profile_get_row(profile, i);
		const struct ft_label *labels = ft_profile_get_labels(profile, row.labels, &n);

		for (uint32_t k = 0; k < n; k++)
			if (strcmp(ft_profile_get_string(profile, labels[k].key, NULL), key) == 0)
				return true;
	}
	return false;
}

static const struct {
	unsigned int with;
	bool only_comm;
	bool comm, pid, tid, thread, cpu, outcome;
} label_cases[] = {
	{ 0, false, true, true, false, false, false, true },
	{ FT_QUERY_TID, false, true, true, true, false, false, true },
	{ FT_QUERY_THREAD | FT_QUERY_CPU, false, true, true, false, true, true, true },
	{ 0, true, true, false, false, false, false, true },
};

START_TEST(labels_as_asked)
{
	_cleanup_profile_ struct ft_profile *profile = NULL;
	struct ft_query query = all();
	struct ft_query_facts facts;

	query.with = label_cases[_i].with;
	query.only_comm = label_cases[_i].only_comm;
	ck_assert_int_eq(ft_query_profile(store, &query, &facts, &profile), 0);
	ck_assert_int_eq(has_key(profile, "comm"), label_cases[_i].comm);
	ck_assert_int_eq(has_key(profile, "pid"), label_cases[_i].pid);
	ck_assert_int_eq(has_key(profile, "tid"), label_cases[_i].tid);
	ck_assert_int_eq(has_key(profile, "thread"), label_cases[_i].thread);
	ck_assert_int_eq(has_key(profile, "cpu"), label_cases[_i].cpu);
	ck_assert_int_eq(has_key(profile, "outcome"), label_cases[_i].outcome);
}
END_TEST

static bool has_comment(const struct ft_profile *profile, const char *text)
{
	for (uint32_t i = 0; i < ft_profile_n_comments(profile); i++)
		if (strcmp(ft_profile_get_string(profile, ft_profile_get_comment(profile, i), NULL),
			   text) == 0)
			return true;
	return false;
}

START_TEST(tells_losses)
{
	_cleanup_profile_ struct ft_profile *profile = NULL;
	struct ft_query query = all();
	struct ft_query_facts facts;

	ck_assert_int_eq(ft_query_profile(store, &query, &facts, &profile), 0);
	/* A process that could not be read is no sample lost. */
	ck_assert_uint_eq(facts.lost, 12);
	ck_assert(has_comment(profile, "lost ring_full 12"));
	ck_assert(has_comment(profile, "lost proc_failed 27"));
	ck_assert(has_comment(profile, "host feed"));
}
END_TEST

START_TEST(nothing_there)
{
	_cleanup_profile_ struct ft_profile *profile = NULL;
	struct ft_query query = all();
	struct ft_query_facts facts;

	query.to_ns = T0 / 2 / 1000 * 1000;
	ck_assert_int_eq(ft_query_profile(store, &query, &facts, &profile), 0);
	ck_assert_uint_eq(facts.n_samples, 0);
	ck_assert_uint_eq(facts.covered_ns, 0);
	ck_assert_uint_eq(ft_profile_n_rows(profile), 0);
}
END_TEST

static const struct {
	uint64_t step_us;
	uint32_t n;
} columns_cases[] = {
	{ 1000000, 40 }, { 250000, 200 }, { 12345678, 4 }, { 1000, 2000 }, { 90000000, 1 }
};

START_TEST(timeline_equals_a_recount)
{
	static struct ft_timeline_column columns[FT_TIMELINE_MAX_COLUMNS];
	uint64_t from_us = T0 / 1000 - 2000000, step_us = columns_cases[_i].step_us, lost = 0;
	uint32_t n = columns_cases[_i].n;

	ck_assert_int_eq(ft_timeline_read(store, kinds[0].id, from_us, step_us, columns, n), 0);
	for (uint32_t c = 0; c < n; c++) {
		uint64_t begin = from_us + c * step_us;
		double value = 0;

		for (uint32_t i = 0; i < n_samples; i++)
			if (kept_us(&samples[i]) >= begin && kept_us(&samples[i]) < begin + step_us)
				value += (double)samples[i].value;
		ck_assert_double_eq_tol(columns[c].value, value, 0.5);
		if ((begin + step_us) * 1000 < T0 - 100 * FEED_MS)
			ck_assert_uint_eq(columns[c].covered_ns, 0);
		else if (begin * 1000 >= T0 &&
			 (begin + step_us) * 1000 <= T0 + N_SECONDS * FEED_SEC)
			ck_assert_uint_eq(columns[c].covered_ns, step_us * 1000);
		lost += columns[c].lost;
	}
	ck_assert(n < 4 || n == 2000 || lost >= 12);
	if (n == 1)
		ck_assert_uint_eq(lost, 12);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, any_stretch_equals_a_recount);
	tcase_add_test(tc, adjacent_stretches_share_no_sample);
	tcase_add_loop_test(tc, labels_as_asked, 0, FT_CASES(label_cases));
	tcase_add_test(tc, tells_losses);
	tcase_add_test(tc, nothing_there);
	tcase_add_loop_test(tc, timeline_equals_a_recount, 0, FT_CASES(columns_cases));
}

FT_CHECK_MAIN("query", add_tests)
