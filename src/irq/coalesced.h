/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes of the guest that wait in a ring until user space has another reason to
 * look at them.
 */
#ifndef QUIRE_IRQ_COALESCED_H
#define QUIRE_IRQ_COALESCED_H

#include "io_bus.h"

struct kvm_coalesced_mmio_zone;

/* As many on one bus. */
#define COALESCED_MAX		1000

/**
 * coalesced_vm_init() - allocate the ring, in a page that user space maps
 * May sleep.  Return: 0 or -ENOMEM.
 */
int coalesced_vm_init(struct io_vm *io);
/**
 * coalesced_vm_destroy() - free ring and zones
 * Nobody accesses the buses any more; io_vm_destroy() follows.
 */
void coalesced_vm_destroy(struct io_vm *io);

/**
 * coalesced_ioctl_register() - KVM_REGISTER_COALESCED_MMIO
 * Takes io->lock.  May sleep.
 * Return: 0; -EINVAL for an empty zone, one that wraps, or a pio that is neither
 * 0 nor 1; -ENOSPC; -ENOMEM.
 */
int coalesced_ioctl_register(struct io_vm *io, const struct kvm_coalesced_mmio_zone *zone);
/**
 * coalesced_ioctl_unregister() - KVM_UNREGISTER_COALESCED_MMIO
 * All zones go that @zone is a part of; that there is none is no error.
 * Takes io->lock.  May sleep.
 * Return: 0; -EINVAL for a pio that is neither 0 nor 1.
 */
int coalesced_ioctl_unregister(struct io_vm *io,
			       const struct kvm_coalesced_mmio_zone *zone);

#endif
