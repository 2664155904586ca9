#include "symbolizer/inspect.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "symbolizer/cfi.h"
#include "symbolizer/codemap.h"

static const char *register_name(uint32_t reg)
{
	static const char *const names[] = {
		"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
		"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"
	};

	return reg < FT_COUNT(names) ? names[reg] : "?";
}

/* index: of a register that counts, too; NULL: none. */
static void print_deref(FILE *out, const char *name, const char *index, int32_t packed)
{
	int32_t offset = packed & ~7, add = (packed & 7) * 8;

	fprintf(out, "*(%s%+d", name, offset);
	if (index)
		fprintf(out, "+%s*8", index);
	fputc(')', out);
	if (add)
		fprintf(out, "%+d", add);
}

static void print_cfa(FILE *out, const struct ft_unwind_rule *rule)
{
	switch (rule->kind) {
	case FT_RULE_ROOT:
		fputs("root", out);
		break;
	case FT_RULE_SP:
	case FT_RULE_RA_REGISTER:
		fprintf(out, "rsp%+d", rule->cfa);
		break;
	case FT_RULE_FP:
		fprintf(out, "rbp%+d", rule->cfa);
		break;
	case FT_RULE_DEREF_SP:
		print_deref(out, "rsp", NULL, rule->cfa);
		break;
	case FT_RULE_DEREF_FP:
		print_deref(out, "rbp", NULL, rule->cfa);
		break;
	case FT_RULE_PLT:
		fprintf(out, "plt%+d", rule->cfa);
		break;
	case FT_RULE_SIGNAL:
		fprintf(out, "signal%+d", rule->cfa);
		break;
	case FT_RULE_FRAME_POINTER:
		fputs("frame-pointer", out);
		break;
	case FT_RULE_REGISTER:
		fprintf(out, "%s%+d", register_name(rule->step), rule->cfa);
		break;
	case FT_RULE_DEREF_REGISTER:
		print_deref(out, register_name(rule->step), NULL, rule->cfa);
		break;
	case FT_RULE_DEREF_INDEXED:
		print_deref(out, "rsp", register_name(rule->step), rule->cfa);
		break;
	default:
		fputs("none", out);
	}
}

static void print_saved(FILE *out, const struct ft_unwind_rule *rule)
{
	switch (rule->kind) {
	case FT_RULE_NONE:
	case FT_RULE_ROOT:
	case FT_RULE_SIGNAL:
	case FT_RULE_FRAME_POINTER:
		fputs(rule->kind == FT_RULE_ROOT ? " u u\n" : " - -\n", out);
		return;
	default:
		break;
	}
	if (rule->fp == FT_RULE_FP_SAME)
		fputs(" =", out);
	else if (rule->fp == FT_RULE_FP_UNDEFINED)
		fputs(" u", out);
	else if (rule->fp == FT_RULE_FP_AT_FP)
		fputs(" *rbp", out);
	else
		fprintf(out, " c%+d", rule->fp * 8);
	fprintf(out, " %s\n",
		rule->kind == FT_RULE_RA_REGISTER ? register_name(rule->step) : "c-8");
}

static void print_row(FILE *out, uint64_t offset, const struct ft_unwind_rule *rule)
{
	fprintf(out, "%" PRIx64 " ", offset);
	print_cfa(out, rule);
	print_saved(out, rule);
}

/* A row with a step is printed as the two it stands for. */
static void print_rows(FILE *out, const struct ft_cfi_table *table)
{
	for (uint32_t p = 0; p < table->n_pages; p++) {
		const struct ft_unwind_page *page = &table->pages[p];
		uint64_t start = (uint64_t)page->number << FT_UNWIND_PAGE_BITS;

		for (uint32_t i = page->first; i < page->first + page->n; i++) {
			uint64_t offset = start + FT_UNWIND_ROW_OFFSET(table->rows[i]);
			struct ft_unwind_rule rule =
				table->rules[FT_UNWIND_ROW_RULE(table->rows[i])];

			print_row(out, offset, &rule);
			if ((rule.kind != FT_RULE_SP && rule.kind != FT_RULE_FP) || !rule.step)
				continue;
			offset += FT_RULE_STEP_BYTES(rule.step);
			rule = ft_cfi_find(table, offset);
			print_row(out, offset, &rule);
		}
	}
}

static void print_identity(FILE *out, const struct ft_elf *elf, uint64_t size)
{
	fputs("build-id        ", out);
	for (uint32_t i = 0; i < elf->n_build_id; i++)
		fprintf(out, "%02x", elf->build_id[i]);
	fprintf(out, "%s\nsize            %" PRIu64 " bytes\n", elf->n_build_id ? "" : "none",
		size);
}

static void print_trust(FILE *out, const struct ft_codemap *map, const struct ft_cfi_facts *facts)
{
	const char *trusted = facts->keeps_frame_pointers ? "trusted" : "not trusted";

	if (map->is_go)
		fputs("frame pointers  trusted: Go keeps them\n", out);
	else if (facts->n_functions == 0)
		fprintf(out, "frame pointers  %s: no function lacks frame information\n", trusted);
	else
		fprintf(out,
			"frame pointers  %s: saved by %" PRIu32 " of %" PRIu32
			" functions seen without frame information\n",
			trusted, facts->n_prologues, facts->n_functions);
}

static void print_summary(FILE *out, const struct ft_codemap *map, uint64_t size,
			  const struct ft_cfi_table *table)
{
	const struct ft_cfi_facts *facts = &table->facts;
	uint64_t bytes = (uint64_t)table->n_rows * sizeof(*table->rows) +
			 (uint64_t)table->n_rules * sizeof(*table->rules) +
			 (uint64_t)table->n_pages * sizeof(*table->pages);

	print_identity(out, &map->elf, size);
	fprintf(out, "functions       %" PRIu32 " described, %" PRIu32 " refused\n", facts->n_fdes,
		facts->n_bad_fdes);
	fprintf(out, "rows            %" PRIu32 " of %" PRIu32 "\n", table->n_rows,
		facts->n_raw_rows);
	fprintf(out, "rules           %" PRIu32 "\npages           %" PRIu32 "\n", table->n_rules,
		table->n_pages);
	fprintf(out, "table           %" PRIu64 " bytes\n", bytes);
	fprintf(out, "coverage        %.2f %% of %" PRIu64 " bytes of code\n",
		facts->text_bytes ? 100.0 * (double)facts->covered_bytes / (double)facts->text_bytes
				  : 0.0,
		facts->text_bytes);
	print_trust(out, map, facts);
}

int ft_inspect_print(int fd, const struct ft_inspect_what *what, FILE *out)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	_cleanup_window_ struct ft_window window = { 0 };
	_cleanup_free_ struct ft_codemap *map = calloc(1, sizeof(*map));
	uint64_t offset, left;
	int r = ft_cfi_build(fd, &table);

	if (r != 0)
		return r;
	if (!map)
		return -ENOMEM;
	r = ft_window_init(&window, fd, FT_WINDOW_LARGE);
	if (r == 0)
		r = ft_codemap_read(&window, map);
	if (r < 0)
		return r;
	if (what->has_address) {
		struct ft_unwind_rule rule;

		if (!ft_codemap_offset_of(map, what->address, &offset, &left))
			return -ENXIO;
		rule = ft_cfi_find(table, offset);
		print_row(out, offset, &rule);
	} else if (what->rows) {
		print_rows(out, table);
	} else {
		print_summary(out, map, window.size, table);
	}
	return fflush(out) == 0 ? 0 : -errno;
}
