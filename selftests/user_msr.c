// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that the VMM wants to see: KVM_CAP_X86_USER_SPACE_MSR turns refused accesses into exits, and
 * KVM_X86_SET_MSR_FILTER says which accesses to refuse.
 */
#include "test.h"

#include <errno.h>

#define MSR_NONE 0x12345678
#define MSR_STAR 0xc0000081

FIXTURE(msr) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(msr)
{
	vm_create(&self->vm, 0);
	if (!vm_has(&self->vm, KVM_CAP_X86_USER_SPACE_MSR))
		SKIP(return, "KVM_CAP_X86_USER_SPACE_MSR is not reported");
	self->vcpu = vcpu_create(&self->vm, 0);
}

FIXTURE_TEARDOWN(msr)
{
	vm_destroy(&self->vm);
}

static long ask_for(struct vm *vm, u64 reasons)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { reasons } };

	return kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static void guest_unknown(u64 argument)
{
	u64 value;

	GUEST_EXPECT_EQ(0x1122334455667788, guest_rdmsr(MSR_NONE));
	guest_wrmsr(MSR_NONE, 0x8877665544332211);
	GUEST_EXPECT_EQ(13, guest_try_rdmsr(MSR_NONE + 1, &value));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_NONE + 1, 5));
}

TEST_F(msr, unknown)
{
	struct kvm_run *run = self->vcpu->run;

	EXPECT_EQ(-EINVAL, ask_for(&self->vm, 1ull << 40));
	ASSERT_EQ(0, ask_for(&self->vm, KVM_MSR_EXIT_REASON_UNKNOWN));
	vcpu_set_guest(self->vcpu, guest_unknown, 0);
	ASSERT_RUN(self->vcpu, KVM_EXIT_X86_RDMSR);
	EXPECT_EQ(MSR_NONE, run->msr.index);
	EXPECT_EQ(KVM_MSR_EXIT_REASON_UNKNOWN, run->msr.reason);
	EXPECT_EQ(0, run->msr.error);
	run->msr.data = 0x1122334455667788;
	ASSERT_RUN(self->vcpu, KVM_EXIT_X86_WRMSR);
	EXPECT_EQ(MSR_NONE, run->msr.index);
	EXPECT_EQ(0x8877665544332211, run->msr.data);
	ASSERT_RUN(self->vcpu, KVM_EXIT_X86_RDMSR);
	run->msr.error = 1;
	ASSERT_RUN(self->vcpu, KVM_EXIT_X86_WRMSR);
	EXPECT_EQ(5, run->msr.data);
	run->msr.error = 1;
	call_wait_done(self->vcpu);
}

static void guest_invalid(u64 argument)
{
	guest_wrmsr(0x277, 0x0202020202020202);
}

TEST_F(msr, invalid_value)
{
	ASSERT_EQ(0, ask_for(&self->vm, KVM_MSR_EXIT_REASON_INVAL));
	vcpu_set_guest(self->vcpu, guest_invalid, 0);
	ASSERT_RUN(self->vcpu, KVM_EXIT_X86_WRMSR);
	EXPECT_EQ(KVM_MSR_EXIT_REASON_INVAL, self->vcpu->run->msr.reason);
	EXPECT_EQ(0x277, self->vcpu->run->msr.index);
	call_wait_done(self->vcpu);
}

static void guest_filtered(u64 argument)
{
	u64 value;

	guest_wrmsr(MSR_STAR, 0x100000000);		/* the VMM's */
	GUEST_EXPECT_EQ(0x200000000, guest_rdmsr(MSR_STAR));
	guest_wrmsr(MSR_STAR + 1, 0x4000);		/* its neighbour is free */
	GUEST_EXPECT_EQ(0x4000, guest_rdmsr(MSR_STAR + 1));
	guest_sync(1);
	GUEST_EXPECT_EQ(13, guest_try_rdmsr(MSR_STAR, &value));		/* no exits any more: refused */
	guest_sync(2);
	GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_STAR));			/* no filter any more */
}

TEST_F(msr, filter)
{
	struct kvm_run *run = self->vcpu->run;
	u8 bitmap = 0xfe;	/* one MSR denied, seven allowed */
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges[0] = {
			.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.base = MSR_STAR,
			.nmsrs = 8,
			.bitmap = &bitmap,
		},
	};

	if (!vm_has(&self->vm, KVM_CAP_X86_MSR_FILTER))
		SKIP(return, "KVM_CAP_X86_MSR_FILTER is not reported");
	ASSERT_EQ(0, ask_for(&self->vm, KVM_MSR_EXIT_REASON_FILTER));
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_X86_SET_MSR_FILTER, &filter));
	vcpu_set_guest(self->vcpu, guest_filtered, 0);
	ASSERT_RUN(self->vcpu, KVM_EXIT_X86_WRMSR);
	EXPECT_EQ(MSR_STAR, run->msr.index);
	EXPECT_EQ(KVM_MSR_EXIT_REASON_FILTER, run->msr.reason);
	ASSERT_RUN(self->vcpu, KVM_EXIT_X86_RDMSR);
	run->msr.data = 0x200000000;
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, ask_for(&self->vm, 0));
	call_wait_sync(self->vcpu, 2);
	filter.ranges[0] = (struct kvm_msr_filter_range){};
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_X86_SET_MSR_FILTER, &filter));
	call_wait_done(self->vcpu);
}

TEST_F(msr, bad_filters)
{
	u8 bitmap = 0;
	struct kvm_msr_filter filter = {}, good = {
		.ranges[0] = { .flags = KVM_MSR_FILTER_READ, .base = MSR_STAR, .nmsrs = 8, .bitmap = &bitmap },
	};

	if (!vm_has(&self->vm, KVM_CAP_X86_MSR_FILTER))
		SKIP(return, "KVM_CAP_X86_MSR_FILTER is not reported");
	/* denied by default, with nothing allowed */
	filter.flags = KVM_MSR_FILTER_DEFAULT_DENY;
	EXPECT_EQ(0, kvm_ioctl(self->vm.fd, KVM_X86_SET_MSR_FILTER, &good));
	filter = good;
	filter.flags = 1u << 30;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->vm.fd, KVM_X86_SET_MSR_FILTER, &filter));
	filter = good;
	filter.ranges[0].flags = 1u << 30;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->vm.fd, KVM_X86_SET_MSR_FILTER, &filter));
	filter = good;
	filter.ranges[0].nmsrs = 0x70000000;
	EXPECT_GT(0, kvm_ioctl(self->vm.fd, KVM_X86_SET_MSR_FILTER, &filter));
	filter = good;
	filter.ranges[0].bitmap = (void *)0x10;
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->vm.fd, KVM_X86_SET_MSR_FILTER, &filter));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->vm.fd, KVM_X86_SET_MSR_FILTER, (void *)0x10));
}

TEST_HARNESS_MAIN
