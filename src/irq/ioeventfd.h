/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes of the guest that become a signal on an eventfd.
 */
#ifndef QUIRE_IRQ_IOEVENTFD_H
#define QUIRE_IRQ_IOEVENTFD_H

#include "io_bus.h"

struct kvm_ioeventfd;

/* As many on one bus; KVM leaves it to the number of open files. */
#define IOEVENTFD_MAX	65536

/**
 * ioeventfd_ioctl() - KVM_IOEVENTFD: assign or deassign
 * Takes io->lock.  May sleep.
 * Return: 0; -EINVAL for unknown flags, a length that is not 0, 1, 2, 4 or 8, a
 * range that wraps, a datamatch without length, or a file that is no eventfd;
 * -EBADF; -EEXIST if a write could match one that is there already; -ENOENT if
 * there is none to deassign; -ENOSPC; -ENOMEM.
 */
int ioeventfd_ioctl(struct io_vm *io, const struct kvm_ioeventfd *args);

/**
 * ioeventfd_vm_destroy() - free all
 * Nobody accesses the buses any more; io_vm_destroy() follows.  May sleep.
 */
void ioeventfd_vm_destroy(struct io_vm *io);

#endif
