#include "agent/profile/placement.h"

#include "base/base.h"

#define PAGE_BYTES 4096u

static const struct ft_segment *find_segment(const struct ft_slice_file *file, uint64_t offset)
{
	for (uint32_t i = 0; i < file->n_segments; i++) {
		const struct ft_segment *s = &file->segments[i];

		if (offset >= s->offset && offset - s->offset < s->size)
			return s;
	}
	return NULL;
}

uint64_t ft_placement(const struct ft_slice_file *file, uint64_t address,
		      struct ft_profile_mapping *mapping)
{
	const struct ft_segment *segment = NULL;
	uint64_t before, end;

	mapping->kind = file->kind;
	mapping->start = mapping->limit = mapping->offset = 0;
	if (file->kind == FT_FILE_ELF || file->kind == FT_FILE_VDSO)
		segment = find_segment(file, address);
	if (!segment)
		return address;
	/* Segments that a loader could not map by pages begin exactly where they say. */
	before = FT_MIN(segment->vaddr % PAGE_BYTES, segment->offset);
	end = segment->vaddr + segment->size;
	mapping->start = segment->vaddr - before;
	mapping->offset = segment->offset - before;
	mapping->limit = end;
	if (end % PAGE_BYTES && end <= UINT64_MAX - PAGE_BYTES)
		mapping->limit = end - end % PAGE_BYTES + PAGE_BYTES;
	return address - segment->offset + segment->vaddr;
}
