#include "agent/capture/tables.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/capture/extents.h"
#include "base/array.h"
#include "base/index.h"

#define CHUNK_BYTES (FT_ROW_CHUNK_ROWS * sizeof(uint32_t))
#define RULES_BYTES (FT_UNWIND_RULES_MAX * sizeof(struct ft_unwind_rule))

struct chunk {
	uint32_t *rows; /* mapped */
	struct ft_extents extents;
	int fd;
};

/* Where a page of a file lies. */
struct placed_page {
	uint32_t number;
	struct ft_page_rows at;
};

struct table {
	uint32_t file;
	uint32_t state; /* enum ft_table_state */
	struct placed_page *pages;
	uint32_t n_pages, n_rows;
	uint64_t used_ns;
};

struct ft_tables {
	int chunks_map, pages_map;
	struct ft_unwind_rule *rules; /* mapped */
	uint32_t n_rules;
	struct ft_index by_rule;
	struct chunk chunks[FT_ROW_CHUNKS_MAX];
	uint32_t n_chunks, max_chunks;
	struct ft_array all; /* struct table */
	struct ft_index by_file;
	struct ft_tables_counts counts;
};

/* One more chunk. The kernel waits for its readers before it shows it: milliseconds. */
static int add_chunk(struct ft_tables *tables)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	_cleanup_close_ int fd = -1;
	struct chunk *chunk = &tables->chunks[tables->n_chunks];
	void *rows;
	int r;

	if (tables->n_chunks == tables->max_chunks)
		return -ENOSPC;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ft_rows", sizeof(uint32_t), CHUNK_BYTES, 1,
			    &options);
	if (fd < 0)
		return fd;
	rows = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rows == MAP_FAILED)
		return -errno;
	r = ft_extents_init(&chunk->extents, FT_ROW_CHUNK_ROWS);
	if (r == 0)
		r = bpf_map_update_elem(tables->chunks_map, &tables->n_chunks, &fd, BPF_ANY);
	if (r < 0) {
		ft_extents_deinit(&chunk->extents);
		munmap(rows, CHUNK_BYTES);
		return r;
	}
	chunk->rows = rows;
	chunk->fd = FT_TAKE_FD(fd);
	tables->n_chunks++;
	return 0;
}

int ft_tables_new(int row_chunks_map, int rules_map, int pages_map, uint64_t cap_bytes,
		  struct ft_tables **ret_tables)
{
	struct ft_tables *tables = calloc(1, sizeof(*tables));
	void *rules;
	int r;

	if (!tables)
		return -ENOMEM;
	tables->chunks_map = row_chunks_map;
	tables->pages_map = pages_map;
	tables->max_chunks = (uint32_t)FT_MIN(cap_bytes / CHUNK_BYTES, (uint64_t)FT_ROW_CHUNKS_MAX);
	tables->all = FT_ARRAY_INIT(struct table);
	rules = mmap(NULL, RULES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, rules_map, 0);
	if (rules == MAP_FAILED) {
		r = -errno;
		free(tables);
		return r;
	}
	tables->rules = rules;
	r = add_chunk(tables); /* now, not when the first sample waits for it */
	if (r < 0) {
		ft_tables_freep(&tables);
		return r;
	}
	*ret_tables = tables;
	return 0;
}

void ft_tables_freep(struct ft_tables **p)
{
	struct ft_tables *tables = FT_TAKE(*p);

	if (!tables)
		return;
	for (uint32_t i = 0; i < tables->n_chunks; i++) {
		munmap(tables->chunks[i].rows, CHUNK_BYTES);
		ft_closep(&tables->chunks[i].fd);
		ft_extents_deinit(&tables->chunks[i].extents);
	}
	for (uint32_t i = 0; i < tables->all.n; i++)
		free(((struct table *)ft_array_at(&tables->all, i))->pages);
	munmap(tables->rules, RULES_BYTES);
	ft_array_deinit(&tables->all);
	ft_index_deinit(&tables->by_file);
	ft_index_deinit(&tables->by_rule);
	free(tables);
}

static struct table *table_at(const struct ft_tables *tables, uint32_t i)
{
	return ft_array_at(&tables->all, i);
}

static bool same_file(const void *context, const void *key, uint32_t id)
{
	return table_at(context, id)->file == *(const uint32_t *)key;
}

static uint32_t find(const struct ft_tables *tables, uint32_t file)
{
	return ft_index_find(&tables->by_file, ft_hash_u64(file), same_file, tables, &file);
}

bool ft_tables_has(const struct ft_tables *tables, uint32_t file)
{
	return find(tables, file) != FT_INDEX_NONE;
}

void ft_tables_use(struct ft_tables *tables, uint32_t file, uint64_t now_ns)
{
	uint32_t place = find(tables, file);

	if (place != FT_INDEX_NONE)
		table_at(tables, place)->used_ns = now_ns;
}

struct ft_tables_counts ft_tables_counts(const struct ft_tables *tables)
{
	return tables->counts;
}

/* ---- rules ---- */

static bool same_rule(const void *context, const void *key, uint32_t id)
{
	const struct ft_tables *tables = context;

	return memcmp(&tables->rules[id], key, sizeof(struct ft_unwind_rule)) == 0;
}

/* The number all files use for this rule. Rules are never taken out: programs share
 * them, and ten thousand files have fewer than there is room for. */
static int number_rule(struct ft_tables *tables, const struct ft_unwind_rule *rule,
		       uint32_t *ret_number)
{
	uint64_t hash = ft_hash_bytes(rule, sizeof(*rule));
	uint32_t number = ft_index_find(&tables->by_rule, hash, same_rule, tables, rule);
	int r;

	if (number == FT_INDEX_NONE) {
		if (tables->n_rules == FT_UNWIND_RULES_MAX)
			return -ENOSPC;
		number = tables->n_rules;
		tables->rules[number] = *rule;
		r = ft_index_add(&tables->by_rule, hash, number);
		if (r < 0)
			return r;
		tables->n_rules++;
		tables->counts.n_rules = tables->n_rules;
	}
	*ret_number = number;
	return 0;
}

static int number_rules(struct ft_tables *tables, const struct ft_symtable *table,
			uint32_t **ret_numbers)
{
	_cleanup_free_ uint32_t *numbers = calloc(table->n_rules, sizeof(*numbers));
	int r;

	if (!numbers)
		return -ENOMEM;
	for (uint32_t i = 0; i < table->n_rules; i++) {
		r = number_rule(tables, &table->rules[i], &numbers[i]);
		if (r < 0)
			return r;
	}
	*ret_numbers = FT_TAKE(numbers);
	return 0;
}

/* ---- rows ---- */

static void give_rows(struct ft_tables *tables, const struct ft_page_rows *at, uint64_t now_ns)
{
	struct chunk *chunk = &tables->chunks[at->first >> FT_ROW_CHUNK_BITS];

	ft_extents_give(&chunk->extents, at->first & (FT_ROW_CHUNK_ROWS - 1), at->n, now_ns);
	tables->counts.rows_bytes -= at->n * sizeof(uint32_t);
}

static int take_rows_from_chunks(struct ft_tables *tables, uint32_t n, uint64_t now_ns,
				 uint32_t *ret_first)
{
	uint32_t first;

	for (uint32_t i = 0; i < tables->n_chunks; i++)
		if (ft_extents_take(&tables->chunks[i].extents, n, now_ns, &first) == 0) {
			*ret_first = i << FT_ROW_CHUNK_BITS | first;
			tables->counts.rows_bytes += n * sizeof(uint32_t);
			return 0;
		}
	return -ENOSPC;
}

static int take_rows(struct ft_tables *tables, uint32_t n, uint64_t now_ns, uint32_t *ret_first)
{
	int r = take_rows_from_chunks(tables, n, now_ns, ret_first);

	if (r == -ENOSPC) {
		r = add_chunk(tables);
		if (r == 0)
			r = take_rows_from_chunks(tables, n, now_ns, ret_first);
	}
	return r;
}

/* ---- files ---- */

static int set_page(struct ft_tables *tables, uint32_t file, uint32_t page,
		    const struct ft_page_rows *rows)
{
	struct ft_page_key key = { file, page };

	return bpf_map_update_elem(tables->pages_map, &key, rows, BPF_ANY);
}

static void clear_page(struct ft_tables *tables, uint32_t file, uint32_t page)
{
	struct ft_page_key key = { file, page };

	/* It may never have been there. */
	(void)bpf_map_delete_elem(tables->pages_map, &key);
}

/* The reverse of how it came: first what points, then what is pointed to. */
static void take_out(struct ft_tables *tables, uint32_t place, uint64_t now_ns)
{
	struct table table = *table_at(tables, place);
	uint32_t last = tables->all.n - 1;

	clear_page(tables, table.file, FT_PAGE_OF_FILE);
	for (uint32_t i = 0; i < table.n_pages; i++) {
		clear_page(tables, table.file, table.pages[i].number);
		give_rows(tables, &table.pages[i].at, now_ns);
	}
	tables->counts.n_pages -= table.n_pages;
	tables->counts.n_files--;
	free(table.pages);
	ft_index_remove(&tables->by_file, ft_hash_u64(table.file), place);
	if (place != last) {
		uint32_t moved = table_at(tables, last)->file;

		ft_index_remove(&tables->by_file, ft_hash_u64(moved), last);
		*table_at(tables, place) = *table_at(tables, last);
		/* Two were removed: there is room, this cannot fail. */
		if (ft_index_add(&tables->by_file, ft_hash_u64(moved), place) < 0)
			abort();
	}
	ft_array_cut(&tables->all, last);
}

/* The table that was not met for longest goes. False: there is none with rows. */
static bool evict(struct ft_tables *tables, uint64_t now_ns)
{
	uint32_t oldest = FT_INDEX_NONE;

	for (uint32_t i = 0; i < tables->all.n; i++) {
		const struct table *table = table_at(tables, i);

		if (table->n_pages &&
		    (oldest == FT_INDEX_NONE || table->used_ns < table_at(tables, oldest)->used_ns))
			oldest = i;
	}
	if (oldest == FT_INDEX_NONE)
		return false;
	take_out(tables, oldest, now_ns);
	tables->counts.evicted++;
	return true;
}

void ft_tables_drop(struct ft_tables *tables, uint32_t file, uint64_t now_ns)
{
	uint32_t place = find(tables, file);

	if (place != FT_INDEX_NONE)
		take_out(tables, place, now_ns);
}

static int add_table(struct ft_tables *tables, const struct table *table)
{
	int r = ft_array_push(&tables->all, table, 1);

	if (r < 0)
		return r;
	r = ft_index_add(&tables->by_file, ft_hash_u64(table->file), tables->all.n - 1);
	if (r < 0)
		ft_array_cut(&tables->all, tables->all.n - 1);
	else
		tables->counts.n_files++;
	return r;
}

static int place_page(struct ft_tables *tables, uint32_t file, const struct ft_symtable *table,
		      const uint32_t *numbers, uint32_t i, uint64_t now_ns,
		      struct placed_page *ret_page)
{
	const struct ft_unwind_page *page = &table->pages[i];
	struct placed_page placed = { .number = page->number, .at = { .n = page->n } };
	uint32_t *rows;
	int r;

	r = take_rows(tables, page->n, now_ns, &placed.at.first);
	if (r < 0)
		return r;
	rows = tables->chunks[placed.at.first >> FT_ROW_CHUNK_BITS].rows +
	       (placed.at.first & (FT_ROW_CHUNK_ROWS - 1));
	for (uint32_t k = 0; k < page->n; k++) {
		uint32_t row = table->rows[page->first + k];

		rows[k] = FT_UNWIND_ROW(FT_UNWIND_ROW_OFFSET(row),
					numbers[FT_UNWIND_ROW_RULE(row)]);
	}
	r = set_page(tables, file, page->number, &placed.at);
	if (r < 0) {
		give_rows(tables, &placed.at, now_ns);
		return r;
	}
	*ret_page = placed;
	return 0;
}

static int place_pages(struct ft_tables *tables, struct table *to, const struct ft_symtable *table,
		       const uint32_t *numbers, uint64_t now_ns)
{
	int r = 0;

	to->pages = calloc(table->n_pages, sizeof(*to->pages));
	if (!to->pages)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < table->n_pages; i++) {
		r = place_page(tables, to->file, table, numbers, i, now_ns, &to->pages[i]);
		if (r < 0)
			break;
		to->n_pages++;
		to->n_rows += table->pages[i].n;
		tables->counts.n_pages++;
	}
	return r;
}

int ft_tables_declare(struct ft_tables *tables, uint32_t file, enum ft_table_state state)
{
	struct ft_page_rows rows = { .n = state };
	struct table table = { .file = file, .state = state };
	int r;

	if (!ft_tables_has(tables, file)) {
		r = add_table(tables, &table);
		if (r < 0)
			return r;
	}
	return set_page(tables, file, FT_PAGE_OF_FILE, &rows);
}

/* All or nothing, with what is there pushed out as far as it must. */
static int put(struct ft_tables *tables, uint32_t file, const struct ft_symtable *table,
	       const uint32_t *numbers, uint64_t now_ns)
{
	struct table new = { .file = file, .state = FT_TABLE_READY, .used_ns = now_ns };
	int r;

	r = place_pages(tables, &new, table, numbers, now_ns);
	if (r == 0)
		r = add_table(tables, &new);
	if (r == 0)
		return 0;
	for (uint32_t i = 0; i < new.n_pages; i++) {
		clear_page(tables, file, new.pages[i].number);
		give_rows(tables, &new.pages[i].at, now_ns);
	}
	tables->counts.n_pages -= new.n_pages;
	free(new.pages);
	return r;
}

int ft_tables_put(struct ft_tables *tables, uint32_t file, const struct ft_symtable *table,
		  uint64_t now_ns)
{
	_cleanup_free_ uint32_t *numbers = NULL;
	uint32_t old = find(tables, file);
	int r;

	if (old != FT_INDEX_NONE)
		take_out(tables, old, now_ns);
	r = number_rules(tables, table, &numbers);
	if (r == 0) {
		r = put(tables, file, table, numbers, now_ns);
		if (r == 0)
			return ft_tables_declare(tables, file, FT_TABLE_READY);
		/* Room comes when what was taken out has rested: not now, but for the
		 * next. For rules none would come. */
		if (r == -ENOSPC || r == -E2BIG)
			evict(tables, now_ns);
	}
	tables->counts.refused++;
	return r;
}
