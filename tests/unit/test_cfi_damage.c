/* Files that lie: cut anywhere, any byte changed, sizes of 4 GiB, references in circles,
 * numbers without end. What comes back is an error, or a table that can be walked by. */
#include <errno.h>

#include "symbolizer/cfi.h"
#include "tests/cfi_shape.h"
#include "tests/ft_check.h"
#include "tests/unit/cfi_image.h"

static const uint8_t framed[] = { 0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x5b, 0x0c, 7, 8, 0xc6 };
static const uint8_t mixed[] = { 0x0a, 0x41, 0x0f, 3,	 0x77, 8,    6, 0x41, 0x10, 6,
				 2,    0x76, 0,	   0x41, 0x0b, 0x02, 4, 0x09, 16,   5,
				 0x03, 8,    0,	   0x2e, 16,   0x12, 7, 0x7e };

static void put_functions(struct cfi_frames *frames)
{
	size_t cie = cfi_put_cie(frames, false), signals;

	cfi_put_fde(frames, cie, CFI_TEXT + 0x10, 0x20, framed, sizeof(framed));
	cfi_put_fde(frames, cie, CFI_TEXT + 0x80, 0x40, mixed, sizeof(mixed));
	signals = cfi_put_cie(frames, true);
	cfi_put_fde(frames, signals, CFI_TEXT + 0xff, 10, "", 0);
	cfi_put_u32(frames, 0);
}

static void make_image(struct cfi_image *image, bool with_debug)
{
	struct cfi_frames frames = { .start = CFI_FRAMES };
	struct cfi_frames debug = { .start = CFI_DEBUG, .is_debug = true };

	put_functions(&frames);
	if (with_debug) {
		size_t cie = cfi_put_cie(&debug, false);

		cfi_put_fde(&debug, cie, CFI_TEXT + 0x140, 0x20, framed, sizeof(framed));
	}
	cfi_image_make(image, &frames, with_debug ? &debug : NULL);
}

/* Build, check what comes, and say what it was: an outcome of ft_cfi_build. */
static int try_fd(int fd, uint32_t *ret_bad)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	int r = ft_cfi_build(fd, &table);
	const char *wrong;

	if (r != 0) {
		ck_assert_ptr_null(table);
		ck_assert(r == FT_CFI_NONE || r == -EBADMSG || r == -E2BIG || r == -ENOTSUP);
		return r;
	}
	wrong = cfi_wrong(table);
	ck_assert_msg(!wrong, "%s", wrong);
	for (uint64_t offset = 0; offset < CFI_SIZE; offset += 7)
		if (ft_cfi_find(table, offset).kind >= FT_RULE_KINDS)
			ck_abort_msg("no rule at %u", (unsigned int)offset);
	*ret_bad = table->facts.n_bad_fdes;
	return 0;
}

static int try_image(const struct cfi_image *image, uint32_t *ret_bad)
{
	_cleanup_close_ int fd = cfi_file(image->bytes, sizeof(image->bytes));

	return try_fd(fd, ret_bad);
}

/* Code, and what nothing uses. */
static bool is_filler(const struct cfi_image *image, size_t at)
{
	static const uint8_t zeros[32];

	if (at >= CFI_TEXT && at < CFI_CODE_END)
		return true;
	return at >= sizeof(zeros) &&
	       memcmp(image->bytes + at + 1 - sizeof(zeros), zeros, sizeof(zeros)) == 0;
}

START_TEST(survives_truncation)
{
	struct cfi_image image;
	uint32_t bad;

	make_image(&image, true);
	if (_i)
		cfi_image_strip(&image);
	for (size_t len = 0; len < sizeof(image.bytes); len++) {
		_cleanup_close_ int fd = -1;
		int r;

		if (is_filler(&image, len))
			continue;
		fd = cfi_file(image.bytes, len);
		r = try_fd(fd, &bad);
		/* Section headers are last. */
		ck_assert(_i || r == -EBADMSG);
	}
}
END_TEST

/* To the ends of its range, to its neighbours, to another sign or a longer number. */
#define CHANGES 6

static uint8_t changed(uint8_t byte, int how)
{
	const uint8_t values[CHANGES] = { 0,
					  0xff,
					  (uint8_t)(byte + 1),
					  (uint8_t)(byte - 1),
					  (uint8_t)(byte ^ 0x80),
					  (uint8_t)(byte ^ 0x40) };

	return values[how];
}

START_TEST(survives_any_byte)
{
	_cleanup_close_ int fd = -1;
	struct cfi_image image;
	uint32_t bad;

	make_image(&image, true);
	if (_i >= CHANGES)
		cfi_image_strip(&image);
	fd = cfi_file(image.bytes, sizeof(image.bytes));
	for (size_t at = 0; at < sizeof(image.bytes); at++) {
		uint8_t byte = changed(image.bytes[at], _i % CHANGES);

		if (is_filler(&image, at))
			continue;
		ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
		try_fd(fd, &bad);
		ck_assert_int_eq(pwrite(fd, &image.bytes[at], 1, (off_t)at), 1);
	}
	ck_assert_int_eq(try_fd(fd, &bad), 0);
	ck_assert_uint_eq(bad, 0);
}
END_TEST

/* Offsets in .eh_frame as put_functions makes it: a CIE of 24 bytes, then an FDE. */
#define FDE	  0x18u
#define FDE_CIE	  (FDE + 4u)
#define FDE_START (FDE + 8u)
#define FDE_SIZE  (FDE + 12u)
#define FDE_CODE  (FDE + 17u)

/* One lie each: bytes at an offset in .eh_frame; how many functions are refused. */
static const struct {
	const char *what;
	size_t at, n;
	uint8_t bytes[16];
	uint32_t n_bad;
} lies[] = {
	{ "its own CIE", FDE_CIE, 4, { 4 }, 1 },
	{ "a CIE that is inside of it", FDE_CIE, 4, { 0xfc, 0xff, 0xff, 0xff }, 1 },
	{ "a CIE before the section", FDE_CIE, 4, { 0x00, 0x01, 0x00, 0x00 }, 1 },
	{ "a CIE before the file", FDE_CIE, 4, { 0, 0, 0, 0x7f }, 1 },
	{ "a CIE in the middle of one", FDE_CIE, 4, { FDE_CIE - 4 }, 1 },
	{ "no code at its start", FDE_START, 4, { 0, 0, 0, 0x70 }, 1 },
	{ "data at its start", FDE_START, 4, { 0x10 }, 1 },
	{ "4 GiB of code", FDE_SIZE, 4, { 0xff, 0xff, 0xff, 0xff }, 1 },
	{ "code past its segment", FDE_SIZE, 4, { 0x41, 0x02 }, 1 },
	{ "augmentation past its end", FDE + 16, 1, { 0x7f }, 1 },
	{ "augmentation without end",
	  FDE + 16,
	  11,
	  { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80 },
	  1 },
	{ "a number without end",
	  FDE_CODE,
	  12,
	  { 0x0e, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80 },
	  1 },
	{ "an expression of 2^63 bytes",
	  FDE_CODE,
	  12,
	  { 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0 },
	  1 },
	{ "an unknown operation", FDE_CODE, 1, { 0x3f }, 1 },
	/* The chain ends: the other three are gone. */
	{ "an entry of 4 GiB", FDE, 4, { 0xfe, 0xff, 0xff, 0xff }, 1 },
	{ "an entry of 2^64 bytes",
	  FDE,
	  12,
	  { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	  1 },
	{ "an entry one byte too long", FDE, 4, { 0xe0, 0x03 }, 1 },
	/* All functions of a CIE go with it. */
	{ "unknown version", 8, 1, { 2 }, 2 },
	{ "unknown augmentation", 9, 3, { 'z', 'X', 0 }, 2 },
	{ "augmentation of no length", 9, 3, { 'R', 'R', 0 }, 2 },
	{ "text that does not end",
	  9,
	  12,
	  { 'z', 'S', 'S', 'S', 'S', 'S', 'S', 'S', 'S', 'S', 'S', 'S' },
	  2 },
	{ "indirect addresses", 16, 1, { 0x9b }, 2 },
	{ "addresses relative to data", 16, 1, { 0x3b }, 2 },
	{ "aligned addresses", 16, 1, { 0x50 }, 2 },
	{ "no addresses", 16, 1, { 0xff }, 2 },
	{ "addresses of an unknown form", 16, 1, { 0x1e }, 2 },
	{ "a CIE of 0 bytes", 0, 4, { 0 }, 0 },
};

START_TEST(counts_a_lie)
{
	struct cfi_image image;
	uint32_t bad = UINT32_MAX;

	make_image(&image, false);
	ck_assert_mem_eq(image.bytes + CFI_FRAMES + FDE_CODE, framed, sizeof(framed));
	memcpy(image.bytes + CFI_FRAMES + lies[_i].at, lies[_i].bytes, lies[_i].n);
	ck_assert_int_eq(try_image(&image, &bad), 0);
	/* A CIE that is skipped takes the way to the next entry with it. */
	ck_assert_msg(bad == lies[_i].n_bad || lies[_i].n_bad == 0, "%s: %u refused", lies[_i].what,
		      bad);
}
END_TEST

/* Sections and segments whose sizes wrap around, or have no end. */
static const struct {
	size_t at;
	uint64_t value;
} sizes[] = {
	{ CFI_SECTIONS + CFI_N_FRAMES * 64 + 24, UINT64_MAX },
	{ CFI_SECTIONS + CFI_N_FRAMES * 64 + 32, UINT64_MAX },
	{ CFI_SECTIONS + CFI_N_FRAMES * 64 + 32, 1ull << 32 },
	{ CFI_SECTIONS + CFI_N_FRAMES * 64 + 16, UINT64_MAX },
	{ CFI_SECTIONS + CFI_N_TEXT * 64 + 32, UINT64_MAX },
	{ CFI_SECTIONS + CFI_N_TEXT * 64 + 16, UINT64_MAX },
	{ CFI_SECTIONS + CFI_N_NAMES * 64 + 24, UINT64_MAX },
	{ CFI_SECTIONS + CFI_N_NAMES * 64 + 24, CFI_SIZE - 1 },
	{ 64 + 8, UINT64_MAX },
	{ 64 + 32, UINT64_MAX },
	{ 64 + 56 + 8, UINT64_MAX },
	{ 64 + 112 + 8, UINT64_MAX },
	{ 24, UINT64_MAX },
};

START_TEST(survives_a_size)
{
	struct cfi_image image;
	uint32_t bad;

	make_image(&image, true);
	memcpy(image.bytes + sizes[_i / 2].at, &sizes[_i / 2].value, 8);
	if (_i % 2)
		cfi_image_strip(&image);
	try_image(&image, &bad);
}
END_TEST

/* A file that is mostly hole: 1 TiB of code, and frames past what is read. */
START_TEST(survives_a_large_file)
{
	const uint64_t size = 1ull << 40, frames = FT_CFI_MAX_ROWS * 1024ull;
	_cleanup_close_ int fd = -1;
	struct cfi_image image;
	uint32_t bad;

	make_image(&image, false);
	memcpy(image.bytes + 64 + 32, &size, 8);
	memcpy(image.bytes + 64 + 40, &size, 8);
	memcpy(image.bytes + CFI_SECTIONS + CFI_N_TEXT * 64 + 32, &size, 8);
	if (_i)
		memcpy(image.bytes + CFI_SECTIONS + CFI_N_FRAMES * 64 + 32, &frames, 8);
	fd = cfi_file(image.bytes, sizeof(image.bytes));
	if (ftruncate(fd, (off_t)size) < 0)
		return; /* no file may be that large here */
	ck_assert_int_eq(try_fd(fd, &bad), _i ? -E2BIG : 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, survives_truncation, 0, 2);
	tcase_add_loop_test(tc, survives_any_byte, 0, 2 * CHANGES);
	tcase_add_loop_test(tc, counts_a_lie, 0, FT_CASES(lies));
	tcase_add_loop_test(tc, survives_a_size, 0, 2 * FT_CASES(sizes));
	tcase_add_loop_test(tc, survives_a_large_file, 0, 2);
}

FT_CHECK_MAIN("cfi_damage", add_tests)
