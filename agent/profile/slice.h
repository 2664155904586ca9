/* slice.h - one second of profiling as one block of bytes: the wire from the
 * collector to the server, the file of `record --raw`, the input of `--replay`.
 *
 * A stream is FT_SLICE_MAGIC, then blocks. Each block is
 *	u32 length of payload, u32 CRC-32 of payload (zlib's), payload
 * so that a stream cut anywhere loses at most its last block. A payload is a run
 * of records: a varint tag (enum ft_slice_tag), then that record's fields as
 * varints, strings as varint length + bytes. Integers are little-endian LEB128.
 *
 * Dictionary records (string, file, location, stack, labels) define dense ids,
 * each kind counting from 1 (from 0 = "none/empty" reserved), in order, before
 * their first use. They stay valid until an EPOCH record forgets them all; a
 * writer begins a new epoch when a reader connects and when its tables are full.
 * FILE and NAMES may come again for an id that exists: the later one holds
 * (build-ids and names become known after the sample that needs them).
 *
 * Times are nanoseconds since 1970, UTC. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cursor.h"

#define FT_SLICE_MAGIC	      "FTSLICE1"
#define FT_SLICE_MAGIC_BYTES  8
#define FT_SLICE_HEAD_BYTES   8u
#define FT_SLICE_MAX_BYTES    (64u << 20) /* payload of one block */
#define FT_SLICE_MAX_FRAMES   2048u	  /* locations of one stack */
#define FT_SLICE_MAX_LINES    256u	  /* inline chain of one location */
#define FT_SLICE_MAX_LABELS   32u
#define FT_SLICE_MAX_SEGMENTS 16u
#define FT_SLICE_MAX_TEXT     (2u << 20) /* bytes of one string */
#define FT_SLICE_MAX_PLAIN    255u	 /* bytes of a plain string: of HOST and KIND */
#define FT_SLICE_MAX_KINDS    16u
#define FT_SLICE_MAX_IDS      (1u << 24) /* per dictionary and epoch */

enum ft_slice_tag {
	FT_SLICE_SPAN = 1,
	FT_SLICE_HOST,
	FT_SLICE_KIND,
	FT_SLICE_EPOCH,
	FT_SLICE_STRING,
	FT_SLICE_FILE,
	FT_SLICE_LOCATION,
	FT_SLICE_NAMES,
	FT_SLICE_STACK,
	FT_SLICE_LABELS,
	FT_SLICE_SAMPLE,
	FT_SLICE_COUNT,
};

/* First record of every payload: the time it covers, [from, to). */
struct ft_slice_span {
	uint64_t from_ns, to_ns;
	/* 1: samples carry no time of their own, their values spread over the span
	 * (a pprof file made elsewhere). */
	uint8_t untimed;
};

/* What was profiled. Sent at the beginning of each epoch. Strings are plain here. */
struct ft_slice_host {
	const char *hostname, *kernel, *boot_id, *agent; /* agent: "flametrail 0.1.0" */
	uint32_t n_cpus;
};

/* A kind of sample and its two sample types: events/count and value/unit.
 * "cpu": samples/count, cpu/nanoseconds. */
struct ft_slice_kind {
	uint32_t id;	    /* 1..FT_SLICE_MAX_KINDS; stays the same over epochs */
	const char *name;   /* "cpu", "cycles", ... as in --event and metric= */
	const char *events; /* name of the count, "samples" */
	const char *value;  /* name of the value, "cpu" */
	const char *unit;   /* of the value: "nanoseconds", "bytes", "count" */
	uint64_t period;    /* value one sample stands for; 0 when it varies */
};

enum ft_file_kind {
	FT_FILE_ELF = 1,
	FT_FILE_KERNEL = 2, /* location addresses are kernel addresses */
	FT_FILE_VDSO = 3,
	FT_FILE_ANON = 4,    /* executable memory without a file: JIT code */
	FT_FILE_UNKNOWN = 5, /* nothing is mapped there, as far as we know */
	FT_FILE_OTHER = 6,   /* from a pprof file; addresses are taken as they are */
};

/* An executable part of a file, as its program headers tell (PT_LOAD, PF_X). */
struct ft_segment {
	uint64_t offset; /* in the file */
	uint64_t size;	 /* bytes in the file */
	uint64_t vaddr;	 /* where the file wants its first byte */
};

struct ft_slice_file {
	uint32_t id;
	uint8_t kind;	   /* enum ft_file_kind */
	uint32_t path;	   /* string; "[kernel.kallsyms]", "[vdso]", "[anon]", "[unknown]" */
	uint32_t build_id; /* string, lower-case hex; 0: none or not known yet */
	uint32_t identity; /* string: tells apart files of one path (digest, boot id); may be 0 */
	uint32_t n_segments;
	const struct ft_segment *segments; /* by offset; none until the file was read */
};

/* A place code runs at: for files an offset in the file, for FT_FILE_KERNEL,
 * FT_FILE_ANON and FT_FILE_UNKNOWN the address itself. */
struct ft_slice_location {
	uint32_t id;
	uint32_t file; /* file id */
	uint64_t address;
};

enum ft_line_flags {
	FT_LINE_INLINED = 1, /* this function was inlined into the next line's */
	FT_LINE_JIT = 2,
};

struct ft_line {
	uint32_t function; /* string: for people, demangled */
	uint32_t system;   /* string: as the linker has it; 0 when the same */
	uint32_t file;	   /* string: source file; 0 unknown */
	uint32_t line;	   /* 0 unknown */
	uint32_t column;   /* 0 unknown */
	uint8_t flags;	   /* enum ft_line_flags */
};

/* The chain of functions at a location, innermost inline first. No line: nobody
 * knows a name, show module+0xaddress. */
struct ft_slice_names {
	uint32_t location;
	uint32_t n_lines;
	const struct ft_line *lines;
};

/* Location ids, leaf first: kernel part above user part. */
struct ft_slice_stack {
	uint32_t id;
	uint32_t n;
	const uint32_t *locations;
};

/* A label is text or a number: pid is a number, comm is text. */
struct ft_label {
	uint32_t key;	/* string */
	uint32_t text;	/* string; 0 when it is a number (or empty) */
	int64_t number; /* 0 when it is text */
	uint32_t unit;	/* string, of a number; 0 none */
};

struct ft_slice_labels {
	uint32_t id;
	uint32_t n;
	const struct ft_label *labels; /* by key text */
};

struct ft_slice_sample {
	uint32_t kind;
	uint64_t time_ns;
	uint32_t stack;	 /* 0: no stack */
	uint32_t labels; /* 0: none */
	uint32_t tid;
	uint32_t thread; /* string: the thread's name */
	uint32_t cpu;
	uint8_t outcome; /* enum ft_outcome */
	/* What this sample stands for, already scaled so that sums are unbiased. */
	uint64_t count; /* events */
	int64_t value;	/* in the kind's unit; negative only in a diff made elsewhere */
};

/* Losses and other events counted within this slice (not since start). */
struct ft_slice_count {
	uint32_t name; /* string: "ring_full", "sideband_lost", ... */
	uint64_t n;
};

/* ---- writing: records are appended to a payload; errors stay in the buffer ---- */

/* What is over a limit above is cut to it (a text's end, a stack's root, the outer
 * functions of a chain), so that nothing a target does makes a slice unreadable. */

/* Begin a block in out (its head is filled by finish) / complete it. finish
 * returns 0 or the buffer's error (-EFBIG also for a payload over FT_SLICE_MAX_BYTES);
 * then out holds what it held at begin, without the error, and since definitions are
 * lost with the block, the writer has to begin a new epoch. */
size_t ft_slice_begin(struct ft_buffer *out, const struct ft_slice_span *span);
int ft_slice_finish(struct ft_buffer *out, size_t begun) FT_MUST_CHECK;

void ft_slice_put_host(struct ft_buffer *out, const struct ft_slice_host *host);
void ft_slice_put_kind(struct ft_buffer *out, const struct ft_slice_kind *kind);
void ft_slice_put_epoch(struct ft_buffer *out);
void ft_slice_put_string(struct ft_buffer *out, uint32_t id, const char *text, size_t len);
/* Segments that are out of order, empty, or wrap around the address space are left out. */
void ft_slice_put_file(struct ft_buffer *out, const struct ft_slice_file *file);
void ft_slice_put_location(struct ft_buffer *out, const struct ft_slice_location *location);
void ft_slice_put_names(struct ft_buffer *out, const struct ft_slice_names *names);
void ft_slice_put_stack(struct ft_buffer *out, const struct ft_slice_stack *stack);
void ft_slice_put_labels(struct ft_buffer *out, const struct ft_slice_labels *labels);
/* span as given to begin: times are written as distances from its beginning. */
void ft_slice_put_sample(struct ft_buffer *out, const struct ft_slice_span *span,
			 const struct ft_slice_sample *sample);
void ft_slice_put_count(struct ft_buffer *out, const struct ft_slice_count *count);

/* ---- reading ---- */

/* What a reader is told. Every callback may be NULL. Pointers are borrowed for the
 * call. Ids have been checked: a reference is to something defined in this epoch
 * (or 0 where 0 is allowed), a definition is the next id of its kind, or for FILE
 * and NAMES one that exists. A negative return stops the reading and is its result. */
struct ft_slice_sink {
	int (*span)(void *context, const struct ft_slice_span *span);
	int (*host)(void *context, const struct ft_slice_host *host);
	int (*kind)(void *context, const struct ft_slice_kind *kind);
	int (*epoch)(void *context);
	int (*string)(void *context, uint32_t id, const char *text, size_t len);
	int (*file)(void *context, const struct ft_slice_file *file);
	int (*location)(void *context, const struct ft_slice_location *location);
	int (*names)(void *context, const struct ft_slice_names *names);
	int (*stack)(void *context, const struct ft_slice_stack *stack);
	int (*labels)(void *context, const struct ft_slice_labels *labels);
	int (*sample)(void *context, const struct ft_slice_sample *sample);
	int (*count)(void *context, const struct ft_slice_count *count);
	/* After the last record of a payload. */
	int (*end)(void *context);
};

/* What a reader knows between payloads: how many ids of each kind are defined.
 * A zeroed struct is a fresh reader. */
struct ft_slice_reader {
	uint32_t n_strings, n_files, n_locations, n_stacks, n_labels;
	uint32_t kinds; /* bit i: kind i is defined */
};

/* Tell sink what payload (one block's) holds. 0; -EBADMSG for bytes that are not a
 * slice (records before the bad one have been told); or what the sink returned. */
int ft_slice_read(struct ft_slice_reader *reader, const uint8_t *payload, size_t len,
		  const struct ft_slice_sink *sink, void *context) FT_MUST_CHECK;

/* Find one whole block at the start of bytes (after the stream's magic). 1: found,
 * *ret_payload and *ret_len are it, borrowed, and *ret_used bytes make up the
 * block; 0: more bytes are needed; -EBADMSG: this is no block (bad length or CRC). */
int ft_slice_split(const uint8_t *bytes, size_t len, const uint8_t **ret_payload, size_t *ret_len,
		   size_t *ret_used) FT_MUST_CHECK;
