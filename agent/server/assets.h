/* assets.h - the viewer's files, carried in the binary. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ft_asset {
	const char *path; /* as in the address: "/", "/flame.js" */
	const char *type; /* Content-Type */
	const uint8_t *bytes;
	size_t len;
	const char *etag; /* quoted */
};

/* The asset served at path, or NULL. Lives as long as the program. */
const struct ft_asset *ft_asset_find(const char *path);
