#include "agent/profile/event_queue.h"

#include <errno.h>
#include <string.h>

struct entry {
	uint64_t time_ns;
	uint32_t at; /* in bytes[] */
	uint32_t len;
	uint32_t sequence;
	uint32_t source;
};

struct ft_event_queue {
	uint8_t *bytes;
	size_t bytes_len, bytes_cap;
	struct entry *entries; /* [popped, n) wait; sorted up to n_sorted */
	uint32_t n, cap, popped, n_sorted;
	uint32_t sequence;
};

int ft_event_queue_new(struct ft_event_queue **ret_queue)
{
	struct ft_event_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	*ret_queue = queue;
	return 0;
}

void ft_event_queue_freep(struct ft_event_queue **p)
{
	struct ft_event_queue *queue = FT_TAKE(*p);

	if (!queue)
		return;
	free(queue->bytes);
	free(queue->entries);
	free(queue);
}

static int make_room(struct ft_event_queue *queue, size_t len)
{
	size_t need = queue->bytes_len + len;

	if (need > FT_EVENT_QUEUE_MAX_BYTES)
		return -E2BIG;
	if (need > queue->bytes_cap) {
		size_t twice = FT_MAX(queue->bytes_cap * 2, (size_t)65536);
		size_t cap = FT_MAX(need, twice);
		uint8_t *bytes = realloc(queue->bytes, cap);

		if (!bytes)
			return -ENOMEM;
		queue->bytes = bytes;
		queue->bytes_cap = cap;
	}
	if (queue->n == queue->cap) {
		uint32_t cap = queue->cap ? queue->cap * 2 : 256;
		struct entry *entries = reallocarray(queue->entries, cap, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		queue->entries = entries;
		queue->cap = cap;
	}
	return 0;
}

int ft_event_queue_push(struct ft_event_queue *queue, uint64_t time_ns, uint32_t source,
			const void *bytes, size_t len)
{
	size_t padded;
	int r;

	if (len > FT_EVENT_QUEUE_MAX_BYTES)
		return -E2BIG; /* padding must not wrap */
	padded = (len + 7) & ~(size_t)7;
	r = make_room(queue, padded);
	if (r < 0)
		return r;
	memcpy(queue->bytes + queue->bytes_len, bytes, len);
	queue->entries[queue->n++] = (struct entry){
		.time_ns = time_ns,
		.at = (uint32_t)queue->bytes_len,
		.len = (uint32_t)len,
		.sequence = queue->sequence++,
		.source = source,
	};
	queue->bytes_len += padded;
	return 0;
}

static int by_time(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	/* Wraps after 4 G records; neighbours are still told apart. */
	return (int32_t)(a->sequence - b->sequence) < 0 ? -1 : 1;
}

bool ft_event_queue_pop(struct ft_event_queue *queue, uint64_t until_ns,
			struct ft_queued_event *ret_event)
{
	struct entry *entry;

	if (queue->n_sorted < queue->n) {
		qsort(queue->entries + queue->popped, queue->n - queue->popped,
		      sizeof(*queue->entries), by_time);
		queue->n_sorted = queue->n;
	}
	if (queue->popped == queue->n)
		return false;
	entry = &queue->entries[queue->popped];
	if (entry->time_ns > until_ns)
		return false;
	queue->popped++;
	*ret_event = (struct ft_queued_event){ .time_ns = entry->time_ns,
					       .source = entry->source,
					       .bytes = queue->bytes + entry->at,
					       .len = entry->len };
	return true;
}

static int by_place(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	return a->at < b->at ? -1 : a->at > b->at;
}

void ft_event_queue_compact(struct ft_event_queue *queue)
{
	uint32_t n = queue->n - queue->popped;
	size_t used = 0;

	if (queue->popped == 0)
		return;
	memmove(queue->entries, queue->entries + queue->popped, n * sizeof(*queue->entries));
	qsort(queue->entries, n, sizeof(*queue->entries), by_place);
	for (uint32_t i = 0; i < n; i++) {
		struct entry *entry = &queue->entries[i];

		memmove(queue->bytes + used, queue->bytes + entry->at, entry->len);
		entry->at = (uint32_t)used;
		used += (entry->len + 7) & ~7u;
	}
	queue->n = n;
	queue->popped = 0;
	queue->n_sorted = 0;
	queue->bytes_len = used;
	/* A burst must not keep its memory for ever. */
	if (used == 0 && queue->bytes_cap > (4u << 20)) {
		free(FT_TAKE(queue->bytes));
		free(FT_TAKE(queue->entries));
		queue->bytes_cap = 0;
		queue->cap = 0;
	}
}

size_t ft_event_queue_count(const struct ft_event_queue *queue)
{
	return queue->n - queue->popped;
}
