/* ELF files come from programs we do not trust: the facts of a good one are read, and a
 * broken one is refused without a read outside of what it has. */
#include "symbolizer/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "symbolizer/symtab.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"
#include "tests/unit/elf_image.h"

static const struct image_symbol symbols[] = {
	IMAGE_FUNC("alpha", 0x10, 0x20),
	IMAGE_FUNC("beta", 0x40, 0),
	{ "label", IMAGE_ADDRESS + 0x100, 0, STB_LOCAL, STT_NOTYPE, IMAGE_SECTION_TEXT },
	IMAGE_FUNC("alpha_alias", 0x10, 0x20),
};
static const struct image_options plain = { .symbols = symbols,
					    .n_symbols = FT_COUNT(symbols),
					    .entry = IMAGE_ADDRESS + 0x180 };

static int read_bytes(const void *bytes, size_t len, struct ft_elf *ret_elf)
{
	_cleanup_window_ struct ft_window window = { 0 };
	_cleanup_close_ int fd = image_file(bytes, len);

	ck_assert_int_eq(ft_window_init(&window, fd, FT_WINDOW_LARGE), 0);
	return ft_elf_read(&window, ret_elf);
}

START_TEST(reads_the_facts)
{
	static const uint8_t id[] = { 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77 };
	struct image image;
	struct ft_elf elf;
	uint64_t address;

	image_make(&image, &plain);
	ck_assert_int_eq(read_bytes(image.bytes, image.len, &elf), 0);
	ck_assert_uint_eq(elf.machine, EM_X86_64);
	ck_assert(elf.is_program);
	ck_assert_uint_eq(elf.entry, IMAGE_ADDRESS + 0x180);
	ck_assert_uint_eq(elf.n_segments, 1);
	ck_assert_uint_eq(elf.segments[0].offset, IMAGE_TEXT);
	ck_assert_uint_eq(elf.segments[0].size, IMAGE_TEXT_SIZE);
	ck_assert_uint_eq(elf.segments[0].vaddr, IMAGE_ADDRESS);
	ck_assert_uint_eq(elf.n_build_id, sizeof(id));
	ck_assert_mem_eq(elf.build_id, id, sizeof(id));
	ck_assert_uint_eq(elf.symtab.size, 5 * FT_ELF_SYMBOL_BYTES);
	ck_assert_uint_eq(elf.dynsym.size, 0);
	ck_assert(ft_elf_address_of(&elf, IMAGE_TEXT + 0x1ff, &address));
	ck_assert_uint_eq(address, IMAGE_ADDRESS + 0x1ff);
	ck_assert(!ft_elf_address_of(&elf, IMAGE_TEXT + 0x200, &address));
	ck_assert(!ft_elf_address_of(&elf, IMAGE_TEXT - 1, &address));
}
END_TEST

START_TEST(tells_programs_from_libraries)
{
	struct image_options options = { .pie = _i == 1, .library = _i == 2, .entry = 1 };
	struct image image;
	struct ft_elf elf;

	image_make(&image, &options);
	ck_assert_int_eq(read_bytes(image.bytes, image.len, &elf), 0);
	ck_assert_int_eq(elf.is_program, _i != 2);
}
END_TEST

#define EHDR(field) offsetof(Elf64_Ehdr, field), sizeof(((Elf64_Ehdr *)0)->field)
#define PHDR(field) \
	sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, field), sizeof(((Elf64_Phdr *)0)->field)
/* Within the section headers. */
#define SHDR(number, field)                                                      \
	IMAGE_MAX + (number) * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, field), \
		sizeof(((Elf64_Shdr *)0)->field)

/* One lie each. */
static const struct {
	size_t at, size;
	uint64_t value;
	int outcome;
} lies[] = {
	{ 0, 1, 'E', -EBADMSG },
	{ EI_CLASS, 1, ELFCLASS32, -ENOTSUP },
	{ EI_DATA, 1, ELFDATA2MSB, -ENOTSUP },
	{ EI_VERSION, 1, 2, -EBADMSG },
	{ EHDR(e_type), ET_REL, -ENOTSUP },
	{ EHDR(e_type), ET_CORE, -ENOTSUP },
	{ EHDR(e_machine), EM_PPC64, -ENOTSUP },
	{ EHDR(e_machine), EM_AARCH64, 0 },
	{ EHDR(e_version), 7, -EBADMSG },
	{ EHDR(e_phentsize), 32, -EBADMSG },
	{ EHDR(e_shentsize), 0, -EBADMSG },
	{ EHDR(e_phoff), UINT64_MAX, -ENODATA },
	{ EHDR(e_phoff), UINT64_MAX - 167, -ENODATA },
	{ EHDR(e_phnum), 0xfffe, -E2BIG },
	{ EHDR(e_phnum), 4096, -ENODATA },
	{ EHDR(e_phnum), PN_XNUM, 0 }, /* and section 0 says none */
	{ EHDR(e_shoff), UINT64_MAX, -ENODATA },
	{ EHDR(e_shoff), 0, 0 },
	{ EHDR(e_shnum), 0xffff, -ENODATA },
	{ EHDR(e_shnum), 0, 0 }, /* the same */
	{ PHDR(p_offset), UINT64_MAX, -EBADMSG },
	{ PHDR(p_vaddr), UINT64_MAX - 0x1fe, -EBADMSG },
	{ PHDR(p_vaddr), UINT64_MAX - 0x200, 0 },
	{ PHDR(p_filesz), UINT64_MAX, -EBADMSG },
	{ PHDR(p_filesz), 0x201, -EBADMSG },
	{ PHDR(p_flags), PF_R, 0 },
	{ SHDR(IMAGE_SECTION_SYMBOLS, sh_offset), UINT64_MAX, -EBADMSG },
	{ SHDR(IMAGE_SECTION_SYMBOLS, sh_size), UINT64_MAX, -EBADMSG },
	{ SHDR(IMAGE_SECTION_SYMBOLS, sh_size), 23, 0 },
	{ SHDR(IMAGE_SECTION_SYMBOLS, sh_link), IMAGE_SECTIONS, -EBADMSG },
	{ SHDR(IMAGE_SECTION_SYMBOLS, sh_link), IMAGE_SECTION_TEXT, -EBADMSG },
	{ SHDR(IMAGE_SECTION_STRINGS, sh_size), IMAGE_MAX, -EBADMSG },
	{ SHDR(0, sh_size), FT_ELF_MAX_SECTIONS + 1, 0 }, /* nobody asks for it */
};

START_TEST(refuses_a_lie)
{
	struct image image;
	struct ft_elf elf;
	size_t at = lies[_i].at;

	image_make(&image, &plain);
	if (at >= IMAGE_MAX)
		at += image.sections - IMAGE_MAX;
	memcpy(image.bytes + at, &lies[_i].value, lies[_i].size);
	ck_assert_int_eq(read_bytes(image.bytes, image.len, &elf), lies[_i].outcome);
}
END_TEST

/* Counts too large for the header stand in the first section header. */
START_TEST(reads_large_counts)
{
	static const uint64_t counts[] = { IMAGE_SECTIONS, FT_ELF_MAX_SECTIONS + 1, 1000 };
	static const int outcomes[] = { 0, -E2BIG, -ENODATA };
	const uint16_t none = 0, extended = PN_XNUM;
	const uint32_t three = 3;
	struct image image;
	struct ft_elf elf = { 0 };

	image_make(&image, &plain);
	memcpy(image.bytes + offsetof(Elf64_Ehdr, e_shnum), &none, 2);
	memcpy(image.bytes + offsetof(Elf64_Ehdr, e_phnum), &extended, 2);
	memcpy(image.bytes + image.sections + offsetof(Elf64_Shdr, sh_size), &counts[_i], 8);
	memcpy(image.bytes + image.sections + offsetof(Elf64_Shdr, sh_info), &three, 4);
	ck_assert_int_eq(read_bytes(image.bytes, image.len, &elf), outcomes[_i]);
	if (outcomes[_i] < 0)
		return;
	ck_assert_uint_eq(elf.n_sections, IMAGE_SECTIONS);
	ck_assert_uint_eq(elf.n_segments, 1);
	ck_assert_uint_eq(elf.n_build_id, 8);
	ck_assert_uint_gt(elf.symtab.size, 0);
}
END_TEST

static const struct {
	uint32_t namesz, descsz, type;
	uint8_t n;
} notes[] = {
	{ 4, 8, NT_GNU_BUILD_ID, 8 },	       { 4, 0, NT_GNU_BUILD_ID, 0 },
	{ 4, 64, NT_GNU_BUILD_ID, 64 },	       { 4, 65, NT_GNU_BUILD_ID, 0 },
	{ 4, UINT32_MAX, NT_GNU_BUILD_ID, 0 }, { UINT32_MAX, 8, NT_GNU_BUILD_ID, 0 },
	{ 3, 8, NT_GNU_BUILD_ID, 0 },	       { 4, 8, NT_GNU_ABI_TAG, 0 },
};

START_TEST(keeps_no_odd_build_id)
{
	const uint64_t room = 128;
	struct image image;
	struct ft_elf elf;

	image_make(&image, &plain);
	memcpy(image.bytes + IMAGE_NOTE, &notes[_i], 12);
	memcpy(image.bytes + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) +
		       offsetof(Elf64_Phdr, p_filesz),
	       &room, sizeof(room));
	ck_assert_int_eq(read_bytes(image.bytes, image.len, &elf), 0);
	ck_assert_uint_eq(elf.n_build_id, notes[_i].n);
}
END_TEST

/* Strings may reach to the last byte of the file and no further. */
START_TEST(knows_the_end_of_the_file)
{
	struct image image;
	struct ft_elf elf;
	Elf64_Shdr *strings;
	uint64_t size;

	image_make(&image, &plain);
	strings = (Elf64_Shdr *)(image.bytes + image.sections) + IMAGE_SECTION_STRINGS;
	size = image.len - strings->sh_offset + (uint64_t)_i;
	memcpy(&strings->sh_size, &size, sizeof(size));
	ck_assert_int_eq(read_bytes(image.bytes, image.len, &elf), _i ? -EBADMSG : 0);
}
END_TEST

START_TEST(keeps_a_bounded_number_of_segments)
{
	const Elf64_Phdr segment = {
		.p_type = PT_LOAD, .p_flags = PF_X, .p_filesz = 1, .p_memsz = 1
	};
	const uint16_t n = FT_SYM_MAX_SEGMENTS + 4;
	struct image image;
	struct ft_elf elf;
	uint64_t at;

	image_make(&image, &plain);
	at = image.len;
	for (uint32_t i = 0; i < n; i++)
		image_append(&image, &segment, sizeof(segment));
	memcpy(image.bytes + offsetof(Elf64_Ehdr, e_phoff), &at, sizeof(at));
	memcpy(image.bytes + offsetof(Elf64_Ehdr, e_phnum), &n, sizeof(n));
	ck_assert_int_eq(read_bytes(image.bytes, image.len, &elf), 0);
	ck_assert_uint_eq(elf.n_segments, FT_SYM_MAX_SEGMENTS);
}
END_TEST

/* Everything that is done with a file; ASan and UBSan watch. */
static void use(const void *bytes, size_t len)
{
	_cleanup_window_ struct ft_window window = { 0 };
	_cleanup_symtab_ struct ft_symtab *table = NULL;
	_cleanup_close_ int fd = image_file(bytes, len);
	struct ft_elf elf;
	char name[32];

	ck_assert_int_eq(ft_window_init(&window, fd, FT_WINDOW_LARGE), 0);
	if (ft_elf_read(&window, &elf) < 0 || ft_symtab_new(&window, &elf, &table) < 0)
		return;
	ck_assert_uint_le(elf.n_segments, FT_SYM_MAX_SEGMENTS);
	ck_assert_uint_le(elf.n_build_id, FT_SYM_BUILD_ID_MAX);
	for (uint64_t offset = 0; offset < 0x200; offset += 8) {
		int r = ft_symtab_name(table, &window, IMAGE_ADDRESS + offset, name, sizeof(name));

		ck_assert_int_lt(r, (int)sizeof(name));
		if (r > 0)
			ck_assert_uint_eq(strlen(name), (size_t)r);
	}
}

START_TEST(survives_truncation)
{
	struct image image;
	struct ft_elf elf;

	image_make(&image, &plain);
	for (size_t len = 0; len < image.len; len++) {
		ck_assert_int_lt(read_bytes(image.bytes, len, &elf), 0);
		use(image.bytes, len);
	}
}
END_TEST

START_TEST(survives_flipped_bytes)
{
	static const uint8_t masks[] = { 0x01, 0x80, 0xff };
	struct image image;

	image_make(&image, &plain);
	for (size_t i = 0; i < image.len; i++) {
		if (i == IMAGE_TEXT)
			i += IMAGE_TEXT_SIZE; /* code, never looked at */
		image.bytes[i] ^= masks[_i];
		use(image.bytes, image.len);
		image.bytes[i] ^= masks[_i];
	}
}
END_TEST

/* The owner truncates the file between two reads. */
START_TEST(says_when_the_file_shrinks)
{
	_cleanup_window_ struct ft_window window = { 0 };
	_cleanup_close_ int fd = -1;
	const uint8_t *bytes;
	struct image image;

	image_make(&image, &plain);
	fd = image_file(image.bytes, image.len);
	ck_assert_int_eq(ft_window_init(&window, fd, 64), 0);
	ck_assert_int_eq(ft_window_get(&window, 0, 65, &bytes), -E2BIG);
	ck_assert_int_eq(ft_window_get(&window, UINT64_MAX, 2, &bytes), -ENODATA);
	ck_assert_int_eq(ftruncate(fd, 100), 0);
	ck_assert_int_eq(ft_window_get(&window, 90, 11, &bytes), -ENODATA);
	ck_assert_int_eq(ft_window_get(&window, 90, 10, &bytes), 0);
	ck_assert_mem_eq(bytes, image.bytes + 90, 10);
}
END_TEST

static const struct {
	uint64_t offset, end;
	uint32_t size;
	int outcome;
} texts[] = {
	{ 0, 7, 8, 6 },
	{ 0, 6, 8, -ENODATA },
	{ 0, 7, 4, 3 },
	{ 6, 7, 8, 0 },
	{ 7, UINT64_MAX, 400, -ENODATA },
	{ 7, UINT64_MAX, 64, 63 },
	{ 600, 700, 8, -ENODATA },
};

START_TEST(reads_texts)
{
	_cleanup_window_ struct ft_window window = { 0 };
	_cleanup_close_ int fd = -1;
	char bytes[307], text[401];

	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "abcdef", 7);
	fd = image_file(bytes, sizeof(bytes));
	ck_assert_int_eq(ft_window_init(&window, fd, 128), 0);
	ck_assert_int_eq(
		ft_window_text(&window, texts[_i].offset, texts[_i].end, text, texts[_i].size),
		texts[_i].outcome);
	if (texts[_i].outcome < 0)
		return;
	ck_assert_uint_eq(strlen(text), (size_t)texts[_i].outcome);
	ck_assert_mem_eq(text, bytes + texts[_i].offset, (size_t)texts[_i].outcome);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, reads_the_facts);
	tcase_add_loop_test(tc, tells_programs_from_libraries, 0, 3);
	tcase_add_loop_test(tc, refuses_a_lie, 0, FT_CASES(lies));
	tcase_add_loop_test(tc, reads_large_counts, 0, 3);
	tcase_add_loop_test(tc, keeps_no_odd_build_id, 0, FT_CASES(notes));
	tcase_add_loop_test(tc, knows_the_end_of_the_file, 0, 2);
	tcase_add_test(tc, keeps_a_bounded_number_of_segments);
	tcase_add_test(tc, survives_truncation);
	tcase_add_loop_test(tc, survives_flipped_bytes, 0, 3);
	tcase_add_test(tc, says_when_the_file_shrinks);
	tcase_add_loop_test(tc, reads_texts, 0, FT_CASES(texts));
}

FT_CHECK_MAIN("elf", add_tests)
