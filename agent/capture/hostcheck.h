/* hostcheck.h - what of this host flametrail can use: a constant table of checks, each
 * of which tries one thing for real, leaves nothing loaded or attached, and says what
 * follows when it is missing. Works without privileges, then with fewer results. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

enum ft_verdict { FT_VERDICT_YES, FT_VERDICT_DEGRADED, FT_VERDICT_NO, FT_VERDICT_UNKNOWN };

struct ft_finding {
	enum ft_verdict verdict;
	bool forbidden;	  /* more privileges would help: the remedy is ft_hostcheck_privileges */
	char detail[128]; /* a value, or what the kernel said; UTF-8 without control characters */
};

struct ft_hostcheck {
	const char *group, *name;
	/* Fill in *finding, which is zeroed: yes, without detail. */
	void (*probe)(const struct ft_hostcheck *check, struct ft_finding *finding);
	const char *key;		  /* for the probe: a file, a function */
	uint64_t number;		  /* for the probe: a capability, a type, a least value */
	bool needed;			  /* CPU profiling does not work at all without it */
	const char *consequence, *remedy; /* when the verdict is not yes */
};

/* The table, constant; its length to *ret_n. */
const struct ft_hostcheck *ft_hostcheck_table(size_t *ret_n);

/* The word for a verdict: "yes", "degraded", "no", "unknown". */
const char *ft_verdict_name(enum ft_verdict verdict);

/* The command that gives a flametrail binary what it needs without root. */
extern const char ft_hostcheck_privileges[];

/* For probes: verdict NO and the text of a negative errno value; forbidden when the
 * error is one of permission. */
void ft_finding_error(struct ft_finding *finding, int error);
void ft_finding_set(struct ft_finding *finding, enum ft_verdict verdict, const char *format, ...)
	FT_PRINTF(3, 4);
