/* report.h - the viewer and one tree in a single HTML file that needs no network. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct ft_buffer;

/* Append the report to out. meta_json is what /api/1/meta would answer: valid JSON of
 * which title, retain (the window) and metrics are used; a member "timeline" with the
 * answer of /api/1/timeline for the whole window shows it above the graph. tree is the
 * FTTR of the window, at most 4 GiB. 0, -ENOMEM or -EFBIG (also when out is full). */
int ft_report_write(const char *meta_json, const uint8_t *tree, size_t tree_len,
		    struct ft_buffer *out) FT_MUST_CHECK;
