agent/capture/perf_event: agent/capture/perf_event.c \
 agent/capture/perf_event.h base/base.h
agent/capture/perf_event.h:
base/base.h:
