# SPDX-License-Identifier: GPL-2.0-only
# The MMU against reference models of the processor.

# Guest walks: what the guest's own tables say.
walk-src = $(mmu-src) $(addprefix tests/host/oracle/,guest_walk.c second_walk.c walk_check.c)

define walk-suite
programs += walk-$(1)
walk-$(1)-src = $$(walk-src) tests/host/oracle/test_$(2).c
walk-$(1)-cflags = $$(mmu-cflags)
walk-$(1)-family := mmu
walk-$(1)-variants := $(3)
endef

$(eval $(call walk-suite,matrix,matrix,none))
$(eval $(call walk-suite,random,walks,address+undefined))
$(eval $(call walk-suite,changes,walk_changes,address+undefined))

programs += walk-model
walk-model-src = $(addprefix tests/host/oracle/,guest_walk.c second_walk.c test_guest_walk.c)
walk-model-cflags = $(mmu-cflags)
walk-model-family := mmu
walk-model-variants := address+undefined

# The oracle: a model of the hardware, of guest memory, and steps to play.
oracle-files := campaign check exhaustive model pick play_guest play_host sequence test_oracle threads
programs += oracle
oracle-src = $(mmu-src) $(oracle-files:%=tests/host/oracle/%.c)
oracle-cflags = $(mmu-cflags) -DORACLE_SEQUENCES='"$(top)/tests/host/oracle/sequences"'
oracle-variants := address+undefined thread
