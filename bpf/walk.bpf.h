/* walk.bpf.h - the walk up a user stack: where is this address, which rule holds there,
 * one step of unwind_step.h, and again. */
#pragma once

#include "vmlinux/vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "flametrail/event.h"

#include "tables.bpf.h"
#include "user_step.bpf.h"

/* What a walk keeps between steps. The range and the page of the last frame are mostly
 * those of the next: looking again costs as much as the step. */
struct walk {
	struct ft_unwind_state state;
	struct ft_process_code code;
	struct ft_code_range range; /* end 0: none yet */
	struct ft_page_key page_key;
	struct ft_page_rows page; /* n 0: none yet */
	__u32 n;		  /* frames so far */
	__u32 outcome;		  /* enum ft_outcome, once done */
	__u32 done;
	__u32 calls; /* tail calls made */
};

static __always_inline void walk_end(struct walk *walk, enum ft_outcome outcome)
{
	walk->outcome = outcome;
	walk->done = 1;
}

static __always_inline bool walk_find_range(struct walk *walk, __u64 address)
{
	const struct ft_code_range *range;

	if (address >= walk->range.start && address < walk->range.end)
		return true;
	range = find_range(&walk->code, address);
	if (!range)
		return false;
	walk->range = *range;
	return true;
}

/* What the file as a whole says where a page is missing. */
static __always_inline enum ft_table_state walk_file_state(__u32 file)
{
	struct ft_page_key key = { .file = file, .page = FT_PAGE_OF_FILE };
	const struct ft_page_rows *whole = bpf_map_lookup_elem(&pages, &key);

	return whole ? whole->n : 0;
}

static __always_inline bool walk_find_page(struct walk *walk, __u32 file, __u64 offset)
{
	struct ft_page_key key = { .file = file, .page = offset >> FT_UNWIND_PAGE_BITS };
	const struct ft_page_rows *page;

	if (walk->page.n && key.file == walk->page_key.file && key.page == walk->page_key.page)
		return true;
	page = bpf_map_lookup_elem(&pages, &key);
	if (!page)
		return false;
	walk->page_key = key;
	walk->page = *page;
	return true;
}

/* The step from a frame whose range is known. */
static __always_inline enum ft_step walk_step(struct walk *walk, __u64 address)
{
	__u64 offset = address + walk->range.bias;
	struct ft_unwind_rule rule = {};
	enum ft_table_state state;
	__u32 row = 0;

	if (walk->range.file == FT_CODE_ANON)
		return ft_step_frame_pointer(&walk->state);
	if (!walk_find_page(walk, walk->range.file, offset)) {
		state = walk_file_state(walk->range.file);
		if (state == FT_TABLE_FRAME_POINTERS)
			return ft_step_frame_pointer(&walk->state);
		if (state == 0)
			walk_end(walk, FT_OUTCOME_NO_TABLE);
		return FT_STEP_NO_RULE;
	}
	if (!find_row(&walk->page, offset & 0xffff, &row) || !find_rule(row, &rule))
		return FT_STEP_NO_RULE;
	return ft_step_by_rule(&walk->state, &rule, (offset & 0xffff) - FT_UNWIND_ROW_OFFSET(row));
}

static __always_inline enum ft_outcome outcome_of(enum ft_step step)
{
	switch (step) {
	case FT_STEP_ROOT:
		return FT_OUTCOME_COMPLETE;
	case FT_STEP_NO_RULE:
		return FT_OUTCOME_NO_RULE;
	case FT_STEP_UNREADABLE:
		return FT_OUTCOME_UNREADABLE;
	default:
		return FT_OUTCOME_BROKEN;
	}
}

/* Record the frame that walk stands at, and step to its caller. */
static __always_inline void walk_frame(struct walk *walk, __u64 *frames, __u32 room)
{
	__u64 address = ft_step_lookup(&walk->state);
	enum ft_step step;
	__u32 at = walk->n;

	if (at >= room || at >= FT_MAX_USER_FRAMES) {
		walk_end(walk, FT_OUTCOME_TRUNCATED);
		return;
	}
	if (!walk_find_range(walk, address)) {
		/* Not code: as a caller it was misread, at the top it is what runs. */
		if (at == 0) {
			frames[0] = address;
			walk->n = 1;
		}
		walk_end(walk, FT_OUTCOME_NO_MAPPING);
		return;
	}
	frames[at] = walk->range.file == FT_CODE_ANON
			     ? address
			     : FT_FRAME(walk->range.file, address + walk->range.bias);
	walk->n = at + 1;
	step = walk_step(walk, address);
	if (step != FT_STEP_NEXT && !walk->done)
		walk_end(walk, outcome_of(step));
}
