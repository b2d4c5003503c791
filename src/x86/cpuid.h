/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID: what can be offered, what a vCPU was given, and quick answers from it.
 */
#ifndef QUIRE_X86_CPUID_H
#define QUIRE_X86_CPUID_H

#include <linux/kvm.h>

#include "../types.h"
#include "cpuid_bits.h"

struct vcpu;

#define CPUID_MAX_ENTRIES	256

/* Leaves that are found without a search: the first 64 of each quarter. */
#define CPUID_CLASSES		4
#define CPUID_CLASS_LEAVES	64

/**
 * struct cpuid_map - how an entry is found
 * @order:	positions in the array of entries, sorted by function; entries of
 *		one function stay in the order in which they were given
 * @first:	for a leaf, by the two highest and the six lowest bits of its
 *		function, where in @order its entries begin; CPUID_NONE: nowhere
 */
struct cpuid_map {
	u8 order[CPUID_MAX_ENTRIES];
	u16 first[CPUID_CLASSES][CPUID_CLASS_LEAVES];
};

#define CPUID_NONE		0xffff

/**
 * struct vcpu_cpuid - what KVM_SET_CPUID2 gave, and what is derived from it
 * @entries:	as given; NULL if none; @nr of them
 * @map:	finds them
 * @maxphyaddr:	guest physical address bits, 36 if CPUID does not say
 * @cr4_reserved: bits of CR4 that this guest may not set
 * @efer_allowed: bits of EFER that this guest may set
 * @xcr0_allowed, @xss_allowed: components that this guest may enable
 * @features:	derived flags for the paths that ask often: the guest was told,
 *		and it works; amd_like: leaves out of range read 0, as AMD has it
 *
 * Owner: the holder of vcpu->mutex.
 */
struct vcpu_cpuid {
	struct kvm_cpuid_entry2 *entries;
	unsigned int nr;
	struct cpuid_map map;
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
		     mce : 1, arch_caps : 1, amd_like : 1;
	} features;
};

/*
 * Pure functions on a vCPU's entries, also in user space.  cpuid_map_build() sets
 * @cpuid->map from entries and nr; cpuid_lookup() finds the entry for @function
 * and, where the entry says that it matters, @index.
 */
void cpuid_map_build(struct vcpu_cpuid *cpuid);
const struct kvm_cpuid_entry2 *cpuid_lookup(const struct vcpu_cpuid *cpuid,
					    u32 function, u32 index);
/**
 * cpuid_out_of_range() - what answers @function, which has no entry
 * Return: an entry, or NULL: all registers read 0.
 */
const struct kvm_cpuid_entry2 *cpuid_out_of_range(const struct vcpu_cpuid *cpuid,
						  u32 function, u32 index);
/** cpuid_is_amd_like() - by the vendor string of leaf 0 */
bool cpuid_is_amd_like(const struct vcpu_cpuid *cpuid);

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

/** cpuid_guest_has() - was the guest told that it has the bits @mask? */
bool cpuid_guest_has(const struct vcpu *vcpu, u32 function, enum cpuid_reg reg,
		     u32 mask);

/** cpuid_host_offers() - are the bits @mask part of what can be offered? */
bool cpuid_host_offers(u32 function, enum cpuid_reg reg, u32 mask);

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
 *
 * cpuid_set(): once the vCPU has run, -EINVAL for anything but what it has.
 * cpuid_get(): live bits and sizes as cpuid_execute() fills them.
 */
int cpuid_get_supported(struct kvm_cpuid_entry2 __user *uentries, u32 *nr);
int cpuid_get_emulated(struct kvm_cpuid_entry2 __user *uentries, u32 *nr);
int cpuid_set(struct vcpu *vcpu, const struct kvm_cpuid_entry2 __user *uentries,
	      u32 nr);
int cpuid_get(struct vcpu *vcpu, struct kvm_cpuid_entry2 __user *uentries, u32 *nr);

/** cpuid_host_xcr0() - components that guests may be offered at all */
u64 cpuid_host_xcr0(void);
/** cpuid_host_efer() - bits of EFER that work in some guest */
u64 cpuid_host_efer(void);
/** cpuid_xsave_size() - bytes of a non-compacted area with components @xcr0 */
u32 cpuid_xsave_size(u64 xcr0);

#endif
