// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET/SET_MSRS and the lists of indices.
 *
 * The index list is what user space saves and restores: the listed rows of the
 * table, and those that the vendor keeps and this host has.  The feature list is
 * what describes the host: user space reads it on the system fd, and may set it
 * on a vCPU.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "../vendor/vendor.h"
#include "machine.h"
#include "msr_internal.h"

#define IOCTL_MSRS_MAX		256
#define LIST_MAX		128

#define DE_CFG_LFENCE_SERIALIZE	BIT_ULL(1)

/* --- lists --- */

/* Kept by the vendor; @cap 0 or a feature without which there is no such MSR. */
static const struct {
	u32 index;
	u32 cap;
} vendor_listed[] = {
	{ MSR_IA32_SYSENTER_CS }, { MSR_IA32_SYSENTER_ESP },
	{ MSR_IA32_SYSENTER_EIP }, { MSR_STAR }, { MSR_LSTAR }, { MSR_CSTAR },
	{ MSR_SYSCALL_MASK }, { MSR_KERNEL_GS_BASE }, { MSR_FS_BASE },
	{ MSR_GS_BASE }, { MSR_IA32_DEBUGCTLMSR },
	{ MSR_IA32_SPEC_CTRL, X86_FEATURE_MSR_SPEC_CTRL },
	{ MSR_TSC_AUX, X86_FEATURE_RDTSCP },
};

/* Rows of the table that only some hosts have. */
static bool row_exists(u32 index)
{
	if (index == MSR_IA32_ARCH_CAPABILITIES)
		return boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES);
	if (index == MSR_IA32_XSS)
		return boot_cpu_has(X86_FEATURE_XSAVES);
	return true;
}

static unsigned int fill_list(u32 *list)
{
	const struct msr_row *row;
	unsigned int i, nr = 0;
	u32 index;

	for (i = 0; (row = msr_row_at(i)); i++) {
		if (!(row->flags & MSR_ROW_LISTED))
			continue;
		for (index = row->first; index <= row->last && nr < LIST_MAX; index++) {
			if (row_exists(index))
				list[nr++] = index;
		}
	}
	for (i = 0; i < ARRAY_SIZE(vendor_listed) && nr < LIST_MAX; i++) {
		if (!vendor_listed[i].cap || boot_cpu_has(vendor_listed[i].cap))
			list[nr++] = vendor_listed[i].index;
	}
	return nr;
}

/* The count is reported also if it does not fit, so that user space can retry. */
static int copy_list(struct kvm_msr_list __user *ulist, const u32 *list, u32 have)
{
	u32 room;

	if (get_user(room, &ulist->nmsrs) || put_user(have, &ulist->nmsrs))
		return -EFAULT;
	if (room < have)
		return -E2BIG;
	if (copy_to_user(ulist->indices, list, have * sizeof(*list)))
		return -EFAULT;
	return 0;
}

int msr_ioctl_index_list(struct kvm_msr_list __user *ulist)
{
	u32 *list = kmalloc_array(LIST_MAX, sizeof(*list), GFP_KERNEL);
	int ret;

	if (!list)
		return -ENOMEM;
	ret = copy_list(ulist, list, fill_list(list));
	kfree(list);
	return ret;
}

/* --- features --- */

u64 msr_host_ucode_rev(void)
{
	u64 value = 0;

	rdmsrl_safe(MSR_IA32_UCODE_REV, &value);
	return value;
}

static u64 host_de_cfg(void)
{
	return boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? DE_CFG_LFENCE_SERIALIZE : 0;
}

/* Immunities that guests share; those that need an MSR nobody offers are not here. */
#define ARCH_CAP_SHARED							\
	(ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_RSBA |		\
	 ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO |	\
	 ARCH_CAP_TAA_NO | ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO |	\
	 ARCH_CAP_PSDP_NO | ARCH_CAP_RRSBA | ARCH_CAP_BHI_NO |		\
	 ARCH_CAP_PBRSB_NO | ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO)

u64 msr_host_arch_capabilities(void)
{
	u64 value = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl_safe(MSR_IA32_ARCH_CAPABILITIES, &value);
	return value & ARCH_CAP_SHARED;
}

static const struct {
	u32 index;
	u32 cap;
	u64 (*value)(void);
} features[] = {
	{ MSR_IA32_UCODE_REV, 0, msr_host_ucode_rev },
	{ MSR_IA32_ARCH_CAPABILITIES, X86_FEATURE_ARCH_CAPABILITIES,
	  msr_host_arch_capabilities },
	{ MSR_AMD64_DE_CFG, 0, host_de_cfg },
};

static bool feature_exists(unsigned int i)
{
	return !features[i].cap || boot_cpu_has(features[i].cap);
}

int msr_ioctl_feature_index_list(struct kvm_msr_list __user *ulist)
{
	u32 list[ARRAY_SIZE(features)];
	unsigned int i, nr = 0;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		if (feature_exists(i))
			list[nr++] = features[i].index;
	}
	return copy_list(ulist, list, nr);
}

static int get_feature(struct vcpu *unused, struct kvm_msr_entry *entry)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		if (features[i].index == entry->index && feature_exists(i)) {
			entry->data = features[i].value();
			return 0;
		}
	}
	return -ENOENT;
}

/* --- KVM_GET_MSRS, KVM_SET_MSRS --- */

static int get_one(struct vcpu *vcpu, struct kvm_msr_entry *entry)
{
	u64 value;
	int ret = msr_get(vcpu, entry->index, true, &value);

	if (!ret)
		entry->data = value;
	return ret;
}

static int set_one(struct vcpu *vcpu, struct kvm_msr_entry *entry)
{
	return msr_set(vcpu, entry->index, true, entry->data);
}

/* Run @one over user space's entries until one fails, and copy back if @out. */
static int each_entry(struct vcpu *vcpu, struct kvm_msrs __user *umsrs,
		      int (*one)(struct vcpu *, struct kvm_msr_entry *), bool out)
{
	struct kvm_msr_entry *entries;
	u32 nr, done;
	int ret;

	if (get_user(nr, &umsrs->nmsrs))
		return -EFAULT;
	if (nr >= IOCTL_MSRS_MAX)
		return -E2BIG;
	entries = vmemdup_user(umsrs->entries, nr * sizeof(*entries));
	if (IS_ERR(entries))
		return PTR_ERR(entries);

	for (done = 0; done < nr; done++) {
		if (one(vcpu, &entries[done]))
			break;
	}
	ret = done;
	if (out && copy_to_user(umsrs->entries, entries, done * sizeof(*entries)))
		ret = -EFAULT;
	kvfree(entries);
	return ret;
}

int msr_ioctl_get(struct vcpu *vcpu, struct kvm_msrs __user *umsrs)
{
	return each_entry(vcpu, umsrs, get_one, true);
}

int msr_ioctl_set(struct vcpu *vcpu, struct kvm_msrs __user *umsrs)
{
	return each_entry(vcpu, umsrs, set_one, false);
}

int msr_ioctl_get_features(struct kvm_msrs __user *umsrs)
{
	return each_entry(NULL, umsrs, get_feature, true);
}
