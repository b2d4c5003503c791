/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID: what can be offered, what a vCPU was given, and quick answers from it.
 */
#ifndef QUIRE_X86_CPUID_H
#define QUIRE_X86_CPUID_H

#include <linux/kvm.h>

#include "../types.h"

struct vcpu;

#define CPUID_MAX_ENTRIES	256

/**
 * struct vcpu_cpuid - what KVM_SET_CPUID2 gave, and what is derived from it
 * @entries:	sorted as given; NULL if none; @nr of them
 * @maxphyaddr:	guest physical address bits, 36 if CPUID does not say
 * @cr4_reserved: bits of CR4 that this guest may not set
 * @efer_allowed: bits of EFER that this guest may set
 * @xcr0_allowed, @xss_allowed: components that this guest may enable
 * @features:	derived flags for the paths that ask often
 *
 * Owner: the holder of vcpu->mutex.
 */
struct vcpu_cpuid {
	struct kvm_cpuid_entry2 *entries;
	unsigned int nr;
	u8 maxphyaddr;
	u64 cr4_reserved;
	u64 efer_allowed;
	u64 xcr0_allowed, xss_allowed;
	struct {
		bool x2apic : 1, tsc_deadline : 1, tsc_adjust : 1, xsave : 1,
		     xsaves : 1, page_1g : 1, rdtscp : 1, rdpid : 1,
		     spec_ctrl : 1, pred_cmd : 1, ssbd : 1, long_mode : 1,
		     nx : 1, svm : 1, mwait : 1, mtrr : 1, pat : 1, syscall : 1,
		     kvm_clock : 1, kvm_poll : 1, fsgsbase : 1, smap : 1, pku : 1,
		     mce : 1, arch_caps : 1;
	} features;
};

/** cpuid_module_init() - compute what this host can offer.  After vendor setup. */
int cpuid_module_init(void);
void cpuid_module_exit(void);

/** cpuid_vcpu_init() - a vCPU without CPUID: derived values for none */
void cpuid_vcpu_init(struct vcpu *vcpu);
void cpuid_vcpu_destroy(struct vcpu *vcpu);

/**
 * cpuid_find() - the entry of a vCPU for @function and, where it matters, @index
 * Holder of vcpu->mutex.  Return: NULL if there is none.
 */
const struct kvm_cpuid_entry2 *cpuid_find(const struct vcpu *vcpu, u32 function,
					  u32 index);

/**
 * cpuid_execute() - CPUID as the guest sees it
 * Reads EAX and ECX from *@eax, *@ecx; out-of-range leaves as the vendor's
 * manual says.  Live bits (OSXSAVE, OSPKE, APIC enable, XSAVE sizes) are
 * filled from the vCPU's registers.
 */
void cpuid_execute(struct vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);

/** cpuid_exit() - handler of the CPUID exit: executes and skips; exit result */
int cpuid_exit(struct vcpu *vcpu);

/*
 * Ioctls.  @uentries is the array behind the header; *@nr in and out.
 * Return: 0, -E2BIG (too few entries allowed; also more than
 * CPUID_MAX_ENTRIES given), -ENOMEM, -EFAULT, -EINVAL.  May sleep.
 */
int cpuid_get_supported(struct kvm_cpuid_entry2 __user *uentries, u32 *nr);
int cpuid_get_emulated(struct kvm_cpuid_entry2 __user *uentries, u32 *nr);
int cpuid_set(struct vcpu *vcpu, const struct kvm_cpuid_entry2 __user *uentries,
	      u32 nr);
int cpuid_get(struct vcpu *vcpu, struct kvm_cpuid_entry2 __user *uentries, u32 *nr);

/** cpuid_host_xcr0() - components that guests may be offered at all */
u64 cpuid_host_xcr0(void);
u64 cpuid_host_xss(void);
/** cpuid_xsave_size() - bytes of a non-compacted area with components @xcr0 */
u32 cpuid_xsave_size(u64 xcr0);

#endif
