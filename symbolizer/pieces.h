/* pieces.h - a file from its first byte to its last, cut into what has frame information
 * and what has not. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "symbolizer/codemap.h"
#include "symbolizer/fdes.h"

enum ft_piece_kind {
	FT_PIECE_FUNCTION, /* a function with rows */
	FT_PIECE_CODE,	   /* code without frame information */
	FT_PIECE_PLT,
	FT_PIECE_PLT_JUMP, /* see enum ft_region_kind */
	FT_PIECE_OTHER	   /* no code */
};

/* [start, end) of the file, not empty. */
struct ft_piece {
	enum ft_piece_kind kind;
	uint64_t start, end;
	const struct ft_function *function; /* of FT_PIECE_FUNCTION; borrowed */
	bool is_whole;			    /* of the others: the region begins here */
};

/* A zeroed struct with map and fdes set, both borrowed, is at the beginning. */
struct ft_pieces {
	const struct ft_codemap *map;
	const struct ft_fdes *fdes;
	uint64_t at;
	uint32_t function, region; /* the next that may matter */
};

/* The next piece, by growing offset without holes. False at the end, which is the end of
 * the file or what lies beyond. */
bool ft_pieces_next(struct ft_pieces *pieces, struct ft_piece *ret_piece);
