#include "symbolizer/cfi.h"

#include <elf.h>
#include <errno.h>

#include "symbolizer/codemap.h"
#include "symbolizer/fdes.h"
#include "symbolizer/rowpages.h"

/* Between functions, less than this is padding, which nobody executes. */
#define GAP_BYTES_MIN 16u

/* Lazily bound PLT: what the head of 16 bytes and the entries of 16 have pushed where. */
#define PLT_HEAD	16u
#define PLT_HEAD_PUSHED 6u
#define PLT_PUSHED	11

struct builder {
	const struct ft_codemap *map;
	struct ft_fdes *fdes;
	struct ft_rowpages *pages;
	struct ft_cfi_facts facts;
	uint32_t region; /* the first that may still matter */
	struct ft_unwind_rule gap;
};

static struct ft_unwind_rule sp_rule(int32_t cfa)
{
	return (struct ft_unwind_rule){ .kind = FT_RULE_SP, .cfa = cfa };
}

/* Entries that have pushed nothing when they jump, or once: CFI for them is the linker's
 * business, and not all write any. */
static int fill_plt(struct builder *b, const struct ft_code_region *region, uint64_t start,
		    uint64_t end)
{
	const struct ft_unwind_rule plt = { .kind = FT_RULE_PLT, .cfa = PLT_PUSHED };
	int r;

	b->facts.covered_bytes += end - start;
	if (region->kind == FT_REGION_PLT_JUMP)
		return ft_rowpages_add(b->pages, start, sp_rule(8));
	if (start != region->start || end - start <= PLT_HEAD)
		return ft_rowpages_add(b->pages, start, plt);
	r = ft_rowpages_add(b->pages, start, sp_rule(16));
	if (r == 0)
		r = ft_rowpages_add(b->pages, start + PLT_HEAD_PUSHED, sp_rule(24));
	return r < 0 ? r : ft_rowpages_add(b->pages, start + PLT_HEAD, plt);
}

static int fill_code(struct builder *b, uint64_t start, uint64_t end)
{
	const struct ft_unwind_rule root = { .kind = FT_RULE_ROOT };
	uint64_t entry = b->map->entry;
	int r;

	if (end - start < GAP_BYTES_MIN)
		return 0;
	/* Where a process begins there is no caller. A place has one row only. */
	if (entry == start)
		return ft_rowpages_add(b->pages, entry, root);
	r = ft_rowpages_add(b->pages, start, b->gap);
	if (r == 0 && entry > start && entry < end)
		r = ft_rowpages_add(b->pages, entry, root);
	return r;
}

/* What no function covers, by what kind of code it is. */
static int fill_gap(struct builder *b, uint64_t start, uint64_t end)
{
	const struct ft_unwind_rule none = { 0 };
	int r = 0;

	while (start < end && r == 0) {
		const struct ft_code_region *region = &b->map->regions[b->region];
		uint64_t to;

		if (b->region == b->map->n_regions || region->start >= end)
			return end - start < GAP_BYTES_MIN ? 0
							   : ft_rowpages_add(b->pages, start, none);
		if (region->end <= start) {
			b->region++;
			continue;
		}
		if (region->start > start && region->start - start >= GAP_BYTES_MIN)
			r = ft_rowpages_add(b->pages, start, none);
		start = FT_MAX(start, region->start);
		to = FT_MIN(end, region->end);
		if (r == 0)
			r = region->kind == FT_REGION_CODE ? fill_code(b, start, to)
							   : fill_plt(b, region, start, to);
		start = to;
	}
	return r;
}

static int add_function(struct builder *b, const struct ft_function *function)
{
	const struct ft_array *rows = &b->fdes->rows;
	uint32_t i = function->first;
	int r = 0;

	do {
		const struct ft_raw_row *row = ft_array_at(rows, i);
		const struct ft_unwind_rule *rule = ft_array_at(&b->fdes->rules.rules, row->rule);

		if (row->delta >= function->length)
			break;
		r = ft_rowpages_add(b->pages, function->offset + row->delta, *rule);
		i++;
	} while (r == 0 && i < rows->n && ((const struct ft_raw_row *)ft_array_at(rows, i))->delta);
	b->facts.covered_bytes += function->length;
	return r;
}

static int add_all(struct builder *b)
{
	const struct ft_array *functions = &b->fdes->functions;
	uint64_t at = 0;
	int r = 0;

	for (uint32_t i = 0; i < functions->n && r == 0; i++) {
		const struct ft_function *function = ft_array_at(functions, i);

		r = fill_gap(b, at, function->offset);
		if (r == 0)
			r = add_function(b, function);
		at = function->offset + function->length;
	}
	return r < 0 ? r : fill_gap(b, at, UINT64_MAX);
}

static uint64_t sum_regions(const struct ft_codemap *map)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < map->n_regions; i++)
		bytes += map->regions[i].end - map->regions[i].start;
	return bytes;
}

static int build(struct builder *b, struct ft_cfi_table *table)
{
	const struct ft_fdes *fdes = b->fdes;
	int r;

	b->facts.text_bytes = sum_regions(b->map);
	b->facts.n_fdes = fdes->n_fdes;
	b->facts.n_raw_rows = fdes->n_raw_rows;
	b->facts.n_bad_fdes = fdes->n_bad;
	b->facts.keeps_frame_pointers = b->map->is_go;
	if (b->facts.keeps_frame_pointers)
		b->gap.kind = FT_RULE_FRAME_POINTER;
	r = add_all(b);
	if (r < 0)
		return r;
	table->facts = b->facts;
	return ft_rowpages_finish(b->pages, table);
}

int ft_cfi_build(int fd, struct ft_cfi_table **ret_table)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	_cleanup_window_ struct ft_window window = { 0 };
	_cleanup_fdes_ struct ft_fdes fdes = { 0 };
	_cleanup_rowpages_ struct ft_rowpages pages = { 0 };
	_cleanup_free_ struct ft_codemap *map = calloc(1, sizeof(*map));
	struct builder b = { .map = map, .fdes = &fdes, .pages = &pages };
	int r;

	table = calloc(1, sizeof(*table));
	if (!map || !table)
		return -ENOMEM;
	r = ft_window_init(&window, fd, FT_WINDOW_LARGE);
	if (r == 0)
		r = ft_codemap_read(&window, map);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	if (map->elf.machine != EM_X86_64)
		return FT_CFI_NONE;
	r = ft_fdes_init(&fdes);
	if (r == 0)
		r = ft_fdes_read(&fdes, fd, map);
	/* A rule for gaps, for PLTs and their heads may come on top. */
	if (r == 0)
		r = ft_rowpages_init(&pages, FT_MIN(fdes.rules.rules.n + 8, FT_CFI_MAX_RULES));
	if (r == 0)
		r = build(&b, table);
	if (r < 0)
		return r;
	if (table->n_pages == 0)
		return fdes.n_bad ? -EBADMSG : FT_CFI_NONE;
	*ret_table = FT_TAKE(table);
	return 0;
}

void ft_cfi_table_freep(struct ft_cfi_table **p)
{
	struct ft_cfi_table *table = *p;

	if (table) {
		free(table->rules);
		free(table->rows);
		free(table->pages);
		free(table);
	}
	*p = NULL;
}

static const struct ft_unwind_page *find_page(const struct ft_cfi_table *table, uint64_t number)
{
	uint32_t low = 0, high = table->n_pages;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (table->pages[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < table->n_pages && table->pages[low].number == number ? &table->pages[low]
									  : NULL;
}

struct ft_unwind_rule ft_cfi_find(const struct ft_cfi_table *table, uint64_t offset)
{
	const struct ft_unwind_page *page = find_page(table, offset >> FT_UNWIND_PAGE_BITS);
	uint32_t within = FT_UNWIND_ROW_OFFSET((uint32_t)offset), low = 0, high;
	struct ft_unwind_rule rule = { 0 };
	uint32_t row;

	if (!page)
		return rule;
	high = page->n;
	while (high - low > 1) { /* the first row is not above any offset */
		uint32_t middle = low + (high - low) / 2;

		if (FT_UNWIND_ROW_OFFSET(table->rows[page->first + middle]) <= within)
			low = middle;
		else
			high = middle;
	}
	row = table->rows[page->first + low];
	rule = table->rules[FT_UNWIND_ROW_RULE(row)];
	if ((rule.kind != FT_RULE_SP && rule.kind != FT_RULE_FP) || rule.step == 0)
		return rule;
	if (within - FT_UNWIND_ROW_OFFSET(row) >= FT_RULE_STEP_BYTES(rule.step))
		rule.cfa += rule.step & FT_RULE_STEP_MINUS ? -8 : 8;
	rule.step = 0;
	return rule;
}
