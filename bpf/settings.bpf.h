/* settings.bpf.h - the settings, constant once loaded, so that the verifier drops
 * the branches not taken. Weak: all objects that include this share one. */
#pragma once

#include "vmlinux/vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "flametrail/settings.h"

const volatile struct ft_settings settings SEC(".rodata") __weak = { .n_rings = 1 };
