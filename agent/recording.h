/* recording.h - one run of the collector into a profile, without a server. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/capture/collector.h"
#include "agent/profile/gather.h"
#include "agent/raw_file.h"
#include "agent/target.h"
#include "base/base.h"
#include "base/why.h"

struct ft_recording_options {
	struct ft_collector_options collector;
	struct ft_gather_options gather;
	uint64_t duration_ns;	/* 0: until the targets end or somebody interrupts */
	struct ft_watch *watch; /* targets; with n == 0 no process is watched */
	struct ft_command *command;
	const char *command_name;
	struct ft_raw_file *raw; /* where the slices go, too */
	bool progress;		 /* a line on stderr that counts */
};

struct ft_recording_result {
	struct ft_collector_totals totals;
	uint64_t duration_ns;
	/* The command has ended with this status of waitpid(2); else it still runs. */
	bool command_ended;
	int command_status;
};

/* Record until the end; the caller owns *ret_profile. 0, or -errno with why. */
int ft_recording_run(const struct ft_recording_options *options, struct ft_why *why,
		     struct ft_recording_result *ret_result,
		     struct ft_profile **ret_profile) FT_MUST_CHECK;

/* The profile of a file of slices made by --raw. 0, or -errno with why. */
int ft_recording_replay(const char *path, const struct ft_gather_options *options,
			struct ft_why *why, struct ft_profile **ret_profile) FT_MUST_CHECK;
