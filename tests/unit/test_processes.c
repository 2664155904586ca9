/* Births, programs, deaths: what a sample finds is the process of that moment, never
 * the one that had its number before. */
#include "agent/profile/processes.h"

#include <errno.h>
#include <string.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

static struct ft_processes *fresh(void)
{
	struct ft_processes *p = NULL;

	ck_assert_int_eq(ft_processes_new(&p), 0);
	return p;
}

static void map(struct ft_processes *p, uint32_t pid, uint64_t start, uint32_t file)
{
	struct ft_mapping m = { start, start + 0x1000, 0, file };

	ck_assert_int_eq(ft_processes_map(p, pid, &m), 0);
}

static uint32_t file_at(struct ft_processes *p, uint32_t pid, uint64_t address)
{
	const struct ft_mapping *m = ft_mappings_find(ft_processes_find(p, pid)->mappings, address);

	return m ? m->file : 0;
}

START_TEST(children_have_what_their_parent_had)
{
	_cleanup_processes_ struct ft_processes *p = fresh();
	struct ft_process *child;

	ck_assert_int_eq(ft_processes_exec(p, 10, "parent"), 0);
	map(p, 10, 0x1000, 5);
	ck_assert_int_eq(ft_processes_fork(p, 11, 10), 0);
	child = ft_processes_find(p, 11);
	ck_assert_uint_eq(child->ppid, 10);
	ck_assert_str_eq(child->comm, "parent");
	ck_assert_uint_eq(child->knowledge, FT_PROCESS_COMPLETE);
	ck_assert_uint_eq(file_at(p, 11, 0x1000), 5);
	map(p, 10, 0x1000, 6);
	map(p, 11, 0x5000, 7);
	ck_assert_uint_eq(file_at(p, 11, 0x1000), 5);
	ck_assert_uint_eq(file_at(p, 10, 0x1000), 6);
	ck_assert_uint_eq(file_at(p, 10, 0x5000), 0);
	ck_assert_uint_eq(file_at(p, 11, 0x5000), 7);
}
END_TEST

START_TEST(child_of_half_known_parent_is_half_known)
{
	_cleanup_processes_ struct ft_processes *p = fresh();

	map(p, 10, 0x1000, 5);
	ck_assert_int_eq(ft_processes_fork(p, 11, 10), 0);
	ck_assert_uint_eq(ft_processes_find(p, 11)->knowledge, FT_PROCESS_HEARD);
	ck_assert_int_eq(ft_processes_fork(p, 13, 12), 0); /* parent never heard of */
	ck_assert_uint_eq(ft_processes_find(p, 13)->ppid, 12);
	ck_assert_ptr_null(ft_processes_find(p, 12));
}
END_TEST

START_TEST(threads_are_no_processes)
{
	_cleanup_processes_ struct ft_processes *p = fresh();

	ck_assert_int_eq(ft_processes_fork(p, 10, 10), 0);
	ck_assert_uint_eq(ft_processes_count(p), 0);
}
END_TEST

START_TEST(exec_forgets_the_old_program)
{
	_cleanup_processes_ struct ft_processes *p = fresh();

	ck_assert_int_eq(ft_processes_exec(p, 10, "old"), 0);
	map(p, 10, 0x1000, 5);
	ck_assert_int_eq(ft_processes_fork(p, 11, 10), 0);
	ck_assert_int_eq(ft_processes_exec(p, 11, "a name of more than 15 bytes"), 0);
	ck_assert_uint_eq(file_at(p, 11, 0x1000), 0);
	ck_assert_uint_eq(file_at(p, 10, 0x1000), 5);
	ck_assert_uint_eq(ft_processes_find(p, 11)->ppid, 10);
	ck_assert_str_eq(ft_processes_find(p, 11)->comm, "a name of more ");
	ck_assert_int_eq(ft_processes_comm(p, 11, "\x1b[2J\xff"), 0);
	ck_assert_str_eq(ft_processes_find(p, 11)->comm, "?[2J?");
}
END_TEST

/* The number comes again, of a parent that is known (1) or not (0). */
START_TEST(reused_number_is_somebody_else)
{
	_cleanup_processes_ struct ft_processes *p = fresh();
	struct ft_process *process;

	ck_assert_int_eq(ft_processes_exec(p, 10, "old"), 0);
	map(p, 10, 0x1000, 5);
	ft_processes_find(p, 10)->read_ns = 99;
	ft_processes_exit(p, 10, 1000);
	if (_i)
		ck_assert_int_eq(ft_processes_exec(p, 2, "two"), 0);
	ck_assert_int_eq(ft_processes_fork(p, 10, 2), 0);
	process = ft_processes_find(p, 10);
	ck_assert(!process->exited);
	ck_assert_uint_eq(process->exited_ns, 0);
	ck_assert_uint_eq(process->read_ns, 0);
	ck_assert_uint_eq(process->ppid, 2);
	ck_assert_str_eq(process->comm, _i ? "two" : "");
	ck_assert_uint_eq(file_at(p, 10, 0x1000), 0);
	ft_processes_reap(p, UINT64_MAX);
	ck_assert_ptr_nonnull(ft_processes_find(p, 10));
}
END_TEST

START_TEST(dead_ones_stay_for_a_while)
{
	_cleanup_processes_ struct ft_processes *p = fresh();

	for (uint32_t pid = 1; pid <= 5; pid++)
		ck_assert_int_eq(ft_processes_comm(p, pid, "x"), 0);
	ft_processes_exit(p, 99, 5); /* never heard of */
	ft_processes_exit(p, 1, 100);
	ft_processes_exit(p, 1, 900); /* the first word counts */
	ft_processes_exit(p, 3, 100);
	ft_processes_exit(p, 5, 200);
	ft_processes_reap(p, 100);
	ck_assert_uint_eq(ft_processes_count(p), 5);
	ft_processes_reap(p, 101);
	ck_assert_uint_eq(ft_processes_count(p), 3);
	ck_assert_ptr_null(ft_processes_find(p, 1));
	ck_assert_ptr_null(ft_processes_find(p, 3));
	ck_assert_uint_eq(ft_processes_find(p, 5)->pid, 5);
	ck_assert_uint_eq(ft_processes_find(p, 4)->pid, 4);
}
END_TEST

START_TEST(keeps_its_limit)
{
	_cleanup_processes_ struct ft_processes *p = fresh();
	struct ft_process *process = NULL;

	for (uint32_t pid = 1; pid <= FT_PROCESSES_MAX; pid++)
		ck_assert_int_eq(ft_processes_get(p, pid, &process), 0);
	ck_assert_int_eq(ft_processes_get(p, FT_PROCESSES_MAX + 1, &process), -E2BIG);
	ck_assert_int_eq(ft_processes_fork(p, FT_PROCESSES_MAX + 1, 1), -E2BIG);
	ck_assert_int_eq(ft_processes_get(p, 7, &process), 0);
	ft_processes_exit(p, 7, 1);
	ft_processes_reap(p, 2);
	ck_assert_int_eq(ft_processes_get(p, FT_PROCESSES_MAX + 1, &process), 0);
	ck_assert_uint_eq(process->pid, FT_PROCESSES_MAX + 1);
}
END_TEST

#define PIDS 300u

/* One entry per pid. */
struct model {
	struct {
		bool known, exited;
		uint64_t exited_ns;
		uint32_t file;
	} pids[PIDS];
};

static void step(struct ft_processes *p, struct model *model, uint32_t kind, uint32_t pid,
		 uint32_t other, uint64_t now)
{
	if (kind < 3 && pid != other) {
		ck_assert_int_eq(ft_processes_fork(p, pid, other), 0);
		model->pids[pid].file = model->pids[other].known ? model->pids[other].file : 0;
		model->pids[pid].known = true;
		model->pids[pid].exited = false;
	} else if (kind == 3) {
		ck_assert_int_eq(ft_processes_exec(p, pid, "x"), 0);
		map(p, pid, 0x1000, (uint32_t)now);
		model->pids[pid].known = true;
		model->pids[pid].exited = false;
		model->pids[pid].file = (uint32_t)now;
	} else if (kind < 7) {
		ft_processes_exit(p, pid, now);
		if (model->pids[pid].known && !model->pids[pid].exited) {
			model->pids[pid].exited = true;
			model->pids[pid].exited_ns = now;
		}
	} else {
		uint64_t until = now > 20 ? now - 20 : 0;

		ft_processes_reap(p, until);
		for (uint32_t i = 0; i < PIDS; i++)
			if (model->pids[i].exited && model->pids[i].exited_ns < until)
				memset(&model->pids[i], 0, sizeof(model->pids[i]));
	}
}

START_TEST(is_what_a_table_says)
{
	_cleanup_processes_ struct ft_processes *p = fresh();
	struct model model = { 0 };
	uint32_t seed = (uint32_t)_i + 1;

	for (uint64_t now = 1; now <= 5000; now++) {
		uint32_t known = 0;

		seed = seed * 1664525u + 1013904223u;
		step(p, &model, (seed >> 28) % 8, (seed >> 8) % PIDS, (seed >> 17) % PIDS, now);
		if (now % 50)
			continue;
		for (uint32_t pid = 0; pid < PIDS; pid++) {
			known += model.pids[pid].known;
			ck_assert_int_eq(!ft_processes_find(p, pid), !model.pids[pid].known);
			if (model.pids[pid].known)
				ck_assert_uint_eq(file_at(p, pid, 0x1000), model.pids[pid].file);
		}
		ck_assert_uint_eq(ft_processes_count(p), known);
	}
}
END_TEST

static int live(void *context)
{
	struct ft_processes *p = NULL;
	struct ft_mapping m = { 1, 2, 0, 1 };
	int r = ft_processes_new(&p);

	(void)context;
	for (uint32_t pid = 1; r == 0 && pid < 100; pid++) {
		r = ft_processes_exec(p, pid, "x");
		if (r == 0)
			r = ft_processes_fork(p, pid + 1000, pid);
		if (r == 0)
			r = ft_processes_map(p, pid + 1000, &m);
	}
	ft_processes_freep(&p);
	return r;
}

START_TEST(survives_lack_of_memory)
{
	ck_assert_uint_gt(ft_alloc_each(live, NULL), 100);
}
END_TEST

/* Whoever keeps a copy of the mappings sees by the version that it is old; no two address
 * spaces that one number has had share a version, nor do two numbers. */
START_TEST(version_tells_of_every_change)
{
	_cleanup_processes_ struct ft_processes *p = fresh();
	uint32_t seen[16], n = 0;

#define CHANGED(pid) (seen[n++] = ft_processes_find(p, (pid))->version)
	ck_assert_int_eq(ft_processes_exec(p, 10, "x"), 0);
	CHANGED(10);
	map(p, 10, 0x1000, 5);
	CHANGED(10);
	map(p, 10, 0x2000, 5);
	CHANGED(10);
	ck_assert_int_eq(ft_processes_fork(p, 11, 10), 0);
	CHANGED(11);
	map(p, 11, 0x3000, 5);
	CHANGED(11);
	ck_assert_int_eq(ft_processes_exec(p, 11, "y"), 0);
	CHANGED(11);
	ft_processes_exit(p, 11, 5);
	ft_processes_reap(p, 6);
	ck_assert_int_eq(ft_processes_fork(p, 11, 10), 0); /* its number again */
	CHANGED(11);
	ft_processes_exit(p, 11, 7);
	ck_assert_int_eq(ft_processes_fork(p, 11, 10), 0); /* before it was forgotten */
	CHANGED(11);
#undef CHANGED
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < i; k++)
			ck_assert_uint_ne(seen[i], seen[k]);
	/* What is no change of the mappings is none of the version. */
	ck_assert_int_eq(ft_processes_comm(p, 10, "z"), 0);
	ft_processes_exit(p, 10, 9);
	ck_assert_uint_eq(ft_processes_find(p, 10)->version, seen[2]);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, version_tells_of_every_change);

	tcase_add_test(tc, children_have_what_their_parent_had);
	tcase_add_test(tc, child_of_half_known_parent_is_half_known);
	tcase_add_test(tc, threads_are_no_processes);
	tcase_add_test(tc, exec_forgets_the_old_program);
	tcase_add_loop_test(tc, reused_number_is_somebody_else, 0, 2);
	tcase_add_test(tc, dead_ones_stay_for_a_while);
	tcase_add_test(tc, keeps_its_limit);
	tcase_add_loop_test(tc, is_what_a_table_says, 0, 4);
	tcase_add_test(tc, survives_lack_of_memory);
}

FT_CHECK_MAIN("processes", add_tests)
