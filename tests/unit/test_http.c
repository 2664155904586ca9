/* The server as a whole, in a process of its own, asked over a socket: who may ask, what
 * is answered to nonsense, and profiles that wait for samples to come. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/listen.h"
#include "agent/profile/formats.h"
#include "agent/profile/profile.h"
#include "agent/server/server.h"
#include "base/clock.h"
#include "base/io.h"
#include "tests/unit/slice_feed.h"

#define MAX_ANSWER (8u << 20)

static struct ft_listen listening;
static int control, slices;
static pid_t server;
static char *answer; /* the last one, NUL after it */
static size_t answer_len;

/* Start with a store in memory, a stream of slices and a supervisor's socket. */
static void start(const char *token)
{
	static const char *const hosts[] = { "profiles.example", NULL };
	int pair[2], pipe_fds[2];

	ck_assert_int_eq(ft_listen_open("127.0.0.1:0", &listening), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0) {
		close(pair[0]);
		close(pipe_fds[1]);
		_exit(ft_server_run(&(struct ft_server_options){
			.listen_fd = listening.fd,
			.listen_text = listening.text,
			.window_ns = FEED_SEC,
			.token = token,
			.allow_hosts = hosts,
			.source = "agent",
			.slices_fd = pipe_fds[0],
			.control_fd = pair[1],
		}));
	}
	close(pair[1]);
	close(pipe_fds[0]);
	control = pair[0];
	slices = pipe_fds[1];
	signal(SIGPIPE, SIG_IGN);
}

static void set_up(void)
{
	start(NULL);
}

static void set_up_token(void)
{
	start("secret");
}

/* The supervisor goes: the server must end cleanly by itself. */
static void tear_down(void)
{
	int status = -1;

	ft_closep(&control);
	ft_closep(&slices);
	ck_assert_int_eq(waitpid(server, &status, 0), server);
	ck_assert_int_eq(status, 0);
	close(listening.fd);
	free(answer);
	answer = NULL;
}

static int dial(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_port = htons((uint16_t)atoi(strrchr(listening.text, ':') + 1));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int send_request(const char *method, const char *path, const char *headers)
{
	char text[4096];
	int fd = dial();
	int n = snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nConnection: close\r\n%s\r\n",
			 method, path, headers);

	ck_assert_int_eq(ft_write_all(fd, text, (size_t)n), 0);
	return fd;
}

/* Read to the end; the status, 0 when there is none. */
static int receive(int fd)
{
	free(answer);
	answer = NULL;
	ck_assert_int_eq(ft_read_fd(fd, MAX_ANSWER, &answer, &answer_len), 0);
	close(fd);
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

static int get(const char *path)
{
	return receive(send_request("GET", path, "Host: localhost\r\n"));
}

static bool said(const char *text)
{
	return strstr(answer, text) != NULL;
}

static struct ft_profile *body_profile(void)
{
	char *body = strstr(answer, "\r\n\r\n");
	struct ft_profile *profile = NULL;
	const char *why = NULL;

	ck_assert_ptr_nonnull(body);
	body += 4;
	ck_assert_int_eq(ft_pprof_read((uint8_t *)body, answer_len - (size_t)(body - answer),
				       &profile, &why),
			 0);
	return profile;
}

static const struct {
	const char *method, *path, *headers;
	int status;
} asked[] = {
	{ "GET", "/healthz", "Host: localhost\r\n", 200 },
	{ "GET", "/api/1/meta", "Host: 127.0.0.1:1\r\n", 200 },
	{ "GET", "/api/1/meta", "Host: [::1]:1\r\n", 200 },
	{ "GET", "/api/1/meta", "Host: PROFILES.example\r\n", 200 },
	{ "GET", "/api/1/meta", "Host: evil.example\r\n", 421 },
	{ "GET", "/api/1/meta", "Host: 127.0.0.1.evil.example\r\n", 421 },
	{ "GET", "/api/1/meta", "Host: 10.0.0.1\r\n", 421 },
	{ "GET", "/", "Host: evil.example\r\n", 421 },
	{ "GET", "/api/1/meta", "", 400 },
	{ "GET", "/api/1/meta", "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403 },
	{ "GET", "/api/1/meta", "Host: localhost\r\nSec-Fetch-Site: same-origin\r\n", 200 },
	{ "HEAD", "/api/1/meta", "Host: localhost\r\n", 200 },
	{ "POST", "/api/1/meta", "Host: localhost\r\nContent-Length: 0\r\n", 405 },
	{ "POST", "/debug/pprof/symbol", "Host: localhost\r\nContent-Length: 0\r\n", 200 },
	{ "POST", "/debug/pprof/symbol", "Host: evil.example\r\nContent-Length: 0\r\n", 421 },
	{ "POST", "/debug/pprof/profile", "Host: localhost\r\nContent-Length: 0\r\n", 405 },
	{ "GET", "/debug/pprof/symbol", "Host: localhost\r\n", 200 },
	{ "DELETE", "/", "Host: localhost\r\n", 405 },
	{ "GET", "/nothing", "Host: localhost\r\n", 404 },
	{ "GET", "/../etc/passwd", "Host: localhost\r\n", 404 },
	{ "GET", "/metrics", "Host: localhost\r\n", 200 },
	{ "GET", "/readyz", "Host: localhost\r\n", 503 },
	{ "GET", "/api/1/tree", "Host: localhost\r\n", 404 },
	{ "GET", "/api/1/timeline?cols=0", "Host: localhost\r\n", 400 },
	{ "GET", "/api/1/timeline?cols=2001", "Host: localhost\r\n", 400 },
	{ "GET", "/api/1/timeline?cols=10&cols=11", "Host: localhost\r\n", 400 },
	{ "GET", "/api/1/timeline?rows=1", "Host: localhost\r\n", 400 },
	{ "GET", "/api/1/tree?root=abc", "Host: localhost\r\n", 400 },
	{ "GET", "/api/1/tree?min_ppm=-1", "Host: localhost\r\n", 400 },
	{ "GET", "/debug/pprof/", "Host: localhost\r\n", 200 },
	{ "GET", "/debug/pprof/none", "Host: localhost\r\n", 404 },
	{ "GET", "/debug/pprof/profile?seconds=0", "Host: localhost\r\n", 400 },
	{ "GET", "/debug/pprof/profile?seconds=1x", "Host: localhost\r\n", 400 },
	{ "GET", "/debug/pprof/profile?seconds=1&from=1", "Host: localhost\r\n", 400 },
	{ "GET", "/debug/pprof/profile?labels=tid,nose", "Host: localhost\r\n", 400 },
	{ "GET", "/debug/pprof/profile?from=2&to=1", "Host: localhost\r\n", 400 },
	{ "GET", "/debug/pprof/profile?pid=0", "Host: localhost\r\n", 400 },
};

START_TEST(statuses)
{
	int fd = send_request(asked[_i].method, asked[_i].path, asked[_i].headers);

	ck_assert_int_eq(receive(fd), asked[_i].status);
	/* The library itself answers what is no HTTP at all. */
	if (asked[_i].status != 400 || asked[_i].headers[0])
		ck_assert(said("X-Content-Type-Options: nosniff"));
	if (strncmp(asked[_i].path, "/debug/pprof/p", 14) == 0 && asked[_i].status != 405)
		ck_assert(said("X-Go-Pprof: 1"));
}
END_TEST

static const struct {
	const char *path, *headers;
	int status;
} tokens[] = {
	{ "/healthz", "", 200 },
	{ "/readyz", "", 503 },
	{ "/debug/pprof/symbol", "", 200 },
	{ "/metrics", "", 401 },
	{ "/api/1/meta", "", 401 },
	{ "/debug/pprof/", "", 401 },
	{ "/api/1/meta", "Authorization: Bearer secret\r\n", 200 },
	{ "/api/1/meta", "Authorization: Bearer secret2\r\n", 401 },
	{ "/api/1/meta", "Authorization: Bearer secre\r\n", 401 },
	{ "/api/1/meta", "Authorization: Bearer \r\n", 401 },
	{ "/api/1/meta", "Authorization: Basic secret\r\n", 401 },
	{ "/api/1/meta?token=secret", "", 200 },
	{ "/api/1/meta?token=secretsecret", "", 401 },
	{ "/api/1/meta?token=", "", 401 },
};

START_TEST(token)
{
	char headers[256];

	snprintf(headers, sizeof(headers), "Host: localhost\r\n%s", tokens[_i].headers);
	ck_assert_int_eq(receive(send_request("GET", tokens[_i].path, headers)), tokens[_i].status);
}
END_TEST

START_TEST(page_and_its_tag)
{
	char headers[256], *tag;

	ck_assert_int_eq(get("/"), 200);
	ck_assert(said("default-src 'none'"));
	ck_assert(said("Content-Type: text/html"));
	tag = strstr(answer, "ETag: ");
	ck_assert_ptr_nonnull(tag);
	snprintf(headers, sizeof(headers), "Host: localhost\r\nIf-None-Match: %.*s\r\n",
		 (int)strcspn(tag + 6, "\r"), tag + 6);
	ck_assert_int_eq(receive(send_request("GET", "/", headers)), 304);
}
END_TEST

/* Feed slices of the real time, one each 100 ms, n of them, k samples in each. */
static void feed_live(struct feed *feed, int fd, uint32_t n, uint32_t k)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t from = feed->span.to_ns ? feed->span.to_ns : ft_realtime_ns();
		uint64_t to;

		usleep(100000);
		to = ft_realtime_ns();
		feed_begin(feed, from, to);
		for (uint32_t s = 0; s < k; s++)
			feed_sample(feed, &(struct feed_sample){ .time_ns = from,
								 .comm = s % 2 ? "app" : "db",
								 .pid = 7 + s % 2,
								 .address = 0x2000,
								 .count = 1,
								 .value = 5 });
		feed_end(feed);
		ck_assert_int_eq(ft_write_all(fd, feed->out.data, feed->out.len), 0);
		ft_buffer_clear(&feed->out);
	}
}

START_TEST(waits_for_samples)
{
	_cleanup_feed_ struct feed feed;
	struct ft_profile *profile;
	int64_t first = -1;
	int fds[20];

	feed_init(&feed);
	feed_live(&feed, slices, 3, 4);
	for (size_t i = 0; i < FT_COUNT(fds); i++)
		fds[i] = send_request("GET", "/debug/pprof/profile?seconds=1",
				      "Host: localhost\r\n");
	feed_live(&feed, slices, 15, 4);
	for (size_t i = 0; i < FT_COUNT(fds); i++) {
		ck_assert_int_eq(receive(fds[i]), 200);
		ck_assert(said("Content-Disposition: attachment; filename=\"profile\""));
		profile = body_profile();
		/* A slice begins each 100 ms: about ten in a second, whole ones. */
		ck_assert_int_eq(ft_profile_total(profile, 0) % 4, 0);
		ck_assert_int_ge(ft_profile_total(profile, 0), 4);
		ck_assert_int_le(ft_profile_total(profile, 0), 44);
		ck_assert_uint_eq(ft_profile_info(profile)->duration_ns, FEED_SEC);
		first = first < 0 ? ft_profile_total(profile, 0) : first;
		ck_assert_int_le(llabs(ft_profile_total(profile, 0) - first), 8);
		ft_profile_freep(&profile);
	}
	ck_assert_int_eq(get("/readyz"), 200);
	ck_assert_int_eq(get("/debug/pprof/profile?from=0&to=9000000000000000&pid=7"), 400);
	ck_assert_int_eq(get("/api/1/tree"), 200);
	ck_assert_int_eq(get("/api/1/timeline?cols=10&metric=cpu"), 200);
	ck_assert(said("\"step_us\""));
}
END_TEST

START_TEST(stream_is_replaced)
{
	_cleanup_feed_ struct feed feed, second;
	struct ft_profile *profile;
	char path[128];
	uint64_t from_us = ft_realtime_ns() / 100000 * 100; /* as times are kept */
	int pipe_fds[2];

	feed_init(&feed);
	feed_live(&feed, slices, 2, 2);
	/* Not slices: the stream is dropped, the server lives. */
	ck_assert_int_eq(ft_write_all(slices, "nonsense, and plenty of it", 26), 0);
	usleep(100000);
	ck_assert_int_eq(get("/readyz"), 503);
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	ck_assert_int_eq(ft_send_message(control, "S", 1, pipe_fds[0]), 0);
	close(pipe_fds[0]);
	feed_init(&second);
	feed_live(&second, pipe_fds[1], 3, 2);
	usleep(100000);
	ck_assert_int_eq(get("/readyz"), 200);
	snprintf(path, sizeof(path), "/debug/pprof/profile?from=%llu&pid=7",
		 (unsigned long long)from_us);
	ck_assert_int_eq(get(path), 200);
	profile = body_profile();
	ck_assert_int_eq(ft_profile_total(profile, 0), 5);
	ft_profile_freep(&profile);
	close(pipe_fds[1]);
}
END_TEST

/* A client that goes away while it waits leaves nothing behind. */
START_TEST(waiter_goes_away)
{
	int fd = send_request("GET", "/debug/pprof/profile?seconds=600", "Host: localhost\r\n");

	usleep(200000);
	ck_assert_int_eq(get("/metrics"), 200);
	ck_assert(said("flametrail_http_waiting 1\n"));
	close(fd);
	for (int i = 0; i < 50; i++) {
		usleep(100000);
		ck_assert_int_eq(get("/metrics"), 200);
		if (said("flametrail_http_waiting 0\n"))
			return;
	}
	ck_abort_msg("still waiting");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http");
	TCase *open = tcase_create("open"), *guarded = tcase_create("token");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(open, set_up, tear_down);
	tcase_add_loop_test(open, statuses, 0, FT_CASES(asked));
	tcase_add_test(open, page_and_its_tag);
	tcase_add_test(open, waits_for_samples);
	tcase_add_test(open, stream_is_replaced);
	tcase_add_test(open, waiter_goes_away);
	tcase_add_checked_fixture(guarded, set_up_token, tear_down);
	tcase_add_loop_test(guarded, token, 0, FT_CASES(tokens));
	suite_add_tcase(suite, open);
	suite_add_tcase(suite, guarded);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
