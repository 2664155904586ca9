/* bpfprobe.h - checks that try: each opens an event or loads a BPF program of two
 * instructions, attaches it where that can be done without cost to others, and closes
 * all of it before it returns. Probes of hostcheck.h; comments say what key and number
 * mean to each. */
#pragma once

struct ft_hostcheck;
struct ft_finding;

/* number: PERF_TYPE_SOFTWARE for cpu-clock or PERF_TYPE_HARDWARE for cycles; of one CPU,
 * all processes. */
void ft_probe_perf_event(const struct ft_hostcheck *check, struct ft_finding *finding);
/* mmap, comm, fork and exit records; number: 1 to ask for build-ids. */
void ft_probe_side_band(const struct ft_hostcheck *check, struct ft_finding *finding);

void ft_probe_ring_buffer(const struct ft_hostcheck *check, struct ft_finding *finding);
void ft_probe_bpf_perf_event(const struct ft_hostcheck *check, struct ft_finding *finding);
/* key: group/name of a tracepoint, then name of a raw one. */
void ft_probe_bpf_tracepoint(const struct ft_hostcheck *check, struct ft_finding *finding);
void ft_probe_bpf_raw_tracepoint(const struct ft_hostcheck *check, struct ft_finding *finding);
/* key: raw tracepoint or iterator; number: BPF_TRACE_RAW_TP or BPF_TRACE_ITER. */
void ft_probe_bpf_tracing(const struct ft_hostcheck *check, struct ft_finding *finding);
/* key: "kprobe", on a kernel function, or "uprobe", on a function of our own that
 * nobody calls, in this process alone. */
void ft_probe_bpf_probe(const struct ft_hostcheck *check, struct ft_finding *finding);
void ft_probe_bpf_uprobe_multi(const struct ft_hostcheck *check, struct ft_finding *finding);
/* number: enum bpf_func_id. */
void ft_probe_bpf_helper(const struct ft_hostcheck *check, struct ft_finding *finding);
/* key: name of a kernel function for BPF, or what it begins with before _impl. */
void ft_probe_bpf_kfunc(const struct ft_hostcheck *check, struct ft_finding *finding);
