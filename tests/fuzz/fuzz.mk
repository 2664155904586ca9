# Fuzzing of what reads other people's bytes, by libFuzzer. A target is tests/fuzz/fuzz_X.c,
# with a corpus in tests/fuzz/corpus/X; what is found on the way stays in $(OUT)/fuzz.
#	make fuzz-smoke			FUZZ_SMOKE_SECONDS per target, part of make test
#	make fuzz FUZZ_SECONDS=600	FUZZ_SECONDS per target, 600 by default
FUZZ	     := $(OUT)/fuzz
FUZZ_SECONDS ?= 600
FUZZ_SMOKE_SECONDS ?= 5
FUZZ_FLAGS   := -O1 -g -std=gnu17 -Wall -Wextra -Werror -fno-strict-aliasing \
		-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_SRC     := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_TARGETS := $(FUZZ_SRC:tests/fuzz/%.c=$(FUZZ)/%)
# What may read them: neither side of it needs more.
FUZZ_LIB     := $(patsubst %.c,$(FUZZ)/%.o,$(wildcard base/*.c symbolizer/*.c))

$(FUZZ_LIB): | $(SKEL) $(PROTO:%=%.h)

$(FUZZ)/%.o: %.c
	$(call say,CC,$@)
	mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -c -o $@ $<

$(FUZZ)/lib.a: $(FUZZ_LIB)
	$(call say,AR,$@)
	rm -f $@
	ar rcs $@ $^

$(FUZZ)/fuzz_%: $(FUZZ)/tests/fuzz/fuzz_%.o $(FUZZ)/lib.a
	$(call say,LD,$@)
	$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ -lz -lstdc++

# clang without its run-time libraries cannot.
FUZZ_WORKS = echo 'int LLVMFuzzerTestOneInput(const char *b, long n) { return !b && n; }' | \
	     $(CLANG) -fsanitize=fuzzer,address,undefined -x c -o /dev/null - 2>/dev/null

fuzz-smoke:
	if $(FUZZ_WORKS); then \
		$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=$(FUZZ_SMOKE_SECONDS); \
	else \
		echo 'SKIP  fuzz-smoke: $(CLANG) has no libFuzzer (libclang-rt-dev)'; \
	fi

fuzz: $(FUZZ_TARGETS)
	for target in $^; do \
		name=$${target##*/fuzz_}; \
		mkdir -p $(FUZZ)/corpus/$$name $(FUZZ)/found; \
		$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 \
			-max_len=8192 -artifact_prefix=$(FUZZ)/found/$$name- \
			$(FUZZ)/corpus/$$name tests/fuzz/corpus/$$name \
			>$(FUZZ)/$$name.log 2>&1 || { tail -n 40 $(FUZZ)/$$name.log; exit 1; }; \
		echo "ok    fuzz $$name: $$(grep -E '^Done' $(FUZZ)/$$name.log)"; \
	done

.PHONY: fuzz fuzz-smoke
