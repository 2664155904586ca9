#include "symbolizer/kallsyms.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "symbolizer/symname.h"

#define READ_BYTES 32768u
/* In place of a name: here ends the code before. */
#define NO_NAME UINT32_MAX

struct entry {
	uint64_t address;
	uint32_t name; /* offset in the names, or NO_NAME */
	uint8_t rank;  /* larger is better */
};

struct ft_kallsyms_parser {
	struct entry *entries;
	uint32_t n, n_cap;
	struct ft_buffer names; /* name, NUL, module, NUL for each */
	char line[FT_KALLSYMS_MAX_LINE];
	uint32_t line_len; /* of a line not complete yet; more than fits: too long */
};

/* Addresses apart from names: a search stays within half the memory. */
struct ft_kallsyms {
	uint32_t n;
	size_t names_len;
	uint64_t *addresses;
	uint32_t *names; /* NO_NAME: a gap */
	char *text;
};

int ft_kallsyms_parser_new(struct ft_kallsyms_parser **ret_parser)
{
	struct ft_kallsyms_parser *parser = calloc(1, sizeof(*parser));

	if (!parser)
		return -ENOMEM;
	parser->names = FT_BUFFER_INIT(FT_KALLSYMS_MAX_NAMES);
	*ret_parser = parser;
	return 0;
}

void ft_kallsyms_parser_freep(struct ft_kallsyms_parser **p)
{
	if (*p) {
		free((*p)->entries);
		ft_buffer_deinit(&(*p)->names);
	}
	free(*p);
	*p = NULL;
}

void ft_kallsyms_freep(struct ft_kallsyms **p)
{
	if (*p) {
		free((*p)->addresses);
		free((*p)->names);
		free((*p)->text);
	}
	free(*p);
	*p = NULL;
}

static int add_entry(struct ft_kallsyms_parser *parser, struct entry entry)
{
	if (parser->n == parser->n_cap) {
		uint32_t n_cap = parser->n_cap ? parser->n_cap * 2 : 1024;
		struct entry *more;

		if (parser->n == FT_KALLSYMS_MAX_SYMBOLS)
			return -E2BIG;
		more = reallocarray(parser->entries, n_cap, sizeof(*more));
		if (!more)
			return -ENOMEM;
		parser->entries = more;
		parser->n_cap = n_cap;
	}
	parser->entries[parser->n++] = entry;
	return 0;
}

static int add_code(struct ft_kallsyms_parser *parser, uint64_t address, char type,
		    const char *name, const char *module)
{
	uint32_t offset = (uint32_t)parser->names.len;
	uint8_t rank = type == 'T' ? 2 : type == 't' ? 0 : 1;

	ft_buffer_put(&parser->names, name, strlen(name) + 1);
	ft_buffer_put(&parser->names, module, strlen(module) + 1);
	if (parser->names.error)
		return parser->names.error == -EFBIG ? -E2BIG : parser->names.error;
	return add_entry(parser,
			 (struct entry){ .address = address, .name = offset, .rank = rank });
}

/* Sixteen digits; anything else is no line of a 64-bit kernel. */
static bool take_address(const char *line, uint64_t *ret_address)
{
	uint64_t address = 0;

	for (int i = 0; i < 16; i++) {
		char c = line[i];
		uint64_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (uint64_t)(c - 'a') + 10;
		else
			return false;
		address = address << 4 | digit;
	}
	*ret_address = address;
	return true;
}

/* The name inside "[name]", cut out of text; empty when there is none. */
static char *take_module(char *text)
{
	size_t len = strlen(text);

	if (text[0] != '[' || len < 3 || text[len - 1] != ']')
		return text + len;
	text[len - 1] = '\0';
	return text + 1;
}

static int parse_line(struct ft_kallsyms_parser *parser, char *line)
{
	char *name, *rest;
	uint64_t address;
	char type;

	if (!take_address(line, &address) || line[16] != ' ' || !line[17] || line[18] != ' ')
		return 0;
	/* User-half addresses are zeros of a kernel that hides, or per-CPU offsets. */
	if (!(address >> 63))
		return 0;
	type = line[17];
	if (!strchr("tTwW", type))
		return add_entry(parser, (struct entry){ .address = address, .name = NO_NAME });
	name = line + 19;
	rest = name + strcspn(name, " \t");
	if (*rest) {
		*rest++ = '\0';
		rest = take_module(rest + strspn(rest, " \t"));
	}
	return *name ? add_code(parser, address, type, name, rest) : 0;
}

int ft_kallsyms_feed(struct ft_kallsyms_parser *parser, const char *text, size_t len)
{
	while (len > 0) {
		const char *eol = memchr(text, '\n', len);
		size_t n = eol ? (size_t)(eol - text) : len;
		int r = 0;

		if (n < sizeof(parser->line) - parser->line_len) {
			memcpy(parser->line + parser->line_len, text, n);
			parser->line_len += (uint32_t)n;
		} else {
			parser->line_len = sizeof(parser->line);
		}
		if (!eol)
			return 0;
		if (parser->line_len < sizeof(parser->line)) {
			parser->line[parser->line_len] = '\0';
			r = parse_line(parser, parser->line);
		}
		parser->line_len = 0;
		if (r < 0)
			return r;
		text = eol + 1;
		len -= n + 1;
	}
	return 0;
}

/* By address; at one address the best last, so that names come after the lack of one. */
static int compare_entries(const void *pa, const void *pb, void *names)
{
	const struct entry *a = pa, *b = pb;
	const char *text = names;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if ((a->name == NO_NAME) != (b->name == NO_NAME))
		return a->name == NO_NAME ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->name == b->name)
		return 0;
	return ft_symname_better(text + a->name, text + b->name) ? 1 : -1;
}

/* Keep the best entry of each address, and one of several gaps in a row. */
static uint32_t thin_out(struct entry *entries, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (i + 1 < n && entries[i + 1].address == entries[i].address)
			continue;
		if (entries[i].name == NO_NAME && (kept == 0 || entries[kept - 1].name == NO_NAME))
			continue;
		entries[kept++] = entries[i];
	}
	return kept;
}

/* Name and module with their NULs. */
static size_t entry_bytes(const char *names, const struct entry *entry)
{
	const char *name = names + entry->name;
	size_t n;

	if (entry->name == NO_NAME)
		return 0;
	n = strlen(name) + 1;
	return n + strlen(name + n) + 1;
}

static int pack(const struct entry *entries, uint32_t n, const char *names,
		struct ft_kallsyms *table)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < n; i++)
		bytes += entry_bytes(names, &entries[i]);
	table->addresses = reallocarray(NULL, n, sizeof(*table->addresses));
	table->names = reallocarray(NULL, n, sizeof(*table->names));
	table->text = malloc(bytes);
	if (!table->addresses || !table->names || !table->text)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		size_t len = entry_bytes(names, &entries[i]);

		table->addresses[i] = entries[i].address;
		table->names[i] = len ? (uint32_t)table->names_len : NO_NAME;
		if (len)
			memcpy(table->text + table->names_len, names + entries[i].name, len);
		table->names_len += len;
	}
	table->n = n;
	return 0;
}

int ft_kallsyms_finish(struct ft_kallsyms_parser *parser, struct ft_kallsyms **ret_table)
{
	_cleanup_kallsyms_ struct ft_kallsyms *table = calloc(1, sizeof(*table));
	const char *names = (const char *)parser->names.data;
	uint32_t n;
	int r;

	if (!table)
		return -ENOMEM;
	if (parser->names.len == 0)
		return FT_KALLSYMS_HIDDEN;
	qsort_r(parser->entries, parser->n, sizeof(*parser->entries), compare_entries,
		parser->names.data);
	n = thin_out(parser->entries, parser->n);
	r = pack(parser->entries, n, names, table);
	if (r < 0)
		return r;
	*ret_table = FT_TAKE(table);
	return 0;
}

int ft_kallsyms_load(int fd, struct ft_kallsyms **ret_table)
{
	_cleanup_kallsyms_parser_ struct ft_kallsyms_parser *parser = NULL;
	_cleanup_free_ char *piece = malloc(READ_BYTES);
	off_t at = 0;
	int r;

	if (!piece)
		return -ENOMEM;
	r = ft_kallsyms_parser_new(&parser);
	if (r < 0)
		return r;
	for (;;) {
		/* The kernel goes on where the last read ended as long as offsets follow. */
		ssize_t n = pread(fd, piece, READ_BYTES, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return ft_kallsyms_finish(parser, ret_table);
		r = ft_kallsyms_feed(parser, piece, (size_t)n);
		if (r < 0)
			return r;
		at += n;
	}
}

int ft_kallsyms_find(const struct ft_kallsyms *table, uint64_t address, struct ft_kallsym *ret_sym)
{
	uint32_t low = 0, high = table->n;
	const char *name;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (table->addresses[middle] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || table->names[low - 1] == NO_NAME ||
	    address - table->addresses[low - 1] >= FT_KALLSYMS_MAX_REACH)
		return 0;
	name = table->text + table->names[low - 1];
	ret_sym->name = name;
	ret_sym->name_len = (uint32_t)strlen(name);
	ret_sym->module = name + ret_sym->name_len + 1;
	ret_sym->module_len = (uint32_t)strlen(ret_sym->module);
	return 1;
}

size_t ft_kallsyms_bytes(const struct ft_kallsyms *table)
{
	return sizeof(*table) + table->n * (sizeof(uint64_t) + sizeof(uint32_t)) + table->names_len;
}

uint32_t ft_kallsyms_count(const struct ft_kallsyms *table)
{
	return table->n;
}
