/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a vCPU and its file descriptor.
 */
#ifndef QUIRE_VCPU_H
#define QUIRE_VCPU_H

#include <linux/fs.h>

#include "x86/machine.h"

/* Pages of a vCPU's own: struct kvm_run, port data. */
#define VCPU_RUN_PAGES		2

/* Pages of its mapping: behind its own the VM's ring of coalesced writes. */
#define VCPU_RING_PAGE_OFFSET	VCPU_RUN_PAGES
#define VCPU_MMAP_PAGES		(VCPU_RING_PAGE_OFFSET + 1)

/**
 * vcpu_create_fd() - KVM_CREATE_VCPU
 * Takes vm->lock.  May sleep.
 * Return: a file descriptor; -EINVAL for an @id or a number of vCPUs beyond the
 * limits, -EEXIST, -ENOMEM, -EMFILE.
 */
int vcpu_create_fd(struct vm *vm, unsigned long id);

/* Of the vCPU's file; defined with its ioctls, on the floor above. */
extern const struct file_operations vcpu_fops;

/* struct file_operations.release and .mmap of vcpu_fops. */
int vcpu_release(struct inode *inode, struct file *file);
int vcpu_mmap(struct file *file, struct vm_area_struct *vma);

/**
 * vcpu_stop() - its timers no longer fire, it holds no page tables
 * No ioctl runs.  May sleep.
 */
void vcpu_stop(struct vcpu *vcpu);

/** vcpu_destroy() - free it, stopped; nobody knows it any more.  May sleep. */
void vcpu_destroy(struct vcpu *vcpu);

#endif
