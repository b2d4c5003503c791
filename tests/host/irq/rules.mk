# SPDX-License-Identifier: GPL-2.0-only
# The local APIC's arithmetic and the map of APICs.

programs += irq-apic
irq-apic-src := src/irq/apic_regs.c src/irq/apic_map.c \
	tests/host/shim/lock.c tests/host/shim/memory.c tests/host/irq/test_apic.c
irq-apic-cflags := -DSHIM_RACES -I$(top)/tests/host/shim
irq-apic-variants := address+undefined
