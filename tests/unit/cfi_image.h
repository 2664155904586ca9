/* cfi_image.h - small ELF files with frame information, made in memory, for tests.
 *
 * Code at CFI_TEXT, PLT stubs behind it, then .eh_frame with its .eh_frame_hdr,
 * .debug_frame, names and section headers. A byte at an offset in the file has the
 * address CFI_BASE + offset. No compiler takes part. */
#pragma once

#include <check.h>
#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CFI_BASE       0x400000ull
#define CFI_TEXT       0x200u
#define CFI_TEXT_SIZE  0x200u
#define CFI_PLT	       0x400u /* .plt: a head and two entries */
#define CFI_PLT_SIZE   0x30u
#define CFI_STUBS      0x430u /* .plt.sec */
#define CFI_STUBS_SIZE 0x20u
#define CFI_CODE_END   0x450u
#define CFI_FRAMES     0x480u /* .eh_frame */
#define CFI_FRAMES_MAX 0x400u
#define CFI_HDR	       0x880u
#define CFI_DEBUG      0x8a0u /* .debug_frame */
#define CFI_DEBUG_MAX  0x200u
#define CFI_NAMES      0xaa0u
#define CFI_SECTIONS   0xb40u
#define CFI_SIZE       (CFI_SECTIONS + CFI_N_SECTIONS * 64u)

enum {
	CFI_N_TEXT = 1,
	CFI_N_PLT,
	CFI_N_STUBS,
	CFI_N_FRAMES,
	CFI_N_DEBUG,
	CFI_N_NAMES,
	CFI_N_SECTIONS
};

/* Entries of a section that will lie at an offset in the file. */
struct cfi_frames {
	uint8_t bytes[CFI_FRAMES_MAX];
	size_t n;
	size_t start; /* offset in the file */
	bool is_debug;
};

struct cfi_image {
	uint8_t bytes[CFI_SIZE];
};

static inline void cfi_put(struct cfi_frames *frames, const void *bytes, size_t n)
{
	ck_assert_uint_le(n, sizeof(frames->bytes) - frames->n);
	memcpy(frames->bytes + frames->n, bytes, n);
	frames->n += n;
}

static inline void cfi_put_u32(struct cfi_frames *frames, uint32_t value)
{
	cfi_put(frames, &value, sizeof(value));
}

/* Pad the entry that began at start to a multiple of 4, and say its length there. */
static inline void cfi_end_entry(struct cfi_frames *frames, size_t start)
{
	uint32_t length;

	while (frames->n % 4)
		cfi_put(frames, "", 1);
	length = (uint32_t)(frames->n - start - 4);
	memcpy(frames->bytes + start, &length, sizeof(length));
}

/* A CIE; signal: of frames that the kernel made. Its offset in the section. */
static inline size_t cfi_put_cie(struct cfi_frames *frames, bool signal)
{
	static const uint8_t factors[] = { 1, 0x78, 16 }, program[] = { 0x0c, 7, 8, 0x90, 1 };
	size_t start = frames->n;

	cfi_put_u32(frames, 0);
	cfi_put_u32(frames, frames->is_debug ? UINT32_MAX : 0);
	cfi_put(frames, "\1", 1);
	if (frames->is_debug) {
		cfi_put(frames, "", 1);
		cfi_put(frames, factors, sizeof(factors));
	} else {
		cfi_put(frames, signal ? "zRS" : "zR", signal ? 4 : 3);
		cfi_put(frames, factors, sizeof(factors));
		cfi_put(frames, "\1\x1b", 2); /* addresses: relative to here, 4 bytes, signed */
	}
	cfi_put(frames, program, sizeof(program));
	cfi_end_entry(frames, start);
	return start;
}

/* A function of length bytes at an offset in the file. */
static inline void cfi_put_fde(struct cfi_frames *frames, size_t cie, uint64_t offset,
			       uint32_t length, const void *program, size_t n)
{
	size_t start = frames->n;
	uint64_t address[] = { CFI_BASE + offset, length };

	cfi_put_u32(frames, 0);
	cfi_put_u32(frames, (uint32_t)(frames->is_debug ? cie : frames->n - cie));
	if (frames->is_debug) {
		cfi_put(frames, address, sizeof(address));
	} else {
		cfi_put_u32(frames, (uint32_t)(offset - (frames->start + frames->n)));
		cfi_put_u32(frames, length);
		cfi_put(frames, "", 1); /* no augmentation data */
	}
	cfi_put(frames, program, n);
	cfi_end_entry(frames, start);
}

static inline void cfi_image_headers(struct cfi_image *image)
{
	Elf64_Ehdr head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_EXEC,
			    .e_machine = EM_X86_64,
			    .e_version = EV_CURRENT,
			    .e_phoff = sizeof(Elf64_Ehdr),
			    .e_shoff = CFI_SECTIONS,
			    .e_ehsize = sizeof(Elf64_Ehdr),
			    .e_phentsize = sizeof(Elf64_Phdr),
			    .e_phnum = 3,
			    .e_shentsize = sizeof(Elf64_Shdr),
			    .e_shnum = CFI_N_SECTIONS,
			    .e_shstrndx = CFI_N_NAMES };
	Elf64_Phdr segments[] = {
		{ PT_LOAD, PF_R | PF_X, CFI_TEXT, CFI_BASE + CFI_TEXT, 0, CFI_CODE_END - CFI_TEXT,
		  CFI_CODE_END - CFI_TEXT, 1 },
		{ PT_LOAD, PF_R, CFI_FRAMES, CFI_BASE + CFI_FRAMES, 0, CFI_DEBUG - CFI_FRAMES,
		  CFI_DEBUG - CFI_FRAMES, 1 },
		{ PT_GNU_EH_FRAME, PF_R, CFI_HDR, CFI_BASE + CFI_HDR, 0, 12, 12, 4 },
	};
	/* Version; .eh_frame relative to here; a count and a table nobody reads. */
	uint8_t hdr[12] = { 1, 0x1b, 0x03, 0x3b };
	int32_t to_frames = (int32_t)(CFI_FRAMES - CFI_HDR - 4);

	memcpy(hdr + 4, &to_frames, sizeof(to_frames));
	memcpy(image->bytes, &head, sizeof(head));
	memcpy(image->bytes + sizeof(head), segments, sizeof(segments));
	memcpy(image->bytes + CFI_HDR, hdr, sizeof(hdr));
}

static inline void cfi_image_sections(struct cfi_image *image, size_t n_frames, size_t n_debug)
{
	static const char names[] = "\0.text\0.plt\0.plt.sec\0.eh_frame\0.debug_frame\0.shstrtab";
	const uint64_t code = SHF_ALLOC | SHF_EXECINSTR;
	Elf64_Shdr sections[CFI_N_SECTIONS] = {
		[CFI_N_TEXT] = { 1, SHT_PROGBITS, code, CFI_BASE + CFI_TEXT, CFI_TEXT,
				 CFI_TEXT_SIZE },
		[CFI_N_PLT] = { 7, SHT_PROGBITS, code, CFI_BASE + CFI_PLT, CFI_PLT, CFI_PLT_SIZE },
		[CFI_N_STUBS] = { 12, SHT_PROGBITS, code, CFI_BASE + CFI_STUBS, CFI_STUBS,
				  CFI_STUBS_SIZE },
		[CFI_N_FRAMES] = { 21, SHT_PROGBITS, SHF_ALLOC, CFI_BASE + CFI_FRAMES, CFI_FRAMES,
				   n_frames },
		[CFI_N_DEBUG] = { 31, SHT_PROGBITS, 0, 0, CFI_DEBUG, n_debug },
		[CFI_N_NAMES] = { 44, SHT_STRTAB, 0, 0, CFI_NAMES, sizeof(names) },
	};

	memcpy(image->bytes + CFI_NAMES, names, sizeof(names));
	memcpy(image->bytes + CFI_SECTIONS, sections, sizeof(sections));
}

/* Either may be NULL: then there is none. Code is filled with int3. */
static inline void cfi_image_make(struct cfi_image *image, const struct cfi_frames *frames,
				  const struct cfi_frames *debug)
{
	memset(image, 0, sizeof(*image));
	memset(image->bytes + CFI_TEXT, 0xcc, CFI_CODE_END - CFI_TEXT);
	cfi_image_headers(image);
	cfi_image_sections(image, frames ? frames->n : 0, debug ? debug->n : 0);
	if (frames)
		memcpy(image->bytes + CFI_FRAMES, frames->bytes, frames->n);
	if (debug) {
		ck_assert_uint_le(debug->n, CFI_DEBUG_MAX);
		memcpy(image->bytes + CFI_DEBUG, debug->bytes, debug->n);
	}
}

/* As strip --strip-section-headers leaves it. */
static inline void cfi_image_strip(struct cfi_image *image)
{
	memset(image->bytes + offsetof(Elf64_Ehdr, e_shoff), 0, 8);
	memset(image->bytes + offsetof(Elf64_Ehdr, e_shnum), 0, 4);
}

/* A file of these bytes; the caller closes it. */
static inline int cfi_file(const void *bytes, size_t len)
{
	int fd = memfd_create("cfi", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, bytes, len, 0), (ssize_t)len);
	return fd;
}
