# flametrail
#	make			build/flametrail, without network
#	sudo make run		install what is missing, build, start the agent
#	sudo make test		install what is missing, build, run every test
#	make install		DESTDIR and PREFIX as usual
#	make bench | fuzz | test-kernels | clean		V=1 shows commands

MAKEFLAGS += --no-builtin-rules

OUT	?= build
PREFIX	?= /usr/local
ARCH	:= $(shell uname -m | sed -e 's/x86_64/x86/' -e 's/aarch64/arm64/')
VERSION := 0.1.0
CC	?= cc
CLANG	?= clang
BPFTOOL ?= $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool || echo bpftool)

WARN	:= -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wvla \
	   -Wpointer-arith -Wundef -Werror
CFLAGS	?= -O2 -g
FT_CFLAGS = $(CFLAGS) -std=gnu17 $(WARN) -fno-strict-aliasing -fstack-protector-strong \
	    -fPIE -fno-omit-frame-pointer
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFT_VERSION='"$(VERSION)"' -I. -Iinclude -I$(OUT) -MMD -MP
BPF_FLAGS := -target bpf -D__TARGET_ARCH_$(ARCH) -O2 -g -std=gnu17 -Wall -Wextra -Wno-unused-parameter -Werror \
	     -I. -Iinclude -Ibpf -I/usr/include/$(shell uname -m)-linux-gnu -MMD -MP
LIBS	:= -lbpf -lelf -lz -lprotobuf-c -lsqlite3 -lmicrohttpd -lcap-ng -lstdc++ -lpthread -lm

ifeq ($(V),1)
say =
else
.SILENT:
say = @printf '  %-6s %s\n' $(1) $(2)
endif

MAIN_SRC := agent/main.c
LIB_SRC	 := $(filter-out $(MAIN_SRC),$(wildcard base/*.c symbolizer/*.c agent/profile/*.c \
	    agent/capture/*.c agent/server/*.c agent/*.c))
WEB_SRC	 := $(wildcard web/*.S)
PROTO	 := $(patsubst agent/profile/%.proto,$(OUT)/proto/%.pb-c,$(wildcard agent/profile/*.proto))
LIB_OBJ	 := $(LIB_SRC:%.c=$(OUT)/%.o) $(PROTO:%=%.o) $(WEB_SRC:%.S=$(OUT)/%.o)
MAIN_OBJ := $(MAIN_SRC:%.c=$(OUT)/%.o)
BPF_SRC	 := $(wildcard bpf/*.bpf.c)
SKEL	 := $(OUT)/skeleton/flametrail.skel.h

all: $(OUT)/flametrail

$(OUT)/flametrail: $(MAIN_OBJ) $(LIB_OBJ)
	$(call say,LD,$@)
	$(CC) $(FT_CFLAGS) $(LDFLAGS) -pie -o $@ $^ $(LIBS)

# Generated headers must be there before anything that may include them compiles;
# afterwards the dependency files know who really does.
$(LIB_OBJ) $(MAIN_OBJ): | $(SKEL) $(PROTO:%=%.h)

$(OUT)/%.o: %.c
	$(call say,CC,$@)
	mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(FT_CFLAGS) -c -o $@ $<

$(OUT)/%.o: %.S
	$(call say,AS,$@)
	mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -c -o $@ $<

$(OUT)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$@)
	mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c -o $@ $<

$(OUT)/bpf/flametrail.o: $(BPF_SRC:%.c=$(OUT)/%.o)
	$(call say,BPFLD,$@)
	$(BPFTOOL) gen object $@ $^

$(SKEL): $(OUT)/bpf/flametrail.o
	$(call say,SKEL,$@)
	mkdir -p $(@D)
	{ echo '#pragma GCC system_header'; $(BPFTOOL) gen skeleton $< name flametrail; } > $@

$(OUT)/proto/%.pb-c.c $(OUT)/proto/%.pb-c.h &: agent/profile/%.proto
	$(call say,PROTO,$(OUT)/proto/$*.pb-c.c)
	mkdir -p $(OUT)/proto
	protoc-c --proto_path=agent/profile --c_out=$(OUT)/proto $<

$(OUT)/proto/%.o: $(OUT)/proto/%.c
	$(call say,CC,$@)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE -c -o $@ $<

run:
	scripts/deps build
	$(MAKE) --no-print-directory all
	$(OUT)/flametrail agent $(ARGS)

install: all
	install -D -m 755 $(OUT)/flametrail $(DESTDIR)$(PREFIX)/bin/flametrail

clean:
	rm -rf $(OUT)

-include web/web.mk
include tests/tests.mk
include tests/fuzz/fuzz.mk
-include tests/web/web-tests.mk

.PHONY: all run install clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
