#include "symbolizer/elf.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/cursor.h"

struct header {
	uint64_t phoff, shoff;
	uint32_t phnum, shnum;
};

/* A cursor over n bytes at offset. */
static int open_at(struct ft_window *window, uint64_t offset, uint32_t n,
		   struct ft_cursor *ret_cursor)
{
	const uint8_t *bytes;
	int r = ft_window_get(window, offset, n, &bytes);

	if (r == 0)
		*ret_cursor = ft_cursor_of(bytes, n);
	return r;
}

static bool within(const struct ft_window *window, uint64_t offset, uint64_t size)
{
	uint64_t end;

	return !__builtin_add_overflow(offset, size, &end) && end <= window->size;
}

static int read_identity(struct ft_window *window)
{
	const uint8_t *ident;
	int r = ft_window_get(window, 0, EI_NIDENT, &ident);

	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	if (memcmp(ident, ELFMAG, SELFMAG) != 0)
		return -EBADMSG;
	if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB)
		return -ENOTSUP;
	return ident[EI_VERSION] == EV_CURRENT ? 0 : -EBADMSG;
}

/* Counts that do not fit 16 bits are kept in the first section header. */
static int read_large_counts(struct ft_window *window, struct ft_elf *elf, struct header *header)
{
	struct ft_elf_section first;
	int r;

	if (header->shoff == 0)
		return header->phnum == PN_XNUM ? -EBADMSG : 0;
	if (header->shnum != 0 && header->phnum != PN_XNUM && elf->names != SHN_XINDEX)
		return 0;
	elf->n_sections = 1;
	r = ft_elf_section(window, elf, 0, &first);
	if (r < 0)
		return r;
	if (header->shnum == 0) {
		if (first.size > FT_ELF_MAX_SECTIONS)
			return -E2BIG;
		header->shnum = (uint32_t)first.size;
	}
	if (header->phnum == PN_XNUM)
		header->phnum = first.info;
	if (elf->names == SHN_XINDEX)
		elf->names = first.link;
	return 0;
}

static int read_header(struct ft_window *window, struct ft_elf *elf, struct header *header)
{
	struct ft_cursor c;
	uint16_t type, phentsize, shentsize;
	uint32_t version;
	int r = open_at(window, 0, sizeof(Elf64_Ehdr), &c);

	if (r < 0)
		return r;
	ft_cursor_take(&c, EI_NIDENT);
	type = ft_cursor_u16(&c);
	elf->machine = ft_cursor_u16(&c);
	version = ft_cursor_u32(&c);
	elf->entry = ft_cursor_u64(&c);
	header->phoff = ft_cursor_u64(&c);
	header->shoff = ft_cursor_u64(&c);
	ft_cursor_u32(&c); /* flags */
	ft_cursor_u16(&c); /* size of this header */
	phentsize = ft_cursor_u16(&c);
	header->phnum = ft_cursor_u16(&c);
	shentsize = ft_cursor_u16(&c);
	header->shnum = ft_cursor_u16(&c);
	elf->names = ft_cursor_u16(&c);
	if ((type != ET_EXEC && type != ET_DYN) ||
	    (elf->machine != EM_X86_64 && elf->machine != EM_AARCH64))
		return -ENOTSUP;
	if (version != EV_CURRENT || (header->phnum && phentsize != sizeof(Elf64_Phdr)) ||
	    (header->shoff && shentsize != sizeof(Elf64_Shdr)))
		return -EBADMSG;
	elf->is_program = type == ET_EXEC;
	elf->sections = header->shoff;
	r = read_large_counts(window, elf, header);
	if (r < 0)
		return r;
	elf->n_sections = header->shoff ? header->shnum : 0;
	if (header->phnum > FT_ELF_MAX_HEADERS || elf->n_sections > FT_ELF_MAX_SECTIONS)
		return -E2BIG;
	return 0;
}

static int add_segment(struct ft_elf *elf, const struct ft_elf_header *ph)
{
	uint64_t end;

	if (__builtin_add_overflow(ph->offset, ph->file_size, &end) ||
	    __builtin_add_overflow(ph->address, ph->memory_size, &end) ||
	    ph->file_size > ph->memory_size)
		return -EBADMSG;
	if (!(ph->flags & PF_X) || ph->file_size == 0 || elf->n_segments == FT_SYM_MAX_SEGMENTS)
		return 0;
	elf->segments[elf->n_segments++] = (struct ft_symfile_segment){ .offset = ph->offset,
									.size = ph->file_size,
									.vaddr = ph->address };
	return 0;
}

/* Notes follow each other: name size, description size, type, name, description, both
 * padded. A build-id that does not fit is none; broken notes end the search. */
static int read_notes(struct ft_window *window, struct ft_elf *elf, uint64_t offset, uint64_t size,
		      uint64_t align)
{
	const size_t pad = align == 8 ? 7 : 3;
	struct ft_cursor c;
	int r;

	if (elf->n_build_id)
		return 0;
	size = FT_MIN(size, (uint64_t)FT_ELF_MAX_NOTES);
	r = open_at(window, offset, (uint32_t)size, &c);
	if (r < 0)
		return r;
	while (ft_cursor_left(&c) >= 12) {
		size_t namesz = ft_cursor_u32(&c), descsz = ft_cursor_u32(&c);
		uint32_t type = ft_cursor_u32(&c);
		const uint8_t *name = ft_cursor_take(&c, (namesz + pad) & ~pad);
		const uint8_t *desc = ft_cursor_take(&c, descsz);

		if (desc && type == NT_GNU_BUILD_ID && namesz == 4 && memcmp(name, "GNU", 4) == 0 &&
		    descsz >= 1 && descsz <= FT_SYM_BUILD_ID_MAX) {
			memcpy(elf->build_id, desc, descsz);
			elf->n_build_id = (uint8_t)descsz;
			return 0;
		}
		ft_cursor_take(&c, ((descsz + pad) & ~pad) - descsz);
	}
	return 0;
}

/* A position-independent program says so; libraries do not, though some have an entry. */
static int read_dynamic(struct ft_window *window, struct ft_elf *elf, uint64_t offset,
			uint64_t size)
{
	uint64_t n = FT_MIN(size / sizeof(Elf64_Dyn), (uint64_t)FT_ELF_MAX_HEADERS);
	struct ft_cursor c;
	int r = open_at(window, offset, (uint32_t)(FT_MIN(n * 16, (uint64_t)FT_WINDOW_LARGE)), &c);

	if (r < 0)
		return r;
	while (ft_cursor_left(&c) >= sizeof(Elf64_Dyn)) {
		uint64_t tag = ft_cursor_u64(&c), value = ft_cursor_u64(&c);

		if (tag == DT_NULL)
			break;
		if (tag == DT_FLAGS_1 && (value & DF_1_PIE))
			elf->is_program = true;
	}
	return 0;
}

int ft_elf_header(struct ft_window *window, const struct ft_elf *elf, uint32_t index,
		  struct ft_elf_header *ret_header)
{
	struct ft_elf_header ph;
	struct ft_cursor c;
	uint64_t offset;
	int r;

	if (index >= elf->n_headers ||
	    __builtin_add_overflow(elf->headers, index * sizeof(Elf64_Phdr), &offset))
		return -EBADMSG;
	r = open_at(window, offset, sizeof(Elf64_Phdr), &c);
	if (r < 0)
		return r;
	ph.type = ft_cursor_u32(&c);
	ph.flags = ft_cursor_u32(&c);
	ph.offset = ft_cursor_u64(&c);
	ph.address = ft_cursor_u64(&c);
	ft_cursor_u64(&c); /* physical address */
	ph.file_size = ft_cursor_u64(&c);
	ph.memory_size = ft_cursor_u64(&c);
	ph.align = ft_cursor_u64(&c);
	*ret_header = ph;
	return 0;
}

static int read_program_headers(struct ft_window *window, struct ft_elf *elf,
				const struct header *header)
{
	int r = 0;

	if (!within(window, header->phoff, (uint64_t)header->phnum * sizeof(Elf64_Phdr)))
		return -ENODATA;
	elf->headers = header->phoff;
	elf->n_headers = header->phnum;
	for (uint32_t i = 0; i < header->phnum && r == 0; i++) {
		struct ft_elf_header ph;

		r = ft_elf_header(window, elf, i, &ph);
		if (r < 0)
			return r;
		if (ph.type == PT_LOAD)
			r = add_segment(elf, &ph);
		else if (ph.type == PT_NOTE)
			r = read_notes(window, elf, ph.offset, ph.file_size, ph.align);
		else if (ph.type == PT_DYNAMIC)
			r = read_dynamic(window, elf, ph.offset, ph.file_size);
	}
	return r;
}

int ft_elf_section(struct ft_window *window, const struct ft_elf *elf, uint32_t index,
		   struct ft_elf_section *ret_section)
{
	struct ft_elf_section section;
	struct ft_cursor c;
	uint64_t offset;
	int r;

	if (index >= elf->n_sections ||
	    __builtin_add_overflow(elf->sections, index * sizeof(Elf64_Shdr), &offset))
		return -EBADMSG;
	r = open_at(window, offset, sizeof(Elf64_Shdr), &c);
	if (r < 0)
		return r;
	section.name = ft_cursor_u32(&c);
	section.type = ft_cursor_u32(&c);
	section.flags = ft_cursor_u64(&c);
	section.address = ft_cursor_u64(&c);
	section.offset = ft_cursor_u64(&c);
	section.size = ft_cursor_u64(&c);
	section.link = ft_cursor_u32(&c);
	section.info = ft_cursor_u32(&c);
	*ret_section = section;
	return 0;
}

static int read_symbols(struct ft_window *window, const struct ft_elf *elf,
			const struct ft_elf_section *section, struct ft_elf_symbols *symbols)
{
	struct ft_elf_section strings;
	int r;

	if (symbols->size || section->size < FT_ELF_SYMBOL_BYTES)
		return 0;
	r = ft_elf_section(window, elf, section->link, &strings);
	if (r < 0)
		return r;
	if (strings.type != SHT_STRTAB || !within(window, strings.offset, strings.size) ||
	    !within(window, section->offset, section->size))
		return -EBADMSG;
	*symbols = (struct ft_elf_symbols){ .offset = section->offset,
					    .size = section->size,
					    .strings = strings.offset,
					    .strings_size = strings.size };
	return 0;
}

static int read_sections(struct ft_window *window, struct ft_elf *elf)
{
	int r = 0;

	if (!within(window, elf->sections, (uint64_t)elf->n_sections * sizeof(Elf64_Shdr)))
		return -ENODATA;
	for (uint32_t i = 0; i < elf->n_sections && r == 0; i++) {
		struct ft_elf_section section;

		r = ft_elf_section(window, elf, i, &section);
		if (r < 0)
			return r;
		if (section.type == SHT_SYMTAB)
			r = read_symbols(window, elf, &section, &elf->symtab);
		else if (section.type == SHT_DYNSYM)
			r = read_symbols(window, elf, &section, &elf->dynsym);
		else if (section.type == SHT_NOTE)
			r = read_notes(window, elf, section.offset, section.size, 4);
	}
	return r;
}

int ft_elf_read(struct ft_window *window, struct ft_elf *ret_elf)
{
	struct ft_elf elf = { 0 };
	struct header header = { 0 };
	int r = read_identity(window);

	if (r < 0)
		return r;
	r = read_header(window, &elf, &header);
	if (r < 0)
		return r;
	r = read_program_headers(window, &elf, &header);
	if (r < 0)
		return r;
	r = read_sections(window, &elf);
	if (r < 0)
		return r;
	*ret_elf = elf;
	return 0;
}

bool ft_elf_address_of(const struct ft_elf *elf, uint64_t offset, uint64_t *ret_address)
{
	for (uint32_t i = 0; i < elf->n_segments; i++) {
		const struct ft_symfile_segment *segment = &elf->segments[i];

		if (offset < segment->offset || offset - segment->offset >= segment->size)
			continue;
		*ret_address = segment->vaddr + (offset - segment->offset);
		return true;
	}
	return false;
}
