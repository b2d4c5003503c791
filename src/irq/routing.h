/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a GSI or an MSI to local APICs, and the map that finds them.
 */
#ifndef QUIRE_IRQ_ROUTING_H
#define QUIRE_IRQ_ROUTING_H

#include <linux/kvm.h>
#include <linux/mutex.h>

#include "../types.h"

struct vcpu;
struct vm;
struct apic_map;
struct irq_routes;
struct lapic_msg;

#define IRQ_MAX_ROUTES		4096

/**
 * struct irq_vm - a VM's interrupt routes and APIC map
 * @lock:	serializes updates of @routes and @map
 * @routes:	published by RCU, replaced as a whole
 * @map:	local APICs by physical and logical id, published by RCU
 */
struct irq_vm {
	struct mutex lock;
	struct irq_routes __rcu *routes;
	struct apic_map __rcu *map;
};

/** irq_vm_init() - no route, no map; vm->irq is zeroed */
void irq_vm_init(struct vm *vm);
/** irq_vm_destroy() - free both; nobody sends any more */
void irq_vm_destroy(struct vm *vm);

/**
 * irq_map_update() - ids or modes of local APICs changed: build the map again
 * May sleep.  A failed allocation leaves no map; delivery then looks at every
 * vCPU in turn.
 */
void irq_map_update(struct vm *vm);

/**
 * irq_ioctl_set_routes() - KVM_SET_GSI_ROUTING: replace all routes
 * Takes vm->irq.lock.  May sleep.
 * Return: 0; -EINVAL for more than IRQ_MAX_ROUTES, unknown flags, types other
 * than MSI, GSIs out of range or given twice; -ENOMEM; -EFAULT.  Nothing is
 * changed then.
 */
int irq_ioctl_set_routes(struct vm *vm, u32 nr, u32 flags,
			 const struct kvm_irq_routing_entry __user *uentries);
/** irq_ioctl_signal_msi() - KVM_SIGNAL_MSI; >0 delivered, 0 blocked, -EINVAL */
int irq_ioctl_signal_msi(struct vm *vm, const struct kvm_msi *msi);
/**
 * irq_set_line() - KVM_IRQ_LINE: send the message of a GSI's route
 * @level: a message is sent when it rises; false does nothing
 * Any context that may take RCU's read side.
 * Return: >0 how many vCPUs accepted it, 0 none; -EINVAL if @gsi has no route.
 */
int irq_set_line(struct vm *vm, u32 gsi, bool level);

/**
 * irq_eoi_vectors() - vectors whose EOI user space's I/O APIC waits for
 * @vectors: receives a 256 bit map of the vectors that a pin's level-triggered
 *	route sends to @vcpu, or that @vcpu has in use and such a route sends
 * Holder of vcpu->mutex.  Does not sleep.
 */
void irq_eoi_vectors(struct vcpu *vcpu, unsigned long *vectors);

#endif
