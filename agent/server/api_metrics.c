/* api_metrics.c - /metrics: the server and what passed through it, for Prometheus. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/profile/outcome.h"
#include "agent/server/ingest.h"
#include "agent/server/query.h"
#include "agent/server/reply.h"
#include "agent/server/service.h"
#include "agent/server/store.h"
#include "agent/server/windows.h"
#include "base/clock.h"
#include "base/io.h"

static void head(struct ft_buffer *out, const char *name, const char *type, const char *help)
{
	ft_buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_one(struct ft_buffer *out, const char *name, const char *type, const char *help,
		    uint64_t value)
{
	head(out, name, type, help);
	ft_buffer_printf(out, "%s %" PRIu64 "\n", name, value);
}

/* The inside of a label value. */
static void put_value(struct ft_buffer *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			ft_buffer_put_u8(out, '\\');
		ft_buffer_put_u8(out, (uint8_t)(*text == '\n' ? ' ' : *text));
	}
}

static void put_labelled(struct ft_buffer *out, const char *name, const char *label,
			 const char *text, uint64_t value)
{
	ft_buffer_printf(out, "%s{%s=\"", name, label);
	put_value(out, text);
	ft_buffer_printf(out, "\"} %" PRIu64 "\n", value);
}

/* Those that never happened, too: a series that begins at 1 hides its first loss. */
static void put_losses(struct ft_buffer *out, const struct ft_ingest_stats *stats)
{
	static const char name[] = "flametrail_lost_total";

	head(out, name, "counter", "Losses and other events the collector counted, by reason.");
	for (size_t i = 0; ft_query_losses[i]; i++) {
		bool happened = false;

		for (uint32_t j = 0; j < stats->n_losses; j++)
			happened |= strcmp(stats->losses[j].name, ft_query_losses[i]) == 0;
		if (!happened)
			put_labelled(out, name, "reason", ft_query_losses[i], 0);
	}
	for (uint32_t i = 0; i < stats->n_losses; i++)
		put_labelled(out, name, "reason", stats->losses[i].name, stats->losses[i].n);
}

static void put_ingest(struct ft_buffer *out, const struct ft_ingest_stats *stats)
{
	head(out, "flametrail_samples_total", "counter",
	     "Samples stored, by how their stack ended.");
	for (unsigned int i = 0; i <= FT_OUTCOMES; i++)
		put_labelled(out, "flametrail_samples_total", "outcome",
			     i < FT_OUTCOMES ? ft_outcome_name(i) : "unknown", stats->samples[i]);
	put_losses(out, stats);
	put_one(out, "flametrail_slices_total", "counter", "Slices stored.", stats->slices);
	put_one(out, "flametrail_slices_late_total", "counter",
		"Slices that came after their window was closed.", stats->late);
	put_one(out, "flametrail_slices_dropped_total", "counter",
		"Slices lost because the store could not be written.", stats->dropped);
	put_one(out, "flametrail_streams_total", "counter", "Streams of slices begun.",
		stats->streams);
	put_one(out, "flametrail_streams_damaged_total", "counter",
		"Streams given up because they were no slices.", stats->bad_streams);
	put_one(out, "flametrail_store_write_errors_total", "counter",
		"Writes to the store that failed.", stats->write_errors);
	put_one(out, "flametrail_windows_damaged_total", "counter",
		"Windows that could not be read and were left out.", stats->damaged_windows);
	head(out, "flametrail_last_slice_timestamp_seconds", "gauge", "End of the latest slice.");
	ft_buffer_printf(out, "flametrail_last_slice_timestamp_seconds %.3f\n",
			 (double)stats->latest_ns / 1e9);
}

static void put_store(struct ft_buffer *out, struct ft_service *service)
{
	uint64_t windows = 0;
	const char *why;

	if (ft_windows_count(ft_store_database(service->store), &windows) == 0)
		put_one(out, "flametrail_windows_stored", "gauge",
			"Windows in the store, open parts included.", windows);
	put_one(out, "flametrail_store_bytes", "gauge", "Size of the database.",
		ft_store_bytes(service->store));
	put_one(out, "flametrail_ready", "gauge", "1 while windows are being stored.",
		ft_service_is_ready(service, &why) ? 1 : 0);
	put_one(out, "flametrail_http_requests_total", "counter", "Requests answered.",
		service->n_requests);
	put_one(out, "flametrail_http_refused_total", "counter",
		"Requests refused: host, site, token, method or too many.", service->n_refused);
	put_one(out, "flametrail_http_waiting", "gauge", "Requests waiting for samples.",
		service->n_waiting);
}

static uint64_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

static void put_process(struct ft_buffer *out, const struct ft_service *service)
{
	unsigned long long pages = 0, resident = 0;
	struct rlimit limit = { 0 };
	struct rusage usage = { 0 };
	char line[128];
	double seconds;

	getrusage(RUSAGE_SELF, &usage);
	getrlimit(RLIMIT_NOFILE, &limit);
	if (ft_read_line(AT_FDCWD, "/proc/self/statm", line, sizeof(line)) < 0 ||
	    sscanf(line, "%llu %llu", &pages, &resident) != 2)
		pages = resident = 0;
	seconds = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
		  ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) / 1e6;
	head(out, "process_cpu_seconds_total", "counter", "CPU time of the server.");
	ft_buffer_printf(out, "process_cpu_seconds_total %.6f\n", seconds);
	put_one(out, "process_open_fds", "gauge", "Open descriptors.", count_fds());
	put_one(out, "process_max_fds", "gauge", "Limit of open descriptors.", limit.rlim_cur);
	put_one(out, "process_virtual_memory_bytes", "gauge", "Virtual memory.",
		pages * (uint64_t)sysconf(_SC_PAGESIZE));
	put_one(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
		resident * (uint64_t)sysconf(_SC_PAGESIZE));
	head(out, "process_start_time_seconds", "gauge", "Start of the server since 1970.");
	ft_buffer_printf(out, "process_start_time_seconds %.3f\n",
			 (double)service->started_ns / 1e9);
}

void ft_api_metrics(struct ft_service *service, struct ft_reply *reply)
{
	struct ft_buffer *out = &reply->body;

	reply->type = "text/plain; version=0.0.4; charset=utf-8";
	head(out, "flametrail_build_info", "gauge", "Which build runs.");
	put_labelled(out, "flametrail_build_info", "version", FT_VERSION, 1);
	put_ingest(out, ft_ingest_stats(service->ingest));
	put_store(out, service);
	put_process(out, service);
}
