/* Tables are made of files that anybody may have written: what CFI says is found again at
 * every address, what it does not say is filled by evidence, and no damage does harm. */
#include "symbolizer/cfi.h"

#include <errno.h>

#include "tests/cfi_shape.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"
#include "tests/unit/cfi_image.h"

#define RULE(k, f, c) ((struct ft_unwind_rule){ .kind = FT_RULE_##k, .fp = (f), .cfa = (c) })
#define NONE	      RULE(NONE, 0, 0)
#define SP(c)	      RULE(SP, 0, c)
#define FRAMES                      \
	{                           \
		.start = CFI_FRAMES \
	}
#define DEBUG                                        \
	{                                            \
		.start = CFI_DEBUG, .is_debug = true \
	}

/* push %rbp; mov %rsp,%rbp; ...; pop; ret after 0x1f bytes. */
static const uint8_t framed[] = { 0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x5b, 0x0c, 7, 8, 0xc6 };
/* Two pushes. */
static const uint8_t pushes[] = { 0x42, 0x0e, 16, 0x42, 0x0e, 24 };
static const uint8_t rootless[] = { 0x07, 16 };

static int build(const void *bytes, size_t len, struct ft_cfi_table **ret_table)
{
	_cleanup_close_ int fd = cfi_file(bytes, len);

	return ft_cfi_build(fd, ret_table);
}

static struct ft_cfi_table *table_of(const struct cfi_image *image)
{
	struct ft_cfi_table *table = NULL;

	ck_assert_int_eq(build(image->bytes, sizeof(image->bytes), &table), 0);
	return table;
}

static void expect(const struct ft_cfi_table *table, uint64_t offset, struct ft_unwind_rule want)
{
	struct ft_unwind_rule got = ft_cfi_find(table, offset);

	ck_assert_msg(got.kind == want.kind && got.step == want.step && got.fp == want.fp &&
			      got.cfa == want.cfa,
		      "at %#x: %u %u %d %d, not %u %u %d %d", (unsigned int)offset, got.kind,
		      got.step, got.fp, got.cfa, want.kind, want.step, want.fp, want.cfa);
}

static void check_shape(const struct ft_cfi_table *table)
{
	const char *wrong = cfi_wrong(table);

	ck_assert_msg(!wrong, "%s", wrong);
}

/* Two functions with a wide gap, in the wrong order, and one next to the first. */
static void put_functions(struct cfi_frames *frames)
{
	size_t cie = cfi_put_cie(frames, false);

	cfi_put_fde(frames, cie, CFI_TEXT + 0x80, 0x20, pushes, sizeof(pushes));
	cfi_put_fde(frames, cie, CFI_TEXT + 0x10, 0x20, framed, sizeof(framed));
	cfi_put_fde(frames, cie, CFI_TEXT + 0x3f, 0x10, "", 0); /* 15 bytes of padding */
	cfi_put_u32(frames, 0);
}

static const struct {
	uint32_t offset; /* in the text */
	struct ft_unwind_rule rule;
} expected[] = {
	{ 0x0, RULE(NONE, 0, 0) },
	{ 0xf, RULE(NONE, 0, 0) },
	{ 0x10, RULE(SP, 0, 8) },
	{ 0x11, RULE(SP, -2, 16) },
	{ 0x13, RULE(SP, -2, 16) },
	{ 0x14, RULE(FP, -2, 16) },
	{ 0x2e, RULE(FP, -2, 16) },
	{ 0x2f, RULE(SP, 0, 8) },
	{ 0x30, RULE(SP, 0, 8) },
	{ 0x3e, RULE(SP, 0, 8) },
	{ 0x3f, RULE(SP, 0, 8) },
	{ 0x4e, RULE(SP, 0, 8) },
	{ 0x4f, RULE(NONE, 0, 0) },
	{ 0x7f, RULE(NONE, 0, 0) },
	{ 0x80, RULE(SP, 0, 8) },
	{ 0x81, RULE(SP, 0, 8) },
	{ 0x82, RULE(SP, 0, 16) },
	{ 0x84, RULE(SP, 0, 24) },
	{ 0x9f, RULE(SP, 0, 24) },
	{ 0xa0, RULE(NONE, 0, 0) },
	{ CFI_TEXT_SIZE - 1, RULE(NONE, 0, 0) },
	/* PLT without frame information: a head that has pushed, entries that may have. */
	{ CFI_PLT - CFI_TEXT, RULE(SP, 0, 16) },
	{ CFI_PLT - CFI_TEXT + 5, RULE(SP, 0, 16) },
	{ CFI_PLT - CFI_TEXT + 6, RULE(SP, 0, 24) },
	{ CFI_PLT - CFI_TEXT + 15, RULE(SP, 0, 24) },
	{ CFI_PLT - CFI_TEXT + 16, RULE(PLT, 0, 11) },
	{ CFI_STUBS - CFI_TEXT - 1, RULE(PLT, 0, 11) },
	{ CFI_STUBS - CFI_TEXT, RULE(SP, 0, 8) },
	{ CFI_CODE_END - CFI_TEXT - 1, RULE(SP, 0, 8) },
	{ CFI_CODE_END - CFI_TEXT, RULE(NONE, 0, 0) },
	{ 0x100000, RULE(NONE, 0, 0) },
};

START_TEST(finds_every_rule)
{
	struct cfi_frames frames = FRAMES, debug = DEBUG;
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	struct cfi_image image;
	size_t cie;

	put_functions(_i ? &debug : &frames);
	cie = cfi_put_cie(&frames, false); /* alone it says nothing */
	ck_assert_uint_lt(cie, sizeof(frames.bytes));
	cfi_image_make(&image, &frames, &debug);
	table = table_of(&image);
	check_shape(table);
	for (size_t i = 0; i < FT_COUNT(expected); i++)
		expect(table, CFI_TEXT + expected[i].offset, expected[i].rule);
	ck_assert_uint_eq(table->facts.n_fdes, 3);
	ck_assert_uint_eq(table->facts.n_bad_fdes, 0);
	ck_assert_uint_eq(table->facts.n_raw_rows, 8);
	ck_assert_uint_eq(table->facts.text_bytes, CFI_CODE_END - CFI_TEXT);
	ck_assert_uint_eq(table->facts.covered_bytes, 0x50 + CFI_PLT_SIZE + CFI_STUBS_SIZE);
	ck_assert(!table->facts.keeps_frame_pointers);
}
END_TEST

/* Without section headers .eh_frame ends at its terminator, and the PLT is just code. */
START_TEST(finds_frames_without_sections)
{
	const uint64_t whole[] = { 0, CFI_BASE }, whole_size = CFI_CODE_END;
	struct cfi_frames frames = FRAMES;
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	struct cfi_image image;

	put_functions(&frames);
	cfi_put_fde(&frames, 0, CFI_TEXT + 0x100, 0x20, "", 0);
	cfi_image_make(&image, &frames, NULL);
	/* As older linkers have it, the headers are mapped with the code. */
	memcpy(image.bytes + 64 + offsetof(Elf64_Phdr, p_offset), whole, sizeof(whole));
	memcpy(image.bytes + 64 + offsetof(Elf64_Phdr, p_filesz), &whole_size, 8);
	memcpy(image.bytes + 64 + offsetof(Elf64_Phdr, p_memsz), &whole_size, 8);
	cfi_image_strip(&image);
	table = table_of(&image);
	check_shape(table);
	expect(table, 0, NONE); /* not an entry at 0 */
	for (size_t i = 0; expected[i].offset < CFI_TEXT_SIZE; i++)
		expect(table, CFI_TEXT + expected[i].offset, expected[i].rule);
	expect(table, CFI_TEXT + 0x100, NONE);
	ck_assert_uint_eq(table->facts.n_fdes, 3);
}
END_TEST

/* .debug_frame matters only where .eh_frame has nothing; pushes differ from frames. */
START_TEST(prefers_eh_frame)
{
	struct cfi_frames frames = FRAMES, debug = DEBUG;
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	struct cfi_image image;
	size_t cie;

	put_functions(&frames);
	cie = cfi_put_cie(&debug, false);
	cfi_put_fde(&debug, cie, CFI_TEXT + 0x10, 0x20, pushes, sizeof(pushes));
	cfi_put_fde(&debug, cie, CFI_TEXT + 0x70, 0x11, pushes, sizeof(pushes));
	cfi_put_fde(&debug, cie, CFI_TEXT + 0xa0, 0x10, pushes, sizeof(pushes));
	cfi_image_make(&image, &frames, &debug);
	table = table_of(&image);
	check_shape(table);
	for (size_t i = 0; expected[i].offset < 0xa0; i++)
		expect(table, CFI_TEXT + expected[i].offset, expected[i].rule);
	expect(table, CFI_TEXT + 0xa4, SP(24));
	expect(table, CFI_TEXT + 0xb0, NONE);
}
END_TEST

START_TEST(cuts_what_overlaps)
{
	struct cfi_frames frames = FRAMES;
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	struct cfi_image image;
	size_t cie = cfi_put_cie(&frames, false);

	cfi_put_fde(&frames, cie, CFI_TEXT + 0x20, 0x20, framed, sizeof(framed));
	cfi_put_fde(&frames, cie, CFI_TEXT + 0x00, 0x30, pushes, sizeof(pushes));
	/* The same twice, and one inside of another. */
	cfi_put_fde(&frames, cie, CFI_TEXT + 0x60, 0x20, pushes, sizeof(pushes));
	cfi_put_fde(&frames, cie, CFI_TEXT + 0x60, 0x20, framed, sizeof(framed));
	cfi_put_fde(&frames, cie, CFI_TEXT + 0x90, 0x40, pushes, sizeof(pushes));
	cfi_put_fde(&frames, cie, CFI_TEXT + 0xa0, 0x08, framed, sizeof(framed));
	cfi_image_make(&image, &frames, NULL);
	table = table_of(&image);
	check_shape(table);
	expect(table, CFI_TEXT + 0x1f, SP(24));
	expect(table, CFI_TEXT + 0x20, SP(8));
	expect(table, CFI_TEXT + 0x24, RULE(FP, -2, 16));
	expect(table, CFI_TEXT + 0x40, NONE);
	expect(table, CFI_TEXT + 0x64, RULE(FP, -2, 16));
	expect(table, CFI_TEXT + 0x9f, SP(24));
	expect(table, CFI_TEXT + 0xa7, RULE(FP, -2, 16));
	expect(table, CFI_TEXT + 0xb8, NONE);
	ck_assert_uint_eq(table->facts.n_bad_fdes, 3);
}
END_TEST

START_TEST(knows_signal_frames)
{
	static const uint8_t code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	const struct ft_unwind_rule signal = RULE(SIGNAL, 0, 40);
	struct cfi_frames frames = FRAMES;
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	struct cfi_image image;
	size_t cie = cfi_put_cie(&frames, false), signals = cfi_put_cie(&frames, true);

	cfi_put_fde(&frames, cie, CFI_TEXT, 0x10, "", 0);
	/* The C library lets it begin a byte early, here over the end of another. */
	cfi_put_fde(&frames, signals, CFI_TEXT + 0xf, 10, "", 0);
	cfi_image_make(&image, &frames, NULL);
	memcpy(image.bytes + CFI_TEXT + 0x10, code, sizeof(code));
	memcpy(image.bytes + CFI_TEXT + 0x93, code, sizeof(code)); /* without frames */
	table = table_of(&image);
	check_shape(table);
	expect(table, CFI_TEXT + 0xe, SP(8));
	expect(table, CFI_TEXT + 0xf, signal);
	expect(table, CFI_TEXT + 0x18, signal);
	expect(table, CFI_TEXT + 0x91, NONE);
	expect(table, CFI_TEXT + 0x92, signal);
	expect(table, CFI_TEXT + 0x9b, signal);
	expect(table, CFI_TEXT + 0x9c, NONE);
	ck_assert_uint_eq(table->facts.n_bad_fdes, 0);
}
END_TEST

/* Where a process begins: by frame information, or by being the entry. */
START_TEST(knows_the_root)
{
	static const uint8_t code[] = {
		0x48, 0x31, 0xed, 0x48, 0x89, 0xe7, 0x48, 0x8d, 0x35, 0, 0,
		0,    0,    0x48, 0x83, 0xe4, 0xf0, 0xe8, 0,	0,    0, 0
	};
	const uint64_t entry = CFI_BASE + CFI_TEXT + 0x83;
	const struct ft_unwind_rule root = RULE(ROOT, 0, 0);
	struct cfi_frames frames = FRAMES;
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	struct cfi_image image;
	size_t cie = cfi_put_cie(&frames, false);

	cfi_put_fde(&frames, cie, CFI_TEXT, 0x20, rootless, sizeof(rootless));
	cfi_image_make(&image, &frames, NULL);
	memcpy(image.bytes + offsetof(Elf64_Ehdr, e_entry), &entry, sizeof(entry));
	memcpy(image.bytes + CFI_TEXT + 0x83, code, sizeof(code));
	/* The code is musl's, so its call of main counts, too. */
	memcpy(image.bytes + CFI_TEXT + 0x150, "\xff\xd3\x89\xc7\xe8", 5);
	table = table_of(&image);
	check_shape(table);
	expect(table, CFI_TEXT, root);
	expect(table, CFI_TEXT + 0x82, NONE);
	expect(table, CFI_TEXT + 0x83, root);
	expect(table, CFI_TEXT + 0x83 + sizeof(code) - 1, root);
	expect(table, CFI_TEXT + 0x83 + sizeof(code), NONE);
	expect(table, CFI_TEXT + 0x14f, NONE);
	expect(table, CFI_TEXT + 0x150, root);
	expect(table, CFI_TEXT + 0x151, root);
	expect(table, CFI_TEXT + 0x152, NONE);
}
END_TEST

/* Functions at every 16 bytes; saving says how many of 16 keep a frame pointer. */
static const struct {
	unsigned int of_16;
	bool keeps;
} evidence[] = { { 0, false }, { 1, false }, { 16, true }, { 14, true } };

START_TEST(judges_frame_pointers)
{
	struct cfi_frames frames = FRAMES;
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	struct cfi_image image;
	bool keeps = evidence[_i].keeps;

	put_functions(&frames);
	cfi_image_make(&image, &frames, NULL);
	for (unsigned int i = 0; i < CFI_TEXT_SIZE / 16; i++)
		memcpy(image.bytes + CFI_TEXT + 16 * i,
		       i % 16 >= evidence[_i].of_16 ? "\x31\xc0\xc3"
		       : i % 2			    ? "\x55\x48\x89\xe5\x5d\xc3"
						    : "\xf3\x0f\x1e\xfa\x55\x48\x89\xe5\x5d\xc3",
		       i % 16 >= evidence[_i].of_16 ? 3
		       : i % 2			    ? 6
						    : 10);
	table = table_of(&image);
	check_shape(table);
	ck_assert_uint_ge(table->facts.n_functions, 20);
	ck_assert_int_eq(table->facts.keeps_frame_pointers, keeps);
	expect(table, CFI_TEXT + 0x100, keeps ? RULE(FRAME_POINTER, 0, 0) : NONE);
	expect(table, CFI_TEXT + 0x84, SP(24));
	expect(table, CFI_CODE_END, NONE);
}
END_TEST

START_TEST(has_nothing_to_say)
{
	struct ft_cfi_table *table = NULL;
	struct cfi_frames frames = FRAMES;
	struct cfi_image image;
	uint16_t machine = EM_AARCH64;

	/* Not for this machine. */
	put_functions(&frames);
	cfi_image_make(&image, &frames, NULL);
	memcpy(image.bytes + offsetof(Elf64_Ehdr, e_machine), &machine, sizeof(machine));
	ck_assert_int_eq(build(image.bytes, sizeof(image.bytes), &table), FT_CFI_NONE);
	/* No frames, no PLT. */
	cfi_image_make(&image, NULL, NULL);
	cfi_image_strip(&image);
	ck_assert_int_eq(build(image.bytes, sizeof(image.bytes), &table), FT_CFI_NONE);
	/* Not an ELF file, or hardly. */
	ck_assert_int_eq(build("#!/bin/sh\n", 10, &table), -EBADMSG);
	ck_assert_int_eq(build("", 0, &table), -EBADMSG);
	ck_assert_ptr_null(table);
}
END_TEST

static int build_without_memory(void *context)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;

	return ft_cfi_build(*(int *)context, &table);
}

START_TEST(survives_allocation_failure)
{
	struct cfi_frames frames = FRAMES, debug = DEBUG;
	_cleanup_close_ int fd = -1;
	struct cfi_image image;

	put_functions(&frames);
	put_functions(&debug);
	cfi_image_make(&image, &frames, &debug);
	fd = cfi_file(image.bytes, sizeof(image.bytes));
	ck_assert_uint_ge(ft_alloc_each(build_without_memory, &fd), 15);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, finds_every_rule, 0, 2);
	tcase_add_test(tc, finds_frames_without_sections);
	tcase_add_test(tc, prefers_eh_frame);
	tcase_add_test(tc, cuts_what_overlaps);
	tcase_add_test(tc, knows_signal_frames);
	tcase_add_test(tc, knows_the_root);
	tcase_add_loop_test(tc, judges_frame_pointers, 0, FT_CASES(evidence));
	tcase_add_test(tc, has_nothing_to_say);
	tcase_add_test(tc, survives_allocation_failure);
}

FT_CHECK_MAIN("cfi", add_tests)
