/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a GSI or an MSI to interrupt chips and local APICs, the map that finds
 * those, and who wants to hear that an interrupt ended.
 */
#ifndef QUIRE_IRQ_ROUTING_H
#define QUIRE_IRQ_ROUTING_H

#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "../types.h"

struct vcpu;
struct vm;
struct apic_map;
struct irq_routes;
struct irqchip;
struct lapic_msg;
struct pit_timer;

#define IRQ_MAX_ROUTES		4096

/**
 * enum irq_source - who drives a line; a line is up while one of them drives it
 * @IRQ_SOURCE_USER:	KVM_IRQ_LINE, and eventfds that only raise
 * @IRQ_SOURCE_RESAMPLE: eventfds that hold a line until it is acknowledged
 * @IRQ_SOURCE_PIT:	the interval timer
 */
enum irq_source {
	IRQ_SOURCE_USER,
	IRQ_SOURCE_RESAMPLE,
	IRQ_SOURCE_PIT,
	IRQ_NR_SOURCES,
};

/**
 * enum irq_chip - whose pin it is
 * @IRQ_CHIP_PIC:	both PICs, pins 0 to 15
 * @IRQ_CHIP_IOAPIC:	the I/O APIC, pins 0 to 23
 */
enum irq_chip {
	IRQ_CHIP_PIC,
	IRQ_CHIP_IOAPIC,
	IRQ_NR_CHIPS,
};

/**
 * struct irq_vm - a VM's interrupt routes, APIC map and chips
 * @lock:	serializes updates of @routes, @map and @acks
 * @lines_lock:	a pin is driven by the route of the moment; taken with IRQs off, in
 *		any context, before the locks of @chip
 * @routes:	published by RCU and under @lines_lock, replaced as a whole
 * @map:	local APICs by physical and logical id, published by RCU
 * @acks:	struct irq_ack_notifier; readers: RCU
 * @chip:	PIC and I/O APIC, or NULL; constant after vm->irqchip_full is set
 * @pit:	the interval timer, or NULL; set once under vm->lock, readers acquire
 * @pic_output:	the INTR pin of the PIC; written under a lock of @chip's
 */
struct irq_vm {
	struct mutex lock;
	raw_spinlock_t lines_lock;
	struct irq_routes __rcu *routes;
	struct apic_map __rcu *map;
	struct hlist_head acks;
	struct irqchip *chip;
	struct pit_timer *pit;
	bool pic_output;
};

/**
 * struct irq_ack_notifier - wants to hear when the interrupt of a GSI ended
 * @link:	in vm->irq.acks
 * @gsi:	constant
 * @acked:	called with no lock of a chip held, under RCU's read side, in any
 *		context.  May call irq_set_gsi()
 */
struct irq_ack_notifier {
	struct hlist_node link;
	u32 gsi;
	void (*acked)(struct irq_ack_notifier *notifier);
};

/** irq_vm_init() - no route, no map, no chip; vm->irq is zeroed */
void irq_vm_init(struct vm *vm);
/**
 * irq_vm_destroy() - free all of them
 * vCPUs have stopped and nobody sends any more, but the interval timer, which is
 * stopped here.
 */
void irq_vm_destroy(struct vm *vm);

/**
 * irq_map_update() - ids or modes of local APICs changed: build the map again
 * May sleep.  A failed allocation leaves no map; delivery then looks at every
 * vCPU in turn.
 */
void irq_map_update(struct vm *vm);

/** irq_set_default_routes() - as an AT has them; GSI n is pin n.  0 or -ENOMEM */
int irq_set_default_routes(struct vm *vm);

/**
 * irq_ioctl_set_routes() - KVM_SET_GSI_ROUTING: replace all routes
 * When it returns nothing goes by the old routes any more.  A GSI that is up takes
 * its level to its new pins; it falls if it has none.
 * Takes vm->irq.lock.  May sleep.
 * Return: 0; -EINVAL for more than IRQ_MAX_ROUTES, unknown flags, types other
 * than MSI and, with all chips in the kernel, pins; GSIs or pins out of range; a
 * GSI given twice but for pins of different chips; -ENOMEM; -EFAULT.  Nothing is
 * changed then.
 */
int irq_ioctl_set_routes(struct vm *vm, u32 nr, u32 flags,
			 const struct kvm_irq_routing_entry __user *uentries);
/** irq_ioctl_signal_msi() - KVM_SIGNAL_MSI; >0 delivered, 0 blocked, -EINVAL */
int irq_ioctl_signal_msi(struct vm *vm, const struct kvm_msi *msi);
/**
 * irq_set_gsi() - @source drives the line of a GSI, or lets it go
 * A route by MSI sends its message when @level is true, and ignores @source.
 * Any context that may take RCU's read side, also with interrupts off.
 * Return: >0 how many vCPUs accepted an interrupt, or that a line fell; 0 one was
 * waiting already, or nobody accepted a message; -1 no route, or masked.
 */
int irq_set_gsi(struct vm *vm, enum irq_source source, u32 gsi, bool level);

/**
 * irq_pulse_gsi() - user space drives the line of a GSI and lets it go
 * A route by MSI sends its message.  Under RCU's read side, or with interrupts
 * off, which RCU waits for as well.
 */
void irq_pulse_gsi(struct vm *vm, u32 gsi);

/*
 * Add and remove a notifier.  After the removal it is not called any more.
 * They take vm->irq.lock and may sleep.
 */
void irq_ack_register(struct vm *vm, struct irq_ack_notifier *notifier);
void irq_ack_unregister(struct vm *vm, struct irq_ack_notifier *notifier);

/**
 * irq_acked() - interrupts of @pins, a bit each, of @chip ended: tell who waits
 * No lock of a chip is held.  Any context.
 */
void irq_acked(struct vm *vm, enum irq_chip chip, u32 pins);
/** irq_ack_pins() - pins of @chip, a bit each, whose end somebody waits for */
u32 irq_ack_pins(struct vm *vm, enum irq_chip chip);
/** irq_gsi_on_pins() - does GSI @gsi drive one of @pins of @chip? */
bool irq_gsi_on_pins(struct vm *vm, u32 gsi, enum irq_chip chip, u32 pins);

/**
 * irq_eoi_vectors() - vectors whose EOI somebody waits for
 * @vectors: receives a 256 bit map of the vectors that a pin of user space's I/O
 *	APIC, by its level-triggered route, sends to @vcpu, or that @vcpu has in
 *	use and such a route sends.  With an I/O APIC in the kernel: likewise of
 *	edge-triggered pins that irq_ack_pins() names; it hears of every
 *	level-triggered vector anyway
 * Holder of vcpu->mutex.  Does not sleep.
 */
void irq_eoi_vectors(struct vcpu *vcpu, unsigned long *vectors);

#endif
