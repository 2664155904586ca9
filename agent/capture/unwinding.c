#include "agent/capture/unwinding.h"

#include <errno.h>

#include "agent/capture/code_map.h"
#include "agent/capture/tables.h"
#include "base/clock.h"
#include "base/log.h"
#include "flametrail/unwind.h"

#define SWEEP_NS FT_NS_PER_SEC

struct ft_unwinding {
	struct ft_files *files;
	struct ft_processes *processes;
	struct ft_names *names;
	struct ft_code_map *code;
	struct ft_tables *tables;
	uint64_t swept_ns;
	uint64_t processes_refused;
};

int ft_unwinding_new(const struct ft_sampler_maps *maps, struct ft_files *files,
		     struct ft_processes *processes, struct ft_names *names,
		     struct ft_unwinding **ret_unwinding)
{
	struct ft_unwinding *unwinding = calloc(1, sizeof(*unwinding));
	int r;

	if (!unwinding)
		return -ENOMEM;
	unwinding->files = files;
	unwinding->processes = processes;
	unwinding->names = names;
	r = ft_code_map_new(maps->processes, maps->code_ranges, &unwinding->code);
	if (r == 0)
		r = ft_tables_new(maps->row_chunks, maps->rules, maps->pages,
				  FT_UNWINDING_CAP_BYTES, &unwinding->tables);
	if (r < 0) {
		ft_unwinding_freep(&unwinding);
		return r;
	}
	*ret_unwinding = unwinding;
	return 0;
}

void ft_unwinding_freep(struct ft_unwinding **p)
{
	struct ft_unwinding *unwinding = FT_TAKE(*p);

	if (!unwinding)
		return;
	ft_code_map_freep(&unwinding->code);
	ft_tables_freep(&unwinding->tables);
	free(unwinding);
}

static bool is_known(const struct ft_process *process)
{
	return process->knowledge == FT_PROCESS_COMPLETE && !process->exited;
}

static void publish(struct ft_unwinding *u, const struct ft_process *process, uint64_t now_ns)
{
	if (ft_code_map_publish(u->code, process, FT_FILES_ANON, now_ns) < 0)
		u->processes_refused++;
}

void ft_unwinding_meet(struct ft_unwinding *unwinding, const struct ft_process *process,
		       uint64_t now_ns)
{
	if (!is_known(process))
		return;
	publish(unwinding, process, now_ns);
	if (!ft_code_map_meets(unwinding->code, process->pid))
		return;
	for (size_t i = 0; i < ft_mappings_count(process->mappings); i++) {
		uint32_t file = ft_mappings_at(process->mappings, i)->file;

		if (!ft_tables_has(unwinding->tables, file))
			ft_names_request_table(unwinding->names, file, process->pid);
	}
}

void ft_unwinding_use(struct ft_unwinding *unwinding, const struct ft_sample_event *event,
		      uint64_t now_ns)
{
	const __u64 *user = event->frames + event->n_kernel;
	uint32_t last = UINT32_MAX;

	/* An exec that was interrupted in its middle drops what was published meanwhile. */
	if (event->outcome == FT_OUTCOME_NO_PROCESS)
		ft_code_map_doubt(unwinding->code, event->pid);

	for (uint32_t i = 0; i < event->n_user; i++) {
		uint32_t file = FT_FRAME_FILE(user[i]);

		if (!(user[i] & FT_FRAME_IN_FILE) || file == last)
			continue;
		last = file;
		ft_tables_use(unwinding->tables, file, now_ns);
		/* It was pushed out, or could not be had before. */
		if (event->outcome == FT_OUTCOME_NO_TABLE &&
		    file < ft_files_count(unwinding->files) &&
		    !ft_tables_has(unwinding->tables, file))
			ft_names_request_table(unwinding->names, file, event->pid);
	}
}

void ft_unwinding_table(struct ft_unwinding *unwinding, uint32_t file,
			enum ft_symtable_status status, const struct ft_symtable *table,
			uint64_t now_ns)
{
	struct ft_file *entry = ft_files_at(unwinding->files, file);
	int r;

	switch (status) {
	case FT_SYMTABLE_READY:
		r = ft_tables_put(unwinding->tables, file, table, now_ns);
		break;
	case FT_SYMTABLE_FRAME_POINTERS:
		r = ft_tables_declare(unwinding->tables, file, FT_TABLE_FRAME_POINTERS);
		break;
	case FT_SYMTABLE_FAILED:
		ft_log(FT_LOG_WARN, "no unwind table of a damaged file, its stacks end there",
		       ft_kv_text("file", entry->path));
		r = ft_tables_declare(unwinding->tables, file, FT_TABLE_NONE);
		break;
	default:
		r = ft_tables_declare(unwinding->tables, file, FT_TABLE_NONE);
		break;
	}
	if (r < 0)
		entry->table = FT_FILE_TABLE_UNASKED; /* when a sample meets it again */
}

void ft_unwinding_exit(struct ft_unwinding *unwinding, uint32_t pid, uint64_t now_ns)
{
	ft_code_map_remove(unwinding->code, pid, now_ns);
}

void ft_unwinding_drop_file(struct ft_unwinding *unwinding, uint32_t file, uint64_t now_ns)
{
	ft_tables_drop(unwinding->tables, file, now_ns);
}

/* Processes that are new, or whose mappings changed. */
static void follow(struct ft_unwinding *u, uint64_t now_ns)
{
	for (size_t i = 0; i < ft_processes_count(u->processes); i++) {
		const struct ft_process *process = ft_processes_at(u->processes, i);

		if (is_known(process))
			publish(u, process, now_ns);
	}
}

void ft_unwinding_tick(struct ft_unwinding *unwinding, bool changed, uint64_t now_ns)
{
	if (changed)
		follow(unwinding, now_ns);
	if (now_ns < unwinding->swept_ns + SWEEP_NS)
		return;
	unwinding->swept_ns = now_ns;
	ft_code_map_sweep(unwinding->code, unwinding->processes, now_ns);
}

struct ft_unwinding_counts ft_unwinding_counts(const struct ft_unwinding *unwinding)
{
	struct ft_tables_counts tables = ft_tables_counts(unwinding->tables);

	return (struct ft_unwinding_counts){ .tables_refused = tables.refused,
					     .tables_evicted = tables.evicted,
					     .processes_refused = unwinding->processes_refused,
					     .rows_bytes = tables.rows_bytes,
					     .n_tables = tables.n_files,
					     .n_processes = ft_code_map_count(unwinding->code) };
}
