/* elf_image.h - small ELF files made in memory, whole or broken, for tests.
 *
 * One executable segment (offset IMAGE_TEXT in the file, address IMAGE_ADDRESS) with one
 * code section of the same extent, a build-id note, a dynamic segment, and symbols given
 * by the test. No compiler takes part. */
#pragma once

#include <check.h>
#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define IMAGE_MAX	8192u
#define IMAGE_NOTE	0x140u
#define IMAGE_DYNAMIC	0x180u
#define IMAGE_TEXT	0x200u
#define IMAGE_TEXT_SIZE 0x200u
#define IMAGE_ADDRESS	0x401200ull

/* Sections by number. */
enum { IMAGE_SECTION_TEXT = 1, IMAGE_SECTION_DATA, IMAGE_SECTION_SYMBOLS, IMAGE_SECTION_STRINGS };
#define IMAGE_SECTIONS 5u

struct image_symbol {
	const char *name;
	uint64_t value, size;
	uint8_t binding, type;
	uint16_t section;
};

#define IMAGE_FUNC(n, offset, bytes)                                                   \
	{                                                                              \
		.name = (n), .value = IMAGE_ADDRESS + (offset), .size = (bytes),       \
		.binding = STB_GLOBAL, .type = STT_FUNC, .section = IMAGE_SECTION_TEXT \
	}

struct image_options {
	const struct image_symbol *symbols;
	size_t n_symbols;
	uint64_t entry;
	bool dynsym; /* the table is a .dynsym */
	bool pie;    /* ET_DYN with DF_1_PIE; else ET_EXEC */
	bool library;
};

struct image {
	uint8_t bytes[IMAGE_MAX];
	size_t len;
	size_t sections; /* offset of the section headers */
};

static inline size_t image_append(struct image *image, const void *bytes, size_t len)
{
	size_t at = image->len;

	ck_assert_uint_le(len, sizeof(image->bytes) - at);
	memcpy(image->bytes + at, bytes, len);
	image->len += len;
	return at;
}

static inline void image_place(struct image *image, size_t at, const void *bytes, size_t len)
{
	ck_assert_uint_le(at + len, sizeof(image->bytes));
	memcpy(image->bytes + at, bytes, len);
	if (image->len < at + len)
		image->len = at + len;
}

static inline void image_put_head(struct image *image, const struct image_options *options)
{
	static const uint32_t note[] = {
		4, 8, NT_GNU_BUILD_ID, 0x00554e47, 0x33221100, 0x77665544
	};
	Elf64_Dyn dynamic[] = { { DT_FLAGS_1, { options->pie ? DF_1_PIE : 0 } },
				{ DT_NULL, { 0 } } };
	Elf64_Ehdr head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			    .e_type = options->pie || options->library ? ET_DYN : ET_EXEC,
			    .e_machine = EM_X86_64,
			    .e_version = EV_CURRENT,
			    .e_entry = options->entry,
			    .e_phoff = sizeof(Elf64_Ehdr),
			    .e_ehsize = sizeof(Elf64_Ehdr),
			    .e_phentsize = sizeof(Elf64_Phdr),
			    .e_phnum = 3,
			    .e_shentsize = sizeof(Elf64_Shdr),
			    .e_shnum = IMAGE_SECTIONS };
	Elf64_Phdr segments[] = {
		{ PT_LOAD, PF_R | PF_X, IMAGE_TEXT, IMAGE_ADDRESS, IMAGE_ADDRESS, IMAGE_TEXT_SIZE,
		  IMAGE_TEXT_SIZE, 4096 },
		{ PT_NOTE, PF_R, IMAGE_NOTE, 0x400140, 0x400140, sizeof(note), sizeof(note), 4 },
		{ PT_DYNAMIC, PF_R, IMAGE_DYNAMIC, 0x400180, 0x400180, sizeof(dynamic),
		  sizeof(dynamic), 8 },
	};

	image_place(image, 0, &head, sizeof(head));
	image_place(image, sizeof(head), segments, sizeof(segments));
	image_place(image, IMAGE_NOTE, note, sizeof(note));
	image_place(image, IMAGE_DYNAMIC, dynamic, sizeof(dynamic));
	image->len = IMAGE_TEXT + IMAGE_TEXT_SIZE;
}

static inline void image_make(struct image *image, const struct image_options *options)
{
	Elf64_Sym symbols[64] = { 0 };
	char strings[1024] = { 0 };
	size_t strings_len = 1, n = options->n_symbols + 1;
	Elf64_Shdr sections[IMAGE_SECTIONS] = { 0 };

	memset(image, 0, sizeof(*image));
	image_put_head(image, options);
	ck_assert_uint_le(n, 64);
	for (size_t i = 1; i < n; i++) {
		const struct image_symbol *from = &options->symbols[i - 1];
		size_t len = strlen(from->name) + 1;

		ck_assert_uint_le(strings_len + len, sizeof(strings));
		memcpy(strings + strings_len, from->name, len);
		symbols[i] = (Elf64_Sym){ .st_name = len > 1 ? (uint32_t)strings_len : 0,
					  .st_info = (uint8_t)(from->binding << 4 | from->type),
					  .st_shndx = from->section,
					  .st_value = from->value,
					  .st_size = from->size };
		strings_len += len;
	}
	sections[IMAGE_SECTION_TEXT] = (Elf64_Shdr){ .sh_type = SHT_PROGBITS,
						     .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
						     .sh_addr = IMAGE_ADDRESS,
						     .sh_offset = IMAGE_TEXT,
						     .sh_size = IMAGE_TEXT_SIZE };
	sections[IMAGE_SECTION_DATA] = (Elf64_Shdr){ .sh_type = SHT_PROGBITS,
						     .sh_flags = SHF_ALLOC,
						     .sh_addr = 0x402000,
						     .sh_offset = IMAGE_TEXT,
						     .sh_size = 0x100 };
	sections[IMAGE_SECTION_SYMBOLS] =
		(Elf64_Shdr){ .sh_type = options->dynsym ? SHT_DYNSYM : SHT_SYMTAB,
			      .sh_offset = image_append(image, symbols, n * sizeof(symbols[0])),
			      .sh_size = n * sizeof(symbols[0]),
			      .sh_link = IMAGE_SECTION_STRINGS,
			      .sh_entsize = sizeof(symbols[0]) };
	sections[IMAGE_SECTION_STRINGS] =
		(Elf64_Shdr){ .sh_type = SHT_STRTAB,
			      .sh_offset = image_append(image, strings, strings_len),
			      .sh_size = strings_len };
	image->len = (image->len + 7) & ~(size_t)7;
	image->sections = image_append(image, sections, sizeof(sections));
	memcpy(image->bytes + offsetof(Elf64_Ehdr, e_shoff), &image->sections, 8);
}

/* A file of these bytes; the caller closes it. */
static inline int image_file(const void *bytes, size_t len)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, bytes, len, 0), (ssize_t)len);
	return fd;
}
