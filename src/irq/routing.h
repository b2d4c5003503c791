/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a GSI or an MSI to local APICs, and the map that finds them.
 */
#ifndef QUIRE_IRQ_ROUTING_H
#define QUIRE_IRQ_ROUTING_H

#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/srcu.h>

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

void irq_vm_init(struct vm *vm);
void irq_vm_destroy(struct vm *vm);

/**
 * irq_map_update() - ids or modes of local APICs changed: build the map again
 * May sleep.  A failed allocation leaves no map; delivery then looks at every
 * vCPU in turn.
 */
void irq_map_update(struct vm *vm);

/** irq_msi_to_msg() - decode an MSI's address and data */
void irq_msi_to_msg(const struct vm *vm, u64 address, u32 data, struct lapic_msg *msg);

/**
 * irq_ioctl_set_routes() - KVM_SET_GSI_ROUTING
 * 0, -EINVAL, -E2BIG?, -ENOMEM, -EFAULT.  May sleep.
 */
int irq_ioctl_set_routes(struct vm *vm, u32 nr, u32 flags,
			 const struct kvm_irq_routing_entry __user *uentries);
/** irq_ioctl_signal_msi() - KVM_SIGNAL_MSI; >0 delivered, 0 blocked, -EINVAL */
int irq_ioctl_signal_msi(struct vm *vm, const struct kvm_msi *msi);

/**
 * irq_eoi_vectors() - vectors that pins of user space's I/O APIC send to @vcpu
 * level-triggered, as a 256 bit map, or those already in service
 */
void irq_eoi_vectors(struct vcpu *vcpu, unsigned long *vectors);

#endif
