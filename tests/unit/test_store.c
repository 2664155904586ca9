/* The store must keep what it was given through crashes, damage and full disks, and
 * give names that came late to windows that were stored before. */
#include "agent/server/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent/profile/profile.h"
#include "agent/server/database.h"
#include "agent/server/ingest.h"
#include "agent/server/query.h"
#include "agent/server/windows.h"
#include "tests/unit/slice_feed.h"

#define T0 (1700000000ull * FEED_SEC)

static char dir[64];

static void make_dir(void)
{
	strcpy(dir, "/tmp/ft-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[512];

	while (d && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

static bool has_file(const char *prefix)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	bool found = false;

	while (d && (entry = readdir(d)))
		found |= strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(d);
	return found;
}

/* Feed n slices of a second from second number first on, ten samples each. */
static void feed_seconds(struct feed *feed, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++) {
		uint64_t from = T0 + i * FEED_SEC;

		feed_begin(feed, from, from + FEED_SEC);
		for (uint32_t k = 0; k < 10; k++)
			feed_sample(feed,
				    &(struct feed_sample){ .time_ns = from + k * 100 * FEED_MS,
							   .comm = "app",
							   .pid = 7,
							   .tid = 8,
							   .address = 0x2000 + i * 16 + k,
							   .count = 1,
							   .value = 10 });
		feed_end(feed);
	}
}

static struct ft_ingest *new_ingest(struct ft_store *store)
{
	struct ft_ingest *ingest = NULL;

	ck_assert_int_eq(ft_ingest_new(store, 10 * FEED_SEC, false, NULL, NULL, &ingest), 0);
	return ingest;
}

static void send_all(struct ft_ingest *ingest, struct feed *feed)
{
	ck_assert_int_eq(ft_ingest_bytes(ingest, feed->out.data, feed->out.len), 0);
	ft_buffer_clear(&feed->out);
}

static struct ft_store *open_store(void)
{
	struct ft_store *store = NULL;

	ck_assert_int_eq(ft_store_open(dir, FT_STORE_WRITE, &store), 0);
	return store;
}

static struct ft_profile *query_all(struct ft_store *store)
{
	struct ft_store_kind kinds[FT_STORE_MAX_KINDS];
	struct ft_query query = { .kind = kinds, .from_ns = 0, .to_ns = INT64_MAX, .pid = -1 };
	struct ft_profile *profile = NULL;
	struct ft_query_facts facts;
	uint32_t n = 0;

	ck_assert_int_eq(ft_store_kinds(store, kinds, &n), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(ft_query_profile(store, &query, &facts, &profile), 0);
	ck_assert_int_eq((int64_t)facts.n_samples, ft_profile_total(profile, 0));
	return profile;
}

static int64_t total(struct ft_store *store)
{
	_cleanup_profile_ struct ft_profile *profile = query_all(store);

	ck_assert_int_eq(ft_profile_total(profile, 1), ft_profile_total(profile, 0) * 10);
	return ft_profile_total(profile, 0);
}

static uint64_t count_rows(struct ft_store *store)
{
	uint64_t n = 0;

	ck_assert_int_eq(ft_windows_count(ft_store_database(store), &n), 0);
	return n;
}

START_TEST(merges_windows_and_keeps_totals)
{
	_cleanup_store_ struct ft_store *store = open_store();
	_cleanup_ingest_ struct ft_ingest *ingest = new_ingest(store);
	_cleanup_feed_ struct feed feed;

	feed_init(&feed);
	feed_seconds(&feed, 0, 25);
	send_all(ingest, &feed);
	/* Two whole windows, five slices of the third. */
	ck_assert_uint_eq(count_rows(store), 7);
	ck_assert_int_eq(total(store), 250);
	ck_assert_int_eq(ft_ingest_finish(ingest), 0);
	ck_assert_uint_eq(count_rows(store), 3);
	ck_assert_int_eq(total(store), 250);
	ck_assert_uint_eq(ft_ingest_stats(ingest)->slices, 25);
	ck_assert_uint_eq(ft_ingest_stats(ingest)->late, 0);
}
END_TEST

START_TEST(crash_keeps_every_slice)
{
	_cleanup_feed_ struct feed feed;
	struct ft_store *store = open_store();
	struct ft_ingest *ingest = new_ingest(store);

	feed_init(&feed);
	feed_seconds(&feed, 0, 7);
	send_all(ingest, &feed);
	/* No finish: what a killed process leaves, merged by the next one. */
	ft_ingest_freep(&ingest);
	ft_store_freep(&store);
	store = open_store();
	ck_assert_uint_eq(count_rows(store), 7);
	ingest = new_ingest(store);
	ck_assert_uint_eq(count_rows(store), 1);
	ck_assert_int_eq(total(store), 70);
	ft_ingest_freep(&ingest);
	ft_store_freep(&store);
}
END_TEST

START_TEST(stream_cut_anywhere)
{
	_cleanup_feed_ struct feed feed;

	feed_init(&feed);
	feed_seconds(&feed, 0, 3);
	for (size_t len = 0; len < feed.out.len; len += 97) {
		struct ft_store *store = NULL;
		struct ft_ingest *ingest;
		uint64_t slices;

		ck_assert_int_eq(ft_store_open(NULL, FT_STORE_WRITE, &store), 0);
		ingest = new_ingest(store);
		/* In portions, as a pipe gives them. */
		for (size_t at = 0; at < len; at += 13)
			ck_assert_int_eq(ft_ingest_bytes(ingest, feed.out.data + at,
							 FT_MIN((size_t)13, len - at)),
					 0);
		slices = ft_ingest_stats(ingest)->slices;
		ck_assert_uint_le(slices, 2);
		if (slices > 0)
			ck_assert_int_eq(total(store), (int64_t)slices * 10);
		ft_ingest_freep(&ingest);
		ft_store_freep(&store);
	}
}
END_TEST

static bool has_function(const struct ft_profile *profile, const char *name)
{
	for (uint32_t i = 1; i <= ft_profile_n_functions(profile); i++) {
		uint32_t text = ft_profile_get_function(profile, i)->name;

		if (strcmp(ft_profile_get_string(profile, text, NULL), name) == 0)
			return true;
	}
	return false;
}

START_TEST(late_names_reach_old_windows)
{
	_cleanup_store_ struct ft_store *store = open_store();
	_cleanup_ingest_ struct ft_ingest *ingest = new_ingest(store);
	_cleanup_feed_ struct feed feed, second;
	struct ft_profile *profile;

	feed_init(&feed);
	feed_seconds(&feed, 0, 11);
	send_all(ingest, &feed);
	profile = query_all(store);
	ck_assert(!has_function(profile, "late"));
	ft_profile_freep(&profile);
	feed_begin(&feed, T0 + 11 * FEED_SEC, T0 + 12 * FEED_SEC);
	feed_name(&feed, 0x2000, "late");
	feed_end(&feed);
	send_all(ingest, &feed);
	profile = query_all(store);
	ck_assert(has_function(profile, "late"));
	ft_profile_freep(&profile);

	/* A new stream that knows no name takes none away. */
	ft_ingest_restart(ingest);
	feed_init(&second);
	feed_seconds(&second, 0, 1);
	feed_begin(&second, T0 + FEED_SEC, T0 + 2 * FEED_SEC);
	ck_assert_int_eq(ft_dictionary_names(second.dictionary, &second.out,
					     feed_location(&second, 0x2000), NULL, 0),
			 0);
	feed_end(&second);
	send_all(ingest, &second);
	profile = query_all(store);
	ck_assert(has_function(profile, "late"));
	/* The same places and files are the same entries: one row per address. */
	ck_assert_uint_eq(ft_profile_n_mappings(profile), 1);
	ft_profile_freep(&profile);
}
END_TEST

START_TEST(one_writer)
{
	_cleanup_store_ struct ft_store *store = open_store();
	struct ft_store *second = NULL;

	ck_assert_int_eq(ft_store_open(dir, FT_STORE_WRITE, &second), -EBUSY);
	ck_assert_ptr_null(second);
	/* A reader may look meanwhile. */
	ck_assert_int_eq(ft_store_open(dir, FT_STORE_READ, &second), 0);
	ft_store_freep(&second);
}
END_TEST

START_TEST(unwritable)
{
	struct ft_store *store = NULL;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	snprintf(path, sizeof(path), "%s/file/store", dir);
	ck_assert_int_lt(ft_store_open(path, FT_STORE_WRITE, &store), 0);
	ck_assert_int_eq(ft_store_open("/proc/self/none", FT_STORE_READ, &store), -ENOENT);
	ck_assert_ptr_null(store);
}
END_TEST

/* Overwrite part of the database as a dying disk would. */
static void damage(off_t at, size_t n)
{
	char path[128], noise[4096];
	int fd;

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * 31 + 7);
	snprintf(path, sizeof(path), "%s/flametrail.db", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, noise, n, at), (ssize_t)n);
	close(fd);
}

static const struct {
	off_t at;
	size_t n;
} damages[] = { { 0, 100 }, { 0, 16 }, { 4096, 64 }, { 100, 3000 } };

START_TEST(damaged_is_set_aside)
{
	_cleanup_feed_ struct feed feed;
	struct ft_store *store = open_store();
	struct ft_ingest *ingest = new_ingest(store);

	feed_init(&feed);
	feed_seconds(&feed, 0, 12);
	send_all(ingest, &feed);
	ft_ingest_freep(&ingest);
	ft_store_freep(&store);
	damage(damages[_i].at, damages[_i].n);
	store = open_store();
	ck_assert(has_file("flametrail.db.damaged-"));
	ingest = new_ingest(store);
	ck_assert_uint_eq(count_rows(store), 0);
	feed_deinit(&feed);
	feed_init(&feed);
	feed_seconds(&feed, 0, 12);
	send_all(ingest, &feed);
	ck_assert_int_eq(total(store), 120);
	ft_ingest_freep(&ingest);
	ft_store_freep(&store);
}
END_TEST

/* Wherever the damage is, opening and asking ends, with old windows or a new store. */
START_TEST(damaged_at_random)
{
	_cleanup_feed_ struct feed feed;
	struct ft_store *store = open_store();
	struct ft_ingest *ingest = new_ingest(store);
	struct stat st;
	char path[128];

	feed_init(&feed);
	feed_seconds(&feed, 0, 12);
	send_all(ingest, &feed);
	ft_ingest_freep(&ingest);
	ft_store_freep(&store);
	snprintf(path, sizeof(path), "%s/flametrail.db", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	for (uint32_t i = 0; i < 40; i++) {
		struct ft_store_kind kinds[FT_STORE_MAX_KINDS];
		struct ft_query query = { .kind = kinds, .to_ns = INT64_MAX, .pid = -1 };
		struct ft_profile *profile = NULL;
		struct ft_query_facts facts;
		uint32_t n = 0;
		int r;

		ck_assert_int_eq(stat(path, &st), 0);
		damage((off_t)((uint64_t)i * 7919 * 13 % (uint64_t)(st.st_size - 40)), 24);
		store = open_store();
		r = ft_store_kinds(store, kinds, &n);
		if (r == 0 && n > 0)
			r = ft_query_profile(store, &query, &facts, &profile);
		ck_assert(r == 0 || r == -EUCLEAN || r == -E2BIG || r == -EOVERFLOW);
		ck_assert_int_ge(ft_store_heal(store, r), 0);
		ft_profile_freep(&profile);
		ft_store_freep(&store);
	}
}
END_TEST

START_TEST(full_disk_loses_nothing_for_a_while)
{
	_cleanup_store_ struct ft_store *store = open_store();
	_cleanup_ingest_ struct ft_ingest *ingest = new_ingest(store);
	_cleanup_feed_ struct feed feed;
	uint64_t stored;

	feed_init(&feed);
	feed_seconds(&feed, 0, 2);
	send_all(ingest, &feed);
	ft_database_set_max_pages(ft_store_database(store), 1);
	/* Names too, so that a retry has everything to define again. */
	feed_seconds(&feed, 2, 40);
	feed_begin(&feed, T0 + 42 * FEED_SEC, T0 + 43 * FEED_SEC);
	feed_name(&feed, 0x2000 + 41 * 16, "waited");
	feed_end(&feed);
	send_all(ingest, &feed);
	ck_assert_int_eq(ft_ingest_stats(ingest)->error, -ENOSPC);
	ck_assert_uint_ge(ft_ingest_stats(ingest)->write_errors, 1);
	stored = ft_ingest_stats(ingest)->slices;
	ck_assert_uint_lt(stored, 43);
	ft_database_set_max_pages(ft_store_database(store), 0);
	feed_seconds(&feed, 43, 1);
	send_all(ingest, &feed);
	ck_assert_int_eq(ft_ingest_stats(ingest)->error, 0);
	ck_assert_uint_eq(ft_ingest_stats(ingest)->slices, 44);
	ck_assert_uint_eq(ft_ingest_stats(ingest)->dropped, 0);
	ck_assert_int_eq(total(store), 430);
}
END_TEST

/* Where the pages still fit and only the log of the transaction does not, the end of the
 * transaction is what fails. */
START_TEST(lost_commit_is_tried_again)
{
	_cleanup_store_ struct ft_store *store = open_store();
	_cleanup_ingest_ struct ft_ingest *ingest = new_ingest(store);
	_cleanup_feed_ struct feed feed;
	struct rlimit limit, none;
	struct stat st;
	char path[128];

	feed_init(&feed);
	feed_seconds(&feed, 0, 2);
	send_all(ingest, &feed);
	snprintf(path, sizeof(path), "%s/flametrail.db-wal", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &none), 0);
	limit = none;
	limit.rlim_cur = (rlim_t)st.st_size;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	feed_seconds(&feed, 2, 3);
	send_all(ingest, &feed);
	ck_assert_int_lt(ft_ingest_stats(ingest)->error, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	feed_seconds(&feed, 5, 1);
	send_all(ingest, &feed);
	ck_assert_int_eq(ft_ingest_stats(ingest)->error, 0);
	ck_assert_uint_eq(ft_ingest_stats(ingest)->slices, 6);
	ck_assert_int_eq(total(store), 60);
}
END_TEST

START_TEST(full_disk_for_long_drops_and_says_so)
{
	_cleanup_store_ struct ft_store *store = open_store();
	_cleanup_ingest_ struct ft_ingest *ingest = new_ingest(store);
	_cleanup_feed_ struct feed feed;
	int r = 0;

	feed_init(&feed);
	feed_seconds(&feed, 0, 2);
	send_all(ingest, &feed);
	ft_database_set_max_pages(ft_store_database(store), 1);
	for (uint32_t i = 2; r == 0 && i < 20000; i += 200) {
		ft_buffer_clear(&feed.out);
		feed_seconds(&feed, i, 200);
		r = ft_ingest_bytes(ingest, feed.out.data, feed.out.len);
	}
	ck_assert_int_eq(r, -ESTALE);
	ck_assert_uint_gt(ft_ingest_stats(ingest)->dropped, 100);
	/* A new stream starts afresh. */
	ft_database_set_max_pages(ft_store_database(store), 0);
	ft_ingest_restart(ingest);
	feed_deinit(&feed);
	feed_init(&feed);
	feed_seconds(&feed, 30000, 3);
	send_all(ingest, &feed);
	ck_assert_int_eq(ft_ingest_stats(ingest)->error, 0);
	ck_assert_int_ge(total(store), 50);
}
END_TEST

START_TEST(foreign_streams_are_refused)
{
	_cleanup_store_ struct ft_store *store = open_store();
	_cleanup_ingest_ struct ft_ingest *ingest = new_ingest(store);
	_cleanup_feed_ struct feed feed;

	ck_assert_int_eq(ft_ingest_bytes(ingest, (const uint8_t *)"GET / HT", 8), -EBADMSG);
	ft_ingest_restart(ingest);
	feed_init(&feed);
	feed_seconds(&feed, 0, 1);
	feed.out.data[feed.out.len - 3] ^= 1;
	ck_assert_int_eq(ft_ingest_bytes(ingest, feed.out.data, feed.out.len), -EBADMSG);
	ck_assert_uint_eq(ft_ingest_stats(ingest)->slices, 0);
	ck_assert_uint_eq(count_rows(store), 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, make_dir, remove_dir);
	tcase_add_test(tc, merges_windows_and_keeps_totals);
	tcase_add_test(tc, crash_keeps_every_slice);
	tcase_add_test(tc, stream_cut_anywhere);
	tcase_add_test(tc, late_names_reach_old_windows);
	tcase_add_test(tc, one_writer);
	tcase_add_test(tc, unwritable);
	tcase_add_loop_test(tc, damaged_is_set_aside, 0, FT_CASES(damages));
	tcase_add_test(tc, damaged_at_random);
	tcase_add_test(tc, full_disk_loses_nothing_for_a_while);
	tcase_add_test(tc, lost_commit_is_tried_again);
	tcase_add_test(tc, full_disk_for_long_drops_and_says_so);
	tcase_add_test(tc, foreign_streams_are_refused);
}

FT_CHECK_MAIN("store", add_tests)
