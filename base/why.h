/* why.h - the reason of a failure, for the person at the command line.
 *
 * A function that can fail in ways a person must act on takes a struct ft_why and
 * writes one line: what is wrong and what to do. Its caller prints or logs it. */
#pragma once

#include "base/base.h"

struct ft_why {
	char text[512];
};

/* Write the reason and return error, so that a failure is one statement:
 *	return ft_why(why, -EPERM, "cannot ...; run it as root");
 * why may be NULL. */
int ft_why(struct ft_why *why, int error, const char *format, ...) FT_PRINTF(3, 4);
