#include <errno.h>
#include <string.h>

#include "agent/profile/formats.h"
#include "agent/profile/pb_alloc.h"
#include "agent/profile/pprof_fields.h"
#include "agent/profile/pprof_messages.h"
#include "base/cursor.h"
#include "base/gzip.h"
#include "proto/profile.pb-c.h"

#define MAX_FILE_BYTES	  (1u << 30)
#define MAX_MESSAGE_BYTES (256u << 20) /* of one message, unpacked */

/* One field of the outermost message. */
struct part {
	uint32_t field;
	uint8_t wire;
	uint64_t number;      /* FT_PPROF_VARINT */
	const uint8_t *bytes; /* FT_PPROF_BYTES: borrowed */
	size_t len;
};

/* The next field: 1, 0 at the end, or -EBADMSG. */
static int next_part(struct ft_pprof_reader *in, struct ft_cursor *c, struct part *part)
{
	uint64_t tag;

	if (ft_cursor_left(c) == 0)
		return 0;
	tag = ft_cursor_varint(c);
	*part = (struct part){ .field = (uint32_t)(tag >> 3), .wire = tag & 7 };
	switch (part->wire) {
	case FT_PPROF_VARINT:
		part->number = ft_cursor_varint(c);
		break;
	case FT_PPROF_FIXED64:
		ft_cursor_u64(c);
		break;
	case FT_PPROF_BYTES:
		part->len = ft_cursor_varint(c);
		part->bytes = ft_cursor_take(c, part->len);
		break;
	case FT_PPROF_FIXED32:
		ft_cursor_u32(c);
		break;
	default:
		return ft_pprof_bad(in, "it is not a protobuf message");
	}
	if (c->failed)
		return ft_pprof_bad(in, "it is cut short, or not a protobuf message");
	if (tag >> 3 == 0 || tag >> 3 > UINT32_MAX)
		return ft_pprof_bad(in, "it is not a protobuf message");
	return 1;
}

static const ProtobufCMessageDescriptor *message_of(uint32_t field)
{
	switch (field) {
	case FT_PPROF_SAMPLE_TYPE:
	case FT_PPROF_PERIOD_TYPE:
		return &flametrail__pprof__value_type__descriptor;
	case FT_PPROF_SAMPLE:
		return &flametrail__pprof__sample__descriptor;
	case FT_PPROF_MAPPING:
		return &flametrail__pprof__mapping__descriptor;
	case FT_PPROF_LOCATION:
		return &flametrail__pprof__location__descriptor;
	case FT_PPROF_FUNCTION:
		return &flametrail__pprof__function__descriptor;
	default:
		return NULL;
	}
}

/* Several numbers in one field. */
static int take_packed(struct ft_pprof_reader *in, const struct part *part)
{
	struct ft_cursor c = ft_cursor_of(part->bytes, part->len);
	int r = 0;

	while (ft_cursor_left(&c) && r == 0) {
		uint64_t index = ft_cursor_varint(&c);

		r = c.failed ? ft_pprof_bad(in, "a comment is damaged")
			     : ft_pprof_take_number(in, part->field, index);
	}
	return r;
}

/* One message at a time: never more than one is held unpacked. */
static int unpack(struct ft_pprof_reader *in, struct ft_pb_alloc *alloc, const struct part *part)
{
	ProtobufCMessage *message = protobuf_c_message_unpack(
		message_of(part->field), &alloc->allocator, part->len, part->bytes);
	int r;

	if (!message)
		return alloc->error ? alloc->error : ft_pprof_bad(in, "a message in it is damaged");
	r = ft_pprof_take_message(in, part->field, message);
	protobuf_c_message_free_unpacked(message, &alloc->allocator);
	return r;
}

static int pass_of(uint32_t field)
{
	switch (field) {
	case FT_PPROF_STRING:
		return 1;
	case FT_PPROF_LOCATION:
		return 3;
	case FT_PPROF_SAMPLE:
		return 4;
	default:
		return 2;
	}
}

static int take_part(struct ft_pprof_reader *in, struct ft_pb_alloc *alloc, const struct part *part)
{
	bool is_number = part->field >= FT_PPROF_TIME && part->field != FT_PPROF_PERIOD_TYPE &&
			 part->field <= FT_PPROF_DEFAULT_TYPE;

	if (part->field == FT_PPROF_COMMENT && part->wire == FT_PPROF_BYTES)
		return take_packed(in, part);
	if (is_number)
		return part->wire == FT_PPROF_VARINT
			       ? ft_pprof_take_number(in, part->field, part->number)
			       : ft_pprof_bad(in, "a number in it is something else");
	if (part->field != FT_PPROF_STRING && !message_of(part->field))
		return 0;
	if (part->wire != FT_PPROF_BYTES)
		return ft_pprof_bad(in, "a message in it is something else");
	return part->field == FT_PPROF_STRING
		       ? ft_pprof_take_string(in, (const char *)part->bytes, part->len)
		       : unpack(in, alloc, part);
}

static int read_message(struct ft_pprof_reader *in, const uint8_t *bytes, size_t len)
{
	struct ft_pb_alloc alloc;
	struct part part;

	ft_pb_alloc_init(&alloc, MAX_MESSAGE_BYTES);
	for (int pass = 1; pass <= 4; pass++) {
		struct ft_cursor c = ft_cursor_of(bytes, len);
		int r;

		while ((r = next_part(in, &c, &part)) > 0) {
			if (pass_of(part.field) == pass)
				r = take_part(in, &alloc, &part);
			if (r < 0)
				return r;
		}
		if (r < 0)
			return r;
		/* Samples need to know how many values they must have. */
		if (pass == 2 && ft_profile_info(in->profile)->n_types == 0)
			return ft_pprof_bad(in, "it has no sample types");
	}
	ft_pprof_finish(in);
	return 0;
}

/* What people try instead of pprof; NULL when nothing is recognised. */
static const char *foreign_format(const uint8_t *bytes, size_t len)
{
	static const uint8_t gperftools[] = { 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0 };
	static const struct {
		const char *begin;
		const char *why;
	} formats[] = {
		{ "PERFILE2", "it is a perf.data file, not pprof" },
		{ "heap profile:", "it is in an old text format: convert it with pprof -proto" },
		{ "--- ", "it is in an old text format: convert it with pprof -proto" },
		{ "goroutine profile:", "it is text: get it without debug=1" },
		{ "FTSLICE1", "it is recorded with --raw: use --replay" },
	};

	if (len == 0)
		return "it is empty";
	if (len >= sizeof(gperftools) && memcmp(bytes, gperftools, sizeof(gperftools)) == 0)
		return "it is in gperftools' own format: convert it with pprof -proto";
	for (size_t i = 0; i < FT_COUNT(formats); i++) {
		size_t n = strlen(formats[i].begin);

		if (len >= n && memcmp(bytes, formats[i].begin, n) == 0)
			return formats[i].why;
	}
	return NULL;
}

static int read_any(struct ft_pprof_reader *in, const uint8_t *bytes, size_t len)
{
	_cleanup_buffer_ struct ft_buffer inflated = FT_BUFFER_INIT(MAX_FILE_BYTES);
	int r;

	if (ft_gunzip_wants(bytes, len)) {
		r = ft_gunzip(bytes, len, &inflated);
		if (r < 0)
			return r == -EBADMSG
				       ? ft_pprof_bad(in, "its gzip data is cut short or damaged")
				       : r;
		bytes = inflated.data;
		len = inflated.len;
	}
	in->why = foreign_format(bytes, len);
	if (in->why)
		return -EBADMSG;
	if (len > MAX_FILE_BYTES)
		return -EFBIG;
	return read_message(in, bytes, len);
}

int ft_pprof_read(const uint8_t *bytes, size_t len, struct ft_profile **ret_profile,
		  const char **ret_why)
{
	_cleanup_pprof_reader_ struct ft_pprof_reader in;
	int r = ft_pprof_reader_init(&in);

	if (r == 0)
		r = read_any(&in, bytes, len);
	if (r == 0)
		*ret_profile = FT_TAKE(in.profile);
	if (r == -EBADMSG)
		*ret_why = in.why;
	return r == -E2BIG ? -EFBIG : r;
}
