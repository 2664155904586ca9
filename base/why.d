base/why: base/why.c base/why.h base/base.h
base/why.h:
base/base.h:
