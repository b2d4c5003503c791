// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls of the device nodes: what this host can do, and the way to a VM.
 *
 * None has an object: they read what was computed at load, or make a VM.
 */
#include <linux/kvm.h>

#include "../vcpu.h"
#include "../vm.h"
#include "../x86/attribute.h"
#include "../x86/cpuid.h"
#include "../x86/msr.h"
#include "ioctl.h"

static long system_api_version(void *unused, void *arg, void __user *uarg)
{
	return *(unsigned long *)arg ? -EINVAL : KVM_API_VERSION;
}

static long system_create_vm(void *unused, void *arg, void __user *uarg)
{
	return vm_create_fd(*(unsigned long *)arg);
}

static long system_check_extension(void *unused, void *arg, void __user *uarg)
{
	return capability_check(NULL, *(unsigned long *)arg);
}

static long system_mmap_size(void *unused, void *arg, void __user *uarg)
{
	return *(unsigned long *)arg ? -EINVAL : VCPU_MMAP_PAGES * PAGE_SIZE;
}

static long system_supported_cpuid(void *unused, void *arg, void __user *uarg)
{
	struct kvm_cpuid2 __user *ucpuid = uarg;
	struct kvm_cpuid2 *cpuid = arg;

	return cpuid_get_supported(ucpuid->entries, &cpuid->nent);
}

static long system_emulated_cpuid(void *unused, void *arg, void __user *uarg)
{
	struct kvm_cpuid2 __user *ucpuid = uarg;
	struct kvm_cpuid2 *cpuid = arg;

	return cpuid_get_emulated(ucpuid->entries, &cpuid->nent);
}

static long system_msr_index_list(void *unused, void *arg, void __user *uarg)
{
	return msr_ioctl_index_list(uarg);
}

static long system_msr_feature_index_list(void *unused, void *arg, void __user *uarg)
{
	return msr_ioctl_feature_index_list(uarg);
}

static long system_get_msrs(void *unused, void *arg, void __user *uarg)
{
	return msr_ioctl_get_features(uarg);
}

static long system_mce_cap(void *unused, void *arg, void __user *uarg)
{
	*(u64 *)arg = msr_mce_cap_supported();
	return 0;
}

static long system_has_attr(void *unused, void *arg, void __user *uarg)
{
	return attribute_has_host(arg);
}

static long system_get_attr(void *unused, void *arg, void __user *uarg)
{
	return attribute_get_host(arg);
}

static const struct ioctl_op system_ops[] = {
	IOCTL_OP(KVM_GET_API_VERSION, system_api_version, 0),
	IOCTL_OP(KVM_CREATE_VM, system_create_vm, 0),
	IOCTL_OP(KVM_CHECK_EXTENSION, system_check_extension, 0),
	IOCTL_OP(KVM_GET_VCPU_MMAP_SIZE, system_mmap_size, 0),
	IOCTL_OP(KVM_GET_SUPPORTED_CPUID, system_supported_cpuid, 0),
	IOCTL_OP(KVM_GET_EMULATED_CPUID, system_emulated_cpuid, 0),
	IOCTL_OP(KVM_GET_MSR_INDEX_LIST, system_msr_index_list, IOCTL_RAW),
	IOCTL_OP(KVM_GET_MSR_FEATURE_INDEX_LIST, system_msr_feature_index_list, IOCTL_RAW),
	IOCTL_OP(KVM_GET_MSRS, system_get_msrs, IOCTL_RAW),
	IOCTL_OP(KVM_X86_GET_MCE_CAP_SUPPORTED, system_mce_cap, 0),
	IOCTL_OP(KVM_HAS_DEVICE_ATTR, system_has_attr, 0),
	IOCTL_OP(KVM_GET_DEVICE_ATTR, system_get_attr, 0),
};

static const struct ioctl_table system_table = {
	.ops = system_ops,
	.nr = ARRAY_SIZE(system_ops),
};

long ioctl_system(struct file *file, unsigned int cmd, unsigned long arg)
{
	return ioctl_dispatch(&system_table, NULL, cmd, arg);
}
