#include "agent/server/gate.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_HOST 256

/* The name in NAME, NAME:PORT or [ADDRESS]:PORT, without brackets. */
static bool take_name(const char *host, char name[static MAX_HOST])
{
	const char *end;
	size_t len;

	if (host[0] == '[') {
		end = strchr(++host, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
	} else {
		end = host + strcspn(host, ":");
	}
	len = (size_t)(end - host);
	if (len == 0 || len >= MAX_HOST)
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	return true;
}

static bool is_address(const char *name)
{
	struct in6_addr address;

	return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

static bool is_loopback(const char *name)
{
	return strcasecmp(name, "localhost") == 0 || strcmp(name, "::1") == 0 ||
	       (strncmp(name, "127.", 4) == 0 && is_address(name));
}

bool ft_gate_host(const struct ft_gate *gate, const char *host)
{
	char name[MAX_HOST], own[MAX_HOST];
	bool wildcard;

	/* HTTP/1.0 without Host: no browser sends that. */
	if (gate->is_unix || !host)
		return true;
	if (!take_name(host, name))
		return false;
	if (is_loopback(name))
		return true;
	if (!take_name(gate->listen ? gate->listen : "", own))
		own[0] = '\0';
	if (own[0] && strcasecmp(name, own) == 0)
		return true;
	/* Listening everywhere: any address may be ours, and no name that somebody
	 * else controls is an address. */
	wildcard = !own[0] || strcmp(own, "0.0.0.0") == 0 || strcmp(own, "::") == 0;
	if (wildcard && is_address(name))
		return true;
	for (size_t i = 0; gate->allow_hosts && gate->allow_hosts[i]; i++)
		if (strcasecmp(name, gate->allow_hosts[i]) == 0)
			return true;
	return false;
}

bool ft_gate_origin(const struct ft_gate *gate, const char *origin)
{
	const char *host;

	if (!origin)
		return true;
	host = strstr(origin, "://"); /* not there: "null", of a page without a place */
	return host && ft_gate_host(gate, host + 3);
}

bool ft_gate_site(const char *site)
{
	return !site || strcasecmp(site, "cross-site") != 0;
}

static bool same_secret(const char *secret, const char *given)
{
	size_t len = strlen(secret), given_len = strlen(given);
	unsigned int differ = len != given_len;

	/* Every byte given is looked at, so time tells its length and nothing of ours. */
	for (size_t i = 0; i < given_len; i++)
		differ |= (unsigned int)(unsigned char)given[i] ^
			  (unsigned int)(unsigned char)secret[len ? i % len : 0];
	return differ == 0;
}

bool ft_gate_token(const struct ft_gate *gate, const char *authorization, const char *token)
{
	if (!gate->token)
		return true;
	if (authorization && strncasecmp(authorization, "Bearer ", 7) == 0)
		return same_secret(gate->token, authorization + 7);
	return token && same_secret(gate->token, token);
}
