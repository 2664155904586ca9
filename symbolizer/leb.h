/* leb.h - the signed numbers of DWARF: LEB128 in two's complement, which are not the
 * signed varints of flametrail's own formats. Unsigned ones are ft_cursor_varint. */
#pragma once

#include <stdint.h>

#include "base/cursor.h"

/* The next number; the cursor fails when it ends early or has more than ten bytes. */
int64_t ft_leb_signed(struct ft_cursor *c);
