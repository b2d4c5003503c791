// SPDX-License-Identifier: GPL-2.0-only
/*
 * One copy-in, one copy-out.
 *
 * An ioctl's number tells the size of its argument and which way it goes, so no
 * handler has to touch user space for it, and what a handler validated cannot
 * change afterwards.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioctl.h"

/* Arguments up to this many bytes stay on the stack. */
#define IOCTL_STACK_BYTES	512

static long ioctl_call(const struct ioctl_op *op, void *object, void *buf,
		       void __user *uarg)
{
	unsigned int size = _IOC_SIZE(op->cmd);
	long ret;

	if ((_IOC_DIR(op->cmd) & _IOC_WRITE) && copy_from_user(buf, uarg, size))
		return -EFAULT;
	ret = op->handler(object, buf, uarg);
	if (ret >= 0 && (_IOC_DIR(op->cmd) & _IOC_READ) && copy_to_user(uarg, buf, size))
		return -EFAULT;
	return ret;
}

static const struct ioctl_op *ioctl_find(const struct ioctl_table *table,
					 unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < table->nr; i++) {
		if (table->ops[i].cmd == cmd)
			return &table->ops[i];
	}
	return NULL;
}

long ioctl_dispatch(const struct ioctl_table *table, void *object, unsigned int cmd,
		    unsigned long arg)
{
	const struct ioctl_op *op = ioctl_find(table, cmd);
	void __user *uarg = (void __user *)arg;
	u64 stack[IOCTL_STACK_BYTES / sizeof(u64)];
	unsigned int size = _IOC_SIZE(cmd);
	void *buf;
	long ret;

	if (!op)
		return -ENOTTY;
	if (!size || (op->flags & IOCTL_RAW))
		return op->handler(object, &arg, uarg);

	if (size <= sizeof(stack)) {
		/* What a handler leaves unset must not carry our stack out. */
		memset(stack, 0, size);
		return ioctl_call(op, object, stack, uarg);
	}
	buf = kzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	ret = ioctl_call(op, object, buf, uarg);
	kfree(buf);
	return ret;
}
