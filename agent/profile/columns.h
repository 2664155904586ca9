/* columns.h - the samples of one kind and window as bytes, and back.
 *
 * Each field of the samples is a column of its own, so that deflate sees like
 * beside like. What goes together is stored together: who ran (tid, labels, thread)
 * is a table, and a column of places in it. Times are kept in steps of 100 us,
 * rounded down: ticks of a clock are regular at that scale, and noise below it
 * would take more room than all else.
 *
 * Form: varint length of the columns, then their zlib stream. The columns: u8
 * version (1), varint n, varint n_who, n_who times tid, labels, thread; then n times
 * each: time (signed steps since the sample before, the first since the base), and
 * as varints who, stack, cpu, outcome, count, and value (signed). Ids mean what
 * whoever stores them says; the store's own are meant in the store. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Samples in one blob; a fuller window is kept in several. */
#define FT_COLUMNS_MAX_SAMPLES (1u << 18)
#define FT_COLUMNS_STEP_US     100u

struct ft_column_sample {
	uint64_t time_us; /* since 1970, UTC; kept in steps of FT_COLUMNS_STEP_US */
	uint64_t count;	  /* events it stands for */
	int64_t value;	  /* in the kind's unit */
	uint32_t stack, labels, tid, thread, cpu;
	uint8_t outcome; /* enum ft_outcome */
};

/* An array that grows to FT_COLUMNS_MAX_SAMPLES. A zeroed struct is empty. */
struct ft_columns {
	struct ft_column_sample *samples;
	uint32_t n, n_cap;
};

void ft_columns_deinit(struct ft_columns *columns);
#define _cleanup_columns_ FT_CLEANUP(ft_columns_deinit)

/* 0, -ENOMEM, or -E2BIG when it is full. */
int ft_columns_add(struct ft_columns *columns, const struct ft_column_sample *sample) FT_MUST_CHECK;

/* Append the bytes for samples to out. 0, -ENOMEM or -EFBIG (out's limit). */
int ft_columns_encode(const struct ft_columns *columns, uint64_t base_us,
		      struct ft_buffer *out) FT_MUST_CHECK;

/* Append what bytes hold to columns. 0; -EBADMSG for bytes no encoder wrote, then
 * columns is as before; -E2BIG when both together pass the limit; -ENOMEM. */
int ft_columns_decode(const uint8_t *bytes, size_t len, uint64_t base_us,
		      struct ft_columns *columns) FT_MUST_CHECK;
