/* output.h - a finished recording as a file. */
#pragma once

#include "agent/profile/profile.h"
#include "base/base.h"
#include "base/why.h"

enum ft_format { FT_FORMAT_PPROF, FT_FORMAT_FOLDED, FT_FORMAT_SPEEDSCOPE, FT_FORMAT_HTML };

/* "pprof", "folded", "speedscope", "html" (the values of --format). 0 or -EINVAL. */
int ft_format_named(const char *name, enum ft_format *ret_format) FT_MUST_CHECK;
/* By the end of the file's name: .pb.gz .pprof .folded .txt .json .html; pprof otherwise. */
enum ft_format ft_format_of_path(const char *path);
/* ".pb.gz", ... */
const char *ft_format_extension(enum ft_format format);

/* Can a file be written at path? Asked before recording, so that an hour of it is not
 * lost to a typing error. "-" is standard output. 0, or -errno with why. */
int ft_output_check(const char *path, struct ft_why *why) FT_MUST_CHECK;

/* Write profile to path ("-": standard output) at once or not at all. type is an index
 * into the profile's sample types (formats that hold one). 0, or -errno with why. */
int ft_output_write(const struct ft_profile *profile, enum ft_format format, uint32_t type,
		    const char *title, const char *path, struct ft_why *why) FT_MUST_CHECK;
