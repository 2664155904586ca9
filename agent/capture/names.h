/* names.h - asking the symbolizer, once per place, and surviving its death.
 *
 * Places (file, address) are asked for as samples meet them. Files are opened here,
 * as early as possible, while the process that mapped them still lives. When the
 * symbolizer dies, what it did not answer is asked again, except of the file it died
 * over, which is set aside for a while. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/capture/files.h"
#include "agent/profile/processes.h"
#include "base/base.h"
#include "symbolizer/client.h"

#define FT_NAMES_MAX_WAITING (1u << 17) /* places not answered; more are dropped, counted */

#define FT_NAMES_MAX_TABLES 4096u /* waiting to be asked for; more are dropped, counted */

struct ft_names;

/* What becomes of requests. Pointers are borrowed for the call. */
struct ft_names_sink {
	void (*file_known)(void *context, uint32_t file); /* build-id, segments */
	void (*answer)(void *context, const struct ft_symanswer *answer);
	/* An unwind table that was asked for; table is as symbolizer/client.h says. */
	void (*table)(void *context, uint32_t file, enum ft_symtable_status status,
		      struct ft_symtable *table);
};

struct ft_names_counts {
	uint64_t asked, answered;
	uint64_t dropped; /* FT_NAMES_MAX_WAITING was reached */
	uint64_t refused; /* files that could not or may not be opened */
	uint64_t symbolizer_deaths;
};

/* files and processes are borrowed for the life of this. */
int ft_names_new(struct ft_files *files, struct ft_processes *processes,
		 const struct ft_names_sink *sink, void *context,
		 struct ft_names **ret_names) FT_MUST_CHECK;
void ft_names_freep(struct ft_names **p);

/* Talk over this socket from now on; the old symbolizer, if any, is taken for dead.
 * Takes over the socket. 0 or -ENOMEM. */
int ft_names_connect(struct ft_names *names, int socket) FT_MUST_CHECK;

/* Ask for the name of an address in a file, seen in process pid. */
void ft_names_request(struct ft_names *names, uint32_t file, uint64_t address, uint32_t pid);

/* Ask for the unwind table of a file that process pid has mapped; once, until the file's
 * table is set to FT_FILE_TABLE_UNASKED again. */
void ft_names_request_table(struct ft_names *names, uint32_t file, uint32_t pid);
/* Tables that will still come, as far as it is known. */
uint32_t ft_names_tables_pending(const struct ft_names *names);

/* Ask nothing more of a file, and let the symbolizer forget it. False: not now. */
bool ft_names_drop_file(struct ft_names *names, uint32_t file);

/* Send and receive what can be without waiting. False: the symbolizer has gone or is
 * stuck: kill it and connect another. Told once per death. */
bool ft_names_run(struct ft_names *names, uint64_t now_ns) FT_MUST_CHECK;

/* Descriptor for poll(2), -1 when there is no symbolizer; places not answered yet,
 * leaving out those of files that cannot be read now. */
int ft_names_fd(const struct ft_names *names);
bool ft_names_wants_write(const struct ft_names *names);
uint32_t ft_names_waiting(const struct ft_names *names);
struct ft_names_counts ft_names_counts(const struct ft_names *names);
/* What was asked before may be asked again: a new epoch has begun. */
void ft_names_forget(struct ft_names *names);
