#include "symbolizer/codemap.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/cursor.h"

#define NAME_MAX_BYTES 32u /* of a section; cut beyond */

static bool within(const struct ft_window *window, uint64_t offset, uint64_t size)
{
	uint64_t end;

	return !__builtin_add_overflow(offset, size, &end) && end <= window->size;
}

bool ft_codemap_offset_of(const struct ft_codemap *map, uint64_t address, uint64_t *ret_offset,
			  uint64_t *ret_left)
{
	for (uint32_t i = 0; i < map->elf.n_segments; i++) {
		const struct ft_symfile_segment *segment = &map->elf.segments[i];

		if (address < segment->vaddr || address - segment->vaddr >= segment->size)
			continue;
		*ret_offset = segment->offset + (address - segment->vaddr);
		*ret_left = segment->size - (address - segment->vaddr);
		return true;
	}
	return false;
}

static void add_region(struct ft_codemap *map, uint64_t start, uint64_t end,
		       enum ft_region_kind kind)
{
	if (start < end && map->n_regions < FT_CODEMAP_REGIONS)
		map->regions[map->n_regions++] =
			(struct ft_code_region){ .start = start, .end = end, .kind = kind };
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* A section of code, as far as it is what an executable segment maps. */
static void add_section(struct ft_codemap *map, const struct ft_elf_section *section,
			const char *name)
{
	enum ft_region_kind kind = FT_REGION_CODE;
	uint64_t offset, left;

	if (strcmp(name, ".plt") == 0)
		kind = FT_REGION_PLT;
	else if (starts_with(name, ".plt."))
		kind = FT_REGION_PLT_JUMP;
	if (section->type != SHT_PROGBITS ||
	    !ft_codemap_offset_of(map, section->address, &offset, &left) ||
	    offset != section->offset)
		return;
	add_region(map, offset, offset + FT_MIN(section->size, left), kind);
}

static int set_extent(struct ft_window *window, const struct ft_elf_section *section,
		      struct ft_ehframe_extent *extent)
{
	/* NOBITS: of a file split from this one; compressed frames are not worth it. */
	if (section->type == SHT_NOBITS || section->flags & SHF_COMPRESSED || extent->size ||
	    !within(window, section->offset, section->size))
		return 0;
	if (section->size > FT_CODEMAP_FRAMES_BYTES)
		return -E2BIG;
	extent->offset = section->offset;
	extent->size = section->size;
	extent->address = section->address;
	return 0;
}

static int read_section(struct ft_window *window, struct ft_window *names, uint64_t names_at,
			struct ft_codemap *map, uint32_t index)
{
	struct ft_elf_section section;
	char name[NAME_MAX_BYTES];
	uint64_t at;
	int r = ft_elf_section(window, &map->elf, index, &section);

	if (r < 0)
		return r;
	if (__builtin_add_overflow(names_at, section.name, &at))
		return 0;
	r = ft_window_text(names, at, names->size, name, sizeof(name));
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	if ((section.flags & (SHF_ALLOC | SHF_EXECINSTR)) == (SHF_ALLOC | SHF_EXECINSTR))
		add_section(map, &section, name);
	else if (strcmp(name, ".eh_frame") == 0)
		return set_extent(window, &section, &map->eh_frame);
	else if (strcmp(name, ".debug_frame") == 0)
		return set_extent(window, &section, &map->debug_frame);
	else if (strcmp(name, ".gopclntab") == 0 || strcmp(name, ".go.buildinfo") == 0)
		map->is_go = true;
	return 0;
}

static int read_sections(struct ft_window *window, struct ft_codemap *map)
{
	_cleanup_window_ struct ft_window names = { 0 }; /* which lie far from the headers */
	struct ft_elf_section section;
	int r;

	if (map->elf.names == 0 || map->elf.names >= map->elf.n_sections)
		return 0;
	r = ft_elf_section(window, &map->elf, map->elf.names, &section);
	if (r == 0)
		r = ft_window_init(&names, window->fd, FT_WINDOW_SMALL);
	for (uint32_t i = 1; i < map->elf.n_sections && r == 0; i++)
		r = read_section(window, &names, section.offset, map, i);
	return r;
}

/* Of an address that need not be code: where it is in the file, and where its segment
 * ends there. */
static int locate(struct ft_window *window, const struct ft_elf *elf, uint64_t address,
		  struct ft_ehframe_extent *extent)
{
	for (uint32_t i = 0; i < elf->n_headers; i++) {
		struct ft_elf_header header;
		int r = ft_elf_header(window, elf, i, &header);

		if (r < 0)
			return r;
		if (header.type != PT_LOAD || address < header.address ||
		    address - header.address >= header.file_size ||
		    !within(window, header.offset, header.file_size))
			continue;
		extent->address = address;
		extent->offset = header.offset + (address - header.address);
		extent->size = header.file_size - (address - header.address);
		extent->size = FT_MIN(extent->size, (uint64_t)FT_CODEMAP_FRAMES_BYTES);
		extent->ends_at_zero = true;
		return 0;
	}
	return 0;
}

/* .eh_frame_hdr is a version, three encodings, and where .eh_frame is; its index of
 * functions is not used. */
static int read_eh_frame_hdr(struct ft_window *window, struct ft_codemap *map,
			     const struct ft_elf_header *header)
{
	uint8_t version, encoding;
	struct ft_cursor c;
	const uint8_t *bytes;
	uint64_t address;
	int r;

	if (header->file_size < 12)
		return 0;
	r = ft_window_get(window, header->offset, 12, &bytes);
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	c = ft_cursor_of(bytes, 12);
	version = ft_cursor_u8(&c);
	encoding = ft_cursor_u8(&c);
	ft_cursor_u16(&c);
	if (version != 1 ||
	    !ft_ehframe_pointer(&c, encoding, header->address + 4, header->address, &address))
		return 0;
	return locate(window, &map->elf, address, &map->eh_frame);
}

static int read_headers(struct ft_window *window, struct ft_codemap *map)
{
	int r = 0;

	for (uint32_t i = 0; i < map->elf.n_headers && r == 0 && map->eh_frame.size == 0; i++) {
		struct ft_elf_header header;

		r = ft_elf_header(window, &map->elf, i, &header);
		if (r == 0 && header.type == PT_GNU_EH_FRAME)
			r = read_eh_frame_hdr(window, map, &header);
	}
	return r;
}

static int compare_regions(const void *a, const void *b)
{
	const struct ft_code_region *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* By start, and what would overlap cut off. */
static void sort_regions(struct ft_codemap *map)
{
	uint32_t n = 0;
	uint64_t end = 0;

	qsort(map->regions, map->n_regions, sizeof(map->regions[0]), compare_regions);
	for (uint32_t i = 0; i < map->n_regions; i++) {
		struct ft_code_region region = map->regions[i];

		region.start = FT_MAX(region.start, end);
		if (region.start >= region.end)
			continue;
		end = region.end;
		map->regions[n++] = region;
	}
	map->n_regions = n;
}

/* No sections: a segment is all code, though older linkers put constants there, too. */
static void take_segments(struct ft_codemap *map)
{
	map->n_regions = 0;
	for (uint32_t i = 0; i < map->elf.n_segments; i++) {
		const struct ft_symfile_segment *segment = &map->elf.segments[i];

		add_region(map, segment->offset, segment->offset + segment->size, FT_REGION_CODE);
	}
}

/* What lies past the end of the file is not there. */
static void cut_segments(struct ft_elf *elf, uint64_t file_size)
{
	for (uint32_t i = 0; i < elf->n_segments; i++) {
		struct ft_symfile_segment *segment = &elf->segments[i];

		if (segment->offset >= file_size)
			segment->size = 0;
		else
			segment->size = FT_MIN(segment->size, file_size - segment->offset);
	}
}

int ft_codemap_read(struct ft_window *window, struct ft_codemap *ret_map)
{
	struct ft_codemap map = { 0 };
	uint64_t left;
	int r = ft_elf_read(window, &map.elf);

	if (r < 0)
		return r;
	map.debug_frame.is_debug = true;
	cut_segments(&map.elf, window->size);
	r = read_sections(window, &map);
	if (r < 0)
		return r;
	if (map.n_regions == 0 || map.n_regions == FT_CODEMAP_REGIONS)
		take_segments(&map);
	sort_regions(&map);
	r = read_headers(window, &map);
	if (r < 0)
		return r;
	if (map.elf.entry == 0 || !ft_codemap_offset_of(&map, map.elf.entry, &map.entry, &left))
		map.entry = 0;
	*ret_map = map;
	return 0;
}
