// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load and unload.
 *
 * Loading looks before it touches: the backend's detect() changes nothing, so a
 * refusal leaves the machine as it was.  Then the floors come up from the bottom
 * and, last, the device nodes appear: from that moment on a VMM may come.
 * Unloading takes the same steps backwards; the nodes' file operations hold the
 * module, so no VM is left when it begins.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <asm/cpu_device_id.h>
#include <asm/tsc.h>

#include "debugfs.h"
#include "dev.h"
#include "host/virt.h"
#include "mmu/mmu.h"
#include "vendor/svm/svm.h"
#include "vendor/vendor.h"
#include "x86/async_fault.h"
#include "x86/cpuid.h"

static bool tdp = true;
module_param(tdp, bool, 0444);
MODULE_PARM_DESC(tdp,
		 "Use two dimensional paging (EPT or NPT); there is no other yet (default: Y)");

static bool nested;
module_param(nested, bool, 0444);
MODULE_PARM_DESC(nested, "Offer virtualization to guests; not there yet (default: N)");

static bool kvm_node = true;
module_param(kvm_node, bool, 0444);
MODULE_PARM_DESC(kvm_node, "Also provide /dev/kvm while nobody else does (default: Y)");

const struct vendor_ops *vendor;

static const struct vendor_ops *const vendors[] = {
	&svm_ops,
};

/* Loads the module where udev sees a CPU that it serves. */
static const struct x86_cpu_id __maybe_unused cpu_ids[] = {
	X86_MATCH_FEATURE(X86_FEATURE_SVM, NULL),
	{}
};
MODULE_DEVICE_TABLE(x86cpu, cpu_ids);

/* -ENODEV from all: none of them is there. */
static int __init main_choose_vendor(void)
{
	int i, ret = -ENODEV;

	for (i = 0; i < ARRAY_SIZE(vendors); i++) {
		ret = vendors[i]->detect();
		if (ret == -ENODEV)
			continue;
		if (!ret)
			vendor = vendors[i];
		return ret;
	}
	pr_err("this CPU has no virtualization that Quire can use\n");
	return ret;
}

static struct host_virt_ops virt_ops;

static int __init main_start_mmu(void)
{
	struct mmu_caps caps = { .tdp = tdp };

	int ret;

	vendor->mmu_caps(&caps);
	ret = mmu_module_init(&caps);
	if (ret == -EOPNOTSUPP)
		pr_err("tdp=%d: this version has no page tables for that\n", tdp);
	return ret;
}

static int __init quire_init(void)
{
	int ret;

	if (nested) {
		pr_err("nested=1: this version offers no nested virtualization\n");
		return -EOPNOTSUPP;
	}
	/* A guest's TSC and clock are made from the host's TSC. */
	if (!tsc_khz) {
		pr_err("the frequency of this host's TSC is not known\n");
		return -EOPNOTSUPP;
	}
	ret = main_choose_vendor();
	if (ret)
		return ret;
	ret = vendor->setup(tdp);
	if (ret)
		return ret;
	ret = main_start_mmu();
	if (ret)
		goto teardown;
	ret = cpuid_module_init();
	if (ret)
		goto exit_mmu;

	ret = async_fault_module_init();
	if (ret)
		goto exit_cpuid;

	virt_ops = (struct host_virt_ops) {
		.alloc = vendor->cpu_alloc,
		.free = vendor->cpu_free,
		.enable = vendor->cpu_enable,
		.disable = vendor->cpu_disable,
	};
	ret = host_virt_start(&virt_ops);
	if (ret)
		goto exit_async_fault;
	debugfs_module_init();
	ret = dev_register(kvm_node);
	if (ret)
		goto exit_debugfs;

	pr_info("ready on %s\n", vendor->name);
	return 0;

exit_debugfs:
	debugfs_module_exit();
	host_virt_stop();
exit_async_fault:
	async_fault_module_exit();
exit_cpuid:
	cpuid_module_exit();
exit_mmu:
	mmu_module_exit();
teardown:
	vendor->teardown();
	return ret;
}

static void __exit quire_exit(void)
{
	dev_unregister();
	debugfs_module_exit();
	host_virt_stop();
	async_fault_module_exit();
	cpuid_module_exit();
	mmu_module_exit();
	vendor->teardown();
}

module_init(quire_init);
module_exit(quire_exit);

MODULE_DESCRIPTION("Quire hypervisor");
MODULE_LICENSE("GPL");
