/* Real maps, searched as the kernel side does: it finds what a process has mapped, runs are
 * not written over while somebody may still read them, and nothing is there of processes
 * that have gone. */
#include "agent/capture/code_map.h"

#include "agent/capture/extents.h"
#include "tests/ft_alloc.h"
#include "tests/unit/bpf_maps.h"

#define ANON	     3u
#define RANGES_BYTES (FT_CODE_RANGES * sizeof(struct ft_code_range))
#define REST	     FT_EXTENTS_QUARANTINE_NS

struct stage {
	int processes_map, ranges_map;
	const struct ft_code_range *ranges; /* as the kernel side sees them */
	struct ft_processes *processes;
	struct ft_code_map *map;
};

static bool open_stage(struct stage *s, uint32_t max_processes)
{
	if (!have_bpf())
		return false;
	*s = (struct stage){ .processes_map = make_map(BPF_MAP_TYPE_HASH, 4,
						       sizeof(struct ft_process_code),
						       max_processes, 0, -1),
			     .ranges_map = make_big(RANGES_BYTES) };
	ck_assert_int_ge(s->processes_map, 0);
	s->ranges = map_big(s->ranges_map, RANGES_BYTES);
	ck_assert_int_eq(ft_processes_new(&s->processes), 0);
	ck_assert_int_eq(ft_code_map_new(s->processes_map, s->ranges_map, &s->map), 0);
	return true;
}

static void close_stage(struct stage *s)
{
	ft_code_map_freep(&s->map);
	ft_processes_freep(&s->processes);
	munmap((void *)(uintptr_t)s->ranges, RANGES_BYTES);
	ft_closep(&s->processes_map);
	ft_closep(&s->ranges_map);
}

static void map(struct stage *s, uint32_t pid, uint64_t start, uint64_t bytes, uint64_t offset,
		uint32_t file)
{
	struct ft_mapping m = { start, start + bytes, offset, file };

	ck_assert_int_eq(ft_processes_map(s->processes, pid, &m), 0);
}

static int publish(struct stage *s, uint32_t pid, uint64_t now_ns)
{
	return ft_code_map_publish(s->map, ft_processes_find(s->processes, pid), ANON, now_ns);
}

/* The run of pid; n is 0 when it is not known there. */
static struct ft_process_code run_of(const struct stage *s, uint32_t pid)
{
	struct ft_process_code code = { 0, 0 };

	if (bpf_map_lookup_elem(s->processes_map, &pid, &code) < 0)
		code.n = 0;
	return code;
}

static const struct ft_code_range *look_up(const struct stage *s, uint32_t pid, uint64_t address)
{
	struct ft_process_code code = run_of(s, pid);

	return search_range(s->ranges, &code, address);
}

/* What the kernel side finds at an address is what mappings.h says. */
static void check_addresses(struct stage *s, uint32_t pid)
{
	const struct ft_mappings *mappings = ft_processes_find(s->processes, pid)->mappings;

	for (uint64_t address = 0xf80; address < 0x9000; address += 0x40) {
		const struct ft_mapping *m = ft_mappings_find(mappings, address);
		const struct ft_code_range *range = look_up(s, pid, address);

		ck_assert_int_eq(!m, !range);
		if (!m)
			continue;
		if (m->file == ANON) {
			ck_assert_uint_eq(range->file, FT_CODE_ANON);
			ck_assert_uint_eq(address + range->bias, address);
		} else {
			ck_assert_uint_eq(range->file, m->file);
			ck_assert_uint_eq(address + range->bias, address - m->start + m->offset);
		}
	}
}

START_TEST(the_kernel_side_finds_what_is_mapped)
{
	struct stage s;

	if (!open_stage(&s, 8))
		return;
	ck_assert_int_eq(ft_processes_exec(s.processes, 7, "x"), 0);
	map(&s, 7, 0x1000, 0x1000, 0x500, 10);
	map(&s, 7, 0x2000, 0x1000, 0x1500, 10); /* goes on: one range */
	map(&s, 7, 0x3000, 0x1000, 0x9000, 10); /* does not */
	map(&s, 7, 0x4000, 0x800, 0, 11);
	map(&s, 7, 0x6000, 0x1000, 0, ANON);
	map(&s, 7, 0x7000, 0x1000, 0, ANON);
	map(&s, 7, 0xffffffffff600000, 0x1000, 0, 13); /* [vsyscall] */
	ck_assert_int_eq(publish(&s, 7, 0), 1);
	ck_assert_uint_eq(run_of(&s, 7).n, 4);
	check_addresses(&s, 7);
	ck_assert_ptr_null(look_up(&s, 8, 0x1000));
	ck_assert_int_eq(publish(&s, 7, 0), 0);
	map(&s, 7, 0x1800, 0x100, 0, 12); /* in the middle of the first */
	ck_assert_int_eq(publish(&s, 7, 0), 1);
	check_addresses(&s, 7);
	ck_assert_int_eq(ft_processes_exec(s.processes, 7, "y"), 0);
	ck_assert_int_eq(publish(&s, 7, 0), 1); /* nothing mapped yet */
	check_addresses(&s, 7);
	ck_assert_uint_eq(ft_code_map_count(s.map), 1);
	close_stage(&s);
}
END_TEST

/* A walk that began with the old run may still read it. */
START_TEST(an_old_run_stays_for_a_while)
{
	struct ft_process_code old, other;
	struct stage s;

	if (!open_stage(&s, 8))
		return;
	ck_assert_int_eq(ft_processes_exec(s.processes, 7, "x"), 0);
	ck_assert_int_eq(ft_processes_exec(s.processes, 8, "y"), 0);
	map(&s, 7, 0x1000, 0x1000, 0, 10);
	map(&s, 8, 0x1000, 0x1000, 0, 20);
	ck_assert_int_eq(publish(&s, 7, 0), 1);
	old = run_of(&s, 7);
	map(&s, 7, 0x1000, 0x1000, 0, 11);
	ck_assert_int_eq(publish(&s, 7, 1), 1);
	ck_assert_uint_ne(run_of(&s, 7).first, old.first);
	ck_assert_int_eq(publish(&s, 8, REST), 1);
	ck_assert_uint_eq(search_range(s.ranges, &old, 0x1000)->file, 10);
	map(&s, 8, 0x1000, 0x1000, 0, 21);
	ck_assert_int_eq(publish(&s, 8, REST + 1), 1); /* now it is taken again */
	other = run_of(&s, 8);
	ck_assert_uint_eq(other.first, old.first);
	ck_assert_uint_eq(look_up(&s, 8, 0x1000)->file, 21);
	ck_assert_uint_eq(look_up(&s, 7, 0x1000)->file, 11);
	close_stage(&s);
}
END_TEST

START_TEST(forgets_those_that_have_gone)
{
	struct stage s;

	if (!open_stage(&s, 64))
		return;
	for (uint32_t pid = 1; pid <= 40; pid++) {
		ck_assert_int_eq(ft_processes_exec(s.processes, pid, "x"), 0);
		map(&s, pid, 0x1000, 0x1000, 0, 100 + pid);
		ck_assert_int_eq(publish(&s, pid, 0), 1);
	}
	for (uint32_t pid = 1; pid <= 40; pid += 3)
		ft_processes_exit(s.processes, pid, 5);
	ft_processes_reap(s.processes, 6);
	ft_code_map_sweep(s.map, s.processes, 7);
	ft_code_map_remove(s.map, 39, 8);
	ft_code_map_remove(s.map, 39, 9);
	ft_code_map_remove(s.map, 1000, 9);
	for (uint32_t pid = 1; pid <= 40; pid++) {
		bool gone = pid % 3 == 1 || pid == 39;
		const struct ft_code_range *range = look_up(&s, pid, 0x1000);

		ck_assert_int_eq(!range, gone);
		if (range)
			ck_assert_uint_eq(range->file, 100 + pid);
	}
	ck_assert_uint_eq(ft_code_map_count(s.map), 40 - 14 - 1);
	close_stage(&s);
}
END_TEST

/* The kernel side drops a run at exec by itself; and each version is met once. */
START_TEST(publishes_again_what_was_dropped)
{
	uint32_t pid = 7;
	struct stage s;

	if (!open_stage(&s, 8))
		return;
	ck_assert(!ft_code_map_meets(s.map, pid));
	ck_assert_int_eq(ft_processes_exec(s.processes, pid, "x"), 0);
	map(&s, pid, 0x1000, 0x1000, 0, 10);
	ck_assert_int_eq(publish(&s, pid, 0), 1);
	ck_assert(ft_code_map_meets(s.map, pid));
	ck_assert(!ft_code_map_meets(s.map, pid));
	ck_assert_int_eq(bpf_map_delete_elem(s.processes_map, &pid), 0);
	ck_assert_int_eq(publish(&s, pid, 0), 0); /* nobody has noticed */
	ft_code_map_doubt(s.map, pid);
	ft_code_map_doubt(s.map, 1000);
	ck_assert_int_eq(publish(&s, pid, 0), 1);
	check_addresses(&s, pid);
	ck_assert(ft_code_map_meets(s.map, pid));
	map(&s, pid, 0x2000, 0x1000, 0, 11);
	ck_assert(!ft_code_map_meets(s.map, pid));
	ck_assert_int_eq(publish(&s, pid, 0), 1);
	ck_assert(ft_code_map_meets(s.map, pid));
	ck_assert_uint_eq(ft_code_map_count(s.map), 1);
	close_stage(&s);
}
END_TEST

/* More processes than the map has room for, and more ranges than the array has: refused,
 * then nothing of them is there, and the others are as they were. */
START_TEST(refuses_past_its_limits)
{
	uint32_t published = 0;
	struct stage s;

	if (!open_stage(&s, 4))
		return;
	for (uint32_t pid = 1; pid <= 5; pid++) {
		ck_assert_int_eq(ft_processes_exec(s.processes, pid, "x"), 0);
		for (uint32_t i = 0; i < FT_CODE_RANGES_RUN; i++)
			map(&s, pid, 0x1000 + 0x20ull * i, 0x10, 0, pid);
		if (publish(&s, pid, 0) == 1)
			published++;
	}
	ck_assert_uint_eq(published, FT_CODE_RANGES / FT_CODE_RANGES_RUN);
	ck_assert_uint_eq(run_of(&s, 5).n, 0);
	/* Its new version finds no room: it is known no more, rather than wrongly. */
	map(&s, 2, 0x1000, 0x20, 0, 99);
	ck_assert_int_eq(publish(&s, 2, 1), -ENOSPC);
	ck_assert_uint_eq(run_of(&s, 2).n, 0);
	ck_assert_uint_eq(look_up(&s, 4, 0x1000 + 0x20ull * (FT_CODE_RANGES_RUN - 1))->file, 4);
	close_stage(&s);
}
END_TEST

/* Whichever allocation fails: the process is not known there, and the next try is whole. */
START_TEST(survives_lack_of_memory)
{
	uint32_t tried = 0;
	bool failed = true;
	struct stage s;

	if (!open_stage(&s, 64))
		return;
	for (uint32_t n = 1; failed; n++) {
		int r;

		ck_assert_int_eq(ft_processes_exec(s.processes, 7, "x"), 0);
		map(&s, 7, 0x1000, 0x1000, 0, 10 + n);
		ft_alloc_fail_at(n);
		r = publish(&s, 7, 0);
		failed = ft_alloc_stop();
		tried += failed;
		ck_assert_int_eq(r, failed ? -ENOMEM : 1);
		ck_assert_uint_eq(run_of(&s, 7).n, failed ? 0 : 1);
		ck_assert_int_eq(publish(&s, 7, 0), failed ? 1 : 0);
		check_addresses(&s, 7);
		ft_code_map_freep(&s.map);
		ck_assert_int_eq(ft_code_map_new(s.processes_map, s.ranges_map, &s.map), 0);
		ft_code_map_remove(s.map, 7, 0); /* also what another one has published */
		ck_assert_uint_eq(run_of(&s, 7).n, 0);
	}
	ck_assert_uint_gt(tried, 1);
	close_stage(&s);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, survives_lack_of_memory);

	tcase_add_test(tc, the_kernel_side_finds_what_is_mapped);
	tcase_add_test(tc, an_old_run_stays_for_a_while);
	tcase_add_test(tc, forgets_those_that_have_gone);
	tcase_add_test(tc, refuses_past_its_limits);
	tcase_add_test(tc, publishes_again_what_was_dropped);
}

FT_CHECK_MAIN("code_map", add_tests)
