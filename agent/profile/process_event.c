#include "agent/profile/process_event.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>

#include "base/cursor.h"

/* struct sample_id with FT_SIDEBAND_SAMPLE_TYPE: u32 pid, tid; u64 time. */
#define SAMPLE_ID_BYTES 16

static const char *take_text(struct ft_cursor *c)
{
	const char *text = (const char *)c->at;
	size_t left = ft_cursor_left(c);
	size_t len = strnlen(text, left);

	if (len == left) {
		c->failed = true; /* no NUL */
		return NULL;
	}
	return (const char *)ft_cursor_take(c, len + 1);
}

static void read_mmap2(struct ft_cursor *c, struct ft_process_event *event)
{
	event->kind = FT_PROCESS_MMAP;
	event->pid = ft_cursor_u32(c);
	event->tid = ft_cursor_u32(c);
	event->start = ft_cursor_u64(c);
	event->length = ft_cursor_u64(c);
	event->offset = ft_cursor_u64(c);
	event->inode.major = ft_cursor_u32(c);
	event->inode.minor = ft_cursor_u32(c);
	event->inode.number = ft_cursor_u64(c);
	event->inode.generation = ft_cursor_u64(c);
	ft_cursor_take(c, 8); /* protection and flags */
	event->name = take_text(c);
}

static void read_comm(struct ft_cursor *c, uint16_t misc, struct ft_process_event *event)
{
	event->kind = misc & PERF_RECORD_MISC_COMM_EXEC ? FT_PROCESS_EXEC : FT_PROCESS_COMM;
	event->pid = ft_cursor_u32(c);
	event->tid = ft_cursor_u32(c);
	event->name = take_text(c);
}

static void read_task(struct ft_cursor *c, uint32_t type, struct ft_process_event *event)
{
	event->kind = type == PERF_RECORD_FORK ? FT_PROCESS_FORK : FT_PROCESS_EXIT;
	event->pid = ft_cursor_u32(c);
	event->ppid = ft_cursor_u32(c);
	event->tid = ft_cursor_u32(c);
	ft_cursor_take(c, 4); /* parent's thread */
	event->time_ns = ft_cursor_u64(c);
}

int ft_process_event_read(const void *record, size_t len, struct ft_process_event *ret_event)
{
	struct ft_cursor c = ft_cursor_of(record, len);
	struct ft_process_event event = { 0 };
	uint32_t type = ft_cursor_u32(&c);
	uint16_t misc = ft_cursor_u16(&c);
	struct ft_cursor id;

	ft_cursor_take(&c, 2); /* size: the caller knows */
	if (c.failed || len < sizeof(struct perf_event_header) + SAMPLE_ID_BYTES)
		return -EBADMSG;
	c.end -= SAMPLE_ID_BYTES;
	id = ft_cursor_of(c.end + 8, 8);
	event.time_ns = ft_cursor_u64(&id);

	switch (type) {
	case PERF_RECORD_MMAP2:
		read_mmap2(&c, &event);
		break;
	case PERF_RECORD_COMM:
		read_comm(&c, misc, &event);
		break;
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		read_task(&c, type, &event);
		break;
	case PERF_RECORD_LOST:
		event.kind = FT_PROCESS_LOST;
		ft_cursor_take(&c, 8); /* event id */
		event.n_lost = ft_cursor_u64(&c);
		break;
	default:
		return FT_PROCESS_EVENT_IGNORED;
	}
	if (c.failed)
		return -EBADMSG;
	*ret_event = event;
	return 0;
}
