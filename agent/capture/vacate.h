/* vacate.h - files that nothing has mapped any more give their numbers back.
 *
 * A build host maps a new program every few seconds for years; numbers are bounded. Between
 * two epochs of the slice stream nobody downstream remembers a number, so then, and only
 * when there are many, those that no living process has mapped are taken back. */
#pragma once

#include <stdint.h>

#include "agent/capture/files.h"
#include "agent/capture/names.h"
#include "agent/capture/unwinding.h"
#include "agent/profile/processes.h"

/* Take numbers back; how many. Without memory for a list of marks: none. */
uint32_t ft_vacate_files(struct ft_files *files, struct ft_processes *processes,
			 struct ft_names *names, struct ft_unwinding *unwinding, uint64_t now_ns);
