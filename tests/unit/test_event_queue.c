/* Many buffers, one order: whatever is pushed comes out as a stable sort would have it,
 * byte for byte, through any mixture of pushing, popping and compacting. */
#include "agent/profile/event_queue.h"

#include <errno.h>
#include <string.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

#define MODEL_MAX 4000u

struct entry {
	uint64_t time_ns;
	uint32_t number; /* also the order of pushing */
	bool gone;
};

struct model {
	struct entry entries[MODEL_MAX];
	uint32_t n, waiting;
};

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static size_t length_of(uint32_t number)
{
	return 4 + number % 61;
}

/* The record tells its number in every byte. */
static void fill(uint8_t *bytes, uint32_t number)
{
	memset(bytes, (int)(number * 37 + 11), length_of(number));
	memcpy(bytes, &number, sizeof(number));
}

static void push(struct ft_event_queue *q, struct model *model, uint64_t time_ns)
{
	uint8_t bytes[64];
	uint32_t number = model->n;

	fill(bytes, number);
	ck_assert_int_eq(ft_event_queue_push(q, time_ns, number ^ 5, bytes, length_of(number)), 0);
	model->entries[model->n++] = (struct entry){ time_ns, number, false };
	model->waiting++;
}

/* The first of the oldest. */
static struct entry *oldest(struct model *model, uint64_t until)
{
	struct entry *best = NULL;

	for (uint32_t i = 0; i < model->n; i++) {
		struct entry *e = &model->entries[i];

		if (!e->gone && e->time_ns <= until && (!best || e->time_ns < best->time_ns))
			best = e;
	}
	return best;
}

static bool pop(struct ft_event_queue *q, struct model *model, uint64_t until)
{
	struct entry *want = oldest(model, until);
	struct ft_queued_event got;
	uint8_t bytes[64];

	ck_assert_int_eq(ft_event_queue_pop(q, until, &got), want != NULL);
	if (!want)
		return false;
	fill(bytes, want->number);
	ck_assert_uint_eq(got.time_ns, want->time_ns);
	ck_assert_uint_eq(got.source, want->number ^ 5);
	ck_assert_uint_eq(got.len, length_of(want->number));
	ck_assert_mem_eq(got.bytes, bytes, got.len);
	ck_assert_uint_eq((uintptr_t)got.bytes % 8, 0);
	want->gone = true;
	model->waiting--;
	return true;
}

START_TEST(is_a_stable_sort)
{
	struct ft_event_queue *q = NULL;
	static struct model model;
	uint32_t seed = (uint32_t)_i + 1;
	uint64_t now = 1000;

	memset(&model, 0, sizeof(model));
	ck_assert_int_eq(ft_event_queue_new(&q), 0);
	while (model.n < 1500) {
		uint32_t n_push = next(&seed) % 40, n_pop = next(&seed) % 50;

		for (uint32_t i = 0; i < n_push; i++)
			push(q, &model, now + next(&seed) % 30);
		for (uint32_t i = 0; i < n_pop && pop(q, &model, now + 5); i++)
			continue;
		ck_assert_uint_eq(ft_event_queue_count(q), model.waiting);
		if (next(&seed) % 2)
			ft_event_queue_compact(q);
		ck_assert_uint_eq(ft_event_queue_count(q), model.waiting);
		now += 8;
	}
	while (pop(q, &model, UINT64_MAX))
		continue;
	ck_assert_uint_eq(ft_event_queue_count(q), 0);
	ft_event_queue_freep(&q);
	ck_assert_ptr_null(q);
	ft_event_queue_freep(&q);
}
END_TEST

static uint32_t push_until_full(struct ft_event_queue *q, size_t len)
{
	uint8_t *bytes = calloc(1, len);
	uint32_t n = 0;
	int r;

	while ((r = ft_event_queue_push(q, 1, 0, bytes, len)) == 0)
		n++;
	free(bytes);
	ck_assert_int_eq(r, -E2BIG);
	return n;
}

/* At the limit it refuses; what waits is not harmed, and room comes by compacting. */
START_TEST(keeps_its_limit)
{
	struct ft_event_queue *q = NULL;
	struct ft_queued_event got;
	const size_t len = 65536 - 3; /* is padded */

	ck_assert_int_eq(ft_event_queue_new(&q), 0);
	ck_assert_uint_eq(push_until_full(q, len), FT_EVENT_QUEUE_MAX_BYTES / 65536);
	ck_assert(ft_event_queue_pop(q, 1, &got));
	ck_assert_int_eq(ft_event_queue_push(q, 1, 0, "x", 1), -E2BIG);
	ft_event_queue_compact(q);
	ck_assert_uint_eq(push_until_full(q, len), 1);
	ck_assert_uint_eq(ft_event_queue_count(q), FT_EVENT_QUEUE_MAX_BYTES / 65536);
	ck_assert_int_eq(ft_event_queue_push(q, 1, 0, &got, SIZE_MAX - 16), -E2BIG);
	ft_event_queue_freep(&q);
}
END_TEST

/* Too long for any queue, also when its length wraps around by padding. */
START_TEST(refuses_giant)
{
	struct ft_event_queue *q = NULL;
	uint64_t word = 0;

	ck_assert_int_eq(ft_event_queue_new(&q), 0);
	ck_assert_int_eq(ft_event_queue_push(q, 1, 0, &word, SIZE_MAX - (size_t)_i), -E2BIG);
	ck_assert_uint_eq(ft_event_queue_count(q), 0);
	ft_event_queue_freep(&q);
}
END_TEST

static int churn(void *context)
{
	struct ft_event_queue *q = NULL;
	struct ft_queued_event got;
	uint64_t record[128] = { 0 };
	int r = ft_event_queue_new(&q);

	(void)context;
	for (uint64_t i = 0; r == 0 && i < 600; i++)
		r = ft_event_queue_push(q, i, 0, record, sizeof(record));
	while (r == 0 && ft_event_queue_pop(q, 300, &got))
		continue;
	if (r == 0)
		ft_event_queue_compact(q);
	ft_event_queue_freep(&q);
	return r;
}

START_TEST(survives_lack_of_memory)
{
	ck_assert_uint_ge(ft_alloc_each(churn, NULL), 4);
}
END_TEST

/* After a burst everything is given back, and the queue works on. */
START_TEST(gives_memory_back)
{
	struct ft_event_queue *q = NULL;
	struct ft_queued_event got;
	unsigned int n;
	int r;

	ck_assert_int_eq(ft_event_queue_new(&q), 0);
	push_until_full(q, 24);
	while (ft_event_queue_pop(q, 1, &got))
		continue;
	ft_event_queue_compact(q);
	/* Nothing is kept: both pieces of memory are asked for again. */
	ft_alloc_fail_at(FT_ALLOC_MAX);
	r = ft_event_queue_push(q, 7, 3, "again", 6);
	n = ft_alloc_count();
	ft_alloc_stop();
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(n, 2);
	ck_assert(ft_event_queue_pop(q, 7, &got));
	ck_assert_str_eq((const char *)got.bytes, "again");
	ft_event_queue_freep(&q);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, is_a_stable_sort, 0, 5);
	tcase_add_test(tc, keeps_its_limit);
	tcase_add_loop_test(tc, refuses_giant, 0, 16);
	tcase_add_test(tc, survives_lack_of_memory);
	tcase_add_test(tc, gives_memory_back);
}

FT_CHECK_MAIN("event_queue", add_tests)
