#include "agent/server/assets.h"

#include <assert.h>
#include <string.h>

#include "base/base.h"

#define ASSET(symbol, path, file, type, length, etag) extern const uint8_t symbol[];
#include "web/assets.def"
#undef ASSET

#define ASSET(symbol, path, file, type, length, etag) { path, type, symbol, length, etag },
static const struct ft_asset assets[] = {
#include "web/assets.def"
};
#undef ASSET

const struct ft_asset *ft_asset_find(const char *path)
{
	assert(path);

	/* Some thirty entries: a request costs far more than this walk. */
	for (size_t i = 0; i < FT_COUNT(assets); i++)
		if (strcmp(assets[i].path, path) == 0)
			return &assets[i];
	return NULL;
}
