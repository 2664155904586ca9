#include "agent/profile/pb_alloc.h"

#include <errno.h>
#include <stdlib.h>

/* Ahead of each piece, as big as malloc aligns to. */
union head {
	size_t bytes;
	max_align_t align;
};

static void *take(void *context, size_t size)
{
	struct ft_pb_alloc *alloc = context;
	union head *head;
	size_t bytes;

	if (__builtin_add_overflow(size, sizeof(*head), &bytes) ||
	    bytes > alloc->max - alloc->used) {
		alloc->error = -EFBIG;
		return NULL;
	}
	head = malloc(bytes);
	if (!head) {
		alloc->error = -ENOMEM;
		return NULL;
	}
	head->bytes = bytes;
	alloc->used += bytes;
	return head + 1;
}

static void give_back(void *context, void *pointer)
{
	struct ft_pb_alloc *alloc = context;
	union head *head = pointer;

	if (!head)
		return;
	head--;
	alloc->used -= head->bytes;
	free(head);
}

void ft_pb_alloc_init(struct ft_pb_alloc *alloc, size_t max)
{
	*alloc = (struct ft_pb_alloc){
		.allocator = { .alloc = take, .free = give_back, .allocator_data = alloc },
		.max = max,
	};
}
