#include "symbolizer/symtab.h"

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/cursor.h"
#include "symbolizer/ranges.h"
#include "symbolizer/symname.h"

#define MAX_CODE_SECTIONS 256u
#define MAX_COMPARED	  256u /* bytes of a name that decide between aliases */

/* An unlabelled entry point is followed by functions without symbols, so its end is
 * unknown: as long as the start code of glibc and musl, padding included. */
#define START_BYTES_X86	  48u
#define START_BYTES_ARM64 64u
#define START_NAME	  UINT32_MAX

struct span {
	uint64_t start, end;
};

struct ft_symtab {
	uint64_t base; /* the lowest address of code */
	uint64_t strings, strings_end;
	struct ft_ranges ranges;
};

struct builder {
	struct ft_window *window;
	const struct ft_elf *elf;
	struct ft_symtab *table;
	struct ft_symbol *symbols;
	uint32_t n, n_cap;
	uint32_t n_code;
	struct span code[MAX_CODE_SECTIONS];
	struct ft_window names; /* small: names are all over the place */
};

void ft_symtab_freep(struct ft_symtab **p)
{
	if (*p)
		ft_ranges_deinit(&(*p)->ranges);
	free(*p);
	*p = NULL;
}

static void builder_deinit(struct builder *builder)
{
	ft_symtab_freep(&builder->table);
	ft_window_deinit(&builder->names);
	free(builder->symbols);
}
#define _cleanup_builder_ FT_CLEANUP(builder_deinit)

size_t ft_symtab_bytes(const struct ft_symtab *table)
{
	return sizeof(*table) + table->ranges.n_cap * sizeof(struct ft_range);
}

uint32_t ft_symtab_count(const struct ft_symtab *table)
{
	return table->ranges.n;
}

/* Reading */

static int read_code_sections(struct builder *builder)
{
	for (uint32_t i = 0; i < builder->elf->n_sections; i++) {
		struct ft_elf_section section;
		uint64_t end;
		int r = ft_elf_section(builder->window, builder->elf, i, &section);

		if (r < 0)
			return r;
		if (!(section.flags & SHF_EXECINSTR) || !(section.flags & SHF_ALLOC) ||
		    __builtin_add_overflow(section.address, section.size, &end) ||
		    builder->n_code == MAX_CODE_SECTIONS)
			continue;
		builder->code[builder->n_code++] = (struct span){ section.address, end };
	}
	return 0;
}

/* Where the section of code around address ends; 0 when there is none. */
static uint64_t code_end(const struct builder *builder, uint64_t address)
{
	for (uint32_t i = 0; i < builder->n_code; i++)
		if (address >= builder->code[i].start && address < builder->code[i].end)
			return builder->code[i].end;
	return 0;
}

static bool in_segment(const struct ft_elf *elf, uint64_t address)
{
	for (uint32_t i = 0; i < elf->n_segments; i++)
		if (address >= elf->segments[i].vaddr &&
		    address - elf->segments[i].vaddr < elf->segments[i].size)
			return true;
	return false;
}

static int add_symbol(struct builder *builder, struct ft_symbol symbol)
{
	if (builder->n == builder->n_cap) {
		uint32_t n_cap = builder->n_cap ? builder->n_cap * 2 : 256;
		struct ft_symbol *more;

		if (builder->n == FT_SYMTAB_MAX_SYMBOLS)
			return -E2BIG;
		more = reallocarray(builder->symbols, n_cap, sizeof(*more));
		if (!more)
			return -ENOMEM;
		builder->symbols = more;
		builder->n_cap = n_cap;
	}
	builder->symbols[builder->n++] = symbol;
	return 0;
}

/* The rank of a symbol by its st_info; -1 for what is no code. */
static int rank_of(uint8_t info)
{
	static const int8_t binding[16] = { [STB_LOCAL] = FT_RANK_LOCAL,
					    [STB_GLOBAL] = FT_RANK_GLOBAL,
					    [STB_WEAK] = FT_RANK_WEAK };
	int rank = binding[ELF64_ST_BIND(info)];

	switch (ELF64_ST_TYPE(info)) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		return rank + FT_RANK_FUNCTION;
	case STT_NOTYPE:
		return rank + FT_RANK_LABEL;
	default:
		return -1;
	}
}

static int read_name(struct builder *builder, uint32_t name, char text[static MAX_COMPARED])
{
	int r;

	if (name == START_NAME) {
		memcpy(text, "_start", sizeof("_start"));
		return 0;
	}
	r = ft_window_text(&builder->names, builder->table->strings + name,
			   builder->table->strings_end, text, MAX_COMPARED);
	/* A name that never ends: keep the symbol, as a bad choice. */
	if (r == -ENODATA)
		text[0] = '\0';
	return r == -ENODATA ? 0 : FT_MIN(r, 0);
}

/* One entry of the table: name, info, other, section, value, size. */
static int take_symbol(struct builder *builder, struct ft_cursor *c,
		       const struct ft_elf_symbols *from)
{
	const uint64_t base = builder->table->base;
	uint32_t name = ft_cursor_u32(c);
	uint8_t info = ft_cursor_u8(c);
	uint8_t other = ft_cursor_u8(c);
	uint16_t section = ft_cursor_u16(c);
	uint64_t value = ft_cursor_u64(c), size = ft_cursor_u64(c);
	int rank = rank_of(info);
	char text[MAX_COMPARED];
	int r;

	(void)other; /* visibility */
	if (rank < 0 || name == 0 || name == START_NAME || name >= from->strings_size ||
	    section == SHN_UNDEF || section == SHN_ABS || section == SHN_COMMON ||
	    !in_segment(builder->elf, value) || value - base > UINT32_MAX)
		return 0;
	if (rank < FT_RANK_FUNCTION) {
		if (code_end(builder, value) == 0)
			return 0;
		r = read_name(builder, name, text);
		if (r < 0)
			return r;
		if (ft_symname_is_internal(text))
			return 0;
	}
	return add_symbol(builder, (struct ft_symbol){
					   .start = (uint32_t)(value - base),
					   .size = (uint32_t)FT_MIN(size, (uint64_t)UINT32_MAX),
					   .name = name,
					   .rank = (uint8_t)(rank + (size ? FT_RANK_SIZED : 0)) });
}

static int read_symbols(struct builder *builder, const struct ft_elf_symbols *from)
{
	const uint32_t per_read = FT_WINDOW_LARGE / FT_ELF_SYMBOL_BYTES;
	uint64_t left = from->size / FT_ELF_SYMBOL_BYTES, at = from->offset;

	builder->table->strings = from->strings;
	builder->table->strings_end = from->strings + from->strings_size;
	while (left > 0) {
		uint32_t n = (uint32_t)FT_MIN((uint64_t)per_read, left);
		const uint8_t *bytes;
		struct ft_cursor c;
		int r = ft_window_get(builder->window, at, n * FT_ELF_SYMBOL_BYTES, &bytes);

		if (r < 0)
			return r;
		c = ft_cursor_of(bytes, n * FT_ELF_SYMBOL_BYTES);
		for (uint32_t i = 0; i < n; i++) {
			r = take_symbol(builder, &c, from);
			if (r < 0)
				return r;
		}
		at += n * FT_ELF_SYMBOL_BYTES;
		left -= n;
	}
	return 0;
}

/* Last in the order, so that every other symbol there is preferred. */
static int add_entry_point(struct builder *builder)
{
	const struct ft_elf *elf = builder->elf;
	uint64_t offset = elf->entry - builder->table->base;

	if (!elf->is_program || !in_segment(elf, elf->entry) || offset > UINT32_MAX)
		return 0;
	return add_symbol(builder, (struct ft_symbol){ .start = (uint32_t)offset,
						       .name = START_NAME,
						       .rank = FT_RANK_LABEL + FT_RANK_LOCAL });
}

/* Ordering */

/* Of aliases that are equal in all but their names, keep the best name. */
static int drop_aliases(struct builder *builder)
{
	char best[MAX_COMPARED], text[MAX_COMPARED];
	uint32_t kept = 0;
	bool have_best = false;
	int r;

	for (uint32_t i = 0; i < builder->n; i++) {
		struct ft_symbol *symbol = &builder->symbols[i];
		struct ft_symbol *last = kept ? &builder->symbols[kept - 1] : NULL;

		if (!last || ft_symbol_compare(last, symbol) != 0) {
			builder->symbols[kept++] = *symbol;
			have_best = false;
			continue;
		}
		r = have_best ? 0 : read_name(builder, last->name, best);
		if (r < 0)
			return r;
		have_best = true;
		r = read_name(builder, symbol->name, text);
		if (r < 0)
			return r;
		if (text[0] && (!best[0] || ft_symname_better(text, best))) {
			memcpy(best, text, sizeof(best));
			last->name = symbol->name;
		}
	}
	builder->n = kept;
	return 0;
}

/* Give unsized symbols an end. */
static void set_ends(struct builder *builder)
{
	const uint64_t base = builder->table->base;
	const uint32_t start_bytes = builder->elf->machine == EM_X86_64 ? START_BYTES_X86
									: START_BYTES_ARM64;
	uint32_t next = UINT32_MAX; /* the start after this one's */

	for (uint32_t i = builder->n; i-- > 0;) {
		struct ft_symbol *symbol = &builder->symbols[i];
		uint64_t end = code_end(builder, base + symbol->start);

		if (i + 1 < builder->n && builder->symbols[i + 1].start != symbol->start)
			next = builder->symbols[i + 1].start;
		if (symbol->rank >= FT_RANK_SIZED)
			continue;
		/* Without sections only the next symbol tells; the entry point has its cap. */
		end = end ? FT_MIN(end - base, (uint64_t)next) : next;
		symbol->size = (uint32_t)FT_MIN(end, (uint64_t)UINT32_MAX) - symbol->start;
		if (symbol->name == START_NAME)
			symbol->size = FT_MIN(symbol->size, start_bytes);
	}
}

/* Lowest address of code. */
static uint64_t base_of(const struct ft_elf *elf)
{
	uint64_t base = UINT64_MAX;

	for (uint32_t i = 0; i < elf->n_segments; i++)
		base = FT_MIN(base, elf->segments[i].vaddr);
	return base;
}

static int build(struct builder *builder)
{
	const struct ft_elf *elf = builder->elf;
	int r = read_code_sections(builder);

	if (r < 0)
		return r;
	r = read_symbols(builder, &elf->symtab);
	if (r == 0 && builder->n == 0)
		r = read_symbols(builder, &elf->dynsym);
	if (r < 0)
		return r;
	r = add_entry_point(builder);
	if (r < 0)
		return r;
	if (builder->n)
		qsort(builder->symbols, builder->n, sizeof(*builder->symbols), ft_symbol_compare);
	r = drop_aliases(builder);
	if (r < 0)
		return r;
	set_ends(builder);
	return ft_ranges_make(builder->symbols, builder->n, &builder->table->ranges);
}

int ft_symtab_new(struct ft_window *window, const struct ft_elf *elf, struct ft_symtab **ret_table)
{
	_cleanup_builder_ struct builder builder = { .window = window, .elf = elf };
	int r;

	assert(window->cap >= FT_WINDOW_LARGE);
	builder.table = calloc(1, sizeof(*builder.table));
	if (!builder.table)
		return -ENOMEM;
	builder.table->base = base_of(elf);
	r = ft_window_init(&builder.names, window->fd, FT_WINDOW_SMALL);
	if (r < 0)
		return r;
	r = build(&builder);
	if (r < 0)
		return r;
	*ret_table = FT_TAKE(builder.table);
	return 0;
}

/* Lookup */

int ft_symtab_name(const struct ft_symtab *table, struct ft_window *window, uint64_t address,
		   char *name, uint32_t size)
{
	const struct ft_range *range;
	int n;

	if (address < table->base || address - table->base >= UINT32_MAX)
		return 0;
	range = ft_ranges_find(&table->ranges, (uint32_t)(address - table->base));
	if (!range)
		return 0;
	if (range->name == START_NAME) {
		n = (int)FT_MIN(size - 1, (uint32_t)strlen("_start"));
		memcpy(name, "_start", (size_t)n);
		name[n] = '\0';
		return n;
	}
	return ft_window_text(window, table->strings + range->name, table->strings_end, name, size);
}
