/* listen.h - the address the viewer is served at. */
#pragma once

#include <stdbool.h>

#include "base/base.h"

#define FT_LISTEN_DEFAULT "127.0.0.1:7117"

struct ft_listen {
	int fd; /* bound and listening, non-blocking, close-on-exec; -1 none */
	bool is_unix;
	bool is_loopback; /* nobody beyond this host reaches it */
	char text[128];	  /* "127.0.0.1:7117" with the port that was bound, or the path */
	char url[160];	  /* to open: "http://127.0.0.1:7117/"; "unix:PATH" */
};

/* Open what text names: "ADDR:PORT", "[ADDR6]:PORT", ":PORT" (every address), or
 * "unix:PATH". Port 0 takes a free one. A socket left at PATH by nobody is replaced.
 * The caller closes ret_listen->fd. 0, or -errno after saying on stderr what is wrong
 * and what to do: -EINVAL: text is no address. */
int ft_listen_open(const char *text, struct ft_listen *ret_listen) FT_MUST_CHECK;
