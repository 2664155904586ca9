/* ft_pprof_text.h - a pprof message as text, by a decoder that knows nothing of ours:
 * the schema is written down once more here, so that a wrong number shows. */
#pragma once

#include <check.h>
#include <string.h>

#include "base/buffer.h"

struct ft_wire_bytes {
	const uint8_t *at, *end;
};

struct ft_wire_field {
	unsigned int number, wire;
	uint64_t value;
	struct ft_wire_bytes inner;
};

static inline uint64_t ft_wire_varint(struct ft_wire_bytes *b)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; b->at < b->end; shift += 7) {
		uint8_t byte = *b->at++;

		value |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return value;
	}
	ck_abort_msg("cut varint");
	return 0;
}

static inline bool ft_wire_next(struct ft_wire_bytes *b, struct ft_wire_field *field)
{
	uint64_t tag;

	if (b->at == b->end)
		return false;
	tag = ft_wire_varint(b);
	field->number = (unsigned int)(tag >> 3);
	field->wire = tag & 7;
	field->value = ft_wire_varint(b);
	if (field->wire == 0)
		return true;
	ck_assert_uint_eq(field->wire, 2);
	ck_assert_uint_le(field->value, (uint64_t)(b->end - b->at));
	field->inner = (struct ft_wire_bytes){ b->at, b->at + field->value };
	b->at += field->value;
	return true;
}

/* How to print the fields of a message: for each, a letter and its name. s: string, n:
 * number, p: packed numbers, m: message (its name leads to its own line here). */
static const struct {
	const char *message;
	const char *fields[16];
} ft_wire_schema[] = {
	{ "profile",
	  { "", "mtype", "msample", "mmapping", "mlocation", "mfunction", "", "sdrop", "skeep",
	    "ntime", "nduration", "mperiod_type", "nperiod", "scomment", "sdefault", "sdoc" } },
	{ "type", { "", "sname", "sunit" } },
	{ "period_type", { "", "sname", "sunit" } },
	{ "sample", { "", "plocations", "pvalues", "mlabel" } },
	{ "label", { "", "skey", "sstr", "nnum", "sunit" } },
	{ "mapping",
	  { "", "nid", "nstart", "nlimit", "noffset", "sfile", "sbuild_id", "nfunctions", "nfiles",
	    "nlines", "ninlines" } },
	{ "location", { "", "nid", "nmapping", "naddress", "mline", "nfolded" } },
	{ "line", { "", "nfunction", "nline", "ncolumn" } },
	{ "function", { "", "nid", "sname", "ssystem", "sfile", "nstart" } },
};

static inline void ft_wire_string(struct ft_wire_bytes all, uint64_t index, struct ft_buffer *text)
{
	struct ft_wire_field field;

	while (ft_wire_next(&all, &field))
		if (field.number == 6 && index-- == 0) {
			ft_buffer_put(text, field.inner.at, field.value);
			return;
		}
	ck_abort_msg("no such string");
}

static inline const char *const *ft_wire_fields(const char *message)
{
	for (size_t i = 0; i < FT_COUNT(ft_wire_schema); i++)
		if (strcmp(ft_wire_schema[i].message, message) == 0)
			return ft_wire_schema[i].fields;
	ck_abort_msg("no message %s", message);
	return NULL;
}

/* "name{field=value ...}" into text. */
static inline void ft_wire_print(struct ft_wire_bytes all, struct ft_wire_bytes b,
				 const char *message, struct ft_buffer *text)
{
	const char *const *fields = ft_wire_fields(message);
	struct ft_wire_field field;

	while (ft_wire_next(&b, &field)) {
		const char *name;

		if (field.number == 6 && strcmp(message, "profile") == 0)
			continue;
		ck_assert_uint_lt(field.number, 16);
		name = fields[field.number];
		ck_assert_ptr_nonnull(name);
		ck_assert_uint_eq(field.wire, *name == 'm' || *name == 'p' ? 2 : 0);
		ft_buffer_printf(text, *name == 'm' ? "%s{ " : "%s=", name + 1);
		if (*name == 'm') {
			ft_wire_print(all, field.inner, name + 1, text);
			ft_buffer_put_u8(text, '}');
		} else if (*name == 's') {
			ft_wire_string(all, field.value, text);
		} else if (*name == 'n') {
			ft_buffer_printf(text, "%lu", field.value);
		}
		while (*name == 'p' && field.inner.at < field.inner.end)
			ft_buffer_printf(text, "%ld,", (long)ft_wire_varint(&field.inner));
		ft_buffer_put_u8(text, strcmp(message, "profile") == 0 ? '\n' : ' ');
	}
}

/* One line for each field of the outermost message but strings, which are shown where
 * they are meant. */
static inline void ft_pprof_text(const uint8_t *bytes, size_t len, struct ft_buffer *text)
{
	struct ft_wire_bytes all = { bytes, bytes + len };

	ft_wire_print(all, all, "profile", text);
}
