#include "symbolizer/symname.h"

#include <assert.h>
#include <string.h>

/* Of libstdc++, which has no header for C. Returns malloc'ed text or NULL. */
char *__cxa_demangle(const char *name, char *buffer, size_t *size, int *status);

static int plainness(const char *name)
{
	return (name[0] == '_' ? 0 : 2) + (strchr(name, '.') ? 0 : 1);
}

bool ft_symname_better(const char *a, const char *b)
{
	int plain_a = plainness(a), plain_b = plainness(b);
	size_t len_a = strlen(a), len_b = strlen(b);

	if (plain_a != plain_b)
		return plain_a > plain_b;
	if (len_a != len_b)
		return len_a < len_b;
	return strcmp(a, b) < 0;
}

bool ft_symname_is_internal(const char *name)
{
	if (name[0] == '.' && name[1] == 'L')
		return true;
	return name[0] == '$' && name[1] != '\0' && strchr("xdat", name[1]) &&
	       (name[2] == '\0' || name[2] == '.');
}

static bool is_mangled(const char *name)
{
	/* Some compilers put further underscores in front; clang's blocks have three. */
	return strncmp(name, "_Z", 2) == 0 || strncmp(name, "___Z", 4) == 0;
}

size_t ft_symname_display(const char *name, char *out, size_t size)
{
	const char *version = strchr(name, '@');
	size_t len = version && version != name ? (size_t)(version - name) : strlen(name);

	assert(size > 0);
	if (len >= size) {
		/* Cut, so what it would demangle to is something else. */
		memcpy(out, name, size - 1);
		out[size - 1] = '\0';
		return size - 1;
	}
	memcpy(out, name, len);
	out[len] = '\0';
	if (is_mangled(out) && len <= FT_SYMNAME_MAX_MANGLED) {
		int status;
		_cleanup_free_ char *text = __cxa_demangle(out, NULL, NULL, &status);
		size_t n = text ? strlen(text) : 0;

		if (n > 0 && n < size) {
			memcpy(out, text, n + 1);
			return n;
		}
	}
	return len;
}
