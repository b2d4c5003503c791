// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is offered, and the switches for what has to be asked for.
 *
 * A capability stands in the table once it works and a test exercises it:
 * Documentation/api.md names the test.
 */
#include <linux/cpumask.h>
#include <linux/kvm.h>

#include <linux/quire.h>

#include "../vcpu.h"
#include "../vm.h"
#include "../x86/regs.h"
#include "ioctl.h"

#define CAPABILITY_X2APIC_API						\
	(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK |	\
	 KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST |				\
	 KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST)

#define CAPABILITY_DISABLE_EXITS					\
	(KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE)

#define CAPABILITY_USER_SPACE_MSR					\
	(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN |	\
	 KVM_MSR_EXIT_REASON_FILTER)

#define CAPABILITY_GUEST_DEBUG						\
	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |		\
	 KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP |		\
	 KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)

#define CAPABILITY_CLOCK						\
	(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

struct capability {
	unsigned int cap;
	int value;
};

static const struct capability capabilities[] = {
	{ KVM_CAP_USER_MEMORY, 1 },
	{ KVM_CAP_USER_MEMORY2, 1 },
	{ KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1 },
	{ KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1 },
	{ KVM_CAP_READONLY_MEM, 1 },
	{ KVM_CAP_SYNC_MMU, 1 },
	{ KVM_CAP_NR_MEMSLOTS, MEM_USER_SLOTS },
	{ KVM_CAP_MAX_VCPUS, VM_MAX_VCPUS },
	{ KVM_CAP_MAX_VCPU_ID, VM_MAX_VCPU_ID },
	{ KVM_CAP_HLT, 1 },
	{ KVM_CAP_HALT_POLL, 1 },
	{ KVM_CAP_SET_TSS_ADDR, 1 },
	{ KVM_CAP_SET_IDENTITY_MAP_ADDR, 1 },
	{ KVM_CAP_SET_BOOT_CPU_ID, 1 },
	{ KVM_CAP_CHECK_EXTENSION_VM, 1 },
	{ KVM_CAP_ENABLE_CAP_VM, 1 },
	{ KVM_CAP_IMMEDIATE_EXIT, 1 },
	{ KVM_CAP_INTERNAL_ERROR_DATA, 1 },
	{ KVM_CAP_MEMORY_FAULT_INFO, 1 },
	{ KVM_CAP_BINARY_STATS_FD, 1 },

	{ KVM_CAP_EXT_CPUID, 1 },
	{ KVM_CAP_EXT_EMUL_CPUID, 1 },
	{ KVM_CAP_MP_STATE, 1 },
	{ KVM_CAP_VCPU_EVENTS, 1 },
	{ KVM_CAP_EXCEPTION_PAYLOAD, 1 },
	{ KVM_CAP_USER_NMI, 1 },
	{ KVM_CAP_SREGS2, 1 },
	{ KVM_CAP_XSAVE, 1 },
	{ KVM_CAP_XCRS, 1 },
	{ KVM_CAP_DEBUGREGS, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG2, CAPABILITY_GUEST_DEBUG },
	{ KVM_CAP_X86_ROBUST_SINGLESTEP, 1 },
	{ KVM_CAP_SYNC_REGS, REGS_SYNC_VALID },
	{ KVM_CAP_GET_MSR_FEATURES, 1 },
	{ KVM_CAP_X86_USER_SPACE_MSR, CAPABILITY_USER_SPACE_MSR },
	{ KVM_CAP_X86_MSR_FILTER, 1 },
	{ KVM_CAP_X86_DISABLE_EXITS, CAPABILITY_DISABLE_EXITS },
	{ KVM_CAP_MCE, 32 },

	{ KVM_CAP_IRQCHIP, 1 },
	{ KVM_CAP_IOAPIC_POLARITY_IGNORED, 1 },
	{ KVM_CAP_PIT, 1 },
	{ KVM_CAP_PIT2, 1 },
	{ KVM_CAP_PIT_STATE2, 1 },
	{ KVM_CAP_REINJECT_CONTROL, 1 },
	{ KVM_CAP_SPLIT_IRQCHIP, 1 },
	{ KVM_CAP_X2APIC_API, CAPABILITY_X2APIC_API },
	{ KVM_CAP_IRQ_ROUTING, IRQ_MAX_ROUTES },
	{ KVM_CAP_IRQ_INJECT_STATUS, 1 },
	{ KVM_CAP_SIGNAL_MSI, 1 },

	{ KVM_CAP_IOEVENTFD, 1 },
	{ KVM_CAP_IOEVENTFD_NO_LENGTH, 1 },
	{ KVM_CAP_IOEVENTFD_ANY_LENGTH, 1 },
	{ KVM_CAP_IRQFD, 1 },
	{ KVM_CAP_IRQFD_RESAMPLE, 1 },
	{ KVM_CAP_COALESCED_MMIO, VCPU_RING_PAGE_OFFSET },
	{ KVM_CAP_COALESCED_PIO, 1 },

	{ KVM_CAP_VCPU_ATTRIBUTES, 1 },
	{ KVM_CAP_SYS_ATTRIBUTES, 1 },
	{ KVM_CAP_TSC_DEADLINE_TIMER, 1 },
	{ KVM_CAP_X86_APIC_BUS_CYCLES_NS, VM_APIC_BUS_NS },
	{ KVM_CAP_GET_TSC_KHZ, 1 },
	{ KVM_CAP_ADJUST_CLOCK, CAPABILITY_CLOCK },
	{ KVM_CAP_KVMCLOCK_CTRL, 1 },
	{ KVM_CAP_ASYNC_PF, 1 },
	{ KVM_CAP_ASYNC_PF_INT, 1 },
};

int capability_check(struct vm *vm, unsigned long cap)
{
	int i;

	/* These two depend on the host. */
	if (cap == KVM_CAP_NR_VCPUS)
		return min_t(unsigned int, num_online_cpus(), VM_MAX_VCPUS);
	if (cap == KVM_CAP_XSAVE2)
		return regs_xsave_size();

	/* The I/O APIC in the kernel has no EOI register. */
	if (cap == KVM_CAP_X2APIC_API && vm && !vm->irqchip_split)
		return CAPABILITY_X2APIC_API & ~KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST;

	for (i = 0; i < ARRAY_SIZE(capabilities); i++) {
		if (capabilities[i].cap == cap)
			return capabilities[i].value;
	}
	return 0;
}

static int capability_split_irqchip(struct vm *vm, u64 pins)
{
	if (pins > IRQ_MAX_ROUTES)
		return -EINVAL;
	if (vm_has_lapics(vm) || vm->nr_vcpus)
		return -EEXIST;
	vm->nr_ioapic_pins = pins;
	vm->irqchip_split = true;
	return 0;
}

static int capability_x2apic_api(struct vm *vm, u64 flags)
{
	u64 suppress = flags & (KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST |
				KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST);

	if (flags & ~(u64)CAPABILITY_X2APIC_API)
		return -EINVAL;
	if (suppress == (KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST |
			 KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST))
		return -EINVAL;
	if (suppress == KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST && !vm->irqchip_split)
		return -EINVAL;
	/* Guests may have seen the other. */
	if (suppress && vm->nr_vcpus)
		return -EINVAL;
	if (suppress)
		vm->eoi_suppression = suppress == KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST;
	if (flags & KVM_X2APIC_API_USE_32BIT_IDS)
		vm->x2apic_format = true;
	if (flags & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
		vm->x2apic_no_broadcast_quirk = true;
	return 0;
}

static int capability_disable_exits(struct vm *vm, u64 exits)
{
	if (exits & ~(u64)CAPABILITY_DISABLE_EXITS)
		return -EINVAL;
	if (vm->nr_vcpus)
		return -EINVAL;
	vm->disabled_exits = exits;
	return 0;
}

static int capability_exception_payload(struct vm *vm, u64 enable)
{
	vm->exception_payload = enable;
	return 0;
}

static int capability_halt_poll(struct vm *vm, u64 ns)
{
	if (ns > UINT_MAX)
		return -EINVAL;
	WRITE_ONCE(vm->halt_poll_ns, ns);
	/* Pairs with halt_poll_limit(). */
	smp_store_release(&vm->halt_poll_own, true);
	return 0;
}

static int capability_user_space_msr(struct vm *vm, u64 reasons)
{
	if (reasons & ~(u64)CAPABILITY_USER_SPACE_MSR)
		return -EINVAL;
	vm->user_space_msr_mask = reasons;
	return 0;
}

/* Once, and before the first vCPU; saying the same again does no harm. */
static int capability_max_vcpu_id(struct vm *vm, u64 limit)
{
	if (limit == vm->vcpu_id_limit)
		return 0;
	if (vm->vcpu_id_limit != VM_MAX_VCPU_ID || vm->nr_vcpus)
		return -EINVAL;
	if (!limit || limit > VM_MAX_VCPU_ID || limit < vm->bsp_id)
		return -EINVAL;
	vm->vcpu_id_limit = limit;
	return 0;
}

static int capability_apic_bus_cycles_ns(struct vm *vm, u64 ns)
{
	if (!vm_has_lapics(vm))
		return -ENXIO;
	if (!ns || ns > VM_APIC_BUS_NS_MAX || vm->nr_vcpus)
		return -EINVAL;
	vm->apic_bus_ns = ns;
	return 0;
}

static const struct {
	unsigned int cap;
	int (*enable)(struct vm *vm, u64 arg);
} switches[] = {
	{ KVM_CAP_SPLIT_IRQCHIP, capability_split_irqchip },
	{ KVM_CAP_X2APIC_API, capability_x2apic_api },
	{ KVM_CAP_X86_DISABLE_EXITS, capability_disable_exits },
	{ KVM_CAP_EXCEPTION_PAYLOAD, capability_exception_payload },
	{ KVM_CAP_HALT_POLL, capability_halt_poll },
	{ KVM_CAP_X86_USER_SPACE_MSR, capability_user_space_msr },
	{ KVM_CAP_MAX_VCPU_ID, capability_max_vcpu_id },
	{ KVM_CAP_X86_APIC_BUS_CYCLES_NS, capability_apic_bus_cycles_ns },
};

int capability_enable(struct vm *vm, const struct kvm_enable_cap *cap)
{
	int i, ret;

	if (cap->flags)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(switches); i++) {
		if (switches[i].cap != cap->cap)
			continue;
		mutex_lock(&vm->lock);
		ret = switches[i].enable(vm, cap->args[0]);
		mutex_unlock(&vm->lock);
		return ret;
	}
	return -EINVAL;
}
