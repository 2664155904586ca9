agent/capture/sideband: agent/capture/sideband.c agent/capture/sideband.h \
 agent/capture/cpus.h base/base.h agent/capture/perf_event.h \
 agent/profile/process_event.h
agent/capture/sideband.h:
agent/capture/cpus.h:
base/base.h:
agent/capture/perf_event.h:
agent/profile/process_event.h:
