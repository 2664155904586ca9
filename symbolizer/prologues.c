#include "symbolizer/prologues.h"

#include <errno.h>
#include <string.h>

/* Functions begin at multiples of this. */
#define ALIGNMENT 16u
/* The longest beginning that is looked for, and what ends before it: a return or a trap,
 * then up to 15 bytes of padding. */
#define AHEAD  8u
#define BEHIND 16u
#define CHUNK  32768u
/* Code that begins a process, up to its call. */
#define ENTRY_BYTES 64u

#define RET  0xc3
#define INT3 0xcc

static const uint8_t signal_return[FT_PROLOGUES_SIGNAL_BYTES] = { 0x48, 0xc7, 0xc0, 0x0f, 0x00,
								  0x00, 0x00, 0x0f, 0x05 };

static bool starts_with(const uint8_t *at, const char *bytes, size_t n)
{
	return memcmp(at, bytes, n) == 0;
}

/* [endbr64;] push %rbp; mov %rsp,%rbp in its two spellings. */
static bool is_prologue(const uint8_t *at)
{
	if (starts_with(at, "\xf3\x0f\x1e\xfa", 4))
		at += 4;
	return starts_with(at, "\x55\x48\x89\xe5", 4) || starts_with(at, "\x55\x48\x8b\xec", 4);
}

/* Does code end before at, with nothing or padding after it? */
static bool is_beginning(const uint8_t *at)
{
	if (at[-1] == INT3 || at[-1] == RET)
		return true;
	for (unsigned int n = 1; n < BEHIND; n++) {
		uint8_t first = at[-(int)n];

		/* How padding of n bytes begins: nop, or a longer one of its family. */
		if ((first == 0x90 || first == 0x66 || first == 0x0f) && at[-(int)n - 1] == RET)
			return true;
	}
	return false;
}

static void look_for_signals(struct ft_prologues *seen, const uint8_t *bytes, uint32_t n,
			     uint64_t offset)
{
	const uint8_t *at = bytes, *end = bytes + n;

	while (seen->n_signals < FT_PROLOGUES_SIGNALS) {
		uint64_t found;

		at = memmem(at, (size_t)(end - at), signal_return, sizeof(signal_return));
		if (!at)
			break;
		found = offset + (uint64_t)(at - bytes);
		/* Chunks overlap. */
		if (seen->n_signals == 0 || seen->signals[seen->n_signals - 1] != found)
			seen->signals[seen->n_signals++] = found;
		at++;
	}
}

/* n bytes that lie at offset, of which the first BEHIND and the last AHEAD - 1 belong to
 * other chunks, too. */
static void look_at_chunk(struct ft_prologues *seen, const uint8_t *bytes, uint32_t n,
			  uint64_t offset)
{
	uint32_t i = BEHIND + (uint32_t)(-(offset + BEHIND) & (ALIGNMENT - 1));

	look_for_signals(seen, bytes, n, offset);
	for (; i + AHEAD <= n && seen->n_functions < FT_PROLOGUES_FUNCTIONS; i += ALIGNMENT) {
		if (!is_beginning(bytes + i))
			continue;
		if (bytes[i] == INT3)
			continue; /* more padding */
		seen->n_functions++;
		seen->n_prologues += is_prologue(bytes + i);
	}
}

int ft_prologues_look(struct ft_prologues *seen, struct ft_window *window, uint64_t start,
		      uint64_t end)
{
	end = FT_MIN(end, window->size);
	while (end > start && end - start > BEHIND + AHEAD &&
	       seen->n_functions < FT_PROLOGUES_FUNCTIONS && seen->n_bytes < FT_PROLOGUES_BYTES) {
		uint32_t n = (uint32_t)FT_MIN(end - start, (uint64_t)CHUNK);
		const uint8_t *bytes;
		int r = ft_window_get(window, start, n, &bytes);

		if (r < 0)
			return r == -ENODATA ? 0 : r;
		look_at_chunk(seen, bytes, n, start);
		seen->n_bytes += n;
		if (n < CHUNK)
			break;
		start += CHUNK - BEHIND - AHEAD + 1;
	}
	return 0;
}

/* Code that does not keep them still has a few such functions, those with arrays of
 * variable size: 1 % at most. Code that does has many that need no frame, and some of
 * what was taken for a function is a loop: from 28 % (V8's builtins) to 76 % (Chromium). */
bool ft_prologues_keep(const struct ft_prologues *seen)
{
	return seen->n_prologues >= 16 && seen->n_prologues >= seen->n_functions / 8;
}

int ft_prologues_entry_end(struct ft_window *window, uint64_t offset, uint64_t limit,
			   uint64_t *ret_end)
{
	uint64_t left = offset < window->size ? window->size - offset : 0;
	uint32_t n = (uint32_t)FT_MIN(FT_MIN(limit - offset, left), (uint64_t)ENTRY_BYTES);
	const uint8_t *bytes, *align;
	int r = ft_window_get(window, offset, n, &bytes);

	if (r < 0)
		return r;
	*ret_end = offset + n;
	/* All of them align the stack, then call. */
	align = memmem(bytes, n, "\x48\x83\xe4\xf0", 4);
	for (const uint8_t *at = align ? align + 4 : bytes + n; at + 6 <= bytes + n; at++) {
		if (*at != 0xe8 && !starts_with(at, "\xff\x15", 2))
			continue;
		*ret_end = offset + (uint64_t)(at - bytes) + (*at == 0xe8 ? 5 : 6);
		break;
	}
	return 0;
}
