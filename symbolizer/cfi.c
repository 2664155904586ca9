#include "symbolizer/cfi.h"

#include <elf.h>
#include <errno.h>

#include "symbolizer/codemap.h"
#include "symbolizer/fdes.h"
#include "symbolizer/muslroots.h"
#include "symbolizer/pieces.h"
#include "symbolizer/prologues.h"
#include "symbolizer/rowpages.h"

/* Between functions, less than this is padding, which nobody executes. */
#define GAP_BYTES_MIN 16u

/* Lazily bound PLT: what the head of 16 bytes and the entries of 16 have pushed where. */
#define PLT_HEAD	16u
#define PLT_HEAD_PUSHED 6u
#define PLT_PUSHED	11

/* Rules that may come on top of those of functions: for gaps, PLTs, entry, signals. */
#define OWN_RULES 8u

/* A few bytes of code without frame information of which the rule is known all the same. */
struct mark {
	uint64_t start, end;
	enum ft_rule_kind kind;
	int32_t cfa;
};

struct builder {
	const struct ft_codemap *map;
	const struct ft_fdes *fdes;
	struct ft_window *window;
	struct ft_rowpages *pages;
	struct ft_prologues seen;
	struct ft_muslroots roots;
	bool is_musl;
	struct mark marks[FT_PROLOGUES_SIGNALS + FT_MUSLROOTS_MAX + 1]; /* by start */
	uint32_t n_marks, mark; /* the next that may matter */
	struct ft_cfi_facts facts;
};

static int add_rule(struct builder *b, uint64_t offset, enum ft_rule_kind kind, int32_t cfa)
{
	const struct ft_unwind_rule rule = { .kind = (uint8_t)kind, .cfa = cfa };

	return ft_rowpages_add(b->pages, offset, rule);
}

/* Entries that have pushed nothing when they jump, or once: CFI for them is the linker's
 * business, and not all write any. */
static int add_plt(struct builder *b, const struct ft_piece *piece)
{
	uint64_t start = piece->start;
	int r = 0;

	b->facts.covered_bytes += piece->end - start;
	if (piece->kind == FT_PIECE_PLT_JUMP)
		return add_rule(b, start, FT_RULE_SP, 8);
	if (piece->is_whole && piece->end - start > PLT_HEAD) {
		r = add_rule(b, start, FT_RULE_SP, 16);
		if (r == 0)
			r = add_rule(b, start + PLT_HEAD_PUSHED, FT_RULE_SP, 24);
		start += PLT_HEAD;
	}
	return r < 0 ? r : add_rule(b, start, FT_RULE_PLT, PLT_PUSHED);
}

static enum ft_rule_kind gap_kind(const struct builder *b)
{
	return b->facts.keeps_frame_pointers ? FT_RULE_FRAME_POINTER : FT_RULE_NONE;
}

static int add_code(struct builder *b, const struct ft_piece *piece)
{
	uint64_t at = piece->start;
	int r;

	if (piece->end - piece->start < GAP_BYTES_MIN)
		return 0;
	r = add_rule(b, at, gap_kind(b), 0);
	for (; r == 0 && b->mark < b->n_marks; b->mark++) {
		const struct mark *mark = &b->marks[b->mark];

		if (mark->end > piece->end)
			break;
		if (mark->start < at)
			continue;
		r = add_rule(b, mark->start, mark->kind, mark->cfa);
		if (r == 0 && mark->end < piece->end)
			r = add_rule(b, mark->end, gap_kind(b), 0);
		at = mark->end;
	}
	return r;
}

static int add_function(struct builder *b, const struct ft_function *function)
{
	const struct ft_raw_row *rows = b->fdes->rows.items;
	const struct ft_unwind_rule *rules = b->fdes->rules.rules.items;
	uint32_t i = function->first;
	int r = 0;

	do {
		if (rows[i].delta >= function->length)
			break;
		r = ft_rowpages_add(b->pages, function->offset + rows[i].delta,
				    rules[rows[i].rule]);
		i++;
	} while (r == 0 && i < b->fdes->rows.n && rows[i].delta != 0);
	b->facts.covered_bytes += function->length;
	return r;
}

static int add_piece(struct builder *b, const struct ft_piece *piece)
{
	switch (piece->kind) {
	case FT_PIECE_FUNCTION:
		return add_function(b, piece->function);
	case FT_PIECE_PLT:
	case FT_PIECE_PLT_JUMP:
		return add_plt(b, piece);
	case FT_PIECE_CODE:
		return add_code(b, piece);
	default:
		if (piece->end - piece->start < GAP_BYTES_MIN)
			return 0;
		return add_rule(b, piece->start, FT_RULE_NONE, 0);
	}
}

static int add_all(struct builder *b)
{
	struct ft_pieces pieces = { .map = b->map, .fdes = b->fdes };
	struct ft_piece piece;
	int r = 0;

	while (r == 0 && ft_pieces_next(&pieces, &piece))
		r = add_piece(b, &piece);
	return r;
}

static int look_at_code(struct builder *b, const struct ft_piece *piece)
{
	uint64_t entry = b->map->entry;
	struct mark mark = { .start = entry, .kind = FT_RULE_ROOT };
	int r;

	if (piece->end - piece->start < GAP_BYTES_MIN)
		return 0;
	r = ft_prologues_look(&b->seen, b->window, piece->start, piece->end);
	if (r == 0 && b->is_musl)
		r = ft_muslroots_look(&b->roots, b->window, piece->start, piece->end);
	/* Where a process begins there is no caller. */
	if (r == 0 && entry != 0 && entry >= piece->start && entry < piece->end) {
		r = ft_prologues_entry_end(b->window, entry, piece->end, &mark.end);
		b->marks[b->n_marks++] = mark;
	}
	return r;
}

/* The rule of signal frames begins a byte early, since that is where a return address is
 * looked up. */
static void add_marks(struct builder *b)
{
	for (uint32_t i = 0; i < b->seen.n_signals; i++)
		b->marks[b->n_marks++] =
			(struct mark){ .start = b->seen.signals[i] - 1,
				       .end = b->seen.signals[i] + FT_PROLOGUES_SIGNAL_BYTES,
				       .kind = FT_RULE_SIGNAL,
				       .cfa = FT_CFA_SIGNAL_REGISTERS };
	for (uint32_t i = 0; i < b->roots.n; i++)
		b->marks[b->n_marks++] = (struct mark){ .start = b->roots.roots[i].start,
							.end = b->roots.roots[i].end,
							.kind = FT_RULE_ROOT };
}

static int compare_marks(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* What code that has no frame information says by itself. */
static int look_at_gaps(struct builder *b)
{
	struct ft_pieces pieces = { .map = b->map, .fdes = b->fdes };
	struct ft_piece piece;
	int r = 0;

	if (b->map->entry)
		r = ft_muslroots_check_entry(b->window, b->map->entry, &b->is_musl);
	while (r == 0 && ft_pieces_next(&pieces, &piece))
		if (piece.kind == FT_PIECE_CODE)
			r = look_at_code(b, &piece);
	add_marks(b);
	qsort(b->marks, b->n_marks, sizeof(b->marks[0]), compare_marks);
	b->facts.n_functions = b->seen.n_functions;
	b->facts.n_prologues = b->seen.n_prologues;
	b->facts.keeps_frame_pointers = b->map->is_go || ft_prologues_keep(&b->seen);
	return r;
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
	r = look_at_gaps(b);
	if (r == 0)
		r = add_all(b);
	if (r < 0)
		return r;
	/* Frame information is believed where sections say there is no code. */
	b->facts.text_bytes = FT_MAX(b->facts.text_bytes, b->facts.covered_bytes);
	table->facts = b->facts;
	return ft_rowpages_finish(b->pages, table);
}

/* From what was found in the file to a table. */
static int assemble(struct ft_window *window, const struct ft_codemap *map,
		    const struct ft_fdes *fdes, struct ft_cfi_table **ret_table)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = calloc(1, sizeof(*table));
	_cleanup_rowpages_ struct ft_rowpages pages = { 0 };
	struct builder b = { .map = map, .fdes = fdes, .window = window, .pages = &pages };
	int r;

	if (!table)
		return -ENOMEM;
	r = ft_rowpages_init(&pages, FT_MIN(fdes->rules.rules.n + OWN_RULES, FT_CFI_MAX_RULES));
	if (r == 0)
		r = build(&b, table);
	if (r < 0)
		return r;
	if (table->n_pages == 0)
		return fdes->n_bad ? -EBADMSG : FT_CFI_NONE;
	*ret_table = FT_TAKE(table);
	return 0;
}

int ft_cfi_build(int fd, struct ft_cfi_table **ret_table)
{
	_cleanup_window_ struct ft_window window = { 0 };
	_cleanup_fdes_ struct ft_fdes fdes = { 0 };
	_cleanup_free_ struct ft_codemap *map = calloc(1, sizeof(*map));
	int r;

	if (!map)
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
	return r < 0 ? r : assemble(&window, map, &fdes, ret_table);
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
