/* tables.bpf.h - from an address of a process to the rule that unwinds it.
 *
 * Array and hash maps only, because sleepable programs may use no others. Big arrays are
 * one element each: a lookup yields the whole, and the search inside it is plain memory
 * access. Everything is published by user space before it is pointed to, and reused only
 * a while after nothing points to it any more. */
#pragma once

#include "vmlinux/vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "flametrail/unwind.h"

#define SEARCH_STEPS 17 /* halvings of at most 65,536 */

struct row_chunk_value {
	__u32 rows[FT_ROW_CHUNK_ROWS];
};

struct row_chunk {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct row_chunk_value));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, FT_ROW_CHUNKS_MAX);
	__type(key, __u32);
	__array(values, struct row_chunk);
} row_chunks SEC(".maps") __weak;

struct rules_value {
	struct ft_unwind_rule rules[FT_UNWIND_RULES_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rules_value);
} rules SEC(".maps") __weak;

struct code_ranges_value {
	struct ft_code_range ranges[FT_CODE_RANGES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct code_ranges_value);
} code_ranges SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct ft_page_key);
	__type(value, struct ft_page_rows);
} pages SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* pid in our namespace */
	__type(value, struct ft_process_code);
} processes SEC(".maps") __weak;

/* All ones when a <= b, else zero; both below 2^63. Without a branch, and with no way out
 * of the searches before their last step, the verifier walks them once and not once for
 * every way the comparisons can go. */
static __always_inline __u32 at_most(__u64 a, __u64 b)
{
	return (__u32)((__s64)(a - b - 1) >> 63);
}

/* The last range of the run that begins at or below address, or NULL. */
static __always_inline const struct ft_code_range *find_range(const struct ft_process_code *code,
							      __u64 address)
{
	struct code_ranges_value *all;
	__u32 base = 0, n = code->n, zero = 0;
	const struct ft_code_range *range;

	all = bpf_map_lookup_elem(&code_ranges, &zero);
	if (!all || n == 0)
		return NULL;
	for (int i = 0; i < SEARCH_STEPS; i++) {
		__u32 half = n / 2;
		__u32 at = (code->first + base + half) & (FT_CODE_RANGES - 1);

		base += half & at_most(all->ranges[at].start, address);
		n -= half;
	}
	range = &all->ranges[(code->first + base) & (FT_CODE_RANGES - 1)];
	return address >= range->start && address < range->end ? range : NULL;
}

/* The row of a page for the low 16 bits of an offset. False: there are no rows. */
static __always_inline bool find_row(const struct ft_page_rows *page, __u32 low, __u32 *row)
{
	__u32 chunk = page->first >> FT_ROW_CHUNK_BITS, zero = 0;
	__u32 base = 0, n = page->n;
	struct row_chunk_value *value;
	void *map = bpf_map_lookup_elem(&row_chunks, &chunk);

	if (!map || n == 0)
		return false;
	value = bpf_map_lookup_elem(map, &zero);
	if (!value)
		return false;
	for (int i = 0; i < SEARCH_STEPS; i++) {
		__u32 half = n / 2;
		__u32 at = (page->first + base + half) & (FT_ROW_CHUNK_ROWS - 1);

		base += half & at_most(FT_UNWIND_ROW_OFFSET(value->rows[at]), low);
		n -= half;
	}
	*row = value->rows[(page->first + base) & (FT_ROW_CHUNK_ROWS - 1)];
	return true;
}

static __always_inline bool find_rule(__u32 row, struct ft_unwind_rule *rule)
{
	struct rules_value *all;
	__u32 zero = 0;

	all = bpf_map_lookup_elem(&rules, &zero);
	if (!all)
		return false;
	*rule = all->rules[FT_UNWIND_ROW_RULE(row) & (FT_UNWIND_RULES_MAX - 1)];
	return true;
}
