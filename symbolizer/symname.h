/* symname.h - what the name of a symbol tells: which of several names of one place a
 * person means, which are no names at all, and what a mangled one says. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"

#define FT_SYMNAME_MAX_MANGLED 2048u /* bytes; longer names stay as they are */

/* Whether a is the better of two names for one place: without a leading underscore, then
 * without a suffix such as ".cold", then shorter, then first in order. */
bool ft_symname_better(const char *a, const char *b);

/* Whether assemblers and compilers made this name for themselves: "$x", "$d.1", ".L42". */
bool ft_symname_is_internal(const char *name);

/* What people call the symbol, NUL-terminated, into out (size bytes): Itanium C++ names
 * demangled when the result fits, a version ("@@GLIBC_2.14") taken off. Returns the
 * length. */
size_t ft_symname_display(const char *name, char *out, size_t size);
