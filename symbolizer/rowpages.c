#include "symbolizer/rowpages.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Pushes, pops and calls with arguments are this near; further away few rows would be
 * saved and many rules made. */
#define STEP_BYTES_MAX 4u

static uint64_t bits_of(const struct ft_unwind_rule *rule)
{
	uint64_t bits;

	_Static_assert(sizeof(bits) == sizeof(*rule), "a rule is compared as one number");
	memcpy(&bits, rule, sizeof(bits));
	return bits;
}

static bool same_rule(const struct ft_unwind_rule *a, const struct ft_unwind_rule *b)
{
	return bits_of(a) == bits_of(b);
}

int ft_rules_init(struct ft_rules *rules)
{
	struct ft_rules made = { .rules = FT_ARRAY_INIT(struct ft_unwind_rule) };
	int r = ft_rules_number(&made, (struct ft_unwind_rule){ 0 }, 1);

	assert(r <= 0);
	if (r < 0) {
		ft_rules_deinit(&made);
		return r;
	}
	*rules = made;
	return 0;
}

void ft_rules_deinit(struct ft_rules *rules)
{
	ft_array_deinit(&rules->rules);
	ft_index_deinit(&rules->index);
}

static bool rule_is(const void *context, const void *key, uint32_t id)
{
	const struct ft_rules *rules = context;

	return same_rule(key, ft_array_at(&rules->rules, id));
}

int ft_rules_number(struct ft_rules *rules, struct ft_unwind_rule rule, uint32_t max)
{
	uint64_t hash = ft_hash_u64(bits_of(&rule));
	struct ft_index_slot *recent = &rules->recent[hash % FT_COUNT(rules->recent)];
	uint32_t id;
	int r;

	if (recent->id < rules->rules.n && rule_is(rules, &rule, recent->id))
		return (int)recent->id;
	id = ft_index_find(&rules->index, hash, rule_is, rules, &rule);
	if (id == FT_INDEX_NONE) {
		id = rules->rules.n;
		if (id >= max)
			return -E2BIG;
		r = ft_array_push(&rules->rules, &rule, 1);
		if (r < 0)
			return r;
		r = ft_index_add(&rules->index, hash, id);
		if (r < 0) {
			ft_array_cut(&rules->rules, id);
			return r;
		}
	}
	*recent = (struct ft_index_slot){ .id = id };
	return (int)id;
}

int ft_rowpages_init(struct ft_rowpages *pages, uint32_t n_plain)
{
	struct ft_rowpages made = { .rows = FT_ARRAY_INIT(uint32_t),
				    .pages = FT_ARRAY_INIT(struct ft_unwind_page) };
	int r = ft_rules_init(&made.rules);

	assert(n_plain <= FT_CFI_MAX_RULES);
	made.max_stepped = FT_CFI_MAX_RULES - n_plain;
	if (r == 0)
		*pages = made;
	return r;
}

void ft_rowpages_deinit(struct ft_rowpages *pages)
{
	ft_rules_deinit(&pages->rules);
	ft_array_deinit(&pages->rows);
	ft_array_deinit(&pages->pages);
}

static struct ft_unwind_page *last_page(const struct ft_rowpages *pages)
{
	return pages->pages.n ? ft_array_at(&pages->pages, pages->pages.n - 1) : NULL;
}

/* A page whose only row knows nothing is as good as none. */
static void drop_empty_page(struct ft_rowpages *pages)
{
	const struct ft_unwind_page *page = last_page(pages);

	if (!page || page->n != 1 ||
	    FT_UNWIND_ROW_RULE(*(const uint32_t *)ft_array_at(&pages->rows, page->first)) != 0)
		return;
	ft_array_cut(&pages->rows, page->first);
	ft_array_cut(&pages->pages, pages->pages.n - 1);
}

static int open_page(struct ft_rowpages *pages, uint64_t number)
{
	struct ft_unwind_page page = { .number = (uint32_t)number };

	drop_empty_page(pages);
	page.first = pages->rows.n;
	if (number >= FT_UNWIND_FILE_PAGES || pages->pages.n == FT_ROWPAGES_MAX)
		return -E2BIG;
	return ft_array_push(&pages->pages, &page, 1);
}

static int write_row(struct ft_rowpages *pages, uint64_t offset, uint32_t rule)
{
	uint64_t number = offset >> FT_UNWIND_PAGE_BITS;
	const struct ft_unwind_page *page = last_page(pages);
	uint32_t row = FT_UNWIND_ROW(offset, rule);
	int r = 0;

	if (!page || page->number != number)
		r = open_page(pages, number);
	if (r == 0 && pages->rows.n == FT_CFI_MAX_ROWS)
		r = -E2BIG;
	if (r == 0)
		r = ft_array_push(&pages->rows, &row, 1);
	if (r == 0)
		last_page(pages)->n++;
	return r;
}

static int write_plain(struct ft_rowpages *pages, uint64_t offset, struct ft_unwind_rule rule)
{
	int number = ft_rules_number(&pages->rules, rule, FT_CFI_MAX_RULES);

	return number < 0 ? number : write_row(pages, offset, (uint32_t)number);
}

static uint8_t step_of(const struct ft_rowpages *pages)
{
	bool can_step = pages->row.kind == FT_RULE_SP || pages->row.kind == FT_RULE_FP;

	return can_step ? pages->row.step : 0;
}

/* Write the last row. When there is no number left for its step, it becomes two. */
static int close_row(struct ft_rowpages *pages)
{
	struct ft_unwind_rule plain = pages->row;
	uint8_t step = step_of(pages);
	int number, r;

	if (!pages->is_open)
		return 0;
	pages->is_open = false;
	if (!step)
		return write_plain(pages, pages->offset, plain);
	number = ft_rules_number(&pages->rules, pages->row, pages->max_stepped);
	if (number >= 0)
		return write_row(pages, pages->offset, (uint32_t)number);
	if (number != -E2BIG)
		return number;
	plain.step = 0;
	r = write_plain(pages, pages->offset, plain);
	return r < 0 ? r : write_plain(pages, pages->offset + FT_RULE_STEP_BYTES(step), pages->now);
}

/* Can the last row take what comes as its step? Then it does. */
static bool take_step(struct ft_rowpages *pages, uint64_t offset, const struct ft_unwind_rule *rule)
{
	struct ft_unwind_rule *row = &pages->row;
	int64_t change = (int64_t)rule->cfa - row->cfa;

	if (!pages->is_open || step_of(pages) || offset - pages->offset > STEP_BYTES_MAX ||
	    (row->kind != FT_RULE_SP && row->kind != FT_RULE_FP) || row->kind != rule->kind ||
	    row->fp != rule->fp || (change != 8 && change != -8))
		return false;
	row->step = (uint8_t)(offset - pages->offset);
	if (change < 0)
		row->step |= FT_RULE_STEP_MINUS;
	return true;
}

static void open_row(struct ft_rowpages *pages, uint64_t offset, struct ft_unwind_rule rule)
{
	pages->is_open = true;
	pages->offset = offset;
	pages->row = rule;
	pages->now = rule;
}

/* From the page of the last row to that of offset: every page begins with what holds. */
static int turn_pages(struct ft_rowpages *pages, uint64_t offset)
{
	const uint64_t page_bytes = 1ull << FT_UNWIND_PAGE_BITS;
	uint64_t start = (pages->offset | (page_bytes - 1)) + 1;
	int r = close_row(pages);

	if (pages->now.kind == FT_RULE_NONE)
		start = offset & ~(page_bytes - 1);
	while (r == 0 && start < offset) {
		r = close_row(pages);
		open_row(pages, start, pages->now);
		start += page_bytes;
	}
	return r;
}

int ft_rowpages_add(struct ft_rowpages *pages, uint64_t offset, struct ft_unwind_rule rule)
{
	int r = 0;

	if (same_rule(&rule, &pages->now))
		return 0;
	if (!pages->is_open ||
	    (offset >> FT_UNWIND_PAGE_BITS) != (pages->offset >> FT_UNWIND_PAGE_BITS))
		r = turn_pages(pages, offset);
	if (r < 0)
		return r;
	if (pages->is_open && offset == pages->offset) {
		pages->row = rule; /* nothing held for the rule before */
		pages->now = rule;
		return 0;
	}
	if (take_step(pages, offset, &rule)) {
		pages->now = rule;
		return 0;
	}
	r = close_row(pages);
	open_row(pages, offset, rule);
	return r;
}

int ft_rowpages_finish(struct ft_rowpages *pages, struct ft_cfi_table *table)
{
	int r = close_row(pages);

	if (r < 0)
		return r;
	drop_empty_page(pages);
	table->rules = FT_TAKE(pages->rules.rules.items);
	table->n_rules = pages->rules.rules.n;
	table->rows = FT_TAKE(pages->rows.items);
	table->n_rows = pages->rows.n;
	table->pages = FT_TAKE(pages->pages.items);
	table->n_pages = pages->pages.n;
	ft_rowpages_deinit(pages);
	return 0;
}
