#include "agent/capture/perf_event.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "agent/capture/hostfacts.h"
#include "base/io.h"

#define RECORD_MAX 65536 /* the size field of a record has 16 bits */

int ft_perf_event_open(struct perf_event_attr *attr, int cpu)
{
	long fd;

	attr->size = sizeof(*attr);
	fd = syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

int ft_perf_event_try(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.config = PERF_COUNT_SW_CPU_CLOCK,
					.disabled = 1 };
	_cleanup_close_ int fd = ft_perf_event_open(&attr, sched_getcpu());

	return fd < 0 ? fd : 0;
}

int ft_perf_event_refused(struct ft_why *why, int error)
{
	char text[32];
	int r = ft_read_line(AT_FDCWD, "/proc/sys/kernel/perf_event_paranoid", text, sizeof(text));

	/* Kernels of Debian and Ubuntu know levels above 2, where CAP_PERFMON is not asked. */
	if (r >= 0 && atoi(text) > 2 && ft_have_capability(CAP_PERFMON))
		return ft_why(why, error,
			      "the kernel refuses perf events: kernel.perf_event_paranoid is %s, "
			      "which takes CAP_SYS_ADMIN; run flametrail as root, or: "
			      "sysctl -w kernel.perf_event_paranoid=2",
			      text);
	return ft_why(why, error,
		      "the kernel refuses perf events (missing CAP_PERFMON); "
		      "run flametrail as root, or see `flametrail doctor`");
}

int ft_perf_ring_open(struct perf_event_attr *attr, int cpu, size_t bytes,
		      struct ft_perf_ring *ret_ring)
{
	_cleanup_close_ int fd = ft_perf_event_open(attr, cpu);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = 1;
	void *map;

	if (fd < 0)
		return fd;
	while (pages * page < bytes)
		pages *= 2;
	map = mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	*ret_ring = (struct ft_perf_ring){ .fd = FT_TAKE_FD(fd),
					   .map = map,
					   .map_bytes = (pages + 1) * page };
	return 0;
}

void ft_perf_ring_close(struct ft_perf_ring *ring)
{
	if (ring->map)
		munmap(ring->map, ring->map_bytes);
	ft_closep(&ring->fd);
	*ring = FT_PERF_RING_CLOSED;
}

/* The record at tail, put together in buffer when it wraps around the end. */
static const void *whole(const uint8_t *data, uint64_t size, uint64_t tail, size_t len,
			 uint8_t *buffer)
{
	uint64_t at = tail & (size - 1);
	size_t first = (size_t)(size - at);

	if (len <= first)
		return data + at;
	memcpy(buffer, data + at, first);
	memcpy(buffer + first, data, len - first);
	return buffer;
}

void ft_perf_ring_drain(struct ft_perf_ring *ring, ft_perf_record take, void *context)
{
	_Alignas(8) uint8_t buffer[RECORD_MAX];
	struct perf_event_mmap_page *page = ring->map;
	const uint8_t *data = (uint8_t *)ring->map + page->data_offset;
	uint64_t size = page->data_size;
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = page->data_tail;

	while (tail < head) {
		struct perf_event_header header;

		memcpy(&header, data + (tail & (size - 1)), sizeof(header));
		if (header.size < sizeof(header))
			break; /* cannot happen; would loop for ever if it did */
		take(context, whole(data, size, tail, header.size, buffer), header.size);
		tail += header.size;
	}
	__atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
}
