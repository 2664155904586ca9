#include "agent/listen.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/units.h"

#define BACKLOG 128

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

static int parse_port(const char *text, in_port_t *ret_port)
{
	uint64_t port;

	if (ft_parse_number(text, 0, 65535, &port) < 0)
		return -EINVAL;
	*ret_port = htons((uint16_t)port);
	return 0;
}

/* "ADDR:PORT", "[ADDR6]:PORT" or ":PORT" into address. 0 or -EINVAL. */
static int parse_inet(const char *text, union address *address, socklen_t *len)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	char name[64];

	if (!colon || n >= sizeof(name))
		return -EINVAL;
	memcpy(name, text, n);
	name[n] = '\0';
	if (n >= 2 && name[0] == '[' && name[n - 1] == ']') {
		name[n - 1] = '\0';
		*len = sizeof(address->v6);
		address->v6.sin6_family = AF_INET6;
		if (inet_pton(AF_INET6, name + 1, &address->v6.sin6_addr) != 1)
			return -EINVAL;
		return parse_port(colon + 1, &address->v6.sin6_port);
	}
	if (strcmp(name, "localhost") == 0)
		strcpy(name, "127.0.0.1");
	*len = sizeof(address->v4);
	address->v4.sin_family = AF_INET;
	if (inet_pton(AF_INET, n ? name : "0.0.0.0", &address->v4.sin_addr) != 1)
		return -EINVAL;
	return parse_port(colon + 1, &address->v4.sin_port);
}

static int parse(const char *text, union address *address, socklen_t *len)
{
	if (strncmp(text, "unix:", 5) != 0)
		return parse_inet(text, address, len);
	text += 5;
	if (!*text || strlen(text) >= sizeof(address->un.sun_path))
		return -EINVAL;
	address->un.sun_family = AF_UNIX;
	strcpy(address->un.sun_path, text);
	*len = sizeof(address->un);
	return 0;
}

/* Remove a socket that nobody listens on. Anything else stays, and bind() will say so. */
static void remove_stale(const union address *address, socklen_t len)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd < 0 || lstat(address->un.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	if (connect(fd, &address->any, len) < 0 && errno == ECONNREFUSED)
		unlink(address->un.sun_path);
}

static int bind_socket(const union address *address, socklen_t len, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	int one = 1;

	fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (address->any.sa_family == AF_UNIX)
		remove_stale(address, len);
	else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	if (bind(fd, &address->any, len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = FT_TAKE_FD(fd);
	return 0;
}

static int describe_inet(union address *address, struct ft_listen *listen)
{
	socklen_t len = sizeof(*address);
	bool is_v6 = address->any.sa_family == AF_INET6;
	char name[INET6_ADDRSTRLEN];
	uint16_t port;
	bool any;

	if (getsockname(listen->fd, &address->any, &len) < 0)
		return -errno;
	if (is_v6) {
		inet_ntop(AF_INET6, &address->v6.sin6_addr, name, sizeof(name));
		port = ntohs(address->v6.sin6_port);
		any = IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
		listen->is_loopback = IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
	} else {
		inet_ntop(AF_INET, &address->v4.sin_addr, name, sizeof(name));
		port = ntohs(address->v4.sin_port);
		any = address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
		listen->is_loopback = ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
	}
	snprintf(listen->text, sizeof(listen->text), is_v6 ? "[%s]:%u" : "%s:%u", name, port);
	if (any)
		snprintf(listen->url, sizeof(listen->url), "http://127.0.0.1:%u/", port);
	else
		snprintf(listen->url, sizeof(listen->url), "http://%s/", listen->text);
	return 0;
}

static int complain(const char *text, int error)
{
	if (error == -EADDRINUSE)
		ft_complain("%s is in use: choose another address with --listen, such as "
			    "--listen 127.0.0.1:7118",
			    text);
	else if (error == -EINVAL)
		ft_complain("%s is no address to listen on: use --listen ADDR:PORT or "
			    "--listen unix:PATH",
			    text);
	else if (error == -EACCES)
		ft_complain("not allowed to listen on %s: choose a port from 1024 up, or another "
			    "path, with --listen",
			    text);
	else
		ft_complain("cannot listen on %s: %s; choose another address with --listen", text,
			    strerror(-error));
	return error;
}

int ft_listen_open(const char *text, struct ft_listen *ret_listen)
{
	struct ft_listen listen = { .fd = -1 };
	union address address = { 0 };
	socklen_t len;
	int r;

	assert(text);
	assert(ret_listen);

	r = parse(text, &address, &len);
	if (r == 0)
		r = bind_socket(&address, len, &listen.fd);
	if (r < 0)
		return complain(text, r);
	if (address.any.sa_family == AF_UNIX) {
		listen.is_unix = listen.is_loopback = true;
		snprintf(listen.text, sizeof(listen.text), "%s", address.un.sun_path);
		snprintf(listen.url, sizeof(listen.url), "unix:%s", address.un.sun_path);
	} else {
		r = describe_inet(&address, &listen);
	}
	if (r < 0) {
		ft_closep(&listen.fd);
		return complain(text, r);
	}
	*ret_listen = listen;
	return 0;
}
