/* user_step.bpf.h - unwind_step.h with the kernel's way to read user memory, which never
 * faults a page in: what is not resident is not read. */
#pragma once

#include "vmlinux/vmlinux.h"

#include <bpf/bpf_helpers.h>

#define FT_READ_USER(to, bytes, address) bpf_probe_read_user(to, bytes, (void *)(address))
#include "unwind_step.h"
