// SPDX-License-Identifier: GPL-2.0-only
/*
 * What makes a guest exit, and what it is told about the CPU for that reason.
 *
 * Some intercepts are for good, some follow CPUID, and the rest are switched by
 * those who need them: DRs (debug.c), windows and IRET (event.c), CR0 and CR4
 * (vcpu.c).  An instruction that CPUID does not offer but the CPU has is
 * intercepted where that is possible, to be answered with #UD.
 */
#include <linux/kvm.h>
#include <asm/cpufeature.h>

#include "internal.h"

#define SVM_PAUSE_FILTER_COUNT		3000
#define SVM_PAUSE_FILTER_THRESHOLD	128

static const u8 svm_always_intercepted[] = {
	INTERCEPT_INTR, INTERCEPT_NMI, INTERCEPT_SMI, INTERCEPT_INIT,
	/* A selective one catches all that changes more than TS and MP. */
	INTERCEPT_SELECTIVE_CR0, INTERCEPT_CR4_WRITE,
	INTERCEPT_RDPMC, INTERCEPT_CPUID, INTERCEPT_INVD, INTERCEPT_WBINVD,
	INTERCEPT_INVLPGA, INTERCEPT_IOIO_PROT, INTERCEPT_MSR_PROT,
	INTERCEPT_TASK_SWITCH, INTERCEPT_SHUTDOWN,
	INTERCEPT_VMRUN, INTERCEPT_VMMCALL, INTERCEPT_VMLOAD, INTERCEPT_VMSAVE,
	INTERCEPT_STGI, INTERCEPT_CLGI, INTERCEPT_SKINIT,
	INTERCEPT_XSETBV, INTERCEPT_RDPRU,
	/* VMCALL, the other vendor's hypercall. */
	INTERCEPT_EXCEPTION_OFFSET + UD_VECTOR,
	/* These two can make the CPU loop inside the delivery of an exception. */
	INTERCEPT_EXCEPTION_OFFSET + DB_VECTOR,
	INTERCEPT_EXCEPTION_OFFSET + AC_VECTOR,
	/* The host's business. */
	INTERCEPT_EXCEPTION_OFFSET + MC_VECTOR,
};

/* Intercepts that a VMM may do without (KVM_CAP_X86_DISABLE_EXITS). */
static const struct {
	u32 disabled_by;
	u8 intercept;
} svm_optional_intercepts[] = {
	{ KVM_X86_DISABLE_EXITS_HLT, INTERCEPT_HLT },
	{ KVM_X86_DISABLE_EXITS_MWAIT, INTERCEPT_MONITOR },
	{ KVM_X86_DISABLE_EXITS_MWAIT, INTERCEPT_MWAIT },
};

static void svm_pause_filter_reset(struct svm_vcpu *svm)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	if (!svm_host.pause_filter ||
	    (svm->vcpu->vm->disabled_exits & KVM_X86_DISABLE_EXITS_PAUSE))
		return;
	control->pause_filter_count = SVM_PAUSE_FILTER_COUNT;
	if (svm_host.pause_threshold)
		control->pause_filter_thresh = SVM_PAUSE_FILTER_THRESHOLD;
	svm_intercept(svm, INTERCEPT_PAUSE, true);
}

void svm_intercepts_reset(struct svm_vcpu *svm)
{
	u32 disabled = svm->vcpu->vm->disabled_exits;
	int i;

	memset(svm->vmcb->control.intercepts, 0, sizeof(svm->vmcb->control.intercepts));
	for (i = 0; i < ARRAY_SIZE(svm_always_intercepted); i++)
		svm_intercept(svm, svm_always_intercepted[i], true);
	for (i = 0; i < ARRAY_SIZE(svm_optional_intercepts); i++)
		svm_intercept(svm, svm_optional_intercepts[i].intercept,
			      !(disabled & svm_optional_intercepts[i].disabled_by));
	svm_pause_filter_reset(svm);
	svm_cpuid_changed(svm->vcpu);
}

static bool svm_guest_has_invpcid(struct vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *entry = cpuid_find(vcpu, 7, 0);

	return entry && (entry->ebx & BIT(10));
}

void svm_cpuid_changed(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	if (boot_cpu_has(X86_FEATURE_RDTSCP))
		svm_intercept(svm, INTERCEPT_RDTSCP, !vcpu->cpuid.features.rdtscp);
	if (boot_cpu_has(X86_FEATURE_INVPCID))
		svm_intercept(svm, INTERCEPT_INVPCID, !svm_guest_has_invpcid(vcpu));
	svm_msrpm_reset(svm);
}

/**
 * struct svm_cpuid_mask - what of a leaf is not offered
 * @function, @index: the leaf
 * @eax, @ebx, @ecx, @edx: bits to clear
 */
struct svm_cpuid_mask {
	u32 function, index;
	u32 eax, ebx, ecx, edx;
};

static const struct svm_cpuid_mask svm_cpuid_masks[] = {
	/* MONITOR */
	{ 0x1, 0, .ecx = BIT(3) },
	/* CET: SHSTK, IBT */
	{ 0x7, 0, .ecx = BIT(7), .edx = BIT(20) },
	/* SVM, OSVW, IBS, SKINIT, WDT, LWP, PERFCTR, BPEXT, MWAITX and others */
	{ 0x80000001, 0,
	  .ecx = BIT(2) | BIT(9) | BIT(10) | BIT(12) | BIT(13) | BIT(15) | BIT(23) |
		 BIT(24) | BIT(26) | BIT(27) | BIT(28) | BIT(29) },
	/* Hardware P-states, boost and the like; leaves the invariant TSC */
	{ 0x80000007, 0, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~(u32)BIT(8) },
	/* INVLPGB, RDPRU, MCOMMIT, VIRT_SSBD, CPPC */
	{ 0x80000008, 0, .ebx = BIT(3) | BIT(4) | BIT(8) | BIT(25) | BIT(27) },
	/* SVM, IBS, LWP, memory encryption, performance monitoring */
	{ 0x8000000a, 0, ~0u, ~0u, ~0u, ~0u },
	{ 0x8000001b, 0, ~0u, ~0u, ~0u, ~0u },
	{ 0x8000001c, 0, ~0u, ~0u, ~0u, ~0u },
	{ 0x8000001f, 0, ~0u, ~0u, ~0u, ~0u },
	{ 0x80000022, 0, ~0u, ~0u, ~0u, ~0u },
	{ 0x80000023, 0, ~0u, ~0u, ~0u, ~0u },
};

void svm_cpuid_filter(struct kvm_cpuid_entry2 *entry)
{
	const struct svm_cpuid_mask *mask;
	int i;

	for (i = 0; i < ARRAY_SIZE(svm_cpuid_masks); i++) {
		mask = &svm_cpuid_masks[i];
		if (mask->function != entry->function || mask->index != entry->index)
			continue;
		entry->eax &= ~mask->eax;
		entry->ebx &= ~mask->ebx;
		entry->ecx &= ~mask->ecx;
		entry->edx &= ~mask->edx;
	}
}
