# SPDX-License-Identifier: GPL-2.0-only
# libFuzzer's programs. "check" runs each for a few seconds; fuzz/run does so for longer.

# $(call fuzz-target,NAME,SOURCES,CFLAGS): other suites' variables are set later, so $$
define fuzz-target
programs += fuzz-$(1)
fuzz-$(1)-src = $(2) tests/host/fuzz/$(1).c
fuzz-$(1)-main := tests/host/fuzz/replay.c
fuzz-$(1)-cflags = -fno-sanitize-recover=all $(3)
fuzz-$(1)-args := $(top)/tests/host/fuzz/seeds/$(1)
fuzz-$(1)-variants := fuzzer+address+undefined
endef

fuzz-use-emul := $(patsubst $(top)/%,%,$(wildcard $(top)/src/emul/*.c))
fuzz-shim := -I$(top)/tests/host/shim

$(eval $(call fuzz-target,emul,$(fuzz-use-emul) tests/host/emul/mock.c,$(fuzz-shim)))
$(eval $(call fuzz-target,cpu,$(fuzz-use-emul) tests/host/emul/native.c tests/host/emul/program.c,$(fuzz-shim)))
$(eval $(call fuzz-target,walk,$$(walk-src),$$(mmu-cflags)))
$(eval $(call fuzz-target,ioctl,src/ioctl/dispatch.c src/irq/routing.c src/irq/apic_map.c \
	src/irq/apic_regs.c src/x86/cpuid_map.c src/x86/msr_exit.c src/x86/msr_ioctl.c \
	tests/host/shim/lock.c tests/host/shim/memory.c,$(fuzz-shim) -I$(top)/include/uapi))
$(eval $(call fuzz-target,mmu,$$(mmu-src) $(patsubst %,tests/host/oracle/%.c,check model pick play_guest play_host \
	sequence threads),$$(mmu-cflags)))
