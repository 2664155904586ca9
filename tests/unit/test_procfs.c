/* /proc against what we know of ourselves: what is mapped is found, what was said before and
 * is no more does not stay. */
#include "agent/capture/procfs.h"

#include <errno.h>
#include <string.h>

#include "tests/ft_alloc.h"
#include "tests/ft_check.h"

struct stage {
	struct ft_files *files;
	struct ft_processes *processes;
};

static void open_stage(struct stage *s)
{
	ck_assert_int_eq(ft_files_new("boot", &s->files), 0);
	ck_assert_int_eq(ft_processes_new(&s->processes), 0);
}

static void close_stage(struct stage *s)
{
	ft_processes_freep(&s->processes);
	ft_files_freep(&s->files);
}

START_TEST(finds_our_own_code)
{
	struct ft_mapping stale = { 0x10000, 0x11000, 0, 7 };
	const struct ft_process *p;
	const struct ft_mapping *m;
	struct stage s;
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	ck_assert_int_gt(n, 0);
	path[n] = '\0';
	open_stage(&s);
	ck_assert_int_eq(ft_processes_map(s.processes, (uint32_t)getpid(), &stale), 0);
	ck_assert_int_eq(ft_procfs_read((uint32_t)getpid(), s.processes, s.files), 0);
	p = ft_processes_find(s.processes, (uint32_t)getpid());
	ck_assert_uint_eq(p->knowledge, FT_PROCESS_COMPLETE);
	ck_assert_uint_eq(p->ppid, (uint32_t)getppid());
	ck_assert_uint_gt(p->read_ns, 0);
	ck_assert(p->comm[0]);
	m = ft_mappings_find(p->mappings, (uint64_t)(uintptr_t)ft_procfs_read);
	ck_assert_ptr_nonnull(m);
	ck_assert_str_eq(ft_files_at(s.files, m->file)->path, path);
	ck_assert_ptr_null(ft_mappings_find(p->mappings, 0x10000));
	close_stage(&s);
}
END_TEST

START_TEST(who_is_not_there_has_gone)
{
	struct stage s;

	open_stage(&s);
	ck_assert_int_eq(ft_procfs_read(4000000000u, s.processes, s.files), -ESRCH);
	ck_assert_uint_eq(ft_processes_count(s.processes), 0);
	close_stage(&s);
}
END_TEST

START_TEST(walks_over_everybody)
{
	struct ft_procfs_walk walk;
	bool found = false;
	uint32_t pid;

	ck_assert_int_eq(ft_procfs_walk_begin(&walk), 0);
	while ((pid = ft_procfs_walk_next(&walk)))
		found |= pid == (uint32_t)getpid();
	ck_assert(found);
	ck_assert_uint_eq(ft_procfs_walk_next(&walk), 0); /* and stays at its end */
	ft_procfs_walk_end(&walk);
}
END_TEST

/* Known wholly, or as it was before. */
START_TEST(lack_of_memory_leaves_no_half)
{
	for (unsigned int n = 1; n < FT_ALLOC_MAX; n++) {
		const struct ft_process *p;
		struct stage s;
		bool failed;
		int r;

		open_stage(&s);
		ft_alloc_fail_at(n);
		r = ft_procfs_read((uint32_t)getpid(), s.processes, s.files);
		failed = ft_alloc_stop();
		p = ft_processes_find(s.processes, (uint32_t)getpid());
		ck_assert(r == 0 || (failed && r == -ENOMEM));
		ck_assert_int_eq(p && p->knowledge == FT_PROCESS_COMPLETE, r == 0);
		close_stage(&s);
		if (!failed) {
			ck_assert_uint_gt(n, 5);
			return;
		}
	}
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, finds_our_own_code);
	tcase_add_test(tc, who_is_not_there_has_gone);
	tcase_add_test(tc, walks_over_everybody);
	tcase_add_test(tc, lack_of_memory_leaves_no_half);
}

FT_CHECK_MAIN("procfs", add_tests)
