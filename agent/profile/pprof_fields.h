/* pprof_fields.h - fields of the outermost message of profile.proto, for the writer and
 * the reader, which frame and take apart that message themselves. */
#pragma once

enum ft_pprof_field {
	FT_PPROF_SAMPLE_TYPE = 1,
	FT_PPROF_SAMPLE = 2,
	FT_PPROF_MAPPING = 3,
	FT_PPROF_LOCATION = 4,
	FT_PPROF_FUNCTION = 5,
	FT_PPROF_STRING = 6,
	FT_PPROF_TIME = 9,
	FT_PPROF_DURATION = 10,
	FT_PPROF_PERIOD_TYPE = 11,
	FT_PPROF_PERIOD = 12,
	FT_PPROF_COMMENT = 13,
	FT_PPROF_DEFAULT_TYPE = 14,
};

enum ft_pprof_wire {
	FT_PPROF_VARINT = 0,
	FT_PPROF_FIXED64 = 1,
	FT_PPROF_BYTES = 2,
	FT_PPROF_FIXED32 = 5,
};
