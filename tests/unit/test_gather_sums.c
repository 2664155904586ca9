/* The sums of a gathered profile must be right to the unit, over epochs, at the edge of
 * int64, after bad bytes, and without memory. */
#include "agent/profile/gather.h"

#include <errno.h>
#include <string.h>

#include "flametrail/event.h"
#include "tests/ft_alloc.h"
#include "tests/ft_check.h"
#include "tests/ft_slices.h"

/* One id means different things in different epochs; the same thing has different ids. */
START_TEST(epochs_make_one_profile)
{
	_cleanup_gather_ struct ft_gather *g = new_gather((struct ft_gather_options){ 0 });
	_cleanup_profile_ struct ft_profile *p = NULL;
	const struct ft_line line = { .function = 2 };
	struct slice s = begin(0);
	char text[128];

	dictionary(&s);
	ft_slice_put_names(&s.bytes, &(struct ft_slice_names){ 2, 1, &line });
	sample(&s, (struct ft_slice_sample){ .stack = 2, .labels = 1, .count = 1, .value = 10 });
	sample(&s, (struct ft_slice_sample){ .stack = 1, .labels = 1, .count = 1, .value = 100 });
	ck_assert_int_eq(end_with(&s, g), 0);

	s = begin(1);
	sample(&s, (struct ft_slice_sample){ .stack = 2, .labels = 1, .count = 1, .value = 20 });
	ft_slice_put_epoch(&s.bytes);
	string(&s, 1, "pid");
	string(&s, 2, "main");
	string(&s, 3, "/bin/app");
	ft_slice_put_file(&s.bytes,
			  &(struct ft_slice_file){ .id = 1, .kind = FT_FILE_ELF, .path = 3 });
	ft_slice_put_location(&s.bytes, &(struct ft_slice_location){ 1, 1, 0x1200 });
	ft_slice_put_names(&s.bytes, &(struct ft_slice_names){ 1, 1, &line });
	stack(&s, 1, 1, (uint32_t[]){ 1 });
	ft_slice_put_labels(&s.bytes, &(struct ft_slice_labels){
					      1, 1, &(struct ft_label){ .key = 1, .number = 7 } });
	sample(&s, (struct ft_slice_sample){ .stack = 1, .labels = 1, .count = 1, .value = 40 });
	ck_assert_int_eq(end_with(&s, g), 0);

	/* A third epoch, empty but for a sample without anything. */
	s = begin(2);
	ft_slice_put_epoch(&s.bytes);
	sample(&s, (struct ft_slice_sample){ .count = 1, .value = 1000 });
	ck_assert_int_eq(end_with(&s, g), 0);

	p = finish(g);
	ck_assert_uint_eq(ft_profile_n_rows(p), 3);
	ck_assert_str_eq(frames_of(p, 0, text, sizeof(text)), "main");
	ck_assert_int_eq(ft_profile_get_row(p, 0).values[0], 3);
	ck_assert_int_eq(ft_profile_get_row(p, 0).values[1], 70);
	ck_assert_str_eq(frames_of(p, 1, text, sizeof(text)), "app+0x1100;main");
	ck_assert_int_eq(ft_profile_get_row(p, 1).values[1], 100);
	ck_assert_int_eq(ft_profile_total(p, 1), 1170);
	ck_assert_uint_eq(ft_profile_info(p)->n_samples, 5);
}
END_TEST

static const struct {
	uint64_t count;
	int64_t value;
	int result;
} sums[] = {
	{ INT64_MAX, 0, -EOVERFLOW },  { INT64_MAX - 1, 0, 0 },	  { UINT64_MAX, 0, -EOVERFLOW },
	{ 1, INT64_MAX, -EOVERFLOW },  { 1, INT64_MAX - 10, 0 },  { 1, INT64_MIN, -EOVERFLOW },
	{ 1, -INT64_MAX, -EOVERFLOW }, { 1, -INT64_MAX + 10, 0 }, { 1, -INT64_MAX + 9, -EOVERFLOW },
};

START_TEST(sums_never_wrap)
{
	_cleanup_gather_ struct ft_gather *g = new_gather((struct ft_gather_options){ 0 });
	_cleanup_profile_ struct ft_profile *p = NULL;
	struct slice s = begin(0);
	int64_t added = sums[_i].result ? 0 : sums[_i].value;

	dictionary(&s);
	sample(&s, (struct ft_slice_sample){ .stack = 1, .count = 1, .value = 10 });
	sample(&s, (struct ft_slice_sample){
			   .stack = 1, .count = sums[_i].count, .value = sums[_i].value });
	ck_assert_int_eq(end_with(&s, g), sums[_i].result);
	p = finish(g);
	ck_assert_int_eq(ft_profile_total(p, 1), 10 + added);
	ck_assert_uint_eq(ft_profile_info(p)->n_samples, sums[_i].result ? 1 : 2);
}
END_TEST

START_TEST(bad_payload_keeps_the_rest)
{
	_cleanup_gather_ struct ft_gather *g = new_gather((struct ft_gather_options){ 0 });
	_cleanup_profile_ struct ft_profile *p = NULL;
	struct slice s = begin(0);

	dictionary(&s);
	sample(&s, (struct ft_slice_sample){ .stack = 1, .count = 1, .value = 10 });
	ft_buffer_put_varint(&s.bytes, 99);
	ck_assert_int_eq(end_with(&s, g), -EBADMSG);
	s = begin(1);
	sample(&s, (struct ft_slice_sample){ .stack = 2, .count = 1, .value = 5 });
	ck_assert_int_eq(end_with(&s, g), 0);
	p = finish(g);
	ck_assert_int_eq(ft_profile_total(p, 1), 15);
}
END_TEST

static uint64_t random_state;

static uint32_t roll(uint32_t sides)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % sides;
}

/* The recount: every stack is one frame at address a, 1 <= a < ADDRESSES. */
enum { ADDRESSES = 40, PIDS = 5 };

struct recount {
	int64_t want[ADDRESSES][PIDS][FT_OUTCOMES];
	/* Ids of the epoch going on; 0: not defined in it. */
	uint32_t stack_of[ADDRESSES], set_of[PIDS], n_stacks, n_sets;
};

static void next_epoch(struct recount *c, struct slice *s)
{
	ft_slice_put_epoch(&s->bytes);
	ft_slice_put_kind(&s->bytes, &cpu_kind);
	string(s, 1, "pid");
	ft_slice_put_file(&s->bytes, &(struct ft_slice_file){ .id = 1, .kind = FT_FILE_ANON });
	memset(c->stack_of, 0, sizeof(c->stack_of));
	memset(c->set_of, 0, sizeof(c->set_of));
	c->n_stacks = c->n_sets = 0;
}

static void random_sample(struct recount *c, struct slice *s)
{
	uint32_t a = 1 + roll(ADDRESSES - 1), pid = roll(PIDS);
	uint32_t outcome = roll(4) ? 0 : roll(FT_OUTCOMES);
	int64_t value = roll(1000000);

	if (!c->stack_of[a]) {
		uint32_t id = c->stack_of[a] = ++c->n_stacks;

		ft_slice_put_location(&s->bytes, &(struct ft_slice_location){ id, 1, a });
		stack(s, id, 1, &id);
	}
	if (!c->set_of[pid]) {
		struct ft_label label = { .key = 1, .number = pid };
		uint32_t id = c->set_of[pid] = ++c->n_sets;

		ft_slice_put_labels(&s->bytes, &(struct ft_slice_labels){ id, 1, &label });
	}
	sample(s, (struct ft_slice_sample){ .stack = c->stack_of[a],
					    .labels = c->set_of[pid],
					    .tid = roll(9),
					    .cpu = roll(3),
					    .outcome = (uint8_t)outcome,
					    .count = 1,
					    .value = value });
	c->want[a][pid][outcome] += value;
}

static uint32_t outcome_of(const char *name)
{
	static const char *const names[] = { "",	   "truncated",	   "broken",
					     "unreadable", "no registers", "32-bit",
					     "no rule",	   "no table",	   "no mapping",
					     "no process" };

	ck_assert_uint_eq(FT_COUNT(names), FT_OUTCOMES);
	for (uint32_t i = 1; i < FT_COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	ck_abort_msg("no such outcome: %s", name);
	return 0;
}

static void subtract_row(struct recount *c, const struct ft_profile *p, uint32_t index)
{
	struct ft_profile_row row = ft_profile_get_row(p, index);
	uint32_t n, outcome = 0, pid = PIDS;
	const uint32_t *frames = ft_profile_get_stack(p, row.stack, &n);
	const struct ft_label *labels;

	ck_assert_uint_eq(n, 1);
	labels = ft_profile_get_labels(p, row.labels, &n);
	for (uint32_t k = 0; k < n; k++)
		if (strcmp(text_of(p, labels[k].key), "pid") == 0)
			pid = (uint32_t)labels[k].number;
		else
			outcome = outcome_of(text_of(p, labels[k].text));
	ck_assert_uint_lt(pid, PIDS);
	c->want[ft_profile_get_location(p, frames[0]).address][pid][outcome] -= row.values[1];
}

/* Random slices, epochs in random places: what is recounted beside them must come out
 * for each (address, pid, outcome). */
START_TEST(totals_to_the_unit)
{
	static struct recount c;
	_cleanup_gather_ struct ft_gather *g = new_gather((struct ft_gather_options){ 0 });
	_cleanup_profile_ struct ft_profile *p = NULL;
	int64_t *cell = &c.want[0][0][0];

	random_state = 12345;
	for (uint64_t i = 0; i < 60; i++) {
		struct slice s = begin(i);

		if (i == 0 || roll(6) == 0)
			next_epoch(&c, &s);
		for (uint32_t k = roll(200); k; k--)
			random_sample(&c, &s);
		ck_assert_int_eq(end_with(&s, g), 0);
	}
	p = finish(g);
	ck_assert_uint_gt(ft_profile_info(p)->n_samples, 1000);
	ck_assert_int_eq(ft_profile_total(p, 0), (int64_t)ft_profile_info(p)->n_samples);
	for (uint32_t i = 0; i < ft_profile_n_rows(p); i++)
		subtract_row(&c, p, i);
	for (size_t i = 0; i < sizeof(c.want) / sizeof(*cell); i++)
		ck_assert_int_eq(cell[i], 0);
}
END_TEST

struct payload {
	const uint8_t *bytes;
	size_t len;
};

/* Everything a gather does, for the sweep of allocation failures. */
static int gather_once(void *context)
{
	const struct payload *payload = context;
	const struct ft_gather_options options = { .with_tid = true, .with_thread = true };
	_cleanup_gather_ struct ft_gather *g = NULL;
	_cleanup_profile_ struct ft_profile *p = NULL;
	int r;

	r = ft_gather_new(&options, &g);
	if (r == 0)
		r = ft_gather_slice(g, payload->bytes, payload->len);
	if (r == 0)
		r = ft_gather_profile(g, &p);
	return r;
}

START_TEST(survives_lack_of_memory)
{
	const struct ft_segment segment = { 0, 0x2000, 0x400000 };
	const struct ft_line line = { .function = 2 };
	struct payload payload;
	struct slice s = begin(0);
	size_t used;

	for (int epoch = 0; epoch < 2; epoch++) {
		if (epoch)
			ft_slice_put_epoch(&s.bytes);
		dictionary(&s);
		ft_slice_put_names(&s.bytes, &(struct ft_slice_names){ 1, 1, &line });
		ft_slice_put_file(&s.bytes,
				  &(struct ft_slice_file){ 1, FT_FILE_ELF, 1, 0, 0, 1, &segment });
		sample(&s, (struct ft_slice_sample){
				   .stack = 1, .labels = 1, .thread = 4, .count = 1, .value = 10 });
		sample(&s, (struct ft_slice_sample){ .outcome = 1, .count = 1, .value = 10 });
		count(&s, 4, 1);
	}
	ck_assert_int_eq(ft_slice_finish(&s.bytes, s.begun), 0);
	ck_assert_int_eq(
		ft_slice_split(s.bytes.data, s.bytes.len, &payload.bytes, &payload.len, &used), 1);
	ft_alloc_each(gather_once, &payload);
	ft_buffer_deinit(&s.bytes);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, epochs_make_one_profile);
	tcase_add_loop_test(tc, sums_never_wrap, 0, FT_CASES(sums));
	tcase_add_test(tc, bad_payload_keeps_the_rest);
	tcase_add_test(tc, totals_to_the_unit);
	tcase_add_test(tc, survives_lack_of_memory);
}

FT_CHECK_MAIN("gather_sums", add_tests)
