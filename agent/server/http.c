#include "agent/server/http.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/server/assets.h"
#include "agent/server/gate.h"
#include "agent/server/params.h"
#include "agent/server/reply.h"
#include "agent/server/server.h"
#include "agent/server/service.h"
#include "base/clock.h"
#include "base/log.h"

#define MAX_CONNECTIONS	      128u
#define MAX_WAITING	      64u
#define TIMEOUT_SECONDS	      30u
#define MEMORY_PER_CONNECTION (32u << 10)
#define MAX_UPLOAD	      (1u << 20) /* bytes a request may carry, all thrown away */
#define SYMBOL_URL	      "/debug/pprof/symbol"

/* Clients that went away while waiting are looked for so often. */
#define PEEK_NS (1000 * FT_NS_PER_MS)

/* One request from its first line to its end. */
struct request {
	struct request *next; /* in the list of those that wait */
	struct MHD_Connection *connection;
	bool waiting; /* suspended and in the list */
	bool resumed;
	bool gone; /* the client is */
	size_t uploaded;
	struct ft_pprof_query query;
};

struct ft_http {
	struct MHD_Daemon *daemon;
	struct ft_service *service;
	struct ft_gate gate;
	struct request *waiting;
	int epoll_fd; /* the daemon's */
};

/* ---- answers ---- */

static const struct {
	const char *name, *value;
} headers[] = {
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Content-Security-Policy",
	  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
	  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
};

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void add_headers(struct MHD_Response *response, const struct ft_reply *reply)
{
	for (size_t i = 0; i < FT_COUNT(headers); i++)
		MHD_add_response_header(response, headers[i].name, headers[i].value);
	if (reply->asset) {
		MHD_add_response_header(response, "Content-Type", reply->asset->type);
		MHD_add_response_header(response, "ETag", reply->asset->etag);
		MHD_add_response_header(response, "Cache-Control", "no-cache");
		return;
	}
	if (reply->type)
		MHD_add_response_header(response, "Content-Type", reply->type);
	if (reply->disposition)
		MHD_add_response_header(response, "Content-Disposition", reply->disposition);
	if (reply->pprof_error)
		MHD_add_response_header(response, "X-Go-Pprof", "1");
	if (reply->status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
	if (reply->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	MHD_add_response_header(response, "Cache-Control", "no-store");
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct ft_reply *reply)
{
	unsigned int status = reply->status ? reply->status : MHD_HTTP_OK;
	struct MHD_Response *response;
	enum MHD_Result result;

	if (reply->asset) {
		const char *known = header(connection, "If-None-Match");
		bool same = known && strstr(known, reply->asset->etag);

		/* The library never writes to it. */
		response = MHD_create_response_from_buffer(same ? 0 : reply->asset->len,
							   (void *)(uintptr_t)reply->asset->bytes,
							   MHD_RESPMEM_PERSISTENT);
		status = same ? MHD_HTTP_NOT_MODIFIED : status;
	} else {
		size_t len = reply->body.len;

		response = MHD_create_response_from_buffer(len, reply->body.data,
							   MHD_RESPMEM_MUST_FREE);
		if (response)
			reply->body = FT_BUFFER_INIT(0);
	}
	if (!response)
		return MHD_NO;
	add_headers(response, reply);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result finish(struct ft_http *http, struct MHD_Connection *connection,
			      struct ft_reply *reply)
{
	enum MHD_Result result;

	if (reply->error == -EUCLEAN)
		http->service->damaged = true;
	if (reply->body.error)
		ft_reply_errno(reply, reply->body.error, false);
	result = send_reply(connection, reply);
	ft_reply_deinit(reply);
	return result;
}

/* ---- who asks ---- */

/* Addresses that say nothing about anybody: probes, and the page itself. */
static bool is_open(const char *url)
{
	return strcmp(url, "/healthz") == 0 || strcmp(url, "/readyz") == 0 ||
	       strcmp(url, SYMBOL_URL) == 0 || ft_asset_find(url);
}

static bool admit(struct ft_http *http, struct MHD_Connection *connection, const char *url,
		  struct ft_reply *reply)
{
	const char *token = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "token");

	if (!ft_gate_host(&http->gate, header(connection, "Host")))
		ft_reply_error(reply, MHD_HTTP_MISDIRECTED_REQUEST, "auth",
			       "this name is not ours: start the agent with --allow-host NAME");
	else if (!ft_gate_origin(&http->gate, header(connection, "Origin")) ||
		 !ft_gate_site(header(connection, "Sec-Fetch-Site")))
		ft_reply_error(reply, MHD_HTTP_FORBIDDEN, "auth",
			       "requests from other sites are refused");
	else if (!is_open(url) &&
		 !ft_gate_token(&http->gate, header(connection, "Authorization"), token))
		ft_reply_error(reply, MHD_HTTP_UNAUTHORIZED, "auth",
			       "a token is needed: Authorization: Bearer TOKEN, or ?token=TOKEN");
	else
		return true;
	http->service->n_refused++;
	return false;
}

/* ---- questions ---- */

static enum MHD_Result take_param(void *context, enum MHD_ValueKind kind, const char *key,
				  const char *value)
{
	(void)kind;
	ft_params_add(context, key, value);
	return MHD_YES;
}

/* Go on later: 1; now: 0, the question is in request; -EINVAL: the error is in reply. */
static int begin_pprof(struct ft_http *http, struct request *request, const char *name,
		       struct ft_params *params, bool is_head, struct ft_reply *reply)
{
	uint64_t again_ns;
	int r;

	r = ft_api_pprof_parse(http->service, name, params, &request->query, reply);
	if (r < 0)
		return r;
	if (is_head || ft_api_pprof_is_due(http->service, &request->query, &again_ns))
		return 0;
	if (http->service->n_waiting >= MAX_WAITING) {
		http->service->n_refused++;
		ft_reply_pprof_error(reply, MHD_HTTP_SERVICE_UNAVAILABLE,
				     "Too many requests are waiting");
		return -EINVAL;
	}
	request->next = http->waiting;
	http->waiting = request;
	request->waiting = true;
	http->service->n_waiting++;
	MHD_suspend_connection(request->connection);
	return 1;
}

static void answer_api(struct ft_service *service, const char *url, struct ft_params *params,
		       struct ft_reply *reply)
{
	const struct ft_asset *asset = ft_asset_find(url);

	if (asset) {
		reply->asset = asset;
	} else if (strcmp(url, "/api/1/meta") == 0) {
		ft_api_meta(service, params, reply);
	} else if (strcmp(url, "/api/1/timeline") == 0) {
		ft_api_timeline(service, params, reply);
	} else if (strcmp(url, "/api/1/tree") == 0) {
		ft_api_tree(service, params, reply);
	} else if (strcmp(url, "/metrics") == 0) {
		ft_api_metrics(service, reply);
	} else if (strcmp(url, "/healthz") == 0) {
		ft_api_health(reply);
	} else if (strcmp(url, "/readyz") == 0) {
		ft_api_ready(service, reply);
	} else if (strcmp(url, SYMBOL_URL) == 0) {
		ft_api_pprof_symbol(reply);
	} else if (strcmp(url, "/debug/pprof/") == 0 || strcmp(url, "/debug/pprof") == 0) {
		ft_api_pprof_index(service, reply);
	} else {
		ft_reply_error(reply, MHD_HTTP_NOT_FOUND, "not_found", "nothing is at %.100s", url);
	}
}

static enum MHD_Result answer(struct ft_http *http, struct request *request, const char *url,
			      bool is_head)
{
	static const char pprof[] = "/debug/pprof/";
	struct ft_reply reply = FT_REPLY_INIT;
	struct ft_params params = { 0 };
	const char *name = url + sizeof(pprof) - 1;

	if (!admit(http, request->connection, url, &reply))
		return finish(http, request->connection, &reply);
	MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, take_param, &params);
	if (strncmp(url, pprof, sizeof(pprof) - 1) == 0 && *name && strcmp(url, SYMBOL_URL) != 0) {
		int r = begin_pprof(http, request, name, &params, is_head, &reply);

		if (r > 0)
			return MHD_YES;
		if (r == 0)
			ft_api_pprof_answer(http->service, &request->query, &reply);
	} else {
		answer_api(http->service, url, &params, &reply);
	}
	return finish(http, request->connection, &reply);
}

/* Nothing is changed by asking; go tool pprof posts its question for names. */
static bool is_answered(const char *method, const char *url)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
	       (strcmp(method, "POST") == 0 && strcmp(url, SYMBOL_URL) == 0);
}

static enum MHD_Result throw_away(struct request *request, size_t *upload_size)
{
	request->uploaded += *upload_size;
	*upload_size = 0;
	return request->uploaded > MAX_UPLOAD ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	bool is_head = strcmp(method, "HEAD") == 0;
	struct ft_reply reply = FT_REPLY_INIT;
	struct request *request = *state;
	struct ft_http *http = context;

	(void)version;
	(void)upload;
	if (!request) {
		request = calloc(1, sizeof(*request));
		if (!request)
			return MHD_NO;
		request->connection = connection;
		*state = request;
		http->service->n_requests++;
		if (is_answered(method, url))
			return MHD_YES;
		http->service->n_refused++;
		ft_reply_error(&reply, MHD_HTTP_METHOD_NOT_ALLOWED, "bad_query",
			       "only GET and HEAD are answered");
		return finish(http, connection, &reply);
	}
	if (*upload_size > 0)
		return throw_away(request, upload_size);
	if (!request->resumed)
		return answer(http, request, url, is_head);
	if (request->gone)
		return MHD_NO;
	ft_api_pprof_answer(http->service, &request->query, &reply);
	return finish(http, connection, &reply);
}

static void unlink_waiting(struct ft_http *http, struct request *request)
{
	struct request **at = &http->waiting;

	while (*at && *at != request)
		at = &(*at)->next;
	if (*at) {
		*at = request->next;
		http->service->n_waiting--;
	}
	request->waiting = false;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode why)
{
	struct request *request = *state;

	(void)connection;
	(void)why;
	if (request && request->waiting)
		unlink_waiting(context, request);
	free(request);
	*state = NULL;
}

/* ---- life ---- */

static void on_log(void *context, const char *format, va_list values) FT_PRINTF(2, 0);
static void on_log(void *context, const char *format, va_list values)
{
	char text[256];
	size_t len;

	(void)context;
	vsnprintf(text, sizeof(text), format, values);
	len = strlen(text);
	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = '\0';
	ft_log(FT_LOG_DEBUG, "http", ft_kv_text("said", text));
}

static int start_daemon(struct ft_http *http, int listen_fd)
{
	_cleanup_close_ int fd = fcntl(listen_fd, F_DUPFD_CLOEXEC, 3);
	const union MHD_DaemonInfo *info;

	if (fd < 0)
		return -errno;
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)MEMORY_PER_CONNECTION, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_END);
	if (!http->daemon)
		return -EIO;
	FT_TAKE_FD(fd); /* closed with the daemon */
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || info->epoll_fd < 0)
		return -EIO;
	http->epoll_fd = info->epoll_fd;
	return 0;
}

int ft_http_new(struct ft_service *service, int listen_fd, struct ft_http **ret_http)
{
	_cleanup_http_ struct ft_http *http = calloc(1, sizeof(*http));
	int r;

	assert(ret_http);

	if (!http)
		return -ENOMEM;
	http->service = service;
	http->gate = (struct ft_gate){ .listen = service->options->listen_text,
				       .is_unix = service->options->listen_is_unix,
				       .token = service->options->token,
				       .allow_hosts = service->options->allow_hosts };
	r = start_daemon(http, listen_fd);
	if (r < 0)
		return r;
	*ret_http = FT_TAKE(http);
	return 0;
}

static void resume(struct ft_http *http, struct request *request)
{
	unlink_waiting(http, request);
	request->resumed = true;
	MHD_resume_connection(request->connection);
}

void ft_http_freep(struct ft_http **p)
{
	struct ft_http *http = *p;

	*p = NULL;
	if (!http)
		return;
	while (http->waiting) {
		http->waiting->gone = true;
		resume(http, http->waiting);
	}
	if (http->daemon) {
		MHD_run(http->daemon);
		MHD_stop_daemon(http->daemon);
	}
	free(http);
}

int ft_http_fd(const struct ft_http *http)
{
	return http->epoll_fd;
}

int ft_http_timeout_ms(struct ft_http *http)
{
	uint64_t now = ft_realtime_ns(), wait_ns = UINT64_MAX, again_ns;
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(http->daemon, &ms) == MHD_YES)
		wait_ns = FT_MIN((uint64_t)ms, (uint64_t)INT_MAX / 2) * FT_NS_PER_MS;
	if (http->waiting)
		wait_ns = FT_MIN(wait_ns, (uint64_t)PEEK_NS);
	for (struct request *request = http->waiting; request; request = request->next) {
		if (ft_api_pprof_is_due(http->service, &request->query, &again_ns))
			return 0;
		if (again_ns > now)
			wait_ns = FT_MIN(wait_ns, again_ns - now);
	}
	if (wait_ns == UINT64_MAX)
		return -1;
	return (int)((wait_ns + FT_NS_PER_MS - 1) / FT_NS_PER_MS);
}

static bool is_gone(const struct request *request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char byte;
	ssize_t n;

	if (!info)
		return true;
	n = recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void ft_http_run(struct ft_http *http)
{
	struct request *next;
	uint64_t again_ns;

	for (struct request *request = http->waiting; request; request = next) {
		next = request->next;
		request->gone = is_gone(request);
		if (request->gone || ft_api_pprof_is_due(http->service, &request->query, &again_ns))
			resume(http, request);
	}
	MHD_run(http->daemon);
}
