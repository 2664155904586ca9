agent/capture/cpus: agent/capture/cpus.c agent/capture/cpus.h base/base.h \
 base/io.h
agent/capture/cpus.h:
base/base.h:
base/io.h:
