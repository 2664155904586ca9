/* Which of several symbols an address belongs to, on tables made for the purpose and on
 * this very program. */
#include "symbolizer/symtab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "symbolizer/ranges.h"
#include "symbolizer/symname.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"
#include "tests/unit/elf_image.h"

struct opened {
	int fd;
	struct ft_window window;
	struct ft_elf elf;
	struct ft_symtab *table;
};

static void opened_deinit(struct opened *opened)
{
	ft_symtab_freep(&opened->table);
	ft_window_deinit(&opened->window);
	ft_closep(&opened->fd);
}
#define _cleanup_opened_ FT_CLEANUP(opened_deinit)

static int open_fd(int fd, struct opened *opened)
{
	int r;

	opened->fd = fd;
	r = ft_window_init(&opened->window, fd, FT_WINDOW_LARGE);
	if (r == 0)
		r = ft_elf_read(&opened->window, &opened->elf);
	if (r == 0)
		r = ft_symtab_new(&opened->window, &opened->elf, &opened->table);
	return r;
}

static void open_image(const struct image_options *options, struct opened *opened)
{
	struct image image;

	image_make(&image, options);
	ck_assert_int_eq(open_fd(image_file(image.bytes, image.len), opened), 0);
}

/* The name at offset of the text is as expected; NULL: none. */
static void check_name(struct opened *opened, uint64_t offset, const char *expected)
{
	char name[64];
	int r = ft_symtab_name(opened->table, &opened->window, IMAGE_ADDRESS + offset, name,
			       sizeof(name));

	if (!expected) {
		ck_assert_msg(r == 0, "at %#lx: %s instead of none", offset, r > 0 ? name : "?");
		return;
	}
	ck_assert_msg(r > 0, "at %#lx: %d instead of %s", offset, r, expected);
	ck_assert_str_eq(name, expected);
}

#define SYMBOL(n, offset, bytes, bind, kind)                                                       \
	{                                                                                          \
		(n), IMAGE_ADDRESS + (offset), (bytes), STB_##bind, STT_##kind, IMAGE_SECTION_TEXT \
	}

/* Each case has a stretch of 32 bytes of its own, at 32 times its number. */
static const struct image_symbol symbols[] = {
	/* 0: a sized function, then a gap */
	SYMBOL("sized", 0, 8, GLOBAL, FUNC),
	/* 1: two unsized ones, each up to the next */
	SYMBOL("first", 0x20, 0, GLOBAL, FUNC),
	SYMBOL("second", 0x30, 0, LOCAL, NOTYPE),
	/* 2: nesting */
	SYMBOL("outer", 0x40, 0x20, GLOBAL, FUNC),
	SYMBOL("inner", 0x48, 8, LOCAL, FUNC),
	SYMBOL("innermost", 0x4a, 2, LOCAL, FUNC),
	SYMBOL("inside_unsized", 0x58, 0, GLOBAL, FUNC),
	/* 3: crossing */
	SYMBOL("left", 0x60, 0x10, GLOBAL, FUNC),
	SYMBOL("right", 0x68, 0x10, GLOBAL, FUNC),
	/* 4: binding, then kind */
	SYMBOL("local", 0x80, 8, LOCAL, FUNC),
	SYMBOL("weak_but_long", 0x80, 8, WEAK, FUNC),
	SYMBOL("the_global_one", 0x80, 8, GLOBAL, FUNC),
	SYMBOL("x", 0x90, 8, GLOBAL, NOTYPE),
	SYMBOL("function", 0x90, 8, LOCAL, GNU_IFUNC),
	/* 5: names */
	SYMBOL("_memcpy", 0xa0, 8, GLOBAL, FUNC),
	SYMBOL("memcpy.cold", 0xa0, 8, GLOBAL, FUNC),
	SYMBOL("memcpy_long", 0xa0, 8, GLOBAL, FUNC),
	SYMBOL("memcpy", 0xa0, 8, GLOBAL, FUNC),
	SYMBOL("__mem", 0xa0, 8, GLOBAL, FUNC),
	/* 6: no names */
	SYMBOL("$x", 0xc0, 0, LOCAL, NOTYPE),
	SYMBOL("$d.7", 0xc0, 0, LOCAL, NOTYPE),
	SYMBOL(".Lloop", 0xc8, 0, LOCAL, NOTYPE),
	SYMBOL("section", 0xc0, 8, LOCAL, SECTION),
	SYMBOL("variable", 0xc0, 8, GLOBAL, OBJECT),
	SYMBOL("", 0xc0, 8, GLOBAL, FUNC),
	{ "undefined", IMAGE_ADDRESS + 0xc0, 8, STB_GLOBAL, STT_FUNC, SHN_UNDEF },
	{ "absolute", IMAGE_ADDRESS + 0xc0, 8, STB_GLOBAL, STT_FUNC, SHN_ABS },
	{ "elsewhere", 0x402000, 8, STB_GLOBAL, STT_FUNC, IMAGE_SECTION_DATA },
	/* 7: one start, two sizes: the better one, then the longer one */
	SYMBOL("long_local", 0xe0, 16, LOCAL, FUNC),
	SYMBOL("short_global", 0xe0, 8, GLOBAL, FUNC),
	/* 8: a label at the start of a function does not fill the gap behind it */
	SYMBOL("begin", 0x100, 0, GLOBAL, NOTYPE),
	SYMBOL("body", 0x100, 4, LOCAL, FUNC),
	/* 9: equal but for the size */
	SYMBOL("longer", 0x120, 16, GLOBAL, FUNC),
	SYMBOL("short", 0x120, 8, GLOBAL, FUNC),
	/* up to the end of the section */
	SYMBOL("$not_mapping", 0x1f0, 0, GLOBAL, NOTYPE),
};

static const struct {
	uint64_t offset;
	const char *name;
} lookups[] = {
	{ 0, "sized" },
	{ 7, "sized" },
	{ 8, NULL },
	{ 0x1f, NULL },
	{ 0x20, "first" },
	{ 0x2f, "first" },
	{ 0x30, "second" },
	{ 0x3f, "second" },
	{ 0x40, "outer" },
	{ 0x47, "outer" },
	{ 0x48, "inner" },
	{ 0x4a, "innermost" },
	{ 0x4b, "innermost" },
	{ 0x4c, "inner" },
	{ 0x50, "outer" },
	{ 0x58, "outer" },
	{ 0x5f, "outer" },
	{ 0x67, "left" },
	{ 0x68, "right" },
	{ 0x77, "right" },
	{ 0x78, NULL },
	{ 0x80, "the_global_one" },
	{ 0x88, NULL },
	{ 0x90, "function" },
	{ 0xa0, "memcpy" },
	{ 0xa8, NULL },
	{ 0xc0, NULL },
	{ 0xc8, NULL },
	{ 0xe0, "short_global" },
	{ 0xe8, "long_local" },
	{ 0xf0, NULL },
	{ 0x100, "body" },
	{ 0x104, NULL },
	{ 0x1ef, NULL },
	{ 0x127, "short" },
	{ 0x128, "longer" },
	{ 0x1f0, "$not_mapping" },
	{ 0x1ff, "$not_mapping" },
	{ 0x200, NULL },
	{ UINT64_MAX - IMAGE_ADDRESS, NULL },
	{ 0x402000 - IMAGE_ADDRESS, NULL },
};

START_TEST(finds_what_covers)
{
	const struct image_options options = { .symbols = symbols,
					       .n_symbols = FT_COUNT(symbols),
					       .dynsym = _i % 2 };
	_cleanup_opened_ struct opened opened = { .fd = -1 };

	open_image(&options, &opened);
	check_name(&opened, lookups[_i / 2].offset, lookups[_i / 2].name);
}
END_TEST

static const struct image_symbol around_entry[] = {
	SYMBOL("before", 0x0, 0x10, GLOBAL, FUNC),
	SYMBOL("after", 0x48, 8, GLOBAL, FUNC),
};

static const struct {
	uint64_t entry;
	bool library;
	uint64_t offset;
	const char *name;
} entries[] = {
	{ 0x10, false, 0x10, "_start" }, { 0x10, false, 0x3f, "_start" },
	{ 0x10, false, 0x40, NULL },	 { 0x40, false, 0x47, "_start" },
	{ 0x40, false, 0x48, "after" },	 { 0x08, false, 0x08, "before" },
	{ 0x08, false, 0x10, NULL },	 { 0x48, false, 0x48, "after" },
	{ 0x10, true, 0x10, NULL },	 { 0x1f0, false, 0x1ff, "_start" },
	{ 0x200, false, 0x200, NULL },	 { UINT64_MAX - IMAGE_ADDRESS, false, 0x10, NULL },
};

START_TEST(names_the_entry_point)
{
	const struct image_options options = { .symbols = around_entry,
					       .n_symbols = FT_COUNT(around_entry),
					       .library = entries[_i].library,
					       .entry = IMAGE_ADDRESS + entries[_i].entry };
	_cleanup_opened_ struct opened opened = { .fd = -1 };

	open_image(&options, &opened);
	check_name(&opened, entries[_i].offset, entries[_i].name);
}
END_TEST

/* A table whose last name never ends: the others still have theirs. */
START_TEST(survives_unterminated_names)
{
	const struct image_symbol two[] = { SYMBOL("good", 0, 8, GLOBAL, FUNC),
					    SYMBOL("bad", 8, 8, GLOBAL, FUNC),
					    SYMBOL("bad", 8, 8, GLOBAL, FUNC) };
	const struct image_options options = { .symbols = two, .n_symbols = FT_COUNT(two) };
	_cleanup_opened_ struct opened opened = { .fd = -1 };
	struct image image;
	uint64_t size;
	char name[64];

	image_make(&image, &options);
	memcpy(&size,
	       image.bytes + image.sections + IMAGE_SECTION_STRINGS * sizeof(Elf64_Shdr) +
		       offsetof(Elf64_Shdr, sh_size),
	       8);
	size--;
	memcpy(image.bytes + image.sections + IMAGE_SECTION_STRINGS * sizeof(Elf64_Shdr) +
		       offsetof(Elf64_Shdr, sh_size),
	       &size, 8);
	ck_assert_int_eq(open_fd(image_file(image.bytes, image.len), &opened), 0);
	check_name(&opened, 0, "good");
	check_name(&opened, 8, "bad"); /* of its two names the one that ends */
	ck_assert_int_eq(ft_symtab_name(opened.table, &opened.window, IMAGE_ADDRESS, name, 3), 2);
	ck_assert_str_eq(name, "go");
}
END_TEST

__attribute__((noinline)) void ft_test_known_function(void);
void ft_test_known_function(void)
{
	__asm__ volatile("");
}

/* From the address in memory to the offset in the file, as the mappings tell it. */
static uint64_t offset_of(const void *address)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uint64_t at = (uint64_t)(uintptr_t)address, result = UINT64_MAX;
	char line[512];

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start, end, offset;

		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 && at >= start &&
		    at < end)
			result = at - start + offset;
	}
	fclose(maps);
	return result;
}

START_TEST(finds_itself)
{
	_cleanup_opened_ struct opened opened = { .fd = -1 };
	uint64_t offset = offset_of((const void *)(uintptr_t)ft_test_known_function), address;
	char name[64];

	ck_assert_int_eq(open_fd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), &opened), 0);
	ck_assert(opened.elf.is_program);
	ck_assert(ft_elf_address_of(&opened.elf, offset, &address));
	ck_assert_int_gt(ft_symtab_name(opened.table, &opened.window, address, name, sizeof(name)),
			 0);
	ck_assert_str_eq(name, "ft_test_known_function");
	ck_assert_int_gt(
		ft_symtab_name(opened.table, &opened.window, opened.elf.entry, name, sizeof(name)),
		0);
	ck_assert_str_eq(name, "_start");
}
END_TEST

static int open_without_memory(void *context)
{
	_cleanup_opened_ struct opened opened = { .fd = -1 };

	return open_fd(dup(*(int *)context), &opened);
}

START_TEST(says_when_memory_is_short)
{
	const struct image_options options = { .symbols = symbols, .n_symbols = FT_COUNT(symbols) };
	_cleanup_close_ int fd = -1;
	struct image image;

	image_make(&image, &options);
	fd = image_file(image.bytes, image.len);
	ck_assert_uint_ge(ft_alloc_each(open_without_memory, &fd), 5);
}
END_TEST

/* Many symbols with addresses and sizes drawn from few values, so that they nest and cross
 * in every way, against the rule written as a search over all of them. */
START_TEST(agrees_with_the_rule)
{
	struct ft_symbol many[40];
	struct ft_ranges ranges;
	uint32_t random = (uint32_t)_i + 1;

	for (uint32_t i = 0; i < FT_COUNT(many); i++) {
		random = random * 1664525 + 1013904223;
		many[i] = (struct ft_symbol){ .start = random >> 24 & 0x3f,
					      .size = 1 + (random >> 16 & 0x1f),
					      .name = i,
					      .rank = FT_RANK_SIZED + (random >> 12 & 1) };
	}
	qsort(many, FT_COUNT(many), sizeof(many[0]), ft_symbol_compare);
	ck_assert_int_eq(ft_ranges_make(many, FT_COUNT(many), &ranges), 0);
	for (uint32_t at = 0; at < 0x80; at++) {
		const struct ft_range *range = ft_ranges_find(&ranges, at);
		const struct ft_symbol *best = NULL;

		for (uint32_t i = 0; i < FT_COUNT(many); i++)
			if (at >= many[i].start && at - many[i].start < many[i].size)
				best = &many[i]; /* the order is from worse to better */
		ck_assert_int_eq(range != NULL, best != NULL);
		if (best)
			ck_assert_uint_eq(range->name, best->name);
	}
	ft_ranges_deinit(&ranges);
}
END_TEST

static const struct {
	const char *name, *shown;
} names[] = {
	{ "main", "main" },
	{ "_ZN3foo3barEi", "foo::bar(int)" },
	{ "_Z3foov.cold", "foo() [clone .cold]" },
	{ "_Zgarbage", "_Zgarbage" },
	{ "memcpy@@GLIBC_2.14", "memcpy" },
	{ "@odd", "@odd" },
	{ "_Z", "_Z" },
};

START_TEST(shows_names)
{
	char out[64];

	ck_assert_uint_eq(ft_symname_display(names[_i].name, out, sizeof(out)),
			  strlen(names[_i].shown));
	ck_assert_str_eq(out, names[_i].shown);
}
END_TEST

START_TEST(leaves_long_names)
{
	char name[FT_SYMNAME_MAX_MANGLED + 8], out[FT_SYM_MAX_NAME];

	ck_assert_uint_eq(ft_symname_display("_ZN3foo3barEi", out, 13), 12); /* one too short */
	ck_assert_str_eq(out, "_ZN3foo3barE");
	/* A name whose meaning is as long as it is. */
	snprintf(name, sizeof(name), "_Z2040%0*dv", 2040, 0);
	memset(name + 6, 'f', 2040);
	ck_assert_uint_gt(strlen(name), FT_SYMNAME_MAX_MANGLED - 2);
	ck_assert_uint_ge(ft_symname_display(name, out, sizeof(out)), 2040);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, finds_what_covers, 0, 2 * FT_CASES(lookups));
	tcase_add_loop_test(tc, names_the_entry_point, 0, FT_CASES(entries));
	tcase_add_test(tc, survives_unterminated_names);
	tcase_add_test(tc, finds_itself);
	tcase_add_test(tc, says_when_memory_is_short);
	tcase_add_loop_test(tc, agrees_with_the_rule, 0, 50);
	tcase_add_loop_test(tc, shows_names, 0, FT_CASES(names));
	tcase_add_test(tc, leaves_long_names);
}

FT_CHECK_MAIN("symtab", add_tests)
