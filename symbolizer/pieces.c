#include "symbolizer/pieces.h"

static enum ft_piece_kind kind_of(const struct ft_code_region *region)
{
	switch (region->kind) {
	case FT_REGION_PLT:
		return FT_PIECE_PLT;
	case FT_REGION_PLT_JUMP:
		return FT_PIECE_PLT_JUMP;
	default:
		return FT_PIECE_CODE;
	}
}

/* What begins at the current place and is no function, up to limit at most. */
static struct ft_piece next_gap(struct ft_pieces *pieces, uint64_t limit)
{
	const struct ft_codemap *map = pieces->map;
	struct ft_piece piece = { .kind = FT_PIECE_OTHER, .start = pieces->at, .end = limit };
	const struct ft_code_region *region;

	while (pieces->region < map->n_regions && map->regions[pieces->region].end <= pieces->at)
		pieces->region++;
	if (pieces->region == map->n_regions)
		return piece;
	region = &map->regions[pieces->region];
	if (region->start > piece.start) {
		piece.end = FT_MIN(limit, region->start);
		return piece;
	}
	piece.kind = kind_of(region);
	piece.end = FT_MIN(limit, region->end);
	piece.is_whole = piece.start == region->start;
	return piece;
}

bool ft_pieces_next(struct ft_pieces *pieces, struct ft_piece *ret_piece)
{
	const struct ft_array *functions = &pieces->fdes->functions;
	const struct ft_function *function = NULL;
	uint64_t limit = UINT64_MAX;

	if (pieces->function < functions->n) {
		function = ft_array_at(functions, pieces->function);
		limit = function->offset;
	}
	if (pieces->at < limit) {
		*ret_piece = next_gap(pieces, limit);
		pieces->at = ret_piece->end;
		return true;
	}
	if (!function)
		return false;
	*ret_piece = (struct ft_piece){ .kind = FT_PIECE_FUNCTION,
					.start = function->offset,
					.end = function->offset + function->length,
					.function = function };
	pieces->at = ret_piece->end;
	pieces->function++;
	return true;
}
