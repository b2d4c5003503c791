/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a VM and its file descriptor.
 */
#ifndef QUIRE_VM_H
#define QUIRE_VM_H

#include <linux/fs.h>
#include <linux/refcount.h>

#include "x86/machine.h"

/**
 * vm_create_fd() - KVM_CREATE_VM
 * @type: 0, the only type yet.  May sleep.
 * Return: a file descriptor; -EINVAL for another type, -ENOMEM, -EMFILE.
 */
int vm_create_fd(unsigned long type);

/* Of the VM's file; defined with its ioctls, on the floor above. */
extern const struct file_operations vm_fops;

/** vm_release() - struct file_operations.release of vm_fops */
int vm_release(struct inode *inode, struct file *file);

/** vm_get() - another user of a VM that the caller already has */
static inline void vm_get(struct vm *vm)
{
	refcount_inc(&vm->users);
}

/** vm_put() - the last one frees the VM and its vCPUs.  May sleep. */
void vm_put(struct vm *vm);

#endif
