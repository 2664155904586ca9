/* tree.h - a profile as a tree of frames, root first, in the FTTR bytes the viewer
 * reads. Version 1, little-endian:
 *
 *	 0  "FTTR"  u16 version  u16 flags (1 base, 2 pruned, 4 lines, 8 partial)
 *	 8  u32 n_nodes  u32 n_frames  u32 n_libs  u32 n_sections
 *	24  u64 total_w  u64 total_b  u64 window_us  u64 base_us
 *	56  u64 scale_num  u64 scale_den  u64 pruned_w
 *	80  u64 samples_w  u64 samples_b  u32 phi_x1000  u32 lost_ppm
 *	104 sections: { char tag[4]; u32 offset; u32 length }, n_sections times
 *
 *	NODE  per node in pre-order: uv(previous depth + 1 - depth) uv(frame) uv(self),
 *	      and with flag 1 uv(self of base). The first node is the root at depth 0
 *	      (the depth before it counts as -1), frame "all". Children are ordered by
 *	      name. A total is the sum of the selves below: it is not sent.
 *	FRAM  per frame, most frequent first: uv(name) uv(lib) u8 kind, and with flag 4
 *	      uv(file) uv(line). name and file are indexes of strings, 0 is "".
 *	STRS  strings in UTF-8, each ended by a NUL, string 0 first.
 *	LIBS  per library, 0 is "none": uv(name) uv(build-id) u8 flags (1 mine).
 *	PRUN  nodes whose lighter children were left out, in order: uv(node - previous
 *	      one's node) uv(hidden children) uv(weight), and with flag 1 uv(base).
 *	OUTC  only when stacks ended early (label outcome): uv(string: how) uv(weight),
 *	      for each way. It is told apart here only, the weight is in the nodes, too.
 *
 * uv is LEB128 up to 2^53. Weights times scale_num / scale_den are in the metric's
 * unit. pruned_w is the weight in PRUN altogether; total_w counts it too. */
#pragma once

#include "agent/profile/profile.h"
#include "base/buffer.h"

#define FT_TREE_MAX_DEPTH  4096u
#define FT_TREE_HEAD_BYTES 104u

enum ft_frame_kind {
	FT_FRAME_ROOT = 0, /* "all", and the process level */
	FT_FRAME_NATIVE = 1,
	FT_FRAME_KERNEL = 2,
	FT_FRAME_INLINED = 3,
	FT_FRAME_JIT = 4,
	FT_FRAME_UNKNOWN = 5, /* no name: module+0xaddress */
};

struct ft_tree_options {
	uint32_t type;	    /* sample type of the profile */
	uint32_t min_ppm;   /* children lighter than this share of the total are pruned */
	uint32_t max_nodes; /* the lightest beyond it are pruned; at most 250,000 */
	bool with_process;  /* first level below "all": the command name (label comm) */
	bool with_lines;    /* frames are told apart by file and line, too */
	uint32_t lost_ppm;  /* for the header */
	uint64_t window_us;
};

/* Append the FTTR of profile to out. 0, -ENOMEM or -EFBIG. Frames deeper than
 * FT_TREE_MAX_DEPTH - 1 count as self of the last one. */
int ft_tree_write(const struct ft_profile *profile, const struct ft_tree_options *options,
		  struct ft_buffer *out) FT_MUST_CHECK;

/* ---- a reader, for tests and tools ---- */

struct ft_tree_node {
	uint32_t depth, frame;
	uint64_t self, total;
};

struct ft_tree {
	uint32_t n_nodes, n_frames;
	struct ft_tree_node *nodes;
	char **names; /* of frames */
	uint64_t total, pruned, samples, scale_num, scale_den;
};

/* Read FTTR bytes; refuses overruns, depths over the limit, frames out of range and
 * trailing bytes. 0, -EBADMSG or -ENOMEM. The caller owns *ret_tree. */
int ft_tree_read(const uint8_t *bytes, size_t len, struct ft_tree **ret_tree) FT_MUST_CHECK;
void ft_tree_freep(struct ft_tree **p);
#define _cleanup_tree_ FT_CLEANUP(ft_tree_freep)
