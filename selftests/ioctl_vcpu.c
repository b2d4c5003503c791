// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rest of a vCPU's ioctls: MSRs, CPUID, pending events, activity state, interrupts, clocks, machine checks.
 * Without interrupt chip in the kernel unless a test makes one.
 */
#include "test.h"

#include <errno.h>
#include <string.h>

#define BAD_POINTER ((void *)0x10)
#define MSR_LIST 260

FIXTURE(vcpu) {
	struct vm vm;
	struct vcpu *vcpu;
	int fd;
};

FIXTURE_VARIANT(vcpu) {
	u32 flags;
};

FIXTURE_VARIANT_ADD(vcpu, no_chip) { .flags = 0 };
FIXTURE_VARIANT_ADD(vcpu, split) { .flags = VM_SPLIT_IRQCHIP };

FIXTURE_SETUP(vcpu)
{
	vm_create(&self->vm, variant->flags);
	self->vcpu = vcpu_create(&self->vm, 0);
	self->fd = self->vcpu->fd;
}

FIXTURE_TEARDOWN(vcpu)
{
	vm_destroy(&self->vm);
}

struct msrs {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[MSR_LIST];
};

TEST_F(vcpu, msrs)
{
	struct msrs msrs = {
		.head.nmsrs = 4,
		.entries = {
			{ .index = 0xc0000081, .data = 0x0023001000000000 },	/* STAR */
			{ .index = 0x175, .data = 0x12345000 },			/* SYSENTER_ESP */
			{ .index = 0x2345678, .data = 1 },			/* nobody's */
			{ .index = 0x176, .data = 0x12346000 },			/* SYSENTER_EIP */
		},
	};
	u64 value;

	/* the count says where it ended; nothing after that is done */
	EXPECT_EQ(2, kvm_ioctl(self->fd, KVM_SET_MSRS, &msrs));
	EXPECT_EQ(2, kvm_ioctl(self->fd, KVM_GET_MSRS, &msrs));
	EXPECT_EQ(0x0023001000000000, msrs.entries[0].data);
	EXPECT_EQ(0x12345000, msrs.entries[1].data);
	EXPECT_EQ(1, vcpu_get_msr(self->vcpu, 0x176, &value));
	EXPECT_EQ(0, value);
	msrs.head.nmsrs = 0;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_GET_MSRS, &msrs));
	msrs.head.nmsrs = 257;
	EXPECT_EQ(-E2BIG, kvm_ioctl(self->fd, KVM_GET_MSRS, &msrs));
	EXPECT_EQ(-E2BIG, kvm_ioctl(self->fd, KVM_SET_MSRS, &msrs));
	msrs.head.nmsrs = -1;
	EXPECT_EQ(-E2BIG, kvm_ioctl(self->fd, KVM_SET_MSRS, &msrs));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_MSRS, BAD_POINTER));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_MSRS, BAD_POINTER));
}

TEST_F(vcpu, msr_values)
{
	u64 value;

	/* PAT: reserved memory types */
	EXPECT_EQ(1, vcpu_set_msr(self->vcpu, 0x277, 0x0007040600070406));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, 0x277, 0x0007040600070402));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, 0x277, 0x0807040600070406));
	EXPECT_EQ(1, vcpu_get_msr(self->vcpu, 0x277, &value));
	EXPECT_EQ(0x0007040600070406, value);
	/* EFER: reserved bits */
	EXPECT_EQ(1, vcpu_set_msr(self->vcpu, 0xc0000080, 1 << 11));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, 0xc0000080, 1 << 9));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, 0xc0000080, 1ull << 40));
	EXPECT_EQ(1, vcpu_get_msr(self->vcpu, 0xc0000080, &value));
	EXPECT_EQ(1 << 11, value);
	/* the TSC goes on from what was set */
	EXPECT_EQ(1, vcpu_set_msr(self->vcpu, 0x10, 1ull << 50));
	EXPECT_EQ(1, vcpu_get_msr(self->vcpu, 0x10, &value));
	EXPECT_LE(1ull << 50, value);
	EXPECT_GT((1ull << 50) + (1ull << 40), value);
	EXPECT_EQ(1, vcpu_set_msr(self->vcpu, 0xc0000082, 0xffffffff81000000));
	EXPECT_EQ(1, vcpu_get_msr(self->vcpu, 0xc0000082, &value));
	EXPECT_EQ(0xffffffff81000000, value);
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, 0xc0000082, 0x8000000000000000));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, 0xc0000102, 0x1234800000000000));
	/* IA32_POWER_CTL is only kept */
	EXPECT_EQ(1, vcpu_set_msr(self->vcpu, 0x1fc, 0x1234));
	EXPECT_EQ(1, vcpu_get_msr(self->vcpu, 0x1fc, &value));
	EXPECT_EQ(0x1234, value);
}

struct cpuid_list {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[256];
};

TEST_F(vcpu, cpuid)
{
	struct kvm_cpuid2 *set = cpuid_supported(self->vm.node);
	struct cpuid_list got = { .head.nent = 256 };
	struct kvm_cpuid_entry2 *leaf = cpuid_find(set, 0x40000000, 0);
	u32 count = set->nent;

	ASSERT_NE(NULL, leaf);
	leaf->function = 0x40000100;
	leaf->ebx = 0x11223344;
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_SET_CPUID2, set));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_CPUID2, &got));
	/* older stock kernels leave the count alone */
	ASSERT_TRUE(got.head.nent == count || got.head.nent == 256);
	leaf = cpuid_find(&got.head, 0x40000100, 0);
	ASSERT_NE(NULL, leaf);
	EXPECT_EQ(0x11223344, leaf->ebx);
	got.head.nent = count - 1;
	EXPECT_EQ(-E2BIG, kvm_ioctl(self->fd, KVM_GET_CPUID2, &got));
	set->nent = 257;
	EXPECT_EQ(-E2BIG, kvm_ioctl(self->fd, KVM_SET_CPUID2, set));
	set->nent = 0;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_SET_CPUID2, set));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_CPUID2, BAD_POINTER));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_CPUID2, BAD_POINTER));
	free(set);
}

/* some fields follow the registers */
TEST_F(vcpu, cpuid_is_what_the_guest_finds)
{
	struct kvm_cpuid2 *set = cpuid_supported(self->vm.node);
	struct kvm_cpuid_entry2 *leaf = cpuid_find(set, 1, 0);
	struct cpuid_list got = { .head.nent = 256 };
	struct kvm_sregs sregs;

	ASSERT_NE(NULL, leaf);
	if (!(leaf->ecx & 1 << 26))
		SKIP(return, "no XSAVE");
	leaf->ecx |= 1 << 27;
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_SET_CPUID2, set));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_CPUID2, &got));
	EXPECT_EQ(0, cpuid_find(&got.head, 1, 0)->ecx & 1 << 27);
	/* only the x87 state is on */
	EXPECT_EQ(0x240, cpuid_find(&got.head, 0xd, 0)->ebx);
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_SREGS, &sregs));
	sregs.cr4 |= 1 << 18;
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_SET_SREGS, &sregs));
	got.head.nent = 256;
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_CPUID2, &got));
	EXPECT_NE(0, cpuid_find(&got.head, 1, 0)->ecx & 1 << 27);
	free(set);
}

SNIPPET(halt, ".code16\n	hlt\n	jmp halt_begin\n");

TEST_F(vcpu, cpuid_is_fixed_once_the_vcpu_ran)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(self->vm.node);
	struct kvm_cpuid_entry2 *leaf = cpuid_find(cpuid, 0x80000008, 0);
	struct cpuid_list got = { .head.nent = 256 };

	if (variant->flags)	/* HLT would wait in the kernel */
		return;
	PUT_SNIPPET(&self->vm, REAL_BASE, halt);
	vcpu_set_mode(self->vcpu, MODE_REAL);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x8000);
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_SET_CPUID2, cpuid));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_CPUID2, &got));
	got.head.nent = cpuid->nent;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_SET_CPUID2, &got));
	/* the physical address width is part of the page tables' format */
	ASSERT_NE(NULL, leaf);
	leaf->eax = (leaf->eax & ~0xff) | 36;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_CPUID2, cpuid));
	free(cpuid);
}

TEST_F(vcpu, events)
{
	struct kvm_vcpu_events set = {}, got;

	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_VCPU_EVENTS, &got));
	EXPECT_EQ(0, got.exception.injected);
	EXPECT_EQ(0, got.interrupt.injected);
	EXPECT_EQ(0, got.nmi.injected | got.nmi.pending | got.nmi.masked);
	set.exception.injected = 1;
	set.exception.nr = 13;
	set.exception.has_error_code = 1;
	set.exception.error_code = 0x1238;
	set.nmi.pending = 1;
	set.nmi.masked = 1;
	set.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	set.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_SET_VCPU_EVENTS, &set));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_VCPU_EVENTS, &got));
	EXPECT_EQ(1, got.exception.injected);
	EXPECT_EQ(13, got.exception.nr);
	EXPECT_EQ(1, got.exception.has_error_code);
	EXPECT_EQ(0x1238, got.exception.error_code);
	EXPECT_EQ(1, got.nmi.pending);
	EXPECT_EQ(1, got.nmi.masked);
	EXPECT_NE(0, got.interrupt.shadow);
	memset(&set, 0, sizeof(set));
	set.interrupt.injected = 1;
	set.interrupt.nr = 0x41;
	set.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_SET_VCPU_EVENTS, &set));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_VCPU_EVENTS, &got));
	EXPECT_EQ(0, got.exception.injected);
	EXPECT_EQ(1, got.interrupt.injected);
	EXPECT_EQ(0x41, got.interrupt.nr);
	EXPECT_EQ(0, got.nmi.pending);
	EXPECT_EQ(0, got.interrupt.shadow);
	/* without the flag, a field is not looked at */
	set.flags = 0;
	set.nmi.pending = 1;
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_SET_VCPU_EVENTS, &set));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_VCPU_EVENTS, &got));
	EXPECT_EQ(0, got.nmi.pending);
}

TEST_F(vcpu, impossible_events)
{
	struct kvm_vcpu_events events = {};

	events.flags = 1u << 30;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_VCPU_EVENTS, &events));
	events.flags = 0;
	events.exception.injected = 1;
	events.exception.nr = 32;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_VCPU_EVENTS, &events));
	events.exception.nr = 2;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_VCPU_EVENTS, &events));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_VCPU_EVENTS, BAD_POINTER));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_VCPU_EVENTS, BAD_POINTER));
}

static long set_mp_state(int fd, u32 state)
{
	struct kvm_mp_state mp = { .mp_state = state };

	return kvm_ioctl(fd, KVM_SET_MP_STATE, &mp);
}

TEST_F(vcpu, mp_state)
{
	static const u32 states[] = {
		KVM_MP_STATE_UNINITIALIZED, KVM_MP_STATE_HALTED, KVM_MP_STATE_RUNNABLE,
	};
	struct kvm_mp_state mp;
	u32 i;

	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_MP_STATE, &mp));
	EXPECT_EQ(KVM_MP_STATE_RUNNABLE, mp.mp_state);
	EXPECT_EQ(0, set_mp_state(self->fd, KVM_MP_STATE_RUNNABLE));
	EXPECT_EQ(-EINVAL, set_mp_state(self->fd, 77));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_MP_STATE, BAD_POINTER));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_MP_STATE, BAD_POINTER));
	if (!variant->flags) {
		EXPECT_EQ(-EINVAL, set_mp_state(self->fd, KVM_MP_STATE_SIPI_RECEIVED));
		return;
	}
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		EXPECT_EQ(0, set_mp_state(self->fd, states[i]));
		ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_MP_STATE, &mp));
		EXPECT_EQ(states[i], mp.mp_state);
	}
}

TEST_F(vcpu, interrupt)
{
	struct kvm_interrupt irq = { .irq = 256 };

	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_INTERRUPT, &irq));
	irq.irq = -1;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_INTERRUPT, &irq));
	irq.irq = 0x20;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_INTERRUPT, &irq));
	/* the split chip has room for one */
	if (variant->flags)
		EXPECT_EQ(-EEXIST, kvm_ioctl(self->fd, KVM_INTERRUPT, &irq));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_INTERRUPT, BAD_POINTER));
}

TEST_F(vcpu, pending_interrupt_in_sregs)
{
	struct kvm_sregs sregs;

	if (variant->flags)
		return;
	vcpu_get_sregs(self->vcpu, &sregs);
	sregs.interrupt_bitmap[1] = 1ull << 5;
	vcpu_set_sregs(self->vcpu, &sregs);
	memset(&sregs, 0, sizeof(sregs));
	vcpu_get_sregs(self->vcpu, &sregs);
	EXPECT_EQ(0, sregs.interrupt_bitmap[0]);
	EXPECT_EQ(1ull << 5, sregs.interrupt_bitmap[1]);
}

TEST_F(vcpu, nmi_and_smi)
{
	struct kvm_vcpu_events events;
	long ret;

	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_NMI, NULL));
	ASSERT_EQ(0, kvm_ioctl(self->fd, KVM_GET_VCPU_EVENTS, &events));
	EXPECT_EQ(1, events.nmi.pending);
	ret = kvm_ioctl(self->fd, KVM_SMI, NULL);
	if (vm_has(&self->vm, KVM_CAP_X86_SMM)) {
		EXPECT_EQ(0, ret);
	} else {
		EXPECT_TRUE(ret == -ENOTTY || ret == -EINVAL);
	}
}

TEST_F(vcpu, tsc_khz)
{
	long khz = kvm_ioctl(self->fd, KVM_GET_TSC_KHZ, NULL);

	ASSERT_LT(1000, khz);
	EXPECT_EQ(0, kvm_ioctl_n(self->fd, KVM_SET_TSC_KHZ, khz));
	EXPECT_EQ(0, kvm_ioctl_n(self->fd, KVM_SET_TSC_KHZ, 0));
	EXPECT_EQ(khz, kvm_ioctl(self->fd, KVM_GET_TSC_KHZ, NULL));
}

TEST_F(vcpu, lapic_needs_a_chip)
{
	struct kvm_lapic_state lapic = {};
	u64 address = 0x1000;

	if (variant->flags) {
		EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_GET_LAPIC, &lapic));
		EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_SET_LAPIC, &lapic));
		EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_GET_LAPIC, BAD_POINTER));
		EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_LAPIC, BAD_POINTER));
		return;
	}
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_GET_LAPIC, &lapic));
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_LAPIC, &lapic));
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_SET_VAPIC_ADDR, &address));
}

TEST_F(vcpu, tpr_access_reporting)
{
	struct kvm_tpr_access_ctl control = { .enabled = 1, .flags = 1 };

	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_TPR_ACCESS_REPORTING, &control));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_TPR_ACCESS_REPORTING, BAD_POINTER));
	if (!vm_has(&self->vm, KVM_CAP_VAPIC))
		return;
	control.flags = 0;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_TPR_ACCESS_REPORTING, &control));
	control.enabled = 0;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_TPR_ACCESS_REPORTING, &control));
}

/* nobody asked for a paravirtual clock: there is none to mark as stopped */
TEST_F(vcpu, kvmclock_ctrl)
{
	if (!vm_has(&self->vm, KVM_CAP_KVMCLOCK_CTRL))
		SKIP(return, "KVM_CAP_KVMCLOCK_CTRL is not reported");
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_KVMCLOCK_CTRL, NULL));
}

TEST_F(vcpu, machine_checks)
{
	int banks = vm_has(&self->vm, KVM_CAP_MCE);
	struct kvm_x86_mce mce = { .status = 1ull << 63 };
	u64 capability = 0, value;

	ASSERT_LT(0, banks);
	kvm_must(self->vm.node, KVM_X86_GET_MCE_CAP_SUPPORTED, &capability);
	value = (capability & ~0xffull) | banks;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_X86_SETUP_MCE, &value));
	EXPECT_EQ(1, vcpu_get_msr(self->vcpu, 0x179, &value));
	EXPECT_EQ(0x100 | banks, value & 0x1ff);	/* this vendor has no bits above */
	EXPECT_EQ(1, vcpu_get_msr(self->vcpu, 0x400, &value));	/* control of bank 0: all on */
	EXPECT_EQ(~0ull, value);
	mce.bank = banks;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_X86_SET_MCE, &mce));
	value = 1ull << 40 | 1;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_X86_SETUP_MCE, &value));
	value = 0xff;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_X86_SETUP_MCE, &value));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_X86_SETUP_MCE, BAD_POINTER));
}

TEST_F(vcpu, guest_debug)
{
	struct kvm_guest_debug debug = {};

	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_SET_GUEST_DEBUG, &debug));
	debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_SET_GUEST_DEBUG, &debug));
	debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
	debug.arch.debugreg[7] = 0x402;
	EXPECT_EQ(0, kvm_ioctl(self->fd, KVM_SET_GUEST_DEBUG, &debug));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_SET_GUEST_DEBUG, BAD_POINTER));
}

/* capabilities of a vCPU, where there are any to enable */
TEST_F(vcpu, enable_cap)
{
	struct kvm_enable_cap cap = { .cap = 100000 };

	if (!vm_has(&self->vm, KVM_CAP_ENABLE_CAP)) {
		EXPECT_EQ(-ENOTTY, kvm_ioctl(self->fd, KVM_ENABLE_CAP, &cap));
		return;
	}
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_ENABLE_CAP, &cap));
	cap.cap = KVM_CAP_USER_MEMORY;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_ENABLE_CAP, &cap));
	cap.flags = 1;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->fd, KVM_ENABLE_CAP, &cap));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->fd, KVM_ENABLE_CAP, BAD_POINTER));
}

TEST_HARNESS_MAIN
