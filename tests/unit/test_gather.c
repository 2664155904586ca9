/* A gathered profile must say what the stream said last: names, build-ids and segments
 * that come late, labels as they were asked for, what was lost, in range and of the kind. */
#include "agent/profile/gather.h"

#include <stdio.h>
#include <string.h>

#include "flametrail/event.h"
#include "tests/ft_check.h"
#include "tests/ft_slices.h"

START_TEST(nothing_yet)
{
	_cleanup_gather_ struct ft_gather *g = new_gather((struct ft_gather_options){ 0 });
	_cleanup_profile_ struct ft_profile *p = finish(g);

	ck_assert_uint_eq(ft_profile_n_rows(p), 0);
	ck_assert_uint_eq(ft_profile_info(p)->n_types, 1);
	ck_assert_int_eq(ft_profile_total(p, 0), 0);
}
END_TEST

START_TEST(facts_and_comments)
{
	_cleanup_gather_ struct ft_gather *g = new_gather((struct ft_gather_options){ 0 });
	_cleanup_profile_ struct ft_profile *p = NULL;
	const struct ft_profile_info *info;

	for (uint64_t i = 0; i < 3; i++) {
		struct slice s = begin(i);

		if (i == 0) {
			dictionary(&s);
			string(&s, 5, "ring_full");
			ft_slice_put_host(&s.bytes, &(struct ft_slice_host){ "h\x1bst", "6.1", "b",
									     "flametrail 1", 2 });
		}
		sample(&s, (struct ft_slice_sample){ .stack = 1, .count = 1, .value = 10 });
		if (i)
			sample(&s, (struct ft_slice_sample){
					   .outcome = FT_OUTCOME_BROKEN, .count = 1, .value = 10 });
		count(&s, 5, i);
		ck_assert_int_eq(end_with(&s, g), 0);
	}
	p = finish(g);
	info = ft_profile_info(p);
	ck_assert_uint_eq(info->time_ns, START);
	ck_assert_uint_eq(info->duration_ns, 3 * SECOND);
	ck_assert_uint_eq(info->n_samples, 5);
	ck_assert_uint_eq(info->n_types, 2);
	ck_assert_uint_eq(info->default_type, 1);
	ck_assert_int_eq(info->period, 10000000);
	ck_assert_str_eq(text_of(p, info->types[0].type), "samples");
	ck_assert_str_eq(text_of(p, info->types[0].unit), "count");
	ck_assert_str_eq(text_of(p, info->types[1].type), "cpu");
	ck_assert_str_eq(text_of(p, info->types[1].unit), "nanoseconds");
	ck_assert_str_eq(text_of(p, info->period_type.type), "cpu");
	ck_assert_uint_eq(ft_profile_n_comments(p), 5);
	ck_assert(has_comment(p, "outcome complete 3"));
	ck_assert(has_comment(p, "outcome broken 2"));
	ck_assert(has_comment(p, "lost ring_full 3"));
	ck_assert(has_comment(p, "host h?st, kernel 6.1, CPUs 2"));
	ck_assert(has_comment(p, "agent flametrail 1"));
}
END_TEST

/* A name, a build-id and a segment that come two slices after the sample. */
START_TEST(late_knowledge_is_used)
{
	_cleanup_gather_ struct ft_gather *g = new_gather((struct ft_gather_options){ 0 });
	_cleanup_profile_ struct ft_profile *before = NULL, *after = NULL;
	const struct ft_segment segment = { 0x1080, 0x1000, 0x401080 };
	const struct ft_line lines[] = { { 2, 0, 1, 12, 3, FT_LINE_INLINED },
					 { 4, 2, 0, 0, 0, 0 } };
	const struct ft_profile_mapping *m;
	struct ft_profile_location l;
	struct slice s = begin(0);
	char text[128];
	uint32_t n;

	dictionary(&s);
	sample(&s, (struct ft_slice_sample){ .stack = 1, .count = 1, .value = 10 });
	ck_assert_int_eq(end_with(&s, g), 0);
	before = finish(g);
	ck_assert_str_eq(frames_of(before, 0, text, sizeof(text)), "app+0x1100;app+0x1200");
	m = ft_profile_get_mapping(before, 1);
	ck_assert_uint_eq(m->start, 0);
	ck_assert_uint_eq(m->limit, 0);

	s = begin(1);
	ft_slice_put_names(&s.bytes, &(struct ft_slice_names){ 2, 1, lines + 1 });
	ck_assert_int_eq(end_with(&s, g), 0);
	s = begin(2);
	string(&s, 5, "abcdef");
	ft_slice_put_names(&s.bytes, &(struct ft_slice_names){ 2, 2, lines });
	ft_slice_put_file(&s.bytes,
			  &(struct ft_slice_file){ 1, FT_FILE_ELF, 1, 5, 0, 1, &segment });
	ck_assert_int_eq(end_with(&s, g), 0);

	after = finish(g);
	ck_assert_str_eq(frames_of(after, 0, text, sizeof(text)), "app+0x401100;main");
	ck_assert_uint_eq(ft_profile_n_mappings(after), 1);
	m = ft_profile_get_mapping(after, 1);
	ck_assert_str_eq(text_of(after, m->path), "/bin/app");
	ck_assert_str_eq(text_of(after, m->build_id), "abcdef");
	ck_assert_uint_eq(m->start, 0x401000);
	ck_assert_uint_eq(m->limit, 0x403000);
	ck_assert_uint_eq(m->offset, 0x1000);
	l = ft_profile_get_location(after, ft_profile_get_stack(after, 1, &n)[1]);
	ck_assert_uint_eq(l.n_lines, 2);
	ck_assert_uint_eq(l.lines[0].flags, FT_LINE_INLINED);
	ck_assert_int_eq(l.lines[0].line, 12);
	ck_assert_int_eq(l.lines[0].column, 3);
	ck_assert_str_eq(
		text_of(after, ft_profile_get_function(after, l.lines[1].function)->system),
		"main");
}
END_TEST

/* Names of one location come again with more lines and with fewer. */
START_TEST(last_names_hold)
{
	static const uint32_t lengths[] = { 1, 3, 2, 0, 4, FT_SLICE_MAX_LINES, 1 };
	static struct ft_line lines[FT_SLICE_MAX_LINES];
	_cleanup_gather_ struct ft_gather *g = new_gather((struct ft_gather_options){ 0 });

	for (uint32_t i = 0; i < FT_COUNT(lengths); i++) {
		_cleanup_profile_ struct ft_profile *p = NULL;
		struct ft_profile_location l;
		struct slice s = begin(i);

		if (i == 0) {
			dictionary(&s);
			sample(&s, (struct ft_slice_sample){ .stack = 2, .count = 1 });
		}
		for (uint32_t k = 0; k < lengths[i]; k++)
			lines[k] = (struct ft_line){ .function = 2, .line = 1000 * i + k };
		ft_slice_put_names(&s.bytes, &(struct ft_slice_names){ 2, lengths[i], lines });
		ck_assert_int_eq(end_with(&s, g), 0);
		p = finish(g);
		ck_assert_uint_eq(ft_profile_n_locations(p), 1);
		l = ft_profile_get_location(p, 1);
		ck_assert_uint_eq(l.n_lines, lengths[i]);
		for (uint32_t k = 0; k < l.n_lines; k++)
			ck_assert_int_eq(l.lines[k].line, 1000 * i + k);
	}
}
END_TEST

/* kind, segment, location -> start, limit, offset, address */
static const struct {
	uint8_t kind;
	struct ft_segment segment;
	uint64_t at, start, limit, offset, address;
} places[] = {
	{ FT_FILE_ELF, { 0x1000, 0x2000, 0x1000 }, 0x1000, 0x1000, 0x3000, 0x1000, 0x1000 },
	{ FT_FILE_ELF, { 0x1000, 0x2000, 0x1000 }, 0x2fff, 0x1000, 0x3000, 0x1000, 0x2fff },
	{ FT_FILE_ELF, { 0x1000, 0x2000, 0x1000 }, 0x3000, 0, 0, 0, 0x3000 },
	{ FT_FILE_ELF, { 0x1000, 0x2000, 0x1000 }, 0x0fff, 0, 0, 0, 0x0fff },
	{ FT_FILE_ELF, { 0x540, 0x10, 0x400540 }, 0x548, 0x400000, 0x401000, 0, 0x400548 },
	/* Offset and address do not agree in a page: start exactly where it does. */
	{ FT_FILE_ELF, { 0x10, 0x10, 0x400540 }, 0x18, 0x400530, 0x401000, 0, 0x400548 },
	/* At the end of the address space. */
	{ FT_FILE_ELF,
	  { 0, 0x10, UINT64_MAX - 0x10 },
	  8,
	  UINT64_MAX - 0x10,
	  UINT64_MAX,
	  0,
	  UINT64_MAX - 8 },
	{ FT_FILE_VDSO, { 0, 0x1000, 0 }, 0x800, 0, 0x1000, 0, 0x800 },
	{ FT_FILE_KERNEL, { 0, UINT64_MAX, 0 }, 0xffffffff81000000, 0, 0, 0, 0xffffffff81000000 },
	{ FT_FILE_ANON, { 0, UINT64_MAX, 5 }, 0x7f00, 0, 0, 0, 0x7f00 },
	{ FT_FILE_OTHER, { 0, 0x1000, 5 }, 0x700, 0, 0, 0, 0x700 },
};

START_TEST(mappings_as_a_loader_would)
{
	_cleanup_gather_ struct ft_gather *g = new_gather((struct ft_gather_options){ 0 });
	_cleanup_profile_ struct ft_profile *p = NULL;
	const struct ft_profile_mapping *m;
	struct slice s = begin(0);

	ft_slice_put_kind(&s.bytes, &cpu_kind);
	ft_slice_put_file(&s.bytes, &(struct ft_slice_file){ .id = 1,
							     .kind = places[_i].kind,
							     .n_segments = 1,
							     .segments = &places[_i].segment });
	ft_slice_put_location(&s.bytes, &(struct ft_slice_location){ 1, 1, places[_i].at });
	stack(&s, 1, 1, (uint32_t[]){ 1 });
	sample(&s, (struct ft_slice_sample){ .stack = 1, .count = 1 });
	ck_assert_int_eq(end_with(&s, g), 0);
	p = finish(g);
	ck_assert_uint_eq(ft_profile_get_location(p, 1).address, places[_i].address);
	ck_assert_uint_eq(ft_profile_n_mappings(p), 1);
	m = ft_profile_get_mapping(p, 1);
	ck_assert_uint_eq(m->start, places[_i].start);
	ck_assert_uint_eq(m->limit, places[_i].limit);
	ck_assert_uint_eq(m->offset, places[_i].offset);
	ck_assert_uint_eq(m->kind, places[_i].kind);
}
END_TEST

static const struct {
	struct ft_gather_options options;
	uint32_t n_rows;
	const char *first, *second; /* labels of these rows */
} label_cases[] = {
	{ { 0 }, 2, "pid=7", "outcome=no registers pid=7" },
	{ { .with_tid = true }, 4, "pid=7 tid=70", "pid=7 tid=71" },
	{ { .with_thread = true }, 3, "pid=7 thread=worker", "pid=7" },
	{ { .with_cpu = true }, 3, "cpu=0 pid=7", "cpu=1 pid=7" },
	{ { .with_tid = true, .with_thread = true, .with_cpu = true },
	  4,
	  "cpu=0 pid=7 thread=worker tid=70",
	  "cpu=1 pid=7 tid=71" },
};

START_TEST(labels_as_asked)
{
	_cleanup_gather_ struct ft_gather *g = new_gather(label_cases[_i].options);
	_cleanup_profile_ struct ft_profile *p = NULL;
	struct slice s = begin(0);
	char text[128];

	dictionary(&s);
	sample(&s,
	       (struct ft_slice_sample){
		       .stack = 1, .labels = 1, .tid = 70, .thread = 4, .count = 1, .value = 1 });
	sample(&s, (struct ft_slice_sample){
			   .stack = 1, .labels = 1, .tid = 71, .cpu = 1, .count = 1, .value = 2 });
	sample(&s, (struct ft_slice_sample){
			   .stack = 1, .labels = 1, .tid = 72, .cpu = 1, .count = 1, .value = 4 });
	sample(&s, (struct ft_slice_sample){ .stack = 1,
					     .labels = 1,
					     .tid = 72,
					     .cpu = 1,
					     .outcome = FT_OUTCOME_NO_REGS,
					     .count = 1,
					     .value = 8 });
	ck_assert_int_eq(end_with(&s, g), 0);
	p = finish(g);
	ck_assert_uint_eq(ft_profile_n_rows(p), label_cases[_i].n_rows);
	ck_assert_str_eq(labels_of(p, 0, text, sizeof(text)), label_cases[_i].first);
	ck_assert_str_eq(labels_of(p, 1, text, sizeof(text)), label_cases[_i].second);
	ck_assert_int_eq(ft_profile_total(p, 1), 15);
}
END_TEST

/* Kind and range select; what is left out leaves no trace in dictionaries. */
START_TEST(selects_kind_and_range)
{
	const struct ft_gather_options options = { .kind = 2,
						   .from_ns = START + SECOND,
						   .to_ns = START + 2 * SECOND };
	_cleanup_gather_ struct ft_gather *g = new_gather(options);
	_cleanup_profile_ struct ft_profile *p = NULL;
	int64_t value = 1;

	for (uint64_t i = 0; i < 4; i++) {
		struct slice s = begin(i);

		if (i == 0) {
			dictionary(&s);
			string(&s, 5, "ring_full");
		}
		for (uint32_t kind = 1; kind < 3; kind++)
			for (uint64_t at = 0; at < 2; at++, value *= 2)
				sample(&s, (struct ft_slice_sample){ .kind = kind,
								     .time_ns = s.span.from_ns +
										at * (SECOND - 1),
								     .stack = i == 1 ? 2 : 1,
								     .count = 1,
								     .value = value });
		count(&s, 5, 1u << i);
		ck_assert_int_eq(end_with(&s, g), 0);
	}
	p = finish(g);
	/* Second 1, kind 2: values 64 and 128. */
	ck_assert_int_eq(ft_profile_total(p, 1), 64 + 128);
	ck_assert_int_eq(ft_profile_total(p, 0), 2);
	ck_assert_uint_eq(ft_profile_n_locations(p), 1);
	ck_assert_uint_eq(ft_profile_info(p)->time_ns, START + SECOND);
	ck_assert_uint_eq(ft_profile_info(p)->duration_ns, SECOND);
	ck_assert_str_eq(text_of(p, ft_profile_info(p)->types[0].type), "waits");
	ck_assert(has_comment(p, "lost ring_full 2"));
}
END_TEST

START_TEST(untimed_samples_count_at_their_span)
{
	const struct ft_gather_options options = { .from_ns = START, .to_ns = START + SECOND };
	_cleanup_gather_ struct ft_gather *g = new_gather(options);
	_cleanup_profile_ struct ft_profile *p = NULL;
	struct slice s = { .bytes = FT_BUFFER_INIT(4096),
			   .span = { START, START + 9 * SECOND, 1 } };

	s.begun = ft_slice_begin(&s.bytes, &s.span);
	dictionary(&s);
	sample(&s,
	       (struct ft_slice_sample){ .time_ns = START + 5 * SECOND, .count = 1, .value = 3 });
	ck_assert_int_eq(end_with(&s, g), 0);
	p = finish(g);
	ck_assert_int_eq(ft_profile_total(p, 1), 3);
}
END_TEST

/* 300 names of losses: the last are counted together. */
START_TEST(losses_are_bounded)
{
	_cleanup_gather_ struct ft_gather *g = new_gather((struct ft_gather_options){ 0 });
	_cleanup_profile_ struct ft_profile *p = NULL;
	struct slice s = begin(0);
	char name[32];

	for (uint32_t i = 1; i <= 300; i++) {
		snprintf(name, sizeof(name), "reason_%u", i);
		string(&s, i, name);
		count(&s, i, 2);
	}
	count(&s, 0, 1);
	count(&s, 1, UINT64_MAX);
	ck_assert_int_eq(end_with(&s, g), 0);
	p = finish(g);
	ck_assert_uint_eq(ft_profile_n_comments(p), 256);
	ck_assert(has_comment(p, "lost reason_255 2"));
	ck_assert(has_comment(p, "lost other 91"));
	ck_assert(has_comment(p, "lost reason_1 18446744073709551615"));
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, nothing_yet);
	tcase_add_test(tc, facts_and_comments);
	tcase_add_test(tc, late_knowledge_is_used);
	tcase_add_test(tc, last_names_hold);
	tcase_add_loop_test(tc, mappings_as_a_loader_would, 0, FT_CASES(places));
	tcase_add_loop_test(tc, labels_as_asked, 0, FT_CASES(label_cases));
	tcase_add_test(tc, selects_kind_and_range);
	tcase_add_test(tc, untimed_samples_count_at_their_span);
	tcase_add_test(tc, losses_are_bounded);
}

FT_CHECK_MAIN("gather", add_tests)
