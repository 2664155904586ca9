#include "symbolizer/muslroots.h"

#include <errno.h>
#include <string.h>

#define CHUNK 32768u
/* The longest call, with what passes its result on and the first byte of the next one. */
#define PATTERN_BYTES 8u
#define ENTRY_BYTES   18u

int ft_muslroots_check_entry(struct ft_window *window, uint64_t offset, bool *ret_is_musl)
{
	/* xor %rbp,%rbp; mov %rsp,%rdi; lea _DYNAMIC(%rip),%rsi; and $-16,%rsp; call */
	static const uint8_t head[] = { 0x48, 0x31, 0xed, 0x48, 0x89, 0xe7, 0x48, 0x8d, 0x35 };
	static const uint8_t tail[] = { 0x48, 0x83, 0xe4, 0xf0, 0xe8 };
	const uint8_t *bytes;
	int r = ft_window_get(window, offset, ENTRY_BYTES, &bytes);

	if (r < 0 && r != -ENODATA)
		return r;
	*ret_is_musl = r == 0 && memcmp(bytes, head, sizeof(head)) == 0 &&
		       memcmp(bytes + sizeof(head) + 4, tail, sizeof(tail)) == 0;
	return 0;
}

/* Bytes of the call at at, through a register or the memory it points to; 0: none. */
static uint32_t call_bytes(const uint8_t *at)
{
	uint32_t n = *at == 0x41 ? 1 : 0; /* a register from r8 on */
	uint8_t mode;

	if (at[n] != 0xff)
		return 0;
	mode = at[n + 1];
	if ((mode & 0x38) != 0x10)
		return 0;
	switch (mode >> 6) {
	case 3:
		return n + 2;
	case 0:
		return (mode & 7) == 4 || (mode & 7) == 5 ? 0 : n + 2;
	case 1:
		return (mode & 7) == 4 ? 0 : n + 3;
	default:
		return 0;
	}
}

/* mov %eax,%edi or mov %rax,%rdi; call */
static bool passes_result(const uint8_t *at)
{
	return memcmp(at, "\x89\xc7\xe8", 3) == 0 || memcmp(at, "\x48\x89\xc7\xe8", 4) == 0;
}

static void look_at_chunk(struct ft_muslroots *roots, const uint8_t *bytes, uint32_t n,
			  uint64_t offset)
{
	for (uint32_t i = 0; i + PATTERN_BYTES <= n && roots->n < FT_MUSLROOTS_MAX; i++) {
		uint32_t call = call_bytes(bytes + i);

		if (!call || !passes_result(bytes + i + call))
			continue;
		roots->roots[roots->n++] = (struct ft_muslroot){ .start = offset + i,
								 .end = offset + i + call };
		i += call;
	}
}

int ft_muslroots_look(struct ft_muslroots *roots, struct ft_window *window, uint64_t start,
		      uint64_t end)
{
	end = FT_MIN(end, window->size);
	while (end > start && end - start >= PATTERN_BYTES && roots->n < FT_MUSLROOTS_MAX &&
	       roots->n_bytes < FT_MUSLROOTS_BYTES) {
		uint32_t n = (uint32_t)FT_MIN(end - start, (uint64_t)CHUNK);
		const uint8_t *bytes;
		int r = ft_window_get(window, start, n, &bytes);

		if (r < 0)
			return r == -ENODATA ? 0 : r;
		look_at_chunk(roots, bytes, n, start);
		roots->n_bytes += n;
		if (n < CHUNK)
			break;
		start += CHUNK - PATTERN_BYTES + 1;
	}
	return 0;
}
