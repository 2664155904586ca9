/* arm64.h - what vmlinux.h needs that only arm64 has. */
#pragma once

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* Registers of user space, as the kernel keeps them. */
struct user_pt_regs___kernel {
	unsigned long long regs[31];
	unsigned long long sp;
	unsigned long long pc;
	unsigned long long pstate;
};

#pragma clang attribute pop
