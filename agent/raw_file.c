#include "agent/raw_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/profile/slice.h"
#include "base/io.h"

int ft_raw_file_open(struct ft_raw_file *raw, const char *path, struct ft_why *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return ft_why(why, -errno, "cannot write %s: %s; choose another file with --raw",
			      path, strerror(errno));
	*raw = (struct ft_raw_file){ .path = path, .fd = fd };
	return 0;
}

/* Pipes and devices have no length. */
static int cut(int fd, uint64_t len)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	return ftruncate(fd, (off_t)len) < 0 ? -errno : 0;
}

static int append(struct ft_raw_file *raw, const void *bytes, size_t len)
{
	int r = ft_write_all(raw->fd, bytes, len);

	if (r == 0) {
		raw->len += len;
		return 0;
	}
	raw->error = r;
	/* Should this fail, too, a reader finds a file that is cut off, and says so. */
	(void)!cut(raw->fd, raw->len);
	return r;
}

int ft_raw_file_begin(struct ft_raw_file *raw, struct ft_why *why)
{
	int r;

	if (!raw->path)
		return 0;
	r = cut(raw->fd, 0);
	if (r == 0)
		r = append(raw, FT_SLICE_MAGIC, FT_SLICE_MAGIC_BYTES);
	return r < 0 ? ft_why(why, r, "cannot write %s: %s; choose another file with --raw",
			      raw->path, strerror(-r))
		     : 0;
}

void ft_raw_file_put(struct ft_raw_file *raw, const uint8_t *block, size_t len)
{
	/* The error is kept, and told at the end. */
	if (raw->path && !raw->error)
		(void)!append(raw, block, len);
}

int ft_raw_file_check(const struct ft_raw_file *raw, struct ft_why *why)
{
	if (!raw->error)
		return 0;
	return ft_why(
		why, raw->error,
		"%s holds only the beginning of the recording: %s; make room and record again",
		raw->path, strerror(-raw->error));
}

void ft_raw_file_deinit(struct ft_raw_file *raw)
{
	struct stat st;

	if (raw->fd >= 0 && raw->len == 0 && fstat(raw->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size == 0)
		unlink(raw->path);
	ft_closep(&raw->fd);
	*raw = FT_RAW_FILE_NONE;
}
