# Tests and checks. `make test` runs everything, `make unit` what needs no root,
# no kernel and no browser.
ASAN	   := $(OUT)/asan
ASAN_FLAGS := -O1 -g -std=gnu17 $(WARN) -fno-strict-aliasing -fsanitize=address,undefined \
	      -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT_SRC   := $(wildcard tests/unit/test_*.c)
UNIT	   := $(UNIT_SRC:tests/unit/%.c=$(ASAN)/%)
# The kernel edge is not pure: it has live tests instead.
ASAN_LIB   := $(patsubst %.c,$(ASAN)/%.o,$(LIB_SRC)) $(PROTO:$(OUT)/%=$(ASAN)/%.o) \
	      $(WEB_SRC:%.S=$(OUT)/%.o)

$(ASAN_LIB): | $(SKEL) $(PROTO:%=%.h)

$(ASAN)/%.o: %.c
	$(call say,CC,$@)
	mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ASAN_FLAGS) -c -o $@ $<

$(ASAN)/proto/%.o: $(OUT)/proto/%.c
	$(call say,CC,$@)
	mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -O1 -g -fsanitize=address,undefined -c -o $@ $<

# An archive, so that a test links only what it uses.
$(ASAN)/lib.a: $(ASAN_LIB)
	$(call say,AR,$@)
	rm -f $@
	ar rcs $@ $^

# tests/ft_alloc.h: every test may make the n-th allocation fail.
comma	   := ,
ASAN_WRAP  := $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc reallocarray strdup strndup)

$(ASAN)/test_%: $(ASAN)/tests/unit/test_%.o $(ASAN)/tests/ft_alloc.o $(ASAN)/lib.a
	$(call say,LD,$@)
	$(CC) $(ASAN_FLAGS) $(ASAN_WRAP) -o $@ $(filter %.o,$^) $(ASAN)/lib.a \
		$(shell pkg-config --libs check) $(LIBS)

unit: $(UNIT)
	printf '%s\n' $^ | CK_DEFAULT_TIMEOUT=60 ASAN_OPTIONS=detect_leaks=1 xargs -P $$(nproc) -n 1 env

# Programs whose right profile is known: with frame pointers, without debug information,
# and with every function a frame of its own.
TRUTH	   := $(patsubst tests/truth/%.c,$(OUT)/truth/%,$(wildcard tests/truth/*.c))
TRUTH_FLAGS := -O1 -g0 -std=gnu17 $(WARN) -fno-omit-frame-pointer -fno-inline \
	      -fno-optimize-sibling-calls

$(OUT)/truth/%: tests/truth/%.c
	$(call say,TRUTH,$@)
	mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -MF $@.d $(TRUTH_FLAGS) -o $@ $< -lpthread

truth: $(TRUTH)

# Real BPF on real programs: as root, else most of it is skipped and says so.
test-live: $(OUT)/flametrail $(TRUTH) tests/web/node_modules/.package-lock.json
	OUT=$(OUT) tests/live/run

# Tables of what flametrail costs here; as root, on a host that does nothing else.
bench: $(OUT)/flametrail $(TRUTH)
	OUT=$(OUT) node tests/bench/agent.mjs $(BENCH_SECONDS)

# Everything: installs what is missing first.
test:
	scripts/deps test
	$(MAKE) --no-print-directory -j$$(nproc) all $(UNIT) $(TRUTH)
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory unit
	$(MAKE) --no-print-directory fuzz-smoke
	$(MAKE) --no-print-directory test-live
	$(MAKE) --no-print-directory test-web

# Headers may include generated ones.
lint: | $(SKEL) $(PROTO:%=%.h)
	scripts/check-includes
	OUT=$(OUT) scripts/check-style

.PHONY: unit lint truth test-live bench test

-include tests/kernels/kernels.mk
