#include "agent/server/reply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ft_reply_deinit(struct ft_reply *reply)
{
	ft_buffer_deinit(&reply->body);
}

static void start(struct ft_reply *reply, unsigned int status, const char *type)
{
	ft_buffer_clear(&reply->body);
	reply->asset = NULL;
	reply->disposition = NULL;
	reply->status = status;
	reply->type = type;
}

void ft_reply_error(struct ft_reply *reply, unsigned int status, const char *code,
		    const char *format, ...)
{
	char text[512];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	start(reply, status, "application/json");
	ft_buffer_printf(&reply->body, "{\"error\":{\"code\":\"%s\",\"msg\":\"", code);
	ft_buffer_put_json(&reply->body, text, strlen(text));
	ft_buffer_put_text(&reply->body, "\",\"at\":0}}\n");
}

void ft_reply_pprof_error(struct ft_reply *reply, unsigned int status, const char *format, ...)
{
	char text[512];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	start(reply, status, "text/plain; charset=utf-8");
	reply->pprof_error = true;
	ft_buffer_put_text(&reply->body, text);
	ft_buffer_put_u8(&reply->body, '\n');
}

void ft_reply_errno(struct ft_reply *reply, int error, bool pprof)
{
	const char *code = "failed", *text = strerror(-error);
	unsigned int status = 500;

	if (error == -E2BIG || error == -EFBIG || error == -EOVERFLOW) {
		status = 413;
		code = "too_large";
		text = "this is too much for one answer: ask for less time, or for fewer labels";
	} else if (error == -EBUSY || error == -ENOMEM) {
		status = 503;
		code = "busy";
		text = error == -EBUSY ? "the store is busy, try again" : "out of memory";
	} else if (error == -EUCLEAN) {
		text = "the store was damaged and has been set aside";
	}
	reply->error = error;
	if (pprof)
		ft_reply_pprof_error(reply, status, "%s", text);
	else
		ft_reply_error(reply, status, code, "%s", text);
}
