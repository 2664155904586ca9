/* Any bytes as an ELF file: an unwind table that can be walked by, or an error. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolizer/cfi.h"
#include "tests/cfi_shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	_cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
	const char *wrong;

	if (fd < 0 || pwrite(fd, bytes, len, 0) != (ssize_t)len)
		abort();
	if (ft_cfi_build(fd, &table) != 0) {
		if (table)
			abort();
		return 0;
	}
	wrong = cfi_wrong(table);
	if (wrong) {
		fprintf(stderr, "%s\n", wrong);
		abort();
	}
	for (uint64_t offset = 0; offset < len; offset += 5)
		if (ft_cfi_find(table, offset).kind >= FT_RULE_KINDS)
			abort();
	return 0;
}
