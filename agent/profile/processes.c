#include "agent/profile/processes.h"

#include <errno.h>
#include <string.h>

#include "base/index.h"
#include "base/utf8.h"

struct ft_processes {
	struct ft_index index; /* pid to place in all[] */
	struct ft_process *all;
	uint32_t n, cap;
	uint32_t version; /* the last one given */
};

int ft_processes_new(struct ft_processes **ret_processes)
{
	struct ft_processes *processes = calloc(1, sizeof(*processes));

	if (!processes)
		return -ENOMEM;
	*ret_processes = processes;
	return 0;
}

void ft_processes_freep(struct ft_processes **p)
{
	struct ft_processes *processes = FT_TAKE(*p);

	if (!processes)
		return;
	for (uint32_t i = 0; i < processes->n; i++)
		ft_mappings_dropp(&processes->all[i].mappings);
	ft_index_deinit(&processes->index);
	free(processes->all);
	free(processes);
}

static bool same_pid(const void *context, const void *key, uint32_t id)
{
	const struct ft_processes *processes = context;

	return processes->all[id].pid == *(const uint32_t *)key;
}

static uint32_t place_of(const struct ft_processes *processes, uint32_t pid)
{
	return ft_index_find(&processes->index, ft_hash_u64(pid), same_pid, processes, &pid);
}

struct ft_process *ft_processes_find(struct ft_processes *processes, uint32_t pid)
{
	uint32_t place = place_of(processes, pid);

	return place == FT_INDEX_NONE ? NULL : &processes->all[place];
}

static int make_room(struct ft_processes *processes)
{
	uint32_t cap = processes->cap ? processes->cap * 2 : 64;
	struct ft_process *all;

	if (processes->n < processes->cap)
		return 0;
	if (processes->n >= FT_PROCESSES_MAX)
		return -E2BIG;
	all = reallocarray(processes->all, cap, sizeof(*all));
	if (!all)
		return -ENOMEM;
	processes->all = all;
	processes->cap = cap;
	return 0;
}

int ft_processes_get(struct ft_processes *processes, uint32_t pid, struct ft_process **ret_process)
{
	struct ft_process *process = ft_processes_find(processes, pid);
	_cleanup_mappings_ struct ft_mappings *mappings = NULL;
	int r;

	if (process) {
		*ret_process = process;
		return 0;
	}
	r = make_room(processes);
	if (r < 0)
		return r;
	r = ft_mappings_new(&mappings);
	if (r < 0)
		return r;
	r = ft_index_add(&processes->index, ft_hash_u64(pid), processes->n);
	if (r < 0)
		return r;
	process = &processes->all[processes->n++];
	*process = (struct ft_process){ .pid = pid, .mappings = FT_TAKE(mappings) };
	*ret_process = process;
	return 0;
}

static void name(struct ft_process *process, const char *comm)
{
	ft_utf8_clean(comm, strlen(comm), process->comm, sizeof(process->comm));
}

/* A pid that comes again is another process: nothing of the old one holds. */
static int renew(struct ft_processes *processes, struct ft_process *process)
{
	struct ft_mappings *mappings;
	int r = ft_mappings_new(&mappings);

	if (r < 0)
		return r;
	ft_mappings_dropp(&process->mappings);
	process->mappings = mappings;
	process->version = ++processes->version;
	process->knowledge = FT_PROCESS_HEARD;
	process->exited = false;
	process->exited_ns = 0;
	process->read_ns = 0;
	return 0;
}

int ft_processes_fork(struct ft_processes *processes, uint32_t pid, uint32_t ppid)
{
	struct ft_process *child, *parent;
	int r;

	if (pid == ppid)
		return 0; /* a thread */
	r = ft_processes_get(processes, pid, &child);
	if (r < 0)
		return r;
	r = renew(processes, child);
	if (r < 0)
		return r;
	child->ppid = ppid;
	child->comm[0] = '\0';
	parent = ft_processes_find(processes, ppid);
	if (!parent)
		return 0;
	memcpy(child->comm, parent->comm, sizeof(child->comm));
	child->knowledge = parent->knowledge;
	ft_mappings_dropp(&child->mappings);
	child->mappings = ft_mappings_share(parent->mappings);
	return 0;
}

int ft_processes_exec(struct ft_processes *processes, uint32_t pid, const char *comm)
{
	struct ft_process *process;
	int r = ft_processes_get(processes, pid, &process);

	if (r < 0)
		return r;
	r = renew(processes, process);
	if (r < 0)
		return r;
	/* Every mapping of the new program is announced after this. */
	process->knowledge = FT_PROCESS_COMPLETE;
	name(process, comm);
	return 0;
}

int ft_processes_comm(struct ft_processes *processes, uint32_t pid, const char *comm)
{
	struct ft_process *process;
	int r = ft_processes_get(processes, pid, &process);

	if (r < 0)
		return r;
	name(process, comm);
	return 0;
}

int ft_processes_map(struct ft_processes *processes, uint32_t pid, const struct ft_mapping *mapping)
{
	struct ft_process *process;
	int r = ft_processes_get(processes, pid, &process);

	if (r < 0)
		return r;
	process->version = ++processes->version;
	return ft_mappings_insert(&process->mappings, mapping);
}

void ft_processes_exit(struct ft_processes *processes, uint32_t pid, uint64_t time_ns)
{
	struct ft_process *process = ft_processes_find(processes, pid);

	if (!process || process->exited)
		return;
	process->exited = true;
	process->exited_ns = time_ns;
}

static void forget(struct ft_processes *processes, uint32_t place)
{
	struct ft_process *process = &processes->all[place];
	uint32_t last = processes->n - 1;
	uint64_t hash = ft_hash_u64(processes->all[last].pid);

	ft_mappings_dropp(&process->mappings);
	ft_index_remove(&processes->index, ft_hash_u64(process->pid), place);
	if (place != last) {
		ft_index_remove(&processes->index, hash, last);
		*process = processes->all[last];
		/* Two were removed and one comes back: the index does not grow, so
		 * this cannot fail. */
		if (ft_index_add(&processes->index, hash, place) < 0)
			abort();
	}
	processes->n--;
}

void ft_processes_reap(struct ft_processes *processes, uint64_t time_ns)
{
	for (uint32_t i = 0; i < processes->n;) {
		struct ft_process *process = &processes->all[i];

		if (process->exited && process->exited_ns < time_ns)
			forget(processes, i);
		else
			i++;
	}
}

size_t ft_processes_count(const struct ft_processes *processes)
{
	return processes->n;
}

struct ft_process *ft_processes_at(struct ft_processes *processes, size_t i)
{
	return &processes->all[i];
}
