/* client.h - talking to the symbolizer: all of it that the collector may include.
 *
 * The client sends descriptors and addresses and hands on answers; it parses no
 * byte of a target's file. Everything the worker says is checked as if it came from
 * the network: lengths, counts, UTF-8, ids that were asked for. All calls are
 * non-blocking; requests that do not fit the socket wait in a bounded queue.
 *
 * Files are numbered by the caller. The worker keeps what it was sent until it is
 * told to forget it, or dies; after a death the caller makes a new client and sends
 * again what it still needs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

#define FT_SYM_MAX_FILES    1024u /* open in the worker at once */
#define FT_SYM_MAX_BATCH    1024u /* addresses of one request */
#define FT_SYM_MAX_LINES    64u	  /* inline chain of one address */
#define FT_SYM_MAX_NAME	    4096u /* bytes of one function or file name; cut beyond */
#define FT_SYM_MAX_SEGMENTS 16u
#define FT_SYM_BUILD_ID_MAX 64u		  /* bytes */
#define FT_SYM_TIMEOUT_NS   2000000000ull /* for one batch, then the worker is stuck */
/* Unwind tables take longer, and more memory, until they are taken. */
#define FT_SYM_TABLE_TIMEOUT_NS 5000000000ull
#define FT_SYM_MAX_BUILDS	4u /* asked for at once */

struct ft_symclient;
struct ft_unwind_page;
struct ft_unwind_rule;

enum ft_symfile_kind {
	FT_SYMFILE_ELF = 1,	 /* addresses are offsets in the file */
	FT_SYMFILE_KALLSYMS = 2, /* addresses are kernel addresses */
};

enum ft_symfile_status {
	FT_SYMFILE_READY = 0,
	FT_SYMFILE_DAMAGED = 1, /* not an ELF file, or one that lies; no names from it */
	FT_SYMFILE_NO_SYMBOLS = 2,
};

struct ft_symfile_segment {
	uint64_t offset, size, vaddr; /* of an executable PT_LOAD */
};

struct ft_symfile_info {
	uint32_t file;
	uint8_t status;	    /* enum ft_symfile_status */
	uint8_t n_build_id; /* bytes, 0: none */
	uint8_t build_id[FT_SYM_BUILD_ID_MAX];
	uint32_t n_segments;
	struct ft_symfile_segment segments[FT_SYM_MAX_SEGMENTS];
};

struct ft_symline {
	/* UTF-8, not NUL-terminated; function is never empty. system is the name as the
	 * linker knows it, module the kernel module the code belongs to. */
	const char *function, *system, *source, *module;
	uint32_t function_len, system_len, source_len, module_len;
	uint32_t line, column;
	uint8_t inlined;
};

struct ft_symanswer {
	uint32_t file;
	uint64_t address;		/* as asked */
	uint32_t n_lines;		/* 0: no name */
	const struct ft_symline *lines; /* innermost first */
};

enum ft_symtable_status {
	FT_SYMTABLE_READY = 0,
	FT_SYMTABLE_NONE = 1,		/* no frame information, no trust in frame pointers */
	FT_SYMTABLE_FRAME_POINTERS = 2, /* no rows, but its code keeps frame pointers */
	FT_SYMTABLE_FAILED = 3,		/* damaged, past a limit, or no memory */
	FT_SYMTABLE_STATUSES
};

/* What symbolizer/cfi.h says of a file. */
struct ft_symtable_facts {
	uint64_t text_bytes, covered_bytes; /* covered is at most text */
	uint32_t n_fdes, n_bad_fdes, n_raw_rows;
	uint32_t n_functions, n_prologues;
	bool keeps_frame_pointers;
};

/* An unwind table (flametrail/unwind.h) as one block of plain data: symbolizer/tablecheck.h
 * says what may be relied on. Of a file that is not READY: facts only, block is NULL. */
struct ft_symtable {
	uint32_t n_rules, n_pages, n_rows; /* each at least 1 */
	const struct ft_unwind_rule *rules;
	const struct ft_unwind_page *pages;
	const uint32_t *rows;
	void *block; /* the heap memory in which the three lie */
	struct ft_symtable_facts facts;
};

/* Pointers are borrowed for the call. But who copies *table and takes its block
 * (FT_TAKE(table->block)) owns the block and what lies in it, until free(block). */
struct ft_symclient_sink {
	void (*info)(void *context, const struct ft_symfile_info *info);
	void (*answer)(void *context, const struct ft_symanswer *answer);
	/* NULL where no table is asked for. */
	void (*table)(void *context, uint32_t file, enum ft_symtable_status status,
		      struct ft_symtable *table);
};

/* Takes over socket (SOCK_SEQPACKET) in every case. 0 or -ENOMEM. */
int ft_symclient_new(int socket, struct ft_symclient **ret_client) FT_MUST_CHECK;
void ft_symclient_freep(struct ft_symclient **p);

/* Send an open file for reading under the number file. fd stays the caller's. Its
 * info comes later. 0; -EAGAIN: queue full, try later; -EPIPE: the worker has gone;
 * -EEXIST: the number is in use; -EMFILE: FT_SYM_MAX_FILES are open. */
int ft_symclient_open(struct ft_symclient *client, uint32_t file, enum ft_symfile_kind kind,
		      int fd) FT_MUST_CHECK;
/* Ask for names of n addresses (1 to FT_SYM_MAX_BATCH) of a file that was opened.
 * Each is answered once, in the order asked. 0, -EAGAIN or -EPIPE as above; -ENOENT:
 * no such file is open. */
int ft_symclient_resolve(struct ft_symclient *client, uint32_t file, const uint64_t *addresses,
			 uint32_t n) FT_MUST_CHECK;
/* Ask for the unwind table of a file that was opened. 0, -EAGAIN (also when
 * FT_SYM_MAX_BUILDS are pending), -EPIPE or -ENOENT as above. */
int ft_symclient_build(struct ft_symclient *client, uint32_t file) FT_MUST_CHECK;
/* The worker may drop all it knows of file; what it still had to answer will not come,
 * and the number is free again. 0, -EAGAIN, -EPIPE or -ENOENT. */
int ft_symclient_forget(struct ft_symclient *client, uint32_t file) FT_MUST_CHECK;

/* Send what waits, tell sink what came (a bounded part of it: poll again). The sink may
 * call everything here but run and freep. 0; -EPIPE: the worker has gone; -EBADMSG: it
 * said something it may not say, treat it as gone. */
int ft_symclient_run(struct ft_symclient *client, const struct ft_symclient_sink *sink,
		     void *context) FT_MUST_CHECK;

/* For poll(2): the socket, and whether something waits to be sent. */
int ft_symclient_fd(const struct ft_symclient *client);
bool ft_symclient_wants_write(const struct ft_symclient *client);
/* Requests (opens, resolves and builds) made and not fully answered. */
uint32_t ft_symclient_pending(const struct ft_symclient *client);
/* CLOCK_MONOTONIC since when the worker has had nothing to do but the oldest of them,
 * and its file; 0 when there is none. */
uint64_t ft_symclient_oldest_ns(const struct ft_symclient *client, uint32_t *ret_file);
/* CLOCK_MONOTONIC when the worker counts as stuck, if it has not answered that one by
 * then; 0 when there is none. */
uint64_t ft_symclient_deadline_ns(const struct ft_symclient *client);
