/* pprof_messages.h - what each message of a pprof file adds to a profile.
 *
 * Everything is checked: indexes and ids must lead somewhere, counts must agree. Strings
 * must be taken before all else, locations after mappings and functions, samples last. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "agent/profile/foreign_ids.h"
#include "agent/profile/profile.h"
#include "base/array.h"

struct ft_pprof_reader {
	struct ft_profile *profile; /* owned until the caller takes it */
	const char *why;	    /* what made the last -EBADMSG; static text */

	/* private */
	struct ft_array strings; /* uint32_t: by index in the file, id in the profile */
	struct ft_foreign_ids mappings, functions, locations;
	struct ft_array lines, stack; /* scratch: ft_profile_line; uint32_t */
	uint32_t n_parts;
	bool has_time;
	uint32_t default_type; /* string */
};

/* 0 or -ENOMEM; deinit either way. */
int ft_pprof_reader_init(struct ft_pprof_reader *in) FT_MUST_CHECK;
void ft_pprof_reader_deinit(struct ft_pprof_reader *in);
#define _cleanup_pprof_reader_ FT_CLEANUP(ft_pprof_reader_deinit)

/* Remember why; returns -EBADMSG. */
int ft_pprof_bad(struct ft_pprof_reader *in, const char *why);

/* Each gives 0, -EBADMSG (why is set), -ENOMEM, or -E2BIG or -EFBIG at a limit. */
int ft_pprof_take_string(struct ft_pprof_reader *in, const char *text, size_t len) FT_MUST_CHECK;
/* A field of the outermost message (enum ft_pprof_field) that is a number. */
int ft_pprof_take_number(struct ft_pprof_reader *in, uint32_t field, uint64_t value) FT_MUST_CHECK;
/* One that is a message, unpacked as profile.proto has it for that field. */
int ft_pprof_take_message(struct ft_pprof_reader *in, uint32_t field,
			  const ProtobufCMessage *message) FT_MUST_CHECK;

/* After everything: the default sample type and the number of samples. */
void ft_pprof_finish(struct ft_pprof_reader *in);
