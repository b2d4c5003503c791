// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ABI as the fuzzer knows it: a row for each ioctl and kind of fd. tools/check-api compares the rows with
 * Documentation/api.md: whatever works there is fuzzed here. What the module does not have costs a call that gives
 * ENOTTY now and then.
 */
#include "arguments.h"

#define CALL(ioctl, target, how_often, maker, ...)						\
	{ .name = #ioctl, .cmd = ioctl, .on = target, .weight = how_often, .make = maker, __VA_ARGS__ }

#define CPUID_TAIL	(100 * sizeof(struct kvm_cpuid_entry2))
#define MSRS_TAIL	(64 * sizeof(struct kvm_msr_entry))

const struct fuzz_call fuzz_calls[] = {
	CALL(KVM_GET_API_VERSION, ON_NODE, 1, make_zero),
	CALL(KVM_CREATE_VM, ON_NODE, 4, make_zero),
	CALL(KVM_CHECK_EXTENSION, ON_NODE, 4, make_extension),
	CALL(KVM_GET_VCPU_MMAP_SIZE, ON_NODE, 1, make_zero),
	CALL(KVM_GET_SUPPORTED_CPUID, ON_NODE, 2, make_cpuid_room, .tail = CPUID_TAIL),
	CALL(KVM_GET_EMULATED_CPUID, ON_NODE, 2, make_cpuid_room, .tail = CPUID_TAIL),
	CALL(KVM_GET_MSR_INDEX_LIST, ON_NODE, 2, make_msr_room, .tail = 4 * WORLD_MSRS),
	CALL(KVM_GET_MSR_FEATURE_INDEX_LIST, ON_NODE, 2, make_msr_room, .tail = 4 * WORLD_MSRS),
	CALL(KVM_GET_MSRS, ON_NODE, 3, make_msrs, .tail = MSRS_TAIL),
	CALL(KVM_X86_GET_MCE_CAP_SUPPORTED, ON_NODE, 1, make_plain),
	CALL(KVM_HAS_DEVICE_ATTR, ON_NODE, 1, make_attribute),
	CALL(KVM_GET_DEVICE_ATTR, ON_NODE, 1, make_attribute),

	CALL(KVM_CREATE_VCPU, ON_VM, 3, make_vcpu_id),
	CALL(KVM_CHECK_EXTENSION, ON_VM, 1, make_extension),
	CALL(KVM_ENABLE_CAP, ON_VM, 4, make_enable_cap),
	CALL(KVM_SET_USER_MEMORY_REGION, ON_VM, 12, make_region),
	CALL(KVM_SET_USER_MEMORY_REGION2, ON_VM, 6, make_region),
	CALL(KVM_GET_DIRTY_LOG, ON_VM, 8, make_dirty_log),
	CALL(KVM_SET_TSS_ADDR, ON_VM, 1, make_low_address),
	CALL(KVM_SET_IDENTITY_MAP_ADDR, ON_VM, 1, make_plain),
	CALL(KVM_SET_BOOT_CPU_ID, ON_VM, 1, make_vcpu_id),
	CALL(KVM_GET_CLOCK, ON_VM, 2, make_plain),
	CALL(KVM_SET_CLOCK, ON_VM, 2, make_plain, .get = KVM_GET_CLOCK),
	CALL(KVM_SET_TSC_KHZ, ON_VM, 1, make_khz),
	CALL(KVM_GET_TSC_KHZ, ON_VM, 1, make_zero),
	CALL(KVM_SIGNAL_MSI, ON_VM, 8, make_msi),
	CALL(KVM_SET_GSI_ROUTING, ON_VM, 4, make_routing, .tail = 32 * sizeof(struct kvm_irq_routing_entry)),
	CALL(KVM_IRQ_LINE, ON_VM, 8, make_irq_level),
	CALL(KVM_IRQ_LINE_STATUS, ON_VM, 3, make_irq_level),
	CALL(KVM_X86_SET_MSR_FILTER, ON_VM, 3, make_msr_filter),
	CALL(KVM_GET_STATS_FD, ON_VM, 1, make_zero),
	CALL(KVM_CREATE_IRQCHIP, ON_VM, 1, make_zero),
	CALL(KVM_GET_IRQCHIP, ON_VM, 3, make_irqchip),
	CALL(KVM_SET_IRQCHIP, ON_VM, 3, make_irqchip, .get = KVM_GET_IRQCHIP),
	CALL(KVM_CREATE_PIT, ON_VM, 1, make_zero),
	CALL(KVM_CREATE_PIT2, ON_VM, 2, make_plain),
	CALL(KVM_GET_PIT, ON_VM, 1, make_plain),
	CALL(KVM_SET_PIT, ON_VM, 1, make_plain, .get = KVM_GET_PIT),
	CALL(KVM_GET_PIT2, ON_VM, 1, make_plain),
	CALL(KVM_SET_PIT2, ON_VM, 3, make_plain, .get = KVM_GET_PIT2),
	CALL(KVM_REINJECT_CONTROL, ON_VM, 1, make_plain),
	CALL(KVM_IRQFD, ON_VM, 8, make_irqfd),
	CALL(KVM_IOEVENTFD, ON_VM, 8, make_ioeventfd),
	CALL(KVM_REGISTER_COALESCED_MMIO, ON_VM, 3, make_zone),
	CALL(KVM_UNREGISTER_COALESCED_MMIO, ON_VM, 2, make_zone),

	CALL(KVM_RUN, ON_VCPU, 0, make_zero),
	CALL(KVM_GET_REGS, ON_VCPU, 2, make_plain),
	CALL(KVM_SET_REGS, ON_VCPU, 4, make_plain, .get = KVM_GET_REGS),
	CALL(KVM_GET_SREGS, ON_VCPU, 2, make_plain),
	CALL(KVM_SET_SREGS, ON_VCPU, 6, make_plain, .get = KVM_GET_SREGS),
	CALL(KVM_GET_SREGS2, ON_VCPU, 2, make_plain),
	CALL(KVM_SET_SREGS2, ON_VCPU, 4, make_plain, .get = KVM_GET_SREGS2),
	CALL(KVM_GET_FPU, ON_VCPU, 2, make_plain),
	CALL(KVM_SET_FPU, ON_VCPU, 2, make_plain, .get = KVM_GET_FPU),
	CALL(KVM_GET_XSAVE, ON_VCPU, 2, make_plain),
	CALL(KVM_GET_XSAVE2, ON_VCPU, 1, make_plain),
	CALL(KVM_SET_XSAVE, ON_VCPU, 3, make_plain, .get = KVM_GET_XSAVE),
	CALL(KVM_GET_XCRS, ON_VCPU, 1, make_plain),
	CALL(KVM_SET_XCRS, ON_VCPU, 2, make_plain, .get = KVM_GET_XCRS),
	CALL(KVM_GET_DEBUGREGS, ON_VCPU, 1, make_plain),
	CALL(KVM_SET_DEBUGREGS, ON_VCPU, 2, make_plain, .get = KVM_GET_DEBUGREGS),
	CALL(KVM_SET_GUEST_DEBUG, ON_VCPU, 3, make_guest_debug),
	CALL(KVM_GET_MP_STATE, ON_VCPU, 1, make_plain),
	CALL(KVM_SET_MP_STATE, ON_VCPU, 4, make_mp_state),
	CALL(KVM_TRANSLATE, ON_VCPU, 3, make_translation),
	CALL(KVM_GET_VCPU_EVENTS, ON_VCPU, 2, make_plain),
	CALL(KVM_SET_VCPU_EVENTS, ON_VCPU, 5, make_plain, .get = KVM_GET_VCPU_EVENTS),
	CALL(KVM_GET_MSRS, ON_VCPU, 4, make_msrs, .tail = MSRS_TAIL),
	CALL(KVM_SET_MSRS, ON_VCPU, 6, make_msrs, .tail = MSRS_TAIL),
	CALL(KVM_SET_CPUID2, ON_VCPU, 3, make_cpuid, .tail = CPUID_TAIL),
	CALL(KVM_GET_CPUID2, ON_VCPU, 2, make_cpuid_room, .tail = CPUID_TAIL),
	CALL(KVM_INTERRUPT, ON_VCPU, 4, make_vector),
	CALL(KVM_NMI, ON_VCPU, 3, make_zero),
	CALL(KVM_GET_STATS_FD, ON_VCPU, 1, make_zero),
	CALL(KVM_GET_LAPIC, ON_VCPU, 2, make_plain),
	CALL(KVM_SET_LAPIC, ON_VCPU, 4, make_plain, .get = KVM_GET_LAPIC),
	CALL(KVM_SET_SIGNAL_MASK, ON_VCPU, 2, make_signal_mask, .tail = 8),
	CALL(KVM_SET_TSC_KHZ, ON_VCPU, 1, make_khz),
	CALL(KVM_GET_TSC_KHZ, ON_VCPU, 1, make_zero),
	CALL(KVM_KVMCLOCK_CTRL, ON_VCPU, 1, make_zero),
	CALL(KVM_X86_SETUP_MCE, ON_VCPU, 1, make_mce_banks),
	CALL(KVM_X86_SET_MCE, ON_VCPU, 2, make_mce),
	CALL(KVM_HAS_DEVICE_ATTR, ON_VCPU, 1, make_attribute),
	CALL(KVM_GET_DEVICE_ATTR, ON_VCPU, 1, make_attribute),
	CALL(KVM_SET_DEVICE_ATTR, ON_VCPU, 2, make_attribute),
	CALL(KVM_SET_VAPIC_ADDR, ON_VCPU, 1, make_plain),
	CALL(KVM_TPR_ACCESS_REPORTING, ON_VCPU, 1, make_plain),
};

const u32 nr_fuzz_calls = COUNT_OF(fuzz_calls);

u32 fuzz_pick(struct chance *c, enum fuzz_target on)
{
	static u32 sums[NR_TARGETS];
	u32 i, at;

	if (!sums[on]) {
		u32 sum = 0;

		for (i = 0; i < nr_fuzz_calls; i++)
			sum += fuzz_calls[i].on == on ? fuzz_calls[i].weight : 0;
		/* all threads come to the same */
		sums[on] = sum;
	}
	at = chance_below(c, sums[on]);
	for (i = 0; ; i++) {
		if (fuzz_calls[i].on != on)
			continue;
		if (at < fuzz_calls[i].weight)
			return i;
		at -= fuzz_calls[i].weight;
	}
}
