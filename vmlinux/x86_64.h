/* x86_64.h - what vmlinux.h needs that only x86-64 has. */
#pragma once

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* Registers of user space, as the kernel keeps them. */
struct pt_regs___kernel {
	unsigned long bp;
	unsigned long ip;
	unsigned long cs;
	unsigned long sp;
};

#pragma clang attribute pop
