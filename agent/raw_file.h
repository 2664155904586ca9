/* raw_file.h - the file of slices that record --raw writes.
 *
 * Whatever happens, it holds whole slices or does not exist: on a full disk it ends with
 * the last one that fitted, and a recording that never began leaves no file and an older
 * one as it was. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/why.h"

struct ft_raw_file {
	const char *path; /* borrowed; NULL: none is wanted, and all calls do nothing */
	int fd;		  /* -1: not open */
	int error;	  /* first failed write, after which nothing is written; 0: none */
	uint64_t len;	  /* bytes of what is whole; 0: not begun */
};

#define FT_RAW_FILE_NONE ((struct ft_raw_file){ .fd = -1 })

/* Open or make the file, leaving what it holds. 0, or -errno with why. */
int ft_raw_file_open(struct ft_raw_file *raw, const char *path, struct ft_why *why) FT_MUST_CHECK;
/* Empty it and begin a stream. 0, or -errno with why. */
int ft_raw_file_begin(struct ft_raw_file *raw, struct ft_why *why) FT_MUST_CHECK;
/* Append a block, whole or not at all. */
void ft_raw_file_put(struct ft_raw_file *raw, const uint8_t *block, size_t len);
/* 0, or -errno with why when not all of it could be written. */
int ft_raw_file_check(const struct ft_raw_file *raw, struct ft_why *why) FT_MUST_CHECK;
/* Close it; remove it when nothing was ever written. May be called twice. */
void ft_raw_file_deinit(struct ft_raw_file *raw);
