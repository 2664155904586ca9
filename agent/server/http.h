/* http.h - the service over HTTP, driven by the caller's loop.
 *
 * Limits: 128 connections, 30 s without a byte, 32 KiB for the head of a request,
 * 64 requests waiting for samples; GET and HEAD only. */
#pragma once

#include <stdint.h>

#include "base/base.h"

struct ft_http;
struct ft_service;

/* Serve on listen_fd, which stays the caller's. service is borrowed. The caller owns
 * *ret_http. 0 or -errno. */
int ft_http_new(struct ft_service *service, int listen_fd, struct ft_http **ret_http) FT_MUST_CHECK;
/* Waiting requests are cut off. */
void ft_http_freep(struct ft_http **p);
#define _cleanup_http_ FT_CLEANUP(ft_http_freep)

/* Readable when ft_http_run() has work; an epoll descriptor, borrowed. */
int ft_http_fd(const struct ft_http *http);
/* Milliseconds after which to run even if nothing is readable; -1 never. */
int ft_http_timeout_ms(struct ft_http *http);
/* Do what can be done without waiting; also answers requests whose samples are there. */
void ft_http_run(struct ft_http *http);
