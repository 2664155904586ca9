#include "agent/capture/slicer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/profile/dictionary.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "flametrail/unwind.h"

struct ft_slicer {
	const struct ft_slice_host *host;
	const struct ft_slice_kind *kind;
	struct ft_files *files;
	struct ft_names *names;
	struct ft_dictionary *dictionary;
	struct ft_buffer records; /* of the open slice, without its span */
	struct ft_slice_span span;
	uint64_t to_realtime_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC, wraps */
	uint64_t n_broken;	 /* samples that could not be written */
	bool epoch_lost;
	ft_slicer_table table;
	void *table_context;
};

static void take_file(void *context, uint32_t number)
{
	struct ft_slicer *slicer = context;
	struct ft_dictionary_file file = ft_files_describe(slicer->files, number);

	if (ft_dictionary_update_file(slicer->dictionary, &slicer->records, number, &file) < 0)
		slicer->epoch_lost = true;
}

static void take_answer(void *context, const struct ft_symanswer *answer)
{
	struct ft_slicer *slicer = context;
	struct ft_dictionary_line lines[FT_SYM_MAX_LINES];
	uint32_t file = ft_dictionary_file_id(slicer->dictionary, answer->file);
	uint32_t location =
		file ? ft_dictionary_location_id(slicer->dictionary, file, answer->address) : 0;

	if (!location || answer->n_lines == 0)
		return;
	for (uint32_t i = 0; i < answer->n_lines; i++) {
		const struct ft_symline *line = &answer->lines[i];

		lines[i] = (struct ft_dictionary_line){
			.function = line->function,
			.function_len = line->function_len,
			.system = line->system_len ? line->system : NULL,
			.system_len = line->system_len,
			.source = line->source_len ? line->source : NULL,
			.source_len = line->source_len,
			.line = line->line,
			.column = line->column,
			.flags = line->inlined ? FT_LINE_INLINED : 0,
		};
	}
	if (ft_dictionary_names(slicer->dictionary, &slicer->records, location, lines,
				answer->n_lines) < 0)
		slicer->epoch_lost = true;
}

static void take_table(void *context, uint32_t file, enum ft_symtable_status status,
		       struct ft_symtable *table)
{
	struct ft_slicer *slicer = context;

	if (slicer->table)
		slicer->table(slicer->table_context, file, status, table);
}

void ft_slicer_on_table(struct ft_slicer *slicer, ft_slicer_table table, void *context)
{
	slicer->table = table;
	slicer->table_context = context;
}

int ft_slicer_new(const struct ft_slice_host *host, const struct ft_slice_kind *kind,
		  struct ft_files *files, struct ft_processes *processes,
		  struct ft_slicer **ret_slicer)
{
	static const struct ft_names_sink sink = { .file_known = take_file,
						   .answer = take_answer,
						   .table = take_table };
	struct ft_slicer *slicer = calloc(1, sizeof(*slicer));
	int r;

	if (!slicer)
		return -ENOMEM;
	slicer->host = host;
	slicer->kind = kind;
	slicer->files = files;
	slicer->records = FT_BUFFER_INIT(FT_SLICE_MAX_BYTES - 4096);
	slicer->epoch_lost = true; /* none has begun */
	r = ft_dictionary_new(&slicer->dictionary);
	if (r == 0)
		r = ft_names_new(files, processes, &sink, slicer, &slicer->names);
	if (r < 0) {
		ft_slicer_freep(&slicer);
		return r;
	}
	*ret_slicer = slicer;
	return 0;
}

void ft_slicer_freep(struct ft_slicer **p)
{
	struct ft_slicer *slicer = FT_TAKE(*p);

	if (!slicer)
		return;
	ft_names_freep(&slicer->names);
	ft_dictionary_freep(&slicer->dictionary);
	ft_buffer_deinit(&slicer->records);
	free(slicer);
}

struct ft_names *ft_slicer_names(struct ft_slicer *slicer)
{
	return slicer->names;
}

bool ft_slicer_begin(struct ft_slicer *slicer, uint64_t from_ns, bool new_epoch)
{
	/* The clock of days may be set at any time: its distance is taken anew. */
	slicer->to_realtime_ns = ft_realtime_ns() - ft_monotonic_ns();
	slicer->span = (struct ft_slice_span){ .from_ns = from_ns + slicer->to_realtime_ns };
	if (!new_epoch && !slicer->epoch_lost && !ft_dictionary_full(slicer->dictionary))
		return false;
	ft_names_forget(slicer->names);
	ft_dictionary_begin_epoch(slicer->dictionary, &slicer->records);
	ft_slice_put_host(&slicer->records, slicer->host);
	ft_slice_put_kind(&slicer->records, slicer->kind);
	slicer->epoch_lost = false;
	return true;
}

/* ---- one sample ---- */

/* A frame's place: which file, and where in it. */
static int locate(struct ft_slicer *slicer, uint32_t number, uint64_t address, uint32_t pid,
		  uint32_t *ret_location)
{
	struct ft_dictionary_file described = ft_files_describe(slicer->files, number);
	uint32_t file;
	int r;

	r = ft_dictionary_file(slicer->dictionary, &slicer->records, number, &described, &file);
	if (r < 0)
		return r;
	r = ft_dictionary_location(slicer->dictionary, &slicer->records, file, address,
				   ret_location);
	if (r == FT_DICTIONARY_NEW)
		ft_names_request(slicer->names, number, address, pid);
	return r < 0 ? r : 0;
}

/* A user frame as the kernel side sends it: in a file, or a bare address of code that
 * belongs to none, or whose process was not known to it. */
static int locate_user(struct ft_slicer *slicer, const struct ft_process *process, uint64_t frame,
		       uint32_t *ret_location)
{
	const struct ft_mapping *mapping;
	uint32_t pid = process ? process->pid : 0;
	uint8_t kind;

	if (frame & FT_FRAME_IN_FILE && FT_FRAME_FILE(frame) < ft_files_count(slicer->files))
		return locate(slicer, FT_FRAME_FILE(frame), FT_FRAME_OFFSET(frame), pid,
			      ret_location);
	mapping = process ? ft_mappings_find(process->mappings, frame) : NULL;
	if (!mapping)
		return locate(slicer, FT_FILES_UNKNOWN, frame, pid, ret_location);
	kind = ft_files_at(slicer->files, mapping->file)->kind;
	if (kind == FT_FILE_ELF || kind == FT_FILE_VDSO)
		frame = frame - mapping->start + mapping->offset;
	return locate(slicer, mapping->file, frame, pid, ret_location);
}

/* Kernel frames are return addresses but for the first: the call is before it, and what
 * follows may be another function. User frames come as calls. */
static uint64_t call_address(const __u64 *frames, uint32_t i)
{
	return i == 0 ? frames[i] : frames[i] - 1;
}

static int put_stack(struct ft_slicer *slicer, const struct ft_sample_event *event,
		     const struct ft_process *process, struct ft_slice_sample *sample)
{
	uint32_t locations[FT_MAX_KERNEL_FRAMES + FT_MAX_USER_FRAMES];
	const __u64 *kernel = event->frames, *user = event->frames + event->n_kernel;
	uint32_t n = 0;
	int r;

	for (uint32_t i = 0; i < event->n_kernel; i++) {
		r = locate(slicer, FT_FILES_KERNEL, call_address(kernel, i), 0, &locations[n++]);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < event->n_user; i++) {
		r = locate_user(slicer, process, user[i], &locations[n++]);
		if (r < 0)
			return r;
	}
	r = ft_dictionary_stack(slicer->dictionary, &slicer->records, locations, n, &sample->stack);
	return r < 0 ? r : 0;
}

static int put_text(struct ft_slicer *slicer, const char *text, size_t size, uint32_t *ret_id)
{
	char clean[64];
	size_t len = ft_utf8_clean(text, strnlen(text, size), clean, sizeof(clean));
	int r = ft_dictionary_string(slicer->dictionary, &slicer->records, clean, len, ret_id);

	return r < 0 ? r : 0;
}

/* The labels of a process, by key: comm, pid. */
static int put_labels(struct ft_slicer *slicer, const struct ft_sample_event *event,
		      const struct ft_process *process, uint32_t *ret_labels)
{
	const char *comm = process && process->comm[0] ? process->comm : event->comm;
	struct ft_label labels[2] = { { .number = 0 }, { .number = event->pid } };
	int r;

	r = put_text(slicer, "comm", sizeof("comm"), &labels[0].key);
	if (r == 0)
		r = put_text(slicer, comm, FT_COMM_BYTES, &labels[0].text);
	if (r == 0)
		r = put_text(slicer, "pid", sizeof("pid"), &labels[1].key);
	if (r < 0)
		return r;
	r = ft_dictionary_labels(slicer->dictionary, &slicer->records, labels, FT_COUNT(labels),
				 ret_labels);
	return r < 0 ? r : 0;
}

void ft_slicer_sample(struct ft_slicer *slicer, const struct ft_sample_event *event,
		      const struct ft_process *process)
{
	struct ft_slice_sample sample = {
		.kind = FT_SLICER_KIND,
		.time_ns = event->time_ns + slicer->to_realtime_ns,
		.tid = event->tid,
		.cpu = event->cpu,
		.outcome = (uint8_t)event->outcome,
		.count = 1,
		.value = (int64_t)event->period,
	};
	int r;

	r = put_stack(slicer, event, process, &sample);
	if (r == 0)
		r = put_labels(slicer, event, process, &sample.labels);
	if (r == 0)
		r = put_text(slicer, event->comm, sizeof(event->comm), &sample.thread);
	if (r < 0) {
		slicer->n_broken++;
		return;
	}
	ft_slice_put_sample(&slicer->records, &slicer->span, &sample);
}

void ft_slicer_count(struct ft_slicer *slicer, const char *name, uint64_t n)
{
	struct ft_slice_count count = { .n = n };

	if (n == 0)
		return;
	if (put_text(slicer, name, strlen(name), &count.name) < 0) {
		slicer->epoch_lost = true;
		return;
	}
	ft_slice_put_count(&slicer->records, &count);
}

int ft_slicer_end(struct ft_slicer *slicer, uint64_t to_ns, struct ft_buffer *out)
{
	size_t begun;
	int r;

	ft_slicer_count(slicer, "slice_failed", slicer->n_broken);
	slicer->n_broken = 0;
	slicer->span.to_ns = to_ns + slicer->to_realtime_ns;
	begun = ft_slice_begin(out, &slicer->span);
	ft_buffer_put(out, slicer->records.data, slicer->records.len);
	r = slicer->records.error;
	if (r == 0)
		r = ft_slice_finish(out, begun);
	else
		out->len = begun;
	ft_buffer_clear(&slicer->records);
	if (r < 0)
		slicer->epoch_lost = true;
	return r;
}
