/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ioctls: one table per kind of file descriptor, one dispatcher.
 *
 * The dispatcher copies the argument in once, calls the handler on the copy, and
 * copies it out, as direction and size in the ioctl's own number say.  What
 * follows a fixed header (CPUID entries, MSRs) the handler copies itself.
 *
 * The tables are short and searched from the top: KVM_RUN does not come here.
 * (Their _IOC_NR() would be no index: some share one and differ in direction.)
 */
#ifndef QUIRE_IOCTL_IOCTL_H
#define QUIRE_IOCTL_IOCTL_H

#include <linux/fs.h>
#include <linux/ioctl.h>

struct kvm_enable_cap;
struct vm;

/**
 * struct ioctl_op - one ioctl
 * @cmd:	the full number
 * @handler:	acts on @object (struct vm or vcpu; NULL for the system fd).
 *		@arg: the copied argument, to be changed in place for ioctls that
 *		return data; for ioctls without size, and for those with
 *		IOCTL_RAW, the argument as passed, in an unsigned long.
 *		@uarg: where user space has it.  Return: >= 0 to user space,
 *		or -errno, in which case nothing is copied out.
 * @flags:	IOCTL_*
 *
 * Context: process, may sleep; vCPU ioctls hold vcpu->mutex.
 */
struct ioctl_op {
	unsigned int cmd;
	unsigned int flags;
	long (*handler)(void *object, void *arg, void __user *uarg);
};

/* The handler copies all of the argument itself. */
#define IOCTL_RAW		1u

#define IOCTL_OP(command, function, op_flags)				\
	{ .cmd = (command), .flags = (op_flags), .handler = (function) }

/**
 * struct ioctl_table - the ioctls of one kind of file descriptor
 * @ops:	in any order
 * @nr:		how many
 */
struct ioctl_table {
	const struct ioctl_op *ops;
	unsigned int nr;
};

/** ioctl_dispatch() - find @cmd in @table and run it.  -ENOTTY: it is not there. */
long ioctl_dispatch(const struct ioctl_table *table, void *object, unsigned int cmd,
		    unsigned long arg);

/** ioctl_system() - struct file_operations.unlocked_ioctl of the device nodes */
long ioctl_system(struct file *file, unsigned int cmd, unsigned long arg);

/**
 * capability_check() - KVM_CHECK_EXTENSION
 * @vm: NULL on the system fd.  Return: 0 for what is unknown or does not work.
 */
int capability_check(struct vm *vm, unsigned long cap);

/** capability_enable() - KVM_ENABLE_CAP on a VM: 0 or -EINVAL */
int capability_enable(struct vm *vm, const struct kvm_enable_cap *cap);

#endif
