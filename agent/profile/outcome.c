#include "agent/profile/outcome.h"

#include "base/base.h"

/* Exports keep these texts for years: add names, never change one. */
static const char *const names[] = {
	[FT_OUTCOME_COMPLETE] = "complete",	[FT_OUTCOME_TRUNCATED] = "truncated",
	[FT_OUTCOME_BROKEN] = "broken",		[FT_OUTCOME_UNREADABLE] = "unreadable",
	[FT_OUTCOME_NO_REGS] = "no registers",	[FT_OUTCOME_COMPAT] = "32-bit",
	[FT_OUTCOME_NO_RULE] = "no rule",	[FT_OUTCOME_NO_TABLE] = "no table",
	[FT_OUTCOME_NO_MAPPING] = "no mapping", [FT_OUTCOME_NO_PROCESS] = "no process",
};

_Static_assert(FT_COUNT(names) == FT_OUTCOMES, "each outcome has a name");

const char *ft_outcome_name(unsigned int outcome)
{
	return outcome < FT_COUNT(names) ? names[outcome] : "unknown";
}
