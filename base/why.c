#include "base/why.h"

#include <stdarg.h>
#include <stdio.h>

int ft_why(struct ft_why *why, int error, const char *format, ...)
{
	va_list args;

	if (!why)
		return error;
	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return error;
}
