// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/quire is always there, under a dynamic minor.  /dev/kvm comes under the
 * minor that VMMs expect, unless another module owns it: they then use
 * /dev/quire by name.  Both lead to the same ioctls.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include <linux/quire.h>

#include "dev.h"
#include "ioctl/ioctl.h"

static int dev_open(struct inode *inode, struct file *file)
{
	/* misc_open() left the struct miscdevice there; nobody needs it. */
	file->private_data = NULL;
	return 0;
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.open = dev_open,
	.unlocked_ioctl = ioctl_system,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice dev_quire = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = QUIRE_NODE_NAME,
	.fops = &dev_fops,
	.mode = 0660,
};

static struct miscdevice dev_kvm = {
	.minor = KVM_MINOR,
	.name = "kvm",
	.fops = &dev_fops,
	.mode = 0660,
};

static bool kvm_registered;

int dev_register(bool kvm_node)
{
	int ret;

	ret = misc_register(&dev_quire);
	if (ret) {
		pr_err("cannot make /dev/" QUIRE_NODE_NAME " (%d)\n", ret);
		return ret;
	}
	if (!kvm_node)
		return 0;

	ret = misc_register(&dev_kvm);
	if (ret && ret != -EBUSY) {
		pr_err("cannot make /dev/kvm (%d)\n", ret);
		misc_deregister(&dev_quire);
		return ret;
	}
	kvm_registered = !ret;
	if (ret)
		pr_info("/dev/kvm belongs to another module, use /dev/" QUIRE_NODE_NAME "\n");
	return 0;
}

void dev_unregister(void)
{
	if (kvm_registered)
		misc_deregister(&dev_kvm);
	misc_deregister(&dev_quire);
}
