// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs: which of them exit, and those that live in the VMCB.
 *
 * The permission map has two bits for each MSR of three ranges; all others exit
 * always.  Passed through from the start are those that VMLOAD and VMSAVE switch
 * with the guest.  SPEC_CTRL and PRED_CMD are passed through once the guest has
 * used them, so that a guest that does not costs nothing.  What user space
 * filters (KVM_X86_SET_MSR_FILTER) is never passed through.
 *
 * TSC_AUX is read by RDTSCP and RDPID without an exit, but the host has a use
 * for it in user space alone: its value goes back when the task returns there.
 */
#include <linux/bitops.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "../../x86/msr.h"
#include "internal.h"

#define SVM_MSRPM_RANGE		0x2000u
#define SVM_DE_CFG_LFENCE	BIT_ULL(1)	/* LFENCE waits: may be set anywhere */
#define SVM_DEBUGCTL_VALID	GENMASK_ULL(5, 0)
#define SVM_VM_CR_SVMDIS	BIT_ULL(4)
#define SVM_VM_CR_LOCK		BIT_ULL(3)

static const u32 svm_msrpm_bases[] = { 0x00000000, 0xc0000000, 0xc0010000 };

/* Switched by VMLOAD and VMSAVE. */
static const u32 svm_passed_through[] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

/* Position of the two bits of @index in the map, or -1 if it has none. */
static int svm_msrpm_bit(u32 index)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(svm_msrpm_bases); i++)
		if (index - svm_msrpm_bases[i] < SVM_MSRPM_RANGE)
			return (i * SVM_MSRPM_RANGE + index - svm_msrpm_bases[i]) * 2;
	return -1;
}

static void svm_msrpm_assign(struct svm_vcpu *svm, int bit, u32 index, int type, bool on)
{
	/* User space's filter sees what exits, and no more. */
	if (!on && !msr_filter_allows(svm->vcpu->vm, index, type))
		on = true;
	__assign_bit(bit, svm->msrpm, on);
}

void svm_msr_intercept(struct vcpu *vcpu, u32 index, int types, bool on)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	int bit = svm_msrpm_bit(index);

	if (bit < 0)
		return;
	if (types & VENDOR_MSR_READ)
		svm_msrpm_assign(svm, bit, index, VENDOR_MSR_READ, on);
	if (types & VENDOR_MSR_WRITE)
		svm_msrpm_assign(svm, bit + 1, index, VENDOR_MSR_WRITE, on);
	svm_dirty(svm, VMCB_CLEAN_MAPS);
}

void svm_msrpm_reset(struct svm_vcpu *svm)
{
	int i;

	memset(svm->msrpm, 0xff, SVM_MSRPM_SIZE);
	for (i = 0; i < ARRAY_SIZE(svm_passed_through); i++)
		svm_msr_intercept(svm->vcpu, svm_passed_through[i],
				  VENDOR_MSR_READ | VENDOR_MSR_WRITE, false);
}

/* --- TSC_AUX --- */

void svm_tsc_aux_unload(struct svm_percpu *cpu)
{
	if (!cpu->notifier_armed)
		return;
	cpu->notifier_armed = false;
	user_return_notifier_unregister(&cpu->return_notifier);
	native_wrmsrl(MSR_TSC_AUX, cpu->host_tsc_aux);
	cpu->tsc_aux = cpu->host_tsc_aux;
}

static void svm_on_user_return(struct user_return_notifier *notifier)
{
	unsigned long flags;

	local_irq_save(flags);
	svm_tsc_aux_unload(container_of(notifier, struct svm_percpu, return_notifier));
	local_irq_restore(flags);
}

void svm_tsc_aux_load(struct svm_vcpu *svm, struct svm_percpu *cpu)
{
	cpu->tsc_aux = svm->tsc_aux;
	native_wrmsrl(MSR_TSC_AUX, svm->tsc_aux);
	if (cpu->notifier_armed)
		return;
	cpu->notifier_armed = true;
	cpu->return_notifier.on_user_return = svm_on_user_return;
	user_return_notifier_register(&cpu->return_notifier);
}

/* --- one getter and setter for each kind --- */

/**
 * struct svm_msr - an MSR that the backend keeps
 * @index:	its number
 * @offset:	of its 8 bytes in the VMCB's save area, for the kinds that use it
 * @get, @set:	as vendor_ops.get_msr() and set_msr()
 */
struct svm_msr {
	u32 index;
	u16 offset;
	int (*get)(struct svm_vcpu *svm, const struct svm_msr *msr, bool host, u64 *value);
	int (*set)(struct svm_vcpu *svm, const struct svm_msr *msr, bool host, u64 value);
};

static u64 *svm_msr_field(struct svm_vcpu *svm, const struct svm_msr *msr)
{
	return (void *)&svm->vmcb->save + msr->offset;
}

static int svm_msr_get_field(struct svm_vcpu *svm, const struct svm_msr *msr,
			     bool host, u64 *value)
{
	*value = *svm_msr_field(svm, msr);
	return 0;
}

static int svm_msr_set_field(struct svm_vcpu *svm, const struct svm_msr *msr,
			     bool host, u64 value)
{
	*svm_msr_field(svm, msr) = value;
	return 0;
}

static u64 svm_canonical(const struct svm_vcpu *svm, u64 value)
{
	int shift = svm->vcpu->cr4 & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

	return (s64)(value << shift) >> shift;
}

static int svm_msr_set_address(struct svm_vcpu *svm, const struct svm_msr *msr,
			       bool host, u64 value)
{
	if (svm_canonical(svm, value) != value)
		return -EINVAL;
	return svm_msr_set_field(svm, msr, host, value);
}

/* AMD's processors do not fault on these but cut them off. */
static int svm_msr_set_sysenter_address(struct svm_vcpu *svm, const struct svm_msr *msr,
					bool host, u64 value)
{
	return svm_msr_set_field(svm, msr, host, svm_canonical(svm, value));
}

static int svm_msr_set_u32(struct svm_vcpu *svm, const struct svm_msr *msr,
			   bool host, u64 value)
{
	return svm_msr_set_field(svm, msr, host, (u32)value);
}

static int svm_msr_set_pat(struct svm_vcpu *svm, const struct svm_msr *msr,
			   bool host, u64 value)
{
	int i;

	/* Memory types 2, 3 and above 7 are reserved. */
	for (i = 0; i < 64; i += 8) {
		u8 type = value >> i;

		if (type > 7 || type == 2 || type == 3)
			return -EINVAL;
	}
	svm_dirty(svm, VMCB_CLEAN_NESTED);
	return svm_msr_set_field(svm, msr, host, value);
}

static int svm_msr_get_tsc_aux(struct svm_vcpu *svm, const struct svm_msr *msr,
			       bool host, u64 *value)
{
	const struct vcpu_cpuid *cpuid = &svm->vcpu->cpuid;

	if (!svm_host.tsc_aux)
		return -ENOENT;
	if (!host && !cpuid->features.rdtscp && !cpuid->features.rdpid)
		return -EINVAL;
	*value = svm->tsc_aux;
	return 0;
}

static int svm_msr_set_tsc_aux(struct svm_vcpu *svm, const struct svm_msr *msr,
			       bool host, u64 value)
{
	u64 old;
	int ret = svm_msr_get_tsc_aux(svm, msr, host, &old);

	if (ret)
		return ret;
	if (value >> 32)
		return -EINVAL;
	svm->tsc_aux = value;
	return 0;
}

static int svm_msr_get_debugctl(struct svm_vcpu *svm, const struct svm_msr *msr,
				bool host, u64 *value)
{
	*value = svm->debugctl;
	return 0;
}

/* Kept for the guest but without effect: hardware would not switch it. */
static int svm_msr_set_debugctl(struct svm_vcpu *svm, const struct svm_msr *msr,
				bool host, u64 value)
{
	if (value & ~SVM_DEBUGCTL_VALID)
		return -EINVAL;
	svm->debugctl = value;
	return 0;
}

static int svm_msr_get_de_cfg(struct svm_vcpu *svm, const struct svm_msr *msr,
			      bool host, u64 *value)
{
	*value = svm->de_cfg;
	return 0;
}

static int svm_msr_set_de_cfg(struct svm_vcpu *svm, const struct svm_msr *msr,
			      bool host, u64 value)
{
	u64 allowed = boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? SVM_DE_CFG_LFENCE : 0;

	if (value & ~allowed)
		return -EINVAL;
	svm->de_cfg = value;
	return 0;
}

static int svm_msr_get_vm_cr(struct svm_vcpu *svm, const struct svm_msr *msr,
			     bool host, u64 *value)
{
	/* As firmware leaves it that does not allow SVM. */
	*value = SVM_VM_CR_SVMDIS | SVM_VM_CR_LOCK;
	return 0;
}

static int svm_msr_set_vm_cr(struct svm_vcpu *svm, const struct svm_msr *msr,
			     bool host, u64 value)
{
	/* Locked: what is written does not matter. */
	return 0;
}

/* --- speculation --- */

static int svm_msr_get_spec_ctrl(struct svm_vcpu *svm, const struct svm_msr *msr,
				 bool host, u64 *value)
{
	if (!boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
		return -ENOENT;
	if (!host && !svm->vcpu->cpuid.features.spec_ctrl)
		return -EINVAL;
	*value = boot_cpu_has(X86_FEATURE_V_SPEC_CTRL) ? svm->vmcb->save.spec_ctrl :
		 svm->spec.guest;
	return 0;
}

static int svm_msr_set_spec_ctrl(struct svm_vcpu *svm, const struct svm_msr *msr,
				 bool host, u64 value)
{
	u64 old;
	int ret = svm_msr_get_spec_ctrl(svm, msr, host, &old);

	if (ret)
		return ret;
	/* What this CPU would fault on must never reach svm_vmrun(). */
	if (value & ~svm_host.spec_ctrl_valid)
		return -EINVAL;

	if (boot_cpu_has(X86_FEATURE_V_SPEC_CTRL))
		svm->vmcb->save.spec_ctrl = value;
	else
		svm->spec.guest = value;
	if (value && svm->vcpu->cpuid.features.spec_ctrl) {
		svm->spec.read_back = 1;
		svm_msr_intercept(svm->vcpu, MSR_IA32_SPEC_CTRL,
				  VENDOR_MSR_READ | VENDOR_MSR_WRITE, false);
	}
	return 0;
}

static int svm_msr_get_nothing(struct svm_vcpu *svm, const struct svm_msr *msr,
			       bool host, u64 *value)
{
	/* Write-only. */
	if (!host)
		return -EINVAL;
	*value = 0;
	return 0;
}

static int svm_msr_set_pred_cmd(struct svm_vcpu *svm, const struct svm_msr *msr,
				bool host, u64 value)
{
	if (!boot_cpu_has(X86_FEATURE_IBPB))
		return -ENOENT;
	if (!host && !svm->vcpu->cpuid.features.pred_cmd)
		return -EINVAL;
	if (value & ~PRED_CMD_IBPB)
		return -EINVAL;
	if (!value || host)
		return 0;
	native_wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	svm_msr_intercept(svm->vcpu, MSR_IA32_PRED_CMD, VENDOR_MSR_WRITE, false);
	return 0;
}

#define SVM_MSR_SAVE(i, field, setter) {				\
	.index = (i),							\
	.offset = offsetof(struct vmcb_save_area, field),		\
	.get = svm_msr_get_field,					\
	.set = (setter),						\
}

/* Those that guests switch often come first. */
static const struct svm_msr svm_msrs[] = {
	SVM_MSR_SAVE(MSR_FS_BASE, fs.base, svm_msr_set_address),
	SVM_MSR_SAVE(MSR_GS_BASE, gs.base, svm_msr_set_address),
	SVM_MSR_SAVE(MSR_KERNEL_GS_BASE, kernel_gs_base, svm_msr_set_address),
	SVM_MSR_SAVE(MSR_STAR, star, svm_msr_set_field),
	SVM_MSR_SAVE(MSR_LSTAR, lstar, svm_msr_set_address),
	SVM_MSR_SAVE(MSR_CSTAR, cstar, svm_msr_set_address),
	SVM_MSR_SAVE(MSR_SYSCALL_MASK, sfmask, svm_msr_set_u32),
	SVM_MSR_SAVE(MSR_IA32_SYSENTER_CS, sysenter_cs, svm_msr_set_u32),
	SVM_MSR_SAVE(MSR_IA32_SYSENTER_ESP, sysenter_esp, svm_msr_set_sysenter_address),
	SVM_MSR_SAVE(MSR_IA32_SYSENTER_EIP, sysenter_eip, svm_msr_set_sysenter_address),
	SVM_MSR_SAVE(MSR_IA32_CR_PAT, g_pat, svm_msr_set_pat),
	{ MSR_TSC_AUX, 0, svm_msr_get_tsc_aux, svm_msr_set_tsc_aux },
	{ MSR_IA32_SPEC_CTRL, 0, svm_msr_get_spec_ctrl, svm_msr_set_spec_ctrl },
	{ MSR_IA32_PRED_CMD, 0, svm_msr_get_nothing, svm_msr_set_pred_cmd },
	{ MSR_IA32_DEBUGCTLMSR, 0, svm_msr_get_debugctl, svm_msr_set_debugctl },
	{ MSR_AMD64_DE_CFG, 0, svm_msr_get_de_cfg, svm_msr_set_de_cfg },
	{ MSR_VM_CR, 0, svm_msr_get_vm_cr, svm_msr_set_vm_cr },
};

static const struct svm_msr *svm_msr_find(u32 index)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(svm_msrs); i++)
		if (svm_msrs[i].index == index)
			return &svm_msrs[i];
	return NULL;
}

int svm_get_msr(struct vcpu *vcpu, u32 index, bool host, u64 *value)
{
	const struct svm_msr *msr = svm_msr_find(index);

	return msr ? msr->get(svm_of(vcpu), msr, host, value) : -ENOENT;
}

int svm_set_msr(struct vcpu *vcpu, u32 index, bool host, u64 value)
{
	const struct svm_msr *msr = svm_msr_find(index);

	return msr ? msr->set(svm_of(vcpu), msr, host, value) : -ENOENT;
}
