#include "symbolizer/ehframe.h"

#include <errno.h>
#include <string.h>

#include "symbolizer/leb.h"

/* DW_EH_PE_*: a form in the low four bits, what it is relative to above, and whether the
 * result is the address of the address. */
enum {
	PE_ABSPTR = 0x00,
	PE_ULEB128 = 0x01,
	PE_UDATA2 = 0x02,
	PE_UDATA4 = 0x03,
	PE_UDATA8 = 0x04,
	PE_SLEB128 = 0x09,
	PE_SDATA2 = 0x0a,
	PE_SDATA4 = 0x0b,
	PE_SDATA8 = 0x0c,
	PE_FORM = 0x0f,
	PE_PCREL = 0x10,
	PE_DATAREL = 0x30,
	PE_APPLICATION = 0x70,
	PE_INDIRECT = 0x80,
	PE_OMIT = 0xff,
};

#define NO_CIE_64 UINT64_MAX
#define MAX_CIE	  1024u /* bytes; compilers write about 30 */

struct entry {
	uint64_t offset; /* in the file, of its length */
	uint64_t body;	 /* in the file, after its length */
	uint64_t size;	 /* of the body */
	bool is_wide;	 /* in 64-bit form */
};

int ft_ehframe_init(struct ft_ehframe *frames, int fd, const struct ft_ehframe_extent *extent)
{
	struct ft_ehframe made = { .extent = *extent, .at = extent->offset };
	int r = ft_window_init(&made.entries, fd, FT_WINDOW_LARGE);

	if (r < 0)
		return r;
	r = ft_window_init(&made.commons, fd, FT_WINDOW_SMALL);
	if (r == 0) {
		made.cies = calloc(FT_EHFRAME_CIES, sizeof(*made.cies));
		r = made.cies ? 0 : -ENOMEM;
	}
	if (r < 0) {
		ft_ehframe_deinit(&made);
		return r;
	}
	*frames = made;
	return 0;
}

void ft_ehframe_deinit(struct ft_ehframe *frames)
{
	ft_window_deinit(&frames->entries);
	ft_window_deinit(&frames->commons);
	ft_freep(&frames->cies);
}

bool ft_ehframe_pointer(struct ft_cursor *c, uint8_t encoding, uint64_t at, uint64_t base,
			uint64_t *ret_address)
{
	uint64_t address;

	switch (encoding & PE_FORM) {
	case PE_ABSPTR:
	case PE_UDATA8:
	case PE_SDATA8:
		address = ft_cursor_u64(c);
		break;
	case PE_ULEB128:
		address = ft_cursor_varint(c);
		break;
	case PE_SLEB128:
		address = (uint64_t)ft_leb_signed(c);
		break;
	case PE_UDATA2:
		address = ft_cursor_u16(c);
		break;
	case PE_SDATA2:
		address = (uint64_t)(int16_t)ft_cursor_u16(c);
		break;
	case PE_UDATA4:
		address = ft_cursor_u32(c);
		break;
	case PE_SDATA4:
		address = (uint64_t)(int32_t)ft_cursor_u32(c);
		break;
	default:
		return false;
	}
	if ((encoding & PE_APPLICATION) == PE_PCREL)
		address += at;
	else if ((encoding & PE_APPLICATION) == PE_DATAREL && base != 0)
		address += base;
	else if ((encoding & PE_APPLICATION) != 0)
		return false;
	*ret_address = address;
	return !c->failed && !(encoding & PE_INDIRECT);
}

/* The length of the entry at an offset. 0, FT_EHFRAME_BAD for an empty entry, -EBADMSG
 * for one that does not fit, or -errno. */
static int read_length(const struct ft_ehframe *frames, struct ft_window *window, uint64_t at,
		       struct entry *ret_entry)
{
	uint64_t left = frames->extent.offset + frames->extent.size - at;
	struct entry entry = { .offset = at, .body = at + 4 };
	struct ft_cursor c;
	const uint8_t *bytes;
	int r;

	if (left < 4)
		return -EBADMSG;
	r = ft_window_get(window, at, (uint32_t)FT_MIN(left, (uint64_t)12), &bytes);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	c = ft_cursor_of(bytes, FT_MIN(left, (uint64_t)12));
	entry.size = ft_cursor_u32(&c);
	if (entry.size == UINT32_MAX) {
		entry.is_wide = true;
		entry.size = ft_cursor_u64(&c);
		entry.body = at + 12;
	}
	if (c.failed || entry.size > left - (entry.body - at))
		return -EBADMSG;
	*ret_entry = entry;
	return entry.size == 0 ? FT_EHFRAME_BAD : 0;
}

/* Only .debug_frame is wide also in what follows the length. */
static uint64_t take_id(const struct ft_ehframe *frames, const struct entry *entry,
			struct ft_cursor *c)
{
	uint64_t id;

	if (frames->extent.is_debug && entry->is_wide)
		return ft_cursor_u64(c);
	id = ft_cursor_u32(c);
	return frames->extent.is_debug && id == UINT32_MAX ? NO_CIE_64 : id;
}

static bool is_cie_id(const struct ft_ehframe *frames, uint64_t id)
{
	return id == (frames->extent.is_debug ? NO_CIE_64 : 0);
}

/* The personality routine matters to nobody here, but what follows it does. */
static bool skip_pointer(struct ft_cursor *c, uint8_t encoding)
{
	uint64_t ignored;

	if (encoding == PE_OMIT)
		return true;
	return ft_ehframe_pointer(c, encoding & PE_FORM, 0, 0, &ignored);
}

static bool read_augmentation(struct ft_cie *cie, const char *letters, struct ft_cursor *c)
{
	uint64_t n;
	const uint8_t *bytes;
	struct ft_cursor data;

	if (*letters == '\0')
		return true;
	if (*letters != 'z')
		return false; /* of unknown length */
	n = ft_cursor_varint(c);
	bytes = ft_cursor_take(c, n);
	if (!bytes)
		return false;
	data = ft_cursor_of(bytes, n);
	cie->has_augmentation = true;
	for (letters++; *letters; letters++) {
		if (*letters == 'R')
			cie->encoding = ft_cursor_u8(&data);
		else if (*letters == 'L')
			ft_cursor_u8(&data);
		else if (*letters == 'P' && !skip_pointer(&data, ft_cursor_u8(&data)))
			return false;
		else if (*letters == 'S')
			cie->is_signal = true;
		else if (*letters != 'P' && *letters != 'B')
			return false;
	}
	return !data.failed;
}

/* Everything of a CIE behind its id. */
static bool read_cie_body(struct ft_cie *cie, struct ft_cursor c)
{
	uint8_t version = ft_cursor_u8(&c);
	const char *letters = (const char *)c.at;
	const uint8_t *nul = memchr(c.at, 0, ft_cursor_left(&c));
	uint64_t ra_reg;

	if (!nul || (version != 1 && version != 3 && version != 4))
		return false;
	ft_cursor_take(&c, (size_t)(nul + 1 - c.at));
	/* Version 4 says the size of addresses and of segment selectors. */
	if (version == 4 && (ft_cursor_u8(&c) != 8 || ft_cursor_u8(&c) != 0))
		return false;
	cie->context.code_align = ft_cursor_varint(&c);
	cie->context.data_align = ft_leb_signed(&c);
	ra_reg = version == 1 ? ft_cursor_u8(&c) : ft_cursor_varint(&c);
	if (ra_reg > UINT8_MAX || !read_augmentation(cie, letters, &c) || c.failed)
		return false;
	cie->context.ra_reg = (uint8_t)ra_reg;
	cie->context.initial = &cie->initial;
	return ft_cfa_run_initial(&cie->context, c, &cie->initial) == 0;
}

/* One that is no CIE, or not understood, stays without is_good. 0 or -errno. */
static int read_cie(struct ft_ehframe *frames, uint64_t offset, struct ft_cie *cie)
{
	struct entry entry;
	struct ft_cursor c;
	const uint8_t *bytes;
	int r = read_length(frames, &frames->commons, offset, &entry);

	*cie = (struct ft_cie){ .offset = offset };
	if (r == -EBADMSG || r == FT_EHFRAME_BAD || (r == 0 && entry.size > MAX_CIE))
		return 0;
	if (r < 0)
		return r;
	r = ft_window_get(&frames->commons, entry.body, (uint32_t)entry.size, &bytes);
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	c = ft_cursor_of(bytes, entry.size);
	if (is_cie_id(frames, take_id(frames, &entry, &c)))
		cie->is_good = read_cie_body(cie, c);
	return 0;
}

/* The CIE at an offset in the file, good or not, or -errno. */
static int find_cie(struct ft_ehframe *frames, uint64_t offset, const struct ft_cie **ret_cie)
{
	struct ft_cie *cie = &frames->cies[(offset >> 2) % FT_EHFRAME_CIES];
	int r = 0;

	if (cie->offset != offset)
		r = read_cie(frames, offset, cie);
	*ret_cie = cie;
	return r;
}

/* Where the CIE of an FDE begins: counted from the section's start in .debug_frame, and
 * backwards from the id itself in .eh_frame. False when outside. */
static bool locate_cie(const struct ft_ehframe *frames, const struct entry *entry, uint64_t id,
		       uint64_t *ret_offset)
{
	const struct ft_ehframe_extent *extent = &frames->extent;
	uint64_t offset;

	if (extent->is_debug) {
		*ret_offset = extent->offset + id;
		return id < extent->size;
	}
	offset = entry->body - id;
	*ret_offset = offset;
	return id <= entry->body && offset >= extent->offset && offset < entry->offset;
}

/* 0, FT_EHFRAME_BAD, or -errno. c stands behind the id. */
static int read_fde(struct ft_ehframe *frames, const struct entry *entry, uint64_t id,
		    struct ft_cursor c, struct ft_fde *ret_fde)
{
	const uint8_t *body = c.end - entry->size;
	uint64_t cie_offset, at, n;
	struct ft_fde fde;
	int r;

	if (!locate_cie(frames, entry, id, &cie_offset))
		return FT_EHFRAME_BAD;
	r = find_cie(frames, cie_offset, &fde.cie);
	if (r < 0)
		return r;
	if (!fde.cie->is_good)
		return FT_EHFRAME_BAD;
	at = frames->extent.address + (entry->body - frames->extent.offset) +
	     (uint64_t)(c.at - body);
	if (!ft_ehframe_pointer(&c, fde.cie->encoding, at, 0, &fde.address) ||
	    !ft_ehframe_pointer(&c, fde.cie->encoding & PE_FORM, 0, 0, &fde.length))
		return FT_EHFRAME_BAD;
	/* A length has the form of an address, but not its sign. */
	if ((fde.cie->encoding & PE_FORM) == PE_SDATA4)
		fde.length &= UINT32_MAX;
	else if ((fde.cie->encoding & PE_FORM) == PE_SDATA2)
		fde.length &= UINT16_MAX;
	if (fde.cie->has_augmentation) {
		n = ft_cursor_varint(&c);
		ft_cursor_take(&c, n);
	}
	fde.program = c;
	*ret_fde = fde;
	return c.failed ? FT_EHFRAME_BAD : 0;
}

/* Any entry but an empty one. 0, FT_EHFRAME_BAD, or -errno; *ret_is_cie: there is nothing
 * in it for now. */
static int read_entry(struct ft_ehframe *frames, const struct entry *entry, bool *ret_is_cie,
		      struct ft_fde *ret_fde)
{
	struct ft_cursor c;
	const uint8_t *bytes;
	uint64_t id;
	int r;

	*ret_is_cie = false;
	if (entry->size > frames->entries.cap)
		return FT_EHFRAME_BAD;
	r = ft_window_get(&frames->entries, entry->body, (uint32_t)entry->size, &bytes);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	c = ft_cursor_of(bytes, entry->size);
	id = take_id(frames, entry, &c);
	if (c.failed)
		return FT_EHFRAME_BAD;
	*ret_is_cie = is_cie_id(frames, id);
	return *ret_is_cie ? 0 : read_fde(frames, entry, id, c, ret_fde);
}

int ft_ehframe_next(struct ft_ehframe *frames, struct ft_fde *ret_fde)
{
	const uint64_t end = frames->extent.offset + frames->extent.size;

	while (frames->at < end) {
		struct entry entry;
		bool is_cie;
		int r = read_length(frames, &frames->entries, frames->at, &entry);

		if (r < 0)
			return r;
		frames->at = entry.body + entry.size;
		if (r == FT_EHFRAME_BAD) {
			if (frames->extent.ends_at_zero)
				break;
			continue;
		}
		r = read_entry(frames, &entry, &is_cie, ret_fde);
		if (r != 0 || !is_cie)
			return r;
	}
	return FT_EHFRAME_END;
}
