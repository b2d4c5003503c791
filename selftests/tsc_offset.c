// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TSC's offset as an attribute of a vCPU (KVM_CAP_VCPU_ATTRIBUTES): KVM_HAS_DEVICE_ATTR, KVM_GET_DEVICE_ATTR and
 * KVM_SET_DEVICE_ATTR, what it does to the guest's time, and what it leaves alone.
 */
#include "test.h"

#include <errno.h>

#define MSR_TSC		0x10
#define MSR_TSC_ADJUST	0x3b
#define BAD_POINTER	0x10ull

FIXTURE(tsc) {
	struct vm vm;
	struct vcpu *vcpu, *other;
};

FIXTURE_SETUP(tsc)
{
	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	self->vcpu = vcpu_create(&self->vm, 0);
	self->other = vcpu_create(&self->vm, 1);
	ASSERT_LT(0, vm_has(&self->vm, KVM_CAP_VCPU_ATTRIBUTES));
}

FIXTURE_TEARDOWN(tsc)
{
	vm_destroy(&self->vm);
}

static long call(struct vcpu *vcpu, unsigned long cmd, u64 *value)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (u64)value,
	};

	return kvm_ioctl(vcpu->fd, cmd, &attr);
}

TEST_F(tsc, ioctls)
{
	struct kvm_device_attr attr = { .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = BAD_POINTER };
	static const unsigned long cmds[] = { KVM_HAS_DEVICE_ATTR, KVM_GET_DEVICE_ATTR, KVM_SET_DEVICE_ATTR };
	u64 value = 1ull << 50, seen = 0;
	u32 i;

	EXPECT_EQ(0, call(self->vcpu, KVM_HAS_DEVICE_ATTR, NULL));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->vcpu->fd, KVM_GET_DEVICE_ATTR, &attr));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->vcpu->fd, KVM_SET_DEVICE_ATTR, &attr));
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		attr = (struct kvm_device_attr){ .group = KVM_VCPU_TSC_CTRL, .attr = 1, .addr = (u64)&value };
		EXPECT_EQ(-ENXIO, kvm_ioctl(self->vcpu->fd, cmds[i], &attr));
		attr = (struct kvm_device_attr){ .group = 1, .attr = KVM_VCPU_TSC_OFFSET, .addr = (u64)&value };
		EXPECT_EQ(-ENXIO, kvm_ioctl(self->vcpu->fd, cmds[i], &attr));
		attr = (struct kvm_device_attr){ .flags = 1, .group = KVM_VCPU_TSC_CTRL, .addr = (u64)&value };
		EXPECT_EQ(-EINVAL, kvm_ioctl(self->vcpu->fd, cmds[i], &attr));
	}
	EXPECT_EQ(0, call(self->vcpu, KVM_SET_DEVICE_ATTR, &value));
	EXPECT_EQ(0, call(self->vcpu, KVM_GET_DEVICE_ATTR, &seen));
	EXPECT_EQ(value, seen);
}

/* the guest's TSC is the host's plus the offset, to the tick */
static volatile u64 guest_read;

static void guest_reads(u64 rounds)
{
	while (rounds--) {
		guest_read = guest_rdtsc();
		guest_sync(1);
	}
}

TEST_F(tsc, is_the_offset)
{
	static const u64 offsets[] = { 0, 1ull << 40, 0 - (1ull << 30), 12345 };
	u64 offset, before, after, value;
	u32 i;

	vcpu_set_guest(self->vcpu, guest_reads, ARRAY_SIZE(offsets));
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		offset = offsets[i];
		ASSERT_EQ(0, call(self->vcpu, KVM_SET_DEVICE_ATTR, &offset));
		before = guest_rdtsc() + offset;
		call_wait_sync(self->vcpu, 1);
		after = guest_rdtsc() + offset;
		/* as a distance: it may wrap */
		EXPECT_LE(*guest_copy(&self->vm, guest_read) - before, after - before);
		before = guest_rdtsc() + offset;
		ASSERT_EQ(1, vcpu_get_msr(self->vcpu, MSR_TSC, &value));
		EXPECT_LE(value - before, guest_rdtsc() + offset - before);
		ASSERT_EQ(1, vcpu_get_msr(self->vcpu, MSR_TSC_ADJUST, &value));
		EXPECT_EQ(0, value);
	}
	call_wait_done(self->vcpu);
}

static u32 clock_flags(struct vm *vm)
{
	struct kvm_clock_data clock = {};

	kvm_must(vm->fd, KVM_GET_CLOCK, &clock);
	return clock.flags;
}

/* the clock's pages agree if all vCPUs have one offset, whoever got it first */
TEST_F(tsc, same_for_all)
{
	u64 offset = 1ull << 44;

	if (!(clock_flags(&self->vm) & KVM_CLOCK_HOST_TSC))
		SKIP(return, "the host does not rely on its TSC");
	EXPECT_TRUE(clock_flags(&self->vm) & KVM_CLOCK_TSC_STABLE);
	ASSERT_EQ(0, call(self->vcpu, KVM_SET_DEVICE_ATTR, &offset));
	EXPECT_FALSE(clock_flags(&self->vm) & KVM_CLOCK_TSC_STABLE);
	ASSERT_EQ(0, call(self->other, KVM_SET_DEVICE_ATTR, &offset));
	EXPECT_TRUE(clock_flags(&self->vm) & KVM_CLOCK_TSC_STABLE);
	/* and a vCPU that comes later has it too */
	ASSERT_EQ(0, call(vcpu_create(&self->vm, 2), KVM_GET_DEVICE_ATTR, &offset));
	EXPECT_EQ(1ull << 44, offset);
}

/* IA32_TSC_ADJUST counts what the guest does, from whatever offset */
static void guest_adjusts(u64 argument)
{
	guest_wrmsr(MSR_TSC_ADJUST, 1000000);
	guest_sync(1);
	guest_wrmsr(MSR_TSC_ADJUST, 0);
}

TEST_F(tsc, adjusted)
{
	u64 offset = 1ull << 40, seen;

	vcpu_set_guest(self->vcpu, guest_adjusts, 0);
	ASSERT_EQ(0, call(self->vcpu, KVM_SET_DEVICE_ATTR, &offset));
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, call(self->vcpu, KVM_GET_DEVICE_ATTR, &seen));
	EXPECT_EQ(offset + 1000000, seen);
	call_wait_done(self->vcpu);
	ASSERT_EQ(0, call(self->vcpu, KVM_GET_DEVICE_ATTR, &seen));
	EXPECT_EQ(offset, seen);
}

TEST_HARNESS_MAIN
