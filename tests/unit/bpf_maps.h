/* bpf_maps.h - the maps of bpf/tables.bpf.h, made for a test, and how the kernel side
 * searches them, in plain C. Where bpf() is refused (not root, a container) there are no
 * maps, and what needs them is not checked. */
#pragma once

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/base.h"
#include "flametrail/unwind.h"
#include "tests/ft_check.h"

#define ROW_CHUNK_BYTES (FT_ROW_CHUNK_ROWS * sizeof(uint32_t))

static inline int make_map(enum bpf_map_type type, uint32_t key, size_t value, uint32_t entries,
			   uint32_t flags, int inner)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);

	if (inner >= 0)
		options.inner_map_fd = (uint32_t)inner;
	return bpf_map_create(type, "ft_test", key, (uint32_t)value, entries, &options);
}

/* Whether maps can be made here; says so when not. */
static inline bool have_bpf(void)
{
	_cleanup_close_ int fd = make_map(BPF_MAP_TYPE_HASH, 4, 4, 1, 0, -1);

	if (fd < 0)
		printf("bpf() is refused (%s): nothing was checked\n", strerror(-fd));
	return fd >= 0;
}

static inline int make_row_chunks(void)
{
	_cleanup_close_ int inner = make_map(BPF_MAP_TYPE_ARRAY, 4, ROW_CHUNK_BYTES, 1,
					     BPF_F_MMAPABLE, -1);

	ck_assert_int_ge(inner, 0);
	return make_map(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, FT_ROW_CHUNKS_MAX, 0, inner);
}

static inline int make_big(size_t bytes)
{
	return make_map(BPF_MAP_TYPE_ARRAY, 4, bytes, 1, BPF_F_MMAPABLE, -1);
}

static inline const void *map_big(int fd, size_t bytes)
{
	void *all = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(all, MAP_FAILED);
	return all;
}

/* at_most() of the kernel side, with all that it cannot do. */
static inline uint32_t search_at_most(uint64_t a, uint64_t b)
{
	return (uint32_t)((int64_t)(a - b - 1) >> 63);
}

/* find_row() of the kernel side. */
static inline bool search_row(int row_chunks, const struct ft_page_rows *page, uint32_t low,
			      uint32_t *ret_row)
{
	uint32_t chunk = page->first >> FT_ROW_CHUNK_BITS, id = 0, base = 0, n = page->n;
	uint32_t first = page->first & (FT_ROW_CHUNK_ROWS - 1);
	_cleanup_close_ int fd = -1;
	const uint32_t *rows;

	if (n == 0 || bpf_map_lookup_elem(row_chunks, &chunk, &id) < 0)
		return false;
	fd = bpf_map_get_fd_by_id(id);
	ck_assert_int_ge(fd, 0);
	rows = map_big(fd, ROW_CHUNK_BYTES);
	ck_assert_uint_le(first + n, FT_ROW_CHUNK_ROWS);
	for (; n > 1; n -= n / 2)
		base += n / 2 &
			search_at_most(FT_UNWIND_ROW_OFFSET(rows[first + base + n / 2]), low);
	*ret_row = rows[first + base];
	munmap((void *)(uintptr_t)rows, ROW_CHUNK_BYTES);
	return true;
}

/* find_range() of the kernel side; ranges is the whole array. */
static inline const struct ft_code_range *search_range(const struct ft_code_range *ranges,
						       const struct ft_process_code *code,
						       uint64_t address)
{
	uint32_t base = 0, n = code->n;
	const struct ft_code_range *range;

	if (n == 0)
		return NULL;
	ck_assert_uint_le(code->first + n, FT_CODE_RANGES);
	for (; n > 1; n -= n / 2)
		base += n / 2 & search_at_most(ranges[code->first + base + n / 2].start, address);
	range = &ranges[code->first + base];
	return address >= range->start && address < range->end ? range : NULL;
}
