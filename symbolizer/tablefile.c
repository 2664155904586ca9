#include "symbolizer/tablefile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/io.h"
#include "flametrail/unwind.h"
#include "symbolizer/client.h"
#include "symbolizer/tablecheck.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3 */
#define MFD_NOEXEC_SEAL 0x0008u
#endif

/* A host may insist on files that cannot be executed; kernels before 6.3 know of none. */
static int make_file(void)
{
	static const char name[] = "flametrail-table";
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	return fd < 0 ? -errno : fd;
}

int ft_tablefile_write(const struct ft_symtable *table, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	int r = ft_tablecheck_content(table);

	if (r < 0)
		return r;
	fd = make_file();
	if (fd < 0)
		return fd;
	r = ft_write_all(fd, table->rules, table->n_rules * sizeof(*table->rules));
	if (r == 0)
		r = ft_write_all(fd, table->pages, table->n_pages * sizeof(*table->pages));
	if (r == 0)
		r = ft_write_all(fd, table->rows, table->n_rows * sizeof(*table->rows));
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	*ret_fd = FT_TAKE_FD(fd);
	return 0;
}

/* Only memory files have seals, so reading one never waits for a disk or for anybody. */
static bool is_sealed(int fd, size_t bytes)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0)
		return false;
	return S_ISREG(st.st_mode) && st.st_size >= 0 && (size_t)st.st_size == bytes;
}

static bool read_whole(int fd, void *bytes, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = pread(fd, (char *)bytes + at, len - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

int ft_tablefile_read(int fd, struct ft_symtable *table)
{
	size_t bytes = ft_tablecheck_bytes(table);
	_cleanup_free_ void *block = NULL;
	struct ft_symtable read = *table;
	int r;

	assert(ft_tablecheck_sizes(table));
	if (!is_sealed(fd, bytes))
		return -EBADMSG;
	block = malloc(bytes);
	if (!block)
		return -ENOMEM;
	if (!read_whole(fd, block, bytes))
		return -EBADMSG;
	read.rules = block;
	read.pages = (const void *)(read.rules + read.n_rules);
	read.rows = (const void *)(read.pages + read.n_pages);
	r = ft_tablecheck_content(&read);
	if (r < 0)
		return r;
	read.block = FT_TAKE(block);
	*table = read;
	return 0;
}
