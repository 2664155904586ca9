/* pprof is read by other people's tools and written by them: what we write is checked by
 * a decoder of its own here, field by field, and what we read may be anything. */
#include <errno.h>
#include <string.h>

#include "agent/profile/formats.h"
#include "agent/profile/tree.h"
#include "base/gzip.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"
#include "tests/ft_pprof_text.h"
#include "tests/ft_stacks.h"

#define MAX_BYTES (64u << 20)

/* ---- writing ---- */

static const char *const sample[] = {
	"sh;main!a.c:3;work>in!b.c:9;read@[kernel.kallsyms] 3",
	"sh;main!a.c:3;?77@app 4",
	"my prog;start@big;f@libc.so.6 50",
	";g!g.c:1@other 1",
};

static struct ft_profile *make_profile(void)
{
	struct ft_profile *profile = ft_stacks_profile(sample, FT_COUNT(sample));

	ck_assert_int_eq(ft_profile_comment(profile, "lost ring_full 3"), 0);
	/* Used by no row: not written. */
	ft_stacks_string(profile, "unused");
	{
		char unused[] = "unused!u.c:1@unused";

		ft_stacks_location(profile, unused);
	}
	return profile;
}

static void write_raw(const struct ft_profile *profile, struct ft_buffer *raw)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);

	*raw = FT_BUFFER_INIT(MAX_BYTES);
	ck_assert_int_eq(ft_pprof_write(profile, &out), 0);
	ck_assert_int_eq(ft_gunzip(out.data, out.len, raw), 0);
}

static const char golden[] =
	"type{ name=samples unit=count }\n"
	"type{ name=cpu unit=nanoseconds }\n"
	"sample{ locations=1,2,3, values=3,3000, label{ key=comm str=sh } "
	"label{ key=pid num=42 } }\n"
	"sample{ locations=4,3, values=4,4000, label{ key=comm str=sh } "
	"label{ key=pid num=42 } }\n"
	"sample{ locations=5,6, values=50,50000, label{ key=comm str=my prog } "
	"label{ key=pid num=42 } }\n"
	"sample{ locations=7, values=1,1000, }\n"
	/* The heaviest program first; what is known of all its locations. */
	"mapping{ id=1 start=4096 limit=5121 file=/bin/big build_id=b01d functions=1 }\n"
	"mapping{ id=2 start=4096 limit=4337 file=/bin/app build_id=b01d }\n"
	"mapping{ id=3 start=4096 limit=4401 file=[kernel.kallsyms] functions=1 }\n"
	"mapping{ id=4 start=4096 limit=5009 file=/bin/libc.so.6 build_id=b01d functions=1 }\n"
	"mapping{ id=5 start=4096 limit=5217 file=/bin/other build_id=b01d functions=1 files=1 "
	"lines=1 inlines=1 }\n";

START_TEST(writes_the_fields_of_the_schema)
{
	_cleanup_profile_ struct ft_profile *profile = make_profile();
	_cleanup_buffer_ struct ft_buffer raw, text = FT_BUFFER_INIT(MAX_BYTES);
	char *have, *from;
	static const char rest[] = "function{ id=1 name=read system=read }\n"
				   "function{ id=2 name=in system=in file=b.c }\n"
				   "function{ id=3 name=work system=work }\n"
				   "function{ id=4 name=main system=main file=a.c }\n"
				   "function{ id=5 name=f system=f }\n"
				   "function{ id=6 name=start system=start }\n"
				   "function{ id=7 name=g system=g file=g.c }\n"
				   "time=1700000000000000000\n"
				   "duration=10000000000\n"
				   "period_type{ name=cpu unit=nanoseconds }\n"
				   "period=1000\n"
				   "comment=lost ring_full 3\n"
				   "default=cpu\n";

	write_raw(profile, &raw);
	ft_pprof_text(raw.data, raw.len, &text);
	ft_buffer_put_u8(&text, 0);
	have = (char *)text.data;
	/* Limits depend on the numbers that the test's own strings have got. */
	from = strstr(have, "location{ id=1");
	ck_assert_ptr_nonnull(from);
	from[-1] = '\0';
	ck_assert_ptr_nonnull(strstr(from, "location{ id=2 mapping=2 address="));
	ck_assert_ptr_nonnull(strstr(from, " line{ function=2 line=9 } line{ function=3 } }\n"));
	ck_assert_ptr_nonnull(strstr(from, "location{ id=4 mapping=2 address=119 }\n"));
	ck_assert_str_eq(strstr(from, "function{ id=1 "), rest);
	for (const char *h = have, *w = golden; *h || *w;) {
		/* All but "limit=" numbers must agree. */
		if (strncmp(h, "limit=", 6) == 0 && strncmp(w, "limit=", 6) == 0) {
			h += 6 + strspn(h + 6, "0123456789");
			w += 6 + strspn(w + 6, "0123456789");
		}
		if (*w == '\n' && *h == '\0' && w[1] == '\0')
			break;
		ck_assert_msg(*h == *w, "have %s want %s", h, w);
		h++;
		w++;
	}
	ck_assert_ptr_null(memmem(raw.data, raw.len, "unused", 6));
	ck_assert_ptr_null(memmem(raw.data, raw.len, "/bin/unused", 11));
}
END_TEST

/* ---- there and back ---- */

static struct ft_profile *read_bytes(const struct ft_buffer *bytes)
{
	struct ft_profile *profile = NULL;
	const char *why = NULL;
	int r = ft_pprof_read(bytes->data, bytes->len, &profile, &why);

	ck_assert_msg(r == 0, "%d: %s", r, why ? why : "");
	return profile;
}

START_TEST(reads_what_it_wrote)
{
	_cleanup_profile_ struct ft_profile *profile = make_profile(), *back = NULL;
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES), again = out,
					  folded = out, folded_back = out;
	const struct ft_profile_info *info;

	ck_assert_int_eq(ft_pprof_write(profile, &out), 0);
	back = read_bytes(&out);
	info = ft_profile_info_const(back);
	ck_assert_uint_eq(info->n_types, 2);
	ck_assert_uint_eq(info->default_type, 1);
	ck_assert_uint_eq(info->time_ns, 1700000000000000000);
	ck_assert_uint_eq(info->duration_ns, 10000000000);
	ck_assert_int_eq(info->period, 1000);
	ck_assert_uint_eq(info->n_samples, 58);
	ck_assert_int_eq(ft_profile_total(back, 0), 58);
	ck_assert_int_eq(ft_profile_total(back, 1), 58000);
	ck_assert_uint_eq(ft_profile_n_rows(back), 4);
	ck_assert_uint_eq(ft_profile_n_comments(back), 1);
	ck_assert_str_eq(ft_profile_get_string(back, ft_profile_get_comment(back, 0), NULL),
			 "lost ring_full 3");
	ck_assert_int_eq(ft_folded_write(profile, 1, &folded), 0);
	ck_assert_int_eq(ft_folded_write(back, 1, &folded_back), 0);
	ck_assert_uint_eq(folded.len, folded_back.len);
	ck_assert_mem_eq(folded.data, folded_back.data, folded.len);
	ck_assert_int_eq(ft_pprof_write(back, &again), 0);
	ck_assert_uint_eq(out.len, again.len);
	ck_assert_mem_eq(out.data, again.data, out.len);
}
END_TEST

START_TEST(empty_profile_is_valid)
{
	_cleanup_profile_ struct ft_profile *profile = ft_stacks_empty(), *back = NULL;
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);

	ck_assert_int_eq(ft_pprof_write(profile, &out), 0);
	back = read_bytes(&out);
	ck_assert_uint_eq(ft_profile_n_rows(back), 0);
	ck_assert_uint_eq(ft_profile_info_const(back)->n_types, 2);
}
END_TEST

/* ---- files of others ---- */

#define STRINGS	 "\x32\0\x32\7samples\x32\5count\x32\4main\x32\x08/bin/app"
#define TYPE	 "\x0a\4\x08\1\x10\2"
#define MAPPING	 "\x1a\4\x08\1\x28\4"
#define FUNCTION "\x2a\4\x08\7\x10\3"
#define LOCATION "\x22\x0c\x08\x05\x10\1\x18\x10\x22\4\x08\7\x10\x09"
#define SAMPLE	 "\x12\4\x08\5\x10\6"
#define GOOD	 STRINGS TYPE MAPPING FUNCTION LOCATION SAMPLE
#define OF(s)	 .bytes = s, .len = sizeof(s) - 1

static const struct {
	const char *bytes;
	size_t len;
	const char *why; /* part of it; NULL: it is read, and its total is 6 */
} files[] = {
	{ OF(GOOD) },
	/* In any order, with what nobody knows, numbers packed or not. */
	{ OF(SAMPLE LOCATION FUNCTION MAPPING TYPE STRINGS) },
	{ OF(GOOD "\xf8\1\1\xfa\1\2ab\xfd\1"
		  "abcd\xf9\1"
		  "abcdefgh") },
	{ OF(STRINGS TYPE MAPPING FUNCTION LOCATION "\x12\7\x0a\2\5\5\x12\1\6") },
	{ OF(STRINGS TYPE FUNCTION LOCATION SAMPLE "\x68\1\x6a\2\1\2") },
	{ OF(STRINGS TYPE "\x12\2\x10\6") },
	{ OF(GOOD "\x48\0\x48\7") },
	/* A label without a value is not there. */
	{ OF(STRINGS TYPE MAPPING FUNCTION LOCATION "\x12\x08\x08\5\x10\6\x1a\2\x08\x63") },
	{ OF(GOOD "\x48\7\x48\x08"), .why = "several profiles" },
	{ OF("\x32\1x" GOOD), .why = "string table" },
	{ OF(STRINGS MAPPING), .why = "no sample types" },
	{ OF(GOOD "\x0b"), .why = "protobuf" },
	{ OF(GOOD "\x0c"), .why = "protobuf" },
	{ OF(GOOD "\x0e"), .why = "protobuf" },
	{ OF(GOOD "\x02\0"), .why = "protobuf" },
	{ OF(GOOD "\x12\x7f\x08"), .why = "cut short" },
	{ OF(GOOD "\x32\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), .why = "cut short" },
	{ OF(GOOD "\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), .why = "cut short" },
	{ OF(GOOD "\x12\2\x08\xff"), .why = "damaged" },
	{ OF(GOOD "\x10\1"), .why = "something else" },
	{ OF(GOOD "\x4a\1\1"), .why = "something else" },
	{ OF(GOOD "\x12\2\x08\5"), .why = "one value for each" },
	{ OF(GOOD "\x12\6\x08\5\x10\6\x10\6"), .why = "one value for each" },
	{ OF(GOOD "\x12\4\x08\6\x10\6"), .why = "location that is not there" },
	{ OF(GOOD "\x12\4\x08\0\x10\6"), .why = "location that is not there" },
	{ OF(GOOD MAPPING), .why = "mapping's id" },
	{ OF(GOOD "\x1a\0"), .why = "mapping's id" },
	{ OF(GOOD FUNCTION), .why = "function's id" },
	{ OF(GOOD "\x2a\0"), .why = "function's id" },
	{ OF(GOOD LOCATION), .why = "location's id" },
	{ OF(GOOD "\x22\0"), .why = "location's id" },
	{ OF(GOOD "\x22\6\x08\6\x22\2\x08\6"), .why = "no function" },
	{ OF(GOOD "\x22\4\x08\6\x22\0"), .why = "no function" },
	{ OF(GOOD "\x2a\4\x08\1\x10\5"), .why = "string index" },
	{ OF(GOOD "\x2a\x0d\x08\1\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"),
	  .why = "string index" },
	{ OF(GOOD "\x1a\4\x08\3\x28\5"), .why = "string index" },
	{ OF(GOOD "\x12\x0a\x08\5\x10\6\x1a\4\x08\5\x10\1"), .why = "string index" },
	{ OF(GOOD "\x70\x63"), .why = "string index" },
	{ OF(GOOD "\x6a\1\x80"), .why = "comment" },
	{ OF(GOOD "\x12\x0c\x08\5\x10\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
		  "\x12\x0c\x08\5\x10\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
	  .why = "too large to add" },
	{ OF(GOOD TYPE TYPE TYPE TYPE TYPE TYPE TYPE TYPE), .why = "8 sample types" },
	{ OF(""), .why = "empty" },
	{ OF("PERFILE2...."), .why = "perf.data" },
	{ OF("heap profile: 1: 2"), .why = "old text" },
	{ OF("goroutine profile: total 1"), .why = "text" },
	{ OF("\0\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0\0"), .why = "gperftools" },
	{ OF("main;work 3\n"), .why = "protobuf" },
	{ OF("\x1f\x8b\x08\0\0\0\0\0\0\3"), .why = "gzip" },
};

START_TEST(judges_file)
{
	struct ft_profile *profile = NULL;
	const char *why = NULL;
	int r = ft_pprof_read((const uint8_t *)files[_i].bytes, files[_i].len, &profile, &why);

	if (files[_i].why) {
		ck_assert_int_eq(r, -EBADMSG);
		ck_assert_ptr_null(profile);
		ck_assert_ptr_nonnull(why);
		ck_assert_msg(strstr(why, files[_i].why), "why: %s", why);
		return;
	}
	ck_assert_msg(r == 0, "why: %s", why ? why : "");
	ck_assert_int_eq(ft_profile_total(profile, 0), 6);
	ft_profile_freep(&profile);
}
END_TEST

START_TEST(keeps_what_it_reads)
{
	struct ft_buffer file = { .data = (uint8_t *)GOOD, .len = sizeof(GOOD) - 1 };
	_cleanup_profile_ struct ft_profile *profile = read_bytes(&file);
	const struct ft_profile_info *info = ft_profile_info_const(profile);
	struct ft_profile_row row = ft_profile_get_row(profile, 0);
	struct ft_profile_location location;
	const struct ft_profile_mapping *mapping;
	uint32_t n;

	ck_assert_uint_eq(info->n_types, 1);
	ck_assert_uint_eq(info->default_type, 0);
	ck_assert_uint_eq(info->n_samples, 6);
	location = ft_profile_get_location(profile, *ft_profile_get_stack(profile, row.stack, &n));
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(location.address, 16);
	ck_assert_uint_eq(location.n_lines, 1);
	ck_assert_int_eq(location.lines[0].line, 9);
	ck_assert_uint_eq(location.lines[0].flags, 0);
	mapping = ft_profile_get_mapping(profile, location.mapping);
	ck_assert_str_eq(ft_profile_get_string(profile, mapping->path, NULL), "/bin/app");
	ck_assert_uint_eq(mapping->kind, FT_FILE_OTHER);
}
END_TEST

/* ---- damage ---- */

/* Whatever is read must be fit for every writer. */
static void use(const uint8_t *bytes, size_t len)
{
	_cleanup_profile_ struct ft_profile *profile = NULL;
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);
	struct ft_tree_options options = { .with_process = true, .with_lines = true };
	const char *why = NULL;
	int r = ft_pprof_read(bytes, len, &profile, &why);

	ck_assert(r == 0 || r == -EBADMSG || r == -EFBIG);
	ck_assert(r != -EBADMSG || why);
	if (r < 0)
		return;
	ck_assert_int_eq(ft_pprof_write(profile, &out), 0);
	ck_assert_int_eq(ft_tree_write(profile, &options, &out), 0);
	ck_assert_int_eq(ft_folded_write(profile, 0, &out), 0);
	ck_assert_int_eq(ft_speedscope_write(profile, 0, "x", &out), 0);
	ck_assert_int_eq(ft_top_write(profile, 0, 10, 80, &out), 0);
}

START_TEST(survives_flipped_bits)
{
	_cleanup_profile_ struct ft_profile *profile = make_profile();
	_cleanup_buffer_ struct ft_buffer raw;

	write_raw(profile, &raw);
	for (size_t bit = 0; bit < raw.len * 8; bit++) {
		raw.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		use(raw.data, raw.len);
		raw.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

START_TEST(survives_cuts)
{
	_cleanup_profile_ struct ft_profile *profile = make_profile();
	_cleanup_buffer_ struct ft_buffer raw, out = FT_BUFFER_INIT(MAX_BYTES);

	write_raw(profile, &raw);
	for (size_t len = 0; len < raw.len; len++) {
		_cleanup_free_ uint8_t *part = malloc(len + 1);

		memcpy(part, raw.data, len);
		use(part, len);
	}
	ck_assert_int_eq(ft_pprof_write(profile, &out), 0);
	for (size_t len = 1; len < out.len; len++) {
		struct ft_profile *none = NULL;
		const char *why = NULL;

		ck_assert_int_eq(ft_pprof_read(out.data, len, &none, &why), -EBADMSG);
	}
}
END_TEST

START_TEST(refuses_files_put_together)
{
	_cleanup_profile_ struct ft_profile *profile = make_profile();
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);
	struct ft_profile *none = NULL;
	const char *why = NULL;

	ck_assert_int_eq(ft_pprof_write(profile, &out), 0);
	ck_assert_int_eq(ft_pprof_write(profile, &out), 0);
	ck_assert_int_eq(ft_pprof_read(out.data, out.len, &none, &why), -EBADMSG);
}
END_TEST

/* One message of small parts that would unpack to far more than it takes. */
START_TEST(bounds_what_a_message_becomes)
{
	enum { LABELS = 4u << 20 };
	_cleanup_buffer_ struct ft_buffer file = FT_BUFFER_INIT(MAX_BYTES);
	struct ft_profile *none = NULL;
	const char *why = NULL;

	ft_buffer_put(&file, STRINGS TYPE "\x12", sizeof(STRINGS TYPE));
	ft_buffer_put_varint(&file, 2 * LABELS);
	for (unsigned int i = 0; i < LABELS; i++)
		ft_buffer_put(&file, "\x1a\0", 2);
	ck_assert_int_eq(file.error, 0);
	ck_assert_int_eq(ft_pprof_read(file.data, file.len, &none, &why), -EFBIG);
}
END_TEST

static int write_and_read(void *context)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(MAX_BYTES);
	_cleanup_profile_ struct ft_profile *back = NULL;
	const char *why;
	int r = ft_pprof_write(context, &out);

	return r < 0 ? r : ft_pprof_read(out.data, out.len, &back, &why);
}

START_TEST(survives_lack_of_memory)
{
	_cleanup_profile_ struct ft_profile *profile = make_profile();

	ft_alloc_each(write_and_read, profile);
}
END_TEST

START_TEST(stops_at_the_limit_of_the_buffer)
{
	_cleanup_profile_ struct ft_profile *profile = make_profile();

	for (size_t max = 0; max < 300; max += 20) {
		_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(max);

		ck_assert_int_eq(ft_pprof_write(profile, &out), -EFBIG);
	}
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, writes_the_fields_of_the_schema);
	tcase_add_test(tc, reads_what_it_wrote);
	tcase_add_test(tc, empty_profile_is_valid);
	tcase_add_loop_test(tc, judges_file, 0, FT_CASES(files));
	tcase_add_test(tc, keeps_what_it_reads);
	tcase_add_test(tc, survives_flipped_bits);
	tcase_add_test(tc, survives_cuts);
	tcase_add_test(tc, refuses_files_put_together);
	tcase_add_test(tc, bounds_what_a_message_becomes);
	tcase_add_test(tc, survives_lack_of_memory);
	tcase_add_test(tc, stops_at_the_limit_of_the_buffer);
}

FT_CHECK_MAIN("pprof", add_tests)
