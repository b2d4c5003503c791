/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What guest and hypervisor agree on beyond the architecture: feature bits, MSRs, hypercalls, records in memory.
 * Numbers and layouts are those of <asm/kvm_para.h>.
 */
#ifndef SELFTESTS_LIB_PV_H
#define SELFTESTS_LIB_PV_H

#include "guest.h"

#include <asm/kvm_para.h>
#include <stdlib.h>

#define HC_POLL_IRQ	1
#define HC_KICK_CPU	5
#define HC_SEND_IPI	10
#define HC_SCHED_YIELD	11
#define HC_UNKNOWN	4711
#define HC_ENOSYS	(-1000)

/* an instruction, "vmmcall" or "vmcall", and up to four arguments */
#define GUEST_HYPERCALL(insn, nr, a0, a1, a2, a3) ({					\
	long result__;									\
	asm volatile(insn : "=a"(result__)						\
		     : "a"((u64)(nr)), "b"((u64)(a0)), "c"((u64)(a1)), "d"((u64)(a2)), "S"((u64)(a3)) \
		     : "memory");							\
	result__; })

#define guest_hypercall(nr, a0, a1, a2, a3) GUEST_HYPERCALL("vmmcall", nr, a0, a1, a2, a3)

/* is KVM_FEATURE_... @bit offered to guests? */
static inline bool pv_offered(struct vm *vm, u32 bit)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->node);
	struct kvm_cpuid_entry2 *leaf = cpuid_find(cpuid, KVM_CPUID_FEATURES, 0);
	bool offered = leaf && (leaf->eax & 1u << bit);

	free(cpuid);
	return offered;
}

/* is it in KVM_GET_MSR_INDEX_LIST? */
static inline bool pv_msr_listed(struct vm *vm, u32 index)
{
	struct {
		struct kvm_msr_list head;
		u32 indices[512];
	} list = { .head.nmsrs = 512 };
	u32 i;

	kvm_must(vm->node, KVM_GET_MSR_INDEX_LIST, &list);
	for (i = 0; i < list.head.nmsrs; i++)
		if (list.indices[i] == index)
			return true;
	return false;
}

static inline void vcpu_make_runnable(struct vcpu *vcpu)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };

	kvm_must(vcpu->fd, KVM_SET_MP_STATE, &mp);
}

#endif
