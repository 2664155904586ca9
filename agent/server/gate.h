/* gate.h - who may ask. Pure decisions about the head of a request.
 *
 * A browser on this machine can be led here by any page it shows: names that
 * others control may point to 127.0.0.1, so the Host header must be one of ours,
 * and requests that a browser marks as coming from another site are refused. */
#pragma once

#include <stdbool.h>

struct ft_gate {
	const char *listen;		/* address listened on, "127.0.0.1:7117"; text */
	bool is_unix;			/* no browser gets there: Host is not looked at */
	const char *token;		/* NULL: none is needed */
	const char *const *allow_hosts; /* more names, ended by NULL; may be NULL */
};

/* Whether a Host header (NULL: none was sent) is one of ours. The port is not looked
 * at: it may have been forwarded. */
bool ft_gate_host(const struct ft_gate *gate, const char *host);
/* Whether an Origin header (NULL: none was sent) is a page of ours. */
bool ft_gate_origin(const struct ft_gate *gate, const char *origin);
/* Whether a Sec-Fetch-Site header (NULL: none) is fine. */
bool ft_gate_site(const char *site);
/* Whether the Authorization header or the parameter token (each may be NULL) carries
 * our token; takes the same time wherever they differ. True when none is needed. */
bool ft_gate_token(const struct ft_gate *gate, const char *authorization, const char *token);
