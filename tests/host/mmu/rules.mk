# SPDX-License-Identifier: GPL-2.0-only
# The MMU and the pure part of guest memory.

mmu-src := $(patsubst $(top)/%,%,$(wildcard $(top)/src/mmu/*.c)) \
	src/mem/access.c src/mem/dirty.c src/mem/notifier.c src/mem/slots.c \
	tests/host/shim/lock.c tests/host/shim/memory.c \
	tests/host/mmu/host.c tests/host/mmu/world.c tests/host/oracle/hardware.c
mmu-cflags := -DSHIM_RACES -I$(top)/tests/host/shim -I$(top)/include/uapi

define mmu-suite
programs += mmu-$(1)
mmu-$(1)-src := $$(mmu-src) tests/host/mmu/test_$(1).c
mmu-$(1)-cflags := $$(mmu-cflags)
mmu-$(1)-family := mmu
mmu-$(1)-variants := $(2)
endef

$(eval $(call mmu-suite,tables,address+undefined))
$(eval $(call mmu-suite,race,address+undefined thread))
$(eval $(call mmu-suite,walk,address+undefined))
$(eval $(call mmu-suite,slots,address+undefined))
$(eval $(call mmu-suite,dump,address+undefined))
