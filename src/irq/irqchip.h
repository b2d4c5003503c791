/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PIC and I/O APIC of a VM that has all its interrupt chips in the kernel.
 */
#ifndef QUIRE_IRQ_IRQCHIP_H
#define QUIRE_IRQ_IRQCHIP_H

#include <linux/kvm.h>

#include "ioapic.h"
#include "pic.h"
#include "routing.h"

/**
 * irqchip_create() - KVM_CREATE_IRQCHIP: chips, their ports and memory, routes
 * Under vm->lock, before the first vCPU.  May sleep.
 * Return: 0 with vm->irqchip_full set; -EEXIST if the VM has interrupt chips,
 * -EINVAL if it has vCPUs, -ENOMEM.  Nothing is changed then.
 */
int irqchip_create(struct vm *vm);
/** irqchip_destroy() - free them; nobody uses them or the buses any more */
void irqchip_destroy(struct vm *vm);

/*
 * @source drives a pin of the PICs, 0 to 15, or of the I/O APIC, 0 to 23, or lets
 * it go.  Any context.  Return: as pic_set_line() and ioapic_set_line() do.
 */
int irqchip_set_pic(struct vm *vm, enum irq_source source, unsigned int pin, bool level);
int irqchip_set_ioapic(struct vm *vm, enum irq_source source, unsigned int pin, bool level);

/**
 * irqchip_let_go() - all who drive a pin let it go
 * @pin: up to IOAPIC_PINS; what is no pin of @which is driven by nobody.  Under
 *	vm->irq.lines_lock
 * Return: who drove it, a bit for each enum irq_source.
 */
u8 irqchip_let_go(struct vm *vm, enum irq_chip which, unsigned int pin);

/**
 * irqchip_accept() - a processor acknowledges the PIC's interrupt
 * Holder of vcpu->mutex.  Return: the vector, also if it is spurious.
 */
u8 irqchip_accept(struct vm *vm);

/**
 * irqchip_eoi() - a local APIC broadcasts an EOI
 * @level: the interrupt was level-triggered.  Holder of vcpu->mutex.
 */
void irqchip_eoi(struct vm *vm, u8 vector, bool level);

/**
 * irqchip_eoi_vectors() - vectors of edge-triggered pins whose EOI somebody awaits
 * @vectors: a 256 bit map, added to.  Holder of vcpu->mutex.
 */
void irqchip_eoi_vectors(struct vcpu *vcpu, unsigned long *vectors);

/*
 * KVM_GET_IRQCHIP and KVM_SET_IRQCHIP: 0; -ENXIO without chips in the kernel,
 * -EINVAL for an unknown chip.  May sleep.
 */
int irqchip_ioctl_get(struct vm *vm, struct kvm_irqchip *state);
int irqchip_ioctl_set(struct vm *vm, const struct kvm_irqchip *state);

#endif
