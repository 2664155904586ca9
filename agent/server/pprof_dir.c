#include "agent/server/pprof_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/profile/formats.h"
#include "agent/server/query.h"
#include "agent/server/store.h"
#include "base/clock.h"
#include "base/io.h"

#define MAX_FILE_BYTES (256u << 20)

static int write_path(const char *dir, const struct ft_store_kind *kind, uint64_t from_ns,
		      char *path, size_t size)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	time_t seconds = (time_t)(from_ns / FT_NS_PER_SEC);
	char name[sizeof(kind->name)], when[32];
	struct tm utc;
	int n;

	if (!gmtime_r(&seconds, &utc))
		return -ERANGE;
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &utc);
	snprintf(name, sizeof(name), "%s", kind->name);
	/* The name comes from the stream and must stay in the directory. */
	for (char *at = name; *at; at++)
		if (!strchr(plain, *at))
			*at = '_';
	n = snprintf(path, size, "%s/flametrail-%s-%s.pb.gz", dir, name, when);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int write_kind(struct ft_store *store, const char *dir, const struct ft_store_kind *kind,
		      uint64_t from_ns, uint64_t to_ns)
{
	_cleanup_buffer_ struct ft_buffer bytes = FT_BUFFER_INIT(MAX_FILE_BYTES);
	_cleanup_profile_ struct ft_profile *profile = NULL;
	struct ft_query query = { .kind = kind, .from_ns = from_ns, .to_ns = to_ns, .pid = -1 };
	struct ft_query_facts facts;
	char path[PATH_MAX];
	int r;

	r = ft_query_profile(store, &query, &facts, &profile);
	if (r < 0 || facts.n_samples == 0)
		return r;
	r = ft_pprof_write(profile, &bytes);
	if (r == 0)
		r = write_path(dir, kind, from_ns, path, sizeof(path));
	if (r == 0)
		r = ft_replace_file(path, bytes.data, bytes.len);
	return r;
}

int ft_pprof_dir_write(struct ft_store *store, const char *dir, uint64_t from_ns, uint64_t to_ns)
{
	struct ft_store_kind kinds[FT_STORE_MAX_KINDS];
	uint32_t n = 0;
	int first, r;

	first = ft_store_kinds(store, kinds, &n);
	for (uint32_t i = 0; i < n; i++) {
		r = write_kind(store, dir, &kinds[i], from_ns, to_ns);
		if (first == 0)
			first = r;
	}
	return first;
}
