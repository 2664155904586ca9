/* procmaps.h - the text of /proc/PID/maps, line by line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/profile/process_event.h"

struct ft_procmaps_line {
	uint64_t start, end, offset;
	bool executable;
	struct ft_inode inode; /* generation 0: /proc does not tell it */
	const char *path;      /* not NUL-terminated; path_len 0: anonymous */
	size_t path_len;
};

/* Read the line at *text (ends at *text + *len) and move past it. True: *ret_line is
 * set; lines that make no sense are passed over. False at the end. */
bool ft_procmaps_next(const char **text, size_t *len, struct ft_procmaps_line *ret_line);
