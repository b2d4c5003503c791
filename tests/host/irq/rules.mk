# SPDX-License-Identifier: GPL-2.0-only
# The local APIC's arithmetic, the map of APICs, and the other interrupt chips.

programs += irq-apic
irq-apic-src := src/irq/apic_regs.c src/irq/apic_map.c \
	tests/host/shim/lock.c tests/host/shim/memory.c tests/host/irq/test_apic.c
irq-apic-cflags := -DSHIM_RACES -I$(top)/tests/host/shim
irq-apic-variants := address+undefined

# The buses of ports and addresses.
programs += irq-io-bus
irq-io-bus-src := src/irq/io_bus.c \
	tests/host/shim/lock.c tests/host/shim/memory.c tests/host/irq/test_io_bus.c
irq-io-bus-cflags := -DSHIM_RACES -I$(top)/tests/host/shim
irq-io-bus-variants := address+undefined thread

# What user space puts on them.
programs += irq-io-user
irq-io-user-src := src/irq/io_bus.c src/irq/ioeventfd.c src/irq/coalesced.c \
	tests/host/shim/lock.c tests/host/shim/memory.c tests/host/irq/test_io_user.c
irq-io-user-cflags := -DSHIM_RACES -I$(top)/tests/host/shim
irq-io-user-variants := address+undefined

irq-chip-cflags := -I$(top)/tests/host/shim

programs += irq-pic
irq-pic-src := src/irq/pic.c tests/host/irq/test_pic.c
irq-pic-cflags := $(irq-chip-cflags)
irq-pic-variants := address+undefined

programs += irq-ioapic
irq-ioapic-src := src/irq/ioapic.c tests/host/irq/test_ioapic.c
irq-ioapic-cflags := $(irq-chip-cflags)
irq-ioapic-variants := address+undefined

programs += irq-pit
irq-pit-src := src/irq/pit.c tests/host/irq/test_pit.c
irq-pit-cflags := $(irq-chip-cflags)
irq-pit-variants := address+undefined
