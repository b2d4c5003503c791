/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals on an eventfd that become interrupts of the guest.
 */
#ifndef QUIRE_IRQ_IRQFD_H
#define QUIRE_IRQ_IRQFD_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

struct kvm_irqfd;
struct vm;

/**
 * struct irqfd_vm - a VM's irqfds
 * @lock:	guards the lists; outside vm->irq.lock and the lock of any eventfd
 * @list:	all, those whose eventfd is gone included until @reap ran
 * @resamplers:	lines that some of them hold up
 * @reap:	frees those
 */
struct irqfd_vm {
	struct mutex lock;
	struct list_head list;
	struct list_head resamplers;
	struct work_struct reap;
};

/** irqfd_vm_init() - none yet */
void irqfd_vm_init(struct vm *vm);
/**
 * irqfd_vm_destroy() - free all
 * When this returns no eventfd sends interrupts to @vm any more.  Local APICs and
 * routes must still be there.  May sleep.
 */
void irqfd_vm_destroy(struct vm *vm);

/**
 * irqfd_ioctl() - KVM_IRQFD: assign or deassign
 * A signal sends the interrupt that the GSI's route says at that moment.  What was
 * signalled before is sent at once.  To deassign what was not assigned is no error.
 * Takes vm->irqfds.lock.  May sleep.
 * Return: 0; -EINVAL for unknown flags, a VM without local APICs or, to resample,
 * without an I/O APIC in the kernel, or a file that is no eventfd; -EBADF; -EBUSY
 * for an eventfd that the VM has already; -ENOMEM.
 */
int irqfd_ioctl(struct vm *vm, const struct kvm_irqfd *args);

#endif
