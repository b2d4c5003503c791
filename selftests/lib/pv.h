/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What guest and hypervisor agree on beyond the architecture: feature bits, MSRs, hypercalls, records in memory.
 * Numbers and layouts are those of <asm/kvm_para.h>.
 */
#ifndef SELFTESTS_LIB_PV_H
#define SELFTESTS_LIB_PV_H

#include "guest.h"

#include <linux/kvm_para.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HC_POLL_IRQ	1
#define HC_KICK_CPU	5
#define HC_CLOCK_PAIRING 9
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

/* the clock's page: ns at a TSC, and how to go on from there */
struct pv_clock {
	u32 version, pad0;	/* odd while the rest changes */
	u64 tsc_timestamp, system_time;
	u32 mul;
	int8_t shift;
	u8 flags, pad[2];
};

#define MSR_PV_CLOCK 0x4b564d01

/* guest code: the time, in ns */
static inline u64 guest_pv_clock(const volatile struct pv_clock *clock)
{
	u64 delta, time;
	u32 version;

	do {
		version = clock->version;
		guest_barrier();
		delta = guest_rdtsc() - clock->tsc_timestamp;
		if (clock->shift >= 0)
			delta <<= clock->shift;
		else
			delta >>= -clock->shift;
		time = clock->system_time + (u64)((unsigned __int128)delta * clock->mul >> 32);
		guest_barrier();
	} while (version & 1 || version != clock->version);
	return time;
}

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

/* writes a parameter of the module that is under test, and gives the old value; -1 if there is none */
static inline long set_parameter(const char *name, unsigned long value)
{
	const char *module = strstr(node_path(), "quire") ? "quire" : "kvm";
	char path[96];
	long old = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module, name);
	file = fopen(path, "r+");
	if (!file)
		return -1;
	if (fscanf(file, "%ld", &old) != 1)
		old = -1;
	rewind(file);
	fprintf(file, "%lu", value);
	fclose(file);
	return old;
}

static inline void vcpu_make_runnable(struct vcpu *vcpu)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };

	kvm_must(vcpu->fd, KVM_SET_MP_STATE, &mp);
}

#endif
