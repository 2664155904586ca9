/* schema.h - the tables of the store and the SQL of every statement.
 *
 *	facts		about the host and the agent: name, text
 *	kinds		of samples: name and names of their two values
 *	strings		dictionary of texts; files, locations, stacks, labels refer to it
 *	files		kind, path, build_id and identity (strings), segments
 *	locations	file, address, and the chain of lines; NULL: not named yet
 *	stacks		blob of varint location ids, leaf first
 *	labels		blob of varints: key, text, number (signed), unit, per label
 *	windows		samples of one kind and span of time as columns (profile/columns.h)
 *			level 0: one slice; level 1: a finished window
 *	losses		counts by name and span of time, same levels
 *
 * Dictionary tables are unique by content: found by the hash of it, then compared.
 * Times are nanoseconds since 1970, UTC. */
#pragma once

#include "agent/server/database.h"

#define FT_SCHEMA_VERSION 1

extern const char ft_schema_text[];

/* The SQL of a statement. */
const char *ft_schema_statement(enum ft_statement which);
