agent/capture/sampler: agent/capture/sampler.c agent/capture/sampler.h \
 agent/capture/cpus.h base/base.h base/why.h include/flametrail/event.h \
 agent/capture/perf_event.h base/clock.h include/flametrail/settings.h \
 build/skeleton/flametrail.skel.h
agent/capture/sampler.h:
agent/capture/cpus.h:
base/base.h:
base/why.h:
include/flametrail/event.h:
agent/capture/perf_event.h:
base/clock.h:
include/flametrail/settings.h:
build/skeleton/flametrail.skel.h:
