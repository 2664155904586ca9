/* Entries of .eh_frame and .debug_frame: every form that compilers write is read, and of
 * the others each is refused by itself. */
#include "symbolizer/ehframe.h"

#include <errno.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"
#include "tests/unit/cfi_image.h"

#define AT 0x40u /* offset in the file of what is read */

#define BYTES(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })

static struct cfi_frames start(bool is_debug)
{
	return (struct cfi_frames){ .start = AT, .is_debug = is_debug };
}

/* Read them as the only thing in a file; its address is CFI_BASE + AT. */
static int open_frames(const struct cfi_frames *put, int *fd, struct ft_ehframe *frames)
{
	struct ft_ehframe_extent extent = {
		.offset = AT, .size = put->n, .address = CFI_BASE + AT, .is_debug = put->is_debug
	};
	uint8_t bytes[AT + CFI_FRAMES_MAX] = { 0 };

	memcpy(bytes + AT, put->bytes, put->n);
	*fd = cfi_file(bytes, AT + put->n);
	return ft_ehframe_init(frames, *fd, &extent);
}

/* CIEs, from behind their id, and how an FDE of theirs says 0x1000 bytes at CFI_BASE +
 * 0x2000; of 1 byte: the CIE is refused. That address is at AT + 0x38. */
static const struct {
	const char *what;
	uint8_t cie[40];
	size_t n_cie;
	uint8_t fde[40];
	size_t n_fde;
	bool is_debug, is_signal;
	uint8_t n_program; /* of the FDE, with padding */
} forms[] = {
	{ "no augmentation", BYTES(1, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1),
	  BYTES(0, 0x20, 0x40, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0x41), false, false, 4 },
	{ "8 bytes, version 3", BYTES(3, 'z', 'R', 0, 1, 0x78, 16, 1, 0x04, 0x0c, 7, 8, 0x90, 1),
	  BYTES(0, 0x20, 0x40, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0), false, false, 3 },
	{ "version 4", BYTES(4, 'z', 'R', 0, 8, 0, 1, 0x78, 16, 1, 0x0c, 0x0c, 7, 8, 0x90, 1),
	  BYTES(0, 0x20, 0x40, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0), false, false, 3 },
	{ "4 bytes", BYTES(1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x03, 0x0c, 7, 8, 0x90, 1),
	  BYTES(0, 0x20, 0x40, 0, 0, 0x10, 0, 0, 0), false, false, 3 },
	{ "4 bytes, signed, relative to the place",
	  BYTES(1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1),
	  BYTES(0x88, 0x1f, 0, 0, 0, 0x10, 0, 0, 0), false, false, 3 },
	{ "numbers of any length", BYTES(1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x01, 0x0c, 7, 8, 0x90, 1),
	  BYTES(0x80, 0xc0, 0x80, 0x02, 0x80, 0x20, 0), false, false, 1 },
	{ "personality, language data, signal, pointer keys",
	  BYTES(1, 'z', 'P', 'L', 'R', 'S', 'B', 0, 1, 0x78, 16, 7, 0x9b, 1, 2, 3, 4, 0x1b, 0x03,
		0x0c, 7, 8, 0x90, 1),
	  BYTES(0, 0x20, 0x40, 0, 0, 0x10, 0, 0, 4, 1, 2, 3, 4), false, true, 3 },
	{ "no personality",
	  BYTES(1, 'z', 'P', 'R', 0, 1, 0x78, 16, 2, 0xff, 0x03, 0x0c, 7, 8, 0x90, 1),
	  BYTES(0, 0x20, 0x40, 0, 0, 0x10, 0, 0, 0), false, false, 3 },
	{ ".debug_frame", BYTES(4, 0, 8, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1),
	  BYTES(0, 0x20, 0x40, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0), true, false, 0 },
	{ "version 2", BYTES(2, 0, 1, 0x78, 16), BYTES(0), false, false, 0 },
	{ "addresses of 4 bytes", BYTES(4, 0, 4, 0, 1, 0x78, 16), BYTES(0), true, false, 0 },
	{ "segments", BYTES(4, 0, 8, 2, 1, 0x78, 16), BYTES(0), true, false, 0 },
	{ "old C++", BYTES(1, 'e', 'h', 0, 0, 0, 0, 0, 1, 0x78, 16), BYTES(0), false, false, 0 },
	{ "a return address in column 256", BYTES(3, 0, 1, 0x78, 0x80, 2, 0, 0, 0), BYTES(0), false,
	  false, 0 },
	{ "cut augmentation", BYTES(1, 'z', 'R', 0, 1, 0x78, 16, 0), BYTES(0), false, false, 0 },
	{ "a program that advances", BYTES(1, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x41), BYTES(0), false,
	  false, 0 },
};

static size_t put_entry(struct cfi_frames *put, uint32_t id, const uint8_t *bytes, size_t n)
{
	size_t at = put->n;

	cfi_put_u32(put, 0);
	cfi_put_u32(put, id);
	cfi_put(put, bytes, n);
	cfi_end_entry(put, at);
	return at;
}

START_TEST(reads_a_form)
{
	_cleanup_ehframe_ struct ft_ehframe frames = { 0 };
	_cleanup_close_ int fd = -1;
	struct cfi_frames put = start(forms[_i].is_debug);
	bool is_good = forms[_i].n_fde > 1;
	uint8_t cie[40];
	struct ft_fde fde;
	int r;

	/* Padded, so that every CIE has the size that relative addresses above count on. */
	memset(cie, 0, sizeof(cie));
	memcpy(cie, forms[_i].cie, forms[_i].n_cie);
	put_entry(&put, put.is_debug ? UINT32_MAX : 0, cie, sizeof(cie));
	put_entry(&put, put.is_debug ? 0 : (uint32_t)put.n + 4, forms[_i].fde, forms[_i].n_fde);
	ck_assert_int_eq(open_frames(&put, &fd, &frames), 0);
	r = ft_ehframe_next(&frames, &fde);
	ck_assert_msg(r == (is_good ? 0 : FT_EHFRAME_BAD), "%s: %d", forms[_i].what, r);
	if (is_good) {
		ck_assert_msg(fde.address == CFI_BASE + 0x2000, "%s: at %#llx", forms[_i].what,
			      (unsigned long long)fde.address);
		ck_assert_uint_eq(fde.length, 0x1000);
		ck_assert_int_eq(fde.cie->is_signal, forms[_i].is_signal);
		ck_assert_uint_eq(ft_cursor_left(&fde.program), forms[_i].n_program);
		ck_assert_int_eq(fde.cie->initial.cfa.offset, 8);
		ck_assert_int_eq(fde.cie->initial.ra.offset, -8);
	}
	ck_assert_int_eq(ft_ehframe_next(&frames, &fde), FT_EHFRAME_END);
}
END_TEST

/* Entries of more than 4 GiB may be, so small ones in that form are. */
START_TEST(reads_wide_entries)
{
	static const uint8_t cie[] = { 1, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1, 0, 0 };
	const uint64_t address[] = { CFI_BASE + 0x2000, 0x1000 };
	_cleanup_ehframe_ struct ft_ehframe frames = { 0 };
	_cleanup_close_ int fd = -1;
	struct cfi_frames put = start(_i);
	size_t id_bytes = _i ? 8 : 4;
	uint64_t length, id = _i ? UINT64_MAX : 0;
	struct ft_fde fde;

	cfi_put_u32(&put, UINT32_MAX);
	length = id_bytes + sizeof(cie);
	cfi_put(&put, &length, 8);
	cfi_put(&put, &id, id_bytes);
	cfi_put(&put, cie, sizeof(cie));
	cfi_put_u32(&put, UINT32_MAX);
	length = id_bytes + sizeof(address);
	cfi_put(&put, &length, 8);
	id = _i ? 0 : put.n;
	cfi_put(&put, &id, id_bytes);
	cfi_put(&put, address, sizeof(address));
	ck_assert_int_eq(open_frames(&put, &fd, &frames), 0);
	ck_assert_int_eq(ft_ehframe_next(&frames, &fde), 0);
	ck_assert_uint_eq(fde.address, CFI_BASE + 0x2000);
	ck_assert_uint_eq(fde.length, 0x1000);
	ck_assert_int_eq(ft_ehframe_next(&frames, &fde), FT_EHFRAME_END);
}
END_TEST

/* More CIEs than are kept, asked for in turns: each function gets its own. */
START_TEST(tells_cies_apart)
{
	static uint8_t bytes[AT + 65536];
	uint32_t n_cies = 3 * FT_EHFRAME_CIES, cies[3 * FT_EHFRAME_CIES];
	_cleanup_ehframe_ struct ft_ehframe frames = { 0 };
	_cleanup_close_ int fd = -1;
	struct ft_ehframe_extent extent = { .offset = AT, .address = CFI_BASE + AT };
	size_t at = AT;

	for (uint32_t i = 0; i < n_cies; i++) {
		uint8_t cie[] = { 16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 7, (uint8_t)(i % 64),
				  0,  0, 0, 0 };

		memcpy(cie + 10, "\1\x78\x10\x0c", 4);
		cies[i] = (uint32_t)at;
		memcpy(bytes + at, cie, sizeof(cie));
		at += sizeof(cie);
	}
	for (uint32_t i = 0; i < 2 * n_cies; i++) {
		uint32_t head[] = { 20, (uint32_t)at + 4 - cies[i % n_cies], i, 0, 1, 0 };

		memcpy(bytes + at, head, sizeof(head));
		at += sizeof(head);
	}
	extent.size = at - AT;
	fd = cfi_file(bytes, at);
	ck_assert_int_eq(ft_ehframe_init(&frames, fd, &extent), 0);
	for (uint32_t i = 0; i < 2 * n_cies; i++) {
		struct ft_fde fde;

		ck_assert_int_eq(ft_ehframe_next(&frames, &fde), 0);
		ck_assert_uint_eq(fde.address, i);
		ck_assert_int_eq(fde.cie->initial.cfa.offset, (int)(i % n_cies % 64));
	}
}
END_TEST

static int init_without_memory(void *context)
{
	_cleanup_ehframe_ struct ft_ehframe frames = { 0 };
	struct ft_ehframe_extent extent = { .size = 16 };

	return ft_ehframe_init(&frames, *(int *)context, &extent);
}

START_TEST(survives_allocation_failure)
{
	_cleanup_close_ int fd = cfi_file("", 0);

	ck_assert_uint_eq(ft_alloc_each(init_without_memory, &fd), 3);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, reads_a_form, 0, FT_CASES(forms));
	tcase_add_loop_test(tc, reads_wide_entries, 0, 2);
	tcase_add_test(tc, tells_cies_apart);
	tcase_add_test(tc, survives_allocation_failure);
}

FT_CHECK_MAIN("ehframe", add_tests)
