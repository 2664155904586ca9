/* assets.S - the bytes of the viewer's files; the list is made by web/web.mk. */
	.section .rodata

#define ASSET(symbol, path, file, type, length, etag) \
	.global symbol; .balign 16; symbol: .incbin file; .byte 0;

#include "web/assets.def"

	.section .note.GNU-stack, "", %progbits
