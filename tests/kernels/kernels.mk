# The same binary on other kernels: Debian's 6.1 and 6.12, in QEMU. Images are fetched
# once (network), then kept in $(OUT)/kernels.
test-kernels:
	scripts/deps kernels
	$(MAKE) --no-print-directory all truth
	OUT=$(OUT) BPFTOOL=$(BPFTOOL) tests/kernels/run $(KERNELS)

.PHONY: test-kernels
