/* outcome.h - how a stack ended, in words: the text of the label "outcome" and of
 * comments in exports. The one place for these names. */
#pragma once

#include "flametrail/event.h"

/* "complete", "truncated", ...; "unknown" for a number that is no outcome. Never NULL. */
const char *ft_outcome_name(unsigned int outcome);
