agent/profile/dictionary: agent/profile/dictionary.c \
 agent/profile/dictionary.h agent/profile/slice.h base/buffer.h \
 base/base.h base/cursor.h base/array.h base/index.h base/strings.h
agent/profile/dictionary.h:
agent/profile/slice.h:
base/buffer.h:
base/base.h:
base/cursor.h:
base/array.h:
base/index.h:
base/strings.h:
