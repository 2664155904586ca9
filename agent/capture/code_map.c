#include "agent/capture/code_map.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>

#include "agent/capture/extents.h"
#include "base/array.h"
#include "base/index.h"
#include "flametrail/unwind.h"

#define RANGES_BYTES (FT_CODE_RANGES * sizeof(struct ft_code_range))

struct entry {
	uint32_t pid;
	uint32_t version; /* of the process that is published */
	bool met;	  /* by a sample, in this version */
	struct ft_process_code code;
};

struct ft_code_map {
	int processes_map;
	struct ft_code_range *ranges; /* mapped */
	struct ft_extents extents;
	struct ft_index index; /* pid to place in entries */
	struct ft_array entries;
};

int ft_code_map_new(int processes_map, int ranges_map, struct ft_code_map **ret_map)
{
	struct ft_code_map *map = calloc(1, sizeof(*map));
	void *ranges;
	int r;

	if (!map)
		return -ENOMEM;
	map->processes_map = processes_map;
	map->entries = FT_ARRAY_INIT(struct entry);
	ranges = mmap(NULL, RANGES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ranges_map, 0);
	r = ranges == MAP_FAILED ? -errno : ft_extents_init(&map->extents, FT_CODE_RANGES);
	if (ranges != MAP_FAILED)
		map->ranges = ranges;
	if (r < 0) {
		ft_code_map_freep(&map);
		return r;
	}
	*ret_map = map;
	return 0;
}

void ft_code_map_freep(struct ft_code_map **p)
{
	struct ft_code_map *map = FT_TAKE(*p);

	if (!map)
		return;
	if (map->ranges)
		munmap(map->ranges, RANGES_BYTES);
	ft_extents_deinit(&map->extents);
	ft_index_deinit(&map->index);
	ft_array_deinit(&map->entries);
	free(map);
}

static struct entry *entry_at(const struct ft_code_map *map, uint32_t i)
{
	return ft_array_at(&map->entries, i);
}

static bool same_pid(const void *context, const void *key, uint32_t id)
{
	return entry_at(context, id)->pid == *(const uint32_t *)key;
}

static uint32_t find(const struct ft_code_map *map, uint32_t pid)
{
	return ft_index_find(&map->index, ft_hash_u64(pid), same_pid, map, &pid);
}

void ft_code_map_doubt(struct ft_code_map *map, uint32_t pid)
{
	uint32_t place = find(map, pid);

	if (place != FT_INDEX_NONE)
		entry_at(map, place)->version = 0; /* which no process has */
}

bool ft_code_map_meets(struct ft_code_map *map, uint32_t pid)
{
	uint32_t place = find(map, pid);

	if (place == FT_INDEX_NONE || entry_at(map, place)->met)
		return false;
	entry_at(map, place)->met = true;
	return true;
}

uint32_t ft_code_map_count(const struct ft_code_map *map)
{
	return map->entries.n;
}

/* Neighbouring pieces of one file with one bias are one range: programs are linked in
 * pieces, and mprotect cuts them further. */
static uint32_t fill(struct ft_code_range *out, const struct ft_mappings *mappings,
		     uint32_t anon_file)
{
	uint32_t n = 0;

	for (size_t i = 0; i < ft_mappings_count(mappings); i++) {
		const struct ft_mapping *m = ft_mappings_at(mappings, i);
		struct ft_code_range range = { .start = m->start,
					       .end = m->end,
					       .bias = m->offset - m->start,
					       .file = m->file };

		/* The vsyscall page lies in the kernel's half. The kernel side's search, which
		 * wants addresses below 2^63, would end there in place of the range before. */
		if (m->start >> 63)
			continue;
		if (m->file == anon_file) {
			range.file = FT_CODE_ANON;
			range.bias = 0;
		}
		if (n > 0 && out[n - 1].end == range.start && out[n - 1].file == range.file &&
		    out[n - 1].bias == range.bias)
			out[n - 1].end = range.end;
		else
			out[n++] = range;
	}
	return n;
}

static int add_entry(struct ft_code_map *map, uint32_t pid, uint32_t *ret_place)
{
	struct entry entry = { .pid = pid };
	int r = ft_array_push(&map->entries, &entry, 1);

	if (r < 0)
		return r;
	r = ft_index_add(&map->index, ft_hash_u64(pid), map->entries.n - 1);
	if (r < 0) {
		ft_array_cut(&map->entries, map->entries.n - 1);
		return r;
	}
	*ret_place = map->entries.n - 1;
	return 0;
}

static int write_run(struct ft_code_map *map, const struct ft_process *process, uint32_t anon_file,
		     uint64_t now_ns, struct ft_process_code *ret_code)
{
	uint32_t n = (uint32_t)ft_mappings_count(process->mappings);
	uint32_t first = 0;
	int r;

	if (n > FT_CODE_RANGES_RUN)
		return -E2BIG;
	if (n > 0) {
		r = ft_extents_take(&map->extents, n, now_ns, &first);
		if (r < 0)
			return r;
		/* What joining leaves over at the end of the run is given back at once. */
		*ret_code = (struct ft_process_code){ first, fill(&map->ranges[first],
								  process->mappings, anon_file) };
		if (ret_code->n < n)
			ft_extents_give(&map->extents, first + ret_code->n, n - ret_code->n,
					now_ns);
	} else {
		*ret_code = (struct ft_process_code){ 0, 0 };
	}
	return 0;
}

int ft_code_map_publish(struct ft_code_map *map, const struct ft_process *process,
			uint32_t anon_file, uint64_t now_ns)
{
	uint32_t place = find(map, process->pid);
	struct ft_process_code code, old;
	int r;

	if (place != FT_INDEX_NONE && entry_at(map, place)->version == process->version)
		return 0;
	r = write_run(map, process, anon_file, now_ns, &code);
	if (r < 0) {
		/* Nothing is better than what held before an exec. */
		ft_code_map_remove(map, process->pid, now_ns);
		return r;
	}
	if (place == FT_INDEX_NONE)
		r = add_entry(map, process->pid, &place);
	if (r == 0)
		r = bpf_map_update_elem(map->processes_map, &process->pid, &code, BPF_ANY);
	if (r < 0) {
		if (code.n)
			ft_extents_give(&map->extents, code.first, code.n, now_ns);
		ft_code_map_remove(map, process->pid, now_ns);
		return r;
	}
	old = entry_at(map, place)->code;
	if (old.n)
		ft_extents_give(&map->extents, old.first, old.n, now_ns);
	entry_at(map, place)->code = code;
	entry_at(map, place)->version = process->version;
	entry_at(map, place)->met = false;
	return 1;
}

void ft_code_map_remove(struct ft_code_map *map, uint32_t pid, uint64_t now_ns)
{
	uint32_t place = find(map, pid), last = map->entries.n - 1;
	struct entry *entry;

	/* Also what the kernel side has put there by itself, for a child; often nothing is. */
	(void)bpf_map_delete_elem(map->processes_map, &pid);
	if (place == FT_INDEX_NONE)
		return;
	entry = entry_at(map, place);
	if (entry->code.n)
		ft_extents_give(&map->extents, entry->code.first, entry->code.n, now_ns);
	ft_index_remove(&map->index, ft_hash_u64(pid), place);
	if (place != last) {
		uint32_t moved = entry_at(map, last)->pid;

		ft_index_remove(&map->index, ft_hash_u64(moved), last);
		*entry = *entry_at(map, last);
		/* Two were removed: there is room, this cannot fail. */
		if (ft_index_add(&map->index, ft_hash_u64(moved), place) < 0)
			abort();
	}
	ft_array_cut(&map->entries, last);
}

void ft_code_map_sweep(struct ft_code_map *map, struct ft_processes *processes, uint64_t now_ns)
{
	for (uint32_t i = map->entries.n; i > 0; i--) {
		uint32_t pid = entry_at(map, i - 1)->pid;

		/* The last one moves into a gap: going backwards, it has been seen. */
		if (!ft_processes_find(processes, pid))
			ft_code_map_remove(map, pid, now_ns);
	}
}
