/* pb_alloc.h - memory for protobuf-c with a limit, so that a few hostile bytes cannot
 * unpack into gigabytes of small objects. */
#pragma once

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

struct ft_pb_alloc {
	ProtobufCAllocator allocator; /* hand this to protobuf-c; it points back here */
	size_t used, max;	      /* bytes */
	int error;		      /* why an allocation was refused: 0, -ENOMEM or -EFBIG */
};

/* Set up in place; it may not be moved. Whatever was unpacked must be freed through the
 * same allocator. There is nothing to deinit. */
void ft_pb_alloc_init(struct ft_pb_alloc *alloc, size_t max);
