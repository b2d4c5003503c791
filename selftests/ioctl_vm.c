// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of a VM but for its memory (ioctl_memory.c): vCPU ids, capabilities, clock, interrupt routing, addresses
 * that other vendors' hardware wants.
 */
#include "test.h"

#include <errno.h>
#include <sys/resource.h>

#define BAD_POINTER ((void *)0x10)

FIXTURE(vm) {
	struct vm vm;
};

FIXTURE_SETUP(vm)
{
	vm_create(&self->vm, VM_NO_RAM);
}

FIXTURE_TEARDOWN(vm)
{
	vm_destroy(&self->vm);
}

TEST_F(vm, vcpu_ids)
{
	int max_id = vm_has(&self->vm, KVM_CAP_MAX_VCPU_ID) ?: vm_has(&self->vm, KVM_CAP_MAX_VCPUS);
	int fd = self->vm.fd, vcpu;

	vcpu = kvm_ioctl_n(fd, KVM_CREATE_VCPU, 0);
	ASSERT_LE(0, vcpu);
	EXPECT_EQ(-EEXIST, kvm_ioctl_n(fd, KVM_CREATE_VCPU, 0));
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(fd, KVM_CREATE_VCPU, max_id));
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(fd, KVM_CREATE_VCPU, 0x80000000u));
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(fd, KVM_CREATE_VCPU, -1u));
	/* the id stays taken while the VM lives */
	close(vcpu);
	EXPECT_EQ(-EEXIST, kvm_ioctl_n(fd, KVM_CREATE_VCPU, 0));
	vcpu = kvm_ioctl_n(fd, KVM_CREATE_VCPU, max_id - 1);
	EXPECT_LE(0, vcpu);
	close(vcpu);
}

TEST_F(vm, as_many_vcpus_as_promised)
{
	int max = vm_has(&self->vm, KVM_CAP_MAX_VCPUS), i, vcpu;

	ASSERT_LT(0, max);
	if (rounds_here(max) < max)
		SKIP(return, "%d vCPUs take too long where the kernel watches", max);
	for (i = 0; i < max; i++) {
		vcpu = kvm_ioctl_n(self->vm.fd, KVM_CREATE_VCPU, i);
		ASSERT_LE(0, vcpu) {
			TH_LOG("vCPU %d of %d", i, max);
		}
		close(vcpu);
	}
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(self->vm.fd, KVM_CREATE_VCPU, max));
}

TEST_F(vm, tss_and_identity_map)
{
	u64 address = 0xfffbc000;

	EXPECT_EQ(0, kvm_ioctl_n(self->vm.fd, KVM_SET_TSS_ADDR, 0xfffbd000));
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(self->vm.fd, KVM_SET_TSS_ADDR, 0xfffff000));
	EXPECT_EQ(0, kvm_ioctl(self->vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &address));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->vm.fd, KVM_SET_IDENTITY_MAP_ADDR, BAD_POINTER));
	ASSERT_LE(0, kvm_ioctl_n(self->vm.fd, KVM_CREATE_VCPU, 0));
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &address));
}

static long enable(struct vm *vm, u32 cap, u32 flags, u64 argument)
{
	struct kvm_enable_cap enable = { .cap = cap, .flags = flags, .args = { argument } };

	return kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &enable);
}

TEST_F(vm, enable_cap)
{
	EXPECT_EQ(-EINVAL, enable(&self->vm, 100000, 0, 0));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_USER_MEMORY, 0, 0));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_SPLIT_IRQCHIP, 1, 24));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_SPLIT_IRQCHIP, 0, 100000));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->vm.fd, KVM_ENABLE_CAP, BAD_POINTER));
	EXPECT_EQ(0, enable(&self->vm, KVM_CAP_SPLIT_IRQCHIP, 0, 24));
	EXPECT_EQ(-EEXIST, enable(&self->vm, KVM_CAP_SPLIT_IRQCHIP, 0, 24));
}

TEST_F(vm, split_irqchip_after_vcpus)
{
	ASSERT_LE(0, kvm_ioctl_n(self->vm.fd, KVM_CREATE_VCPU, 0));
	EXPECT_EQ(-EEXIST, enable(&self->vm, KVM_CAP_SPLIT_IRQCHIP, 0, 24));
}

TEST_F(vm, x2apic_api)
{
	u64 flags = vm_has(&self->vm, KVM_CAP_X2APIC_API);

	if (!flags)
		SKIP(return, "KVM_CAP_X2APIC_API is not reported");
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_X2APIC_API, 0, 1ull << 40));
	/* what needs a split chip is offered there */
	EXPECT_EQ(0, flags & KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST);
	EXPECT_EQ(0, enable(&self->vm, KVM_CAP_X2APIC_API, 0, flags));
}

TEST_F(vm, clock)
{
	struct kvm_clock_data clock = {};
	u64 before;

	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_CLOCK, &clock));
	before = clock.clock;
	EXPECT_GT(10000000000ull, before);
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_CLOCK, &clock));
	EXPECT_LE(before, clock.clock);
	clock = (struct kvm_clock_data){ .clock = 1000000000000ull };
	EXPECT_EQ(0, kvm_ioctl(self->vm.fd, KVM_SET_CLOCK, &clock));
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_GET_CLOCK, &clock));
	EXPECT_LE(1000000000000ull, clock.clock);
	EXPECT_GT(1010000000000ull, clock.clock);
	clock.flags = 0x40000000;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->vm.fd, KVM_SET_CLOCK, &clock));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->vm.fd, KVM_SET_CLOCK, BAD_POINTER));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->vm.fd, KVM_GET_CLOCK, BAD_POINTER));
}

TEST_F(vm, signal_msi_without_a_chip)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x40 };

	EXPECT_GT(0, kvm_ioctl(self->vm.fd, KVM_SIGNAL_MSI, &msi));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->vm.fd, KVM_SIGNAL_MSI, BAD_POINTER));
}

struct routes {
	struct kvm_irq_routing head;
	struct kvm_irq_routing_entry entry[2];
};

static long set_routes(struct vm *vm, const struct routes *routes)
{
	return kvm_ioctl(vm->fd, KVM_SET_GSI_ROUTING, (void *)routes);
}

TEST_F(vm, gsi_routing)
{
	struct routes good = {
		.head.nr = 2,
		.entry = {
			{ .gsi = 24, .type = KVM_IRQ_ROUTING_MSI, .u.msi = { .address_lo = 0xfee00000, .data = 0x40 } },
			{ .gsi = 25, .type = KVM_IRQ_ROUTING_MSI, .u.msi = { .address_lo = 0xfee00000, .data = 0x41 } },
		},
	}, routes;

	EXPECT_EQ(-EINVAL, set_routes(&self->vm, &good));
	ASSERT_EQ(0, enable(&self->vm, KVM_CAP_SPLIT_IRQCHIP, 0, 24));
	EXPECT_LT(25, vm_has(&self->vm, KVM_CAP_IRQ_ROUTING));
	EXPECT_EQ(0, set_routes(&self->vm, &good));
	EXPECT_EQ(0, set_routes(&self->vm, &good));
	routes = good;
	routes.head.nr = 0;
	EXPECT_EQ(0, set_routes(&self->vm, &routes));
	routes.head.nr = 2;
	routes.head.flags = 1;
	EXPECT_EQ(-EINVAL, set_routes(&self->vm, &routes));
	routes = good;
	routes.head.nr = 1000000;
	EXPECT_EQ(-EINVAL, set_routes(&self->vm, &routes));
	routes = good;
	routes.entry[1].gsi = 1000000;
	EXPECT_EQ(-EINVAL, set_routes(&self->vm, &routes));
	routes = good;
	routes.entry[1].type = 77;
	EXPECT_EQ(-EINVAL, set_routes(&self->vm, &routes));
	routes = good;
	routes.entry[1].flags = 0x80;
	EXPECT_EQ(-EINVAL, set_routes(&self->vm, &routes));
	/* the IOAPIC and PIC pins belong to user space */
	routes = good;
	routes.entry[1].type = KVM_IRQ_ROUTING_IRQCHIP;
	EXPECT_EQ(-EINVAL, set_routes(&self->vm, &routes));
	EXPECT_EQ(-EFAULT, kvm_ioctl(self->vm.fd, KVM_SET_GSI_ROUTING, BAD_POINTER));
}

TEST_F(vm, tsc_khz)
{
	long khz;
	int vcpu;

	if (!vm_has(&self->vm, KVM_CAP_VM_TSC_CONTROL))
		SKIP(return, "KVM_CAP_VM_TSC_CONTROL is not reported");
	khz = kvm_ioctl(self->vm.fd, KVM_GET_TSC_KHZ, NULL);
	ASSERT_LT(0, khz);
	EXPECT_EQ(0, kvm_ioctl_n(self->vm.fd, KVM_SET_TSC_KHZ, khz));
	vcpu = kvm_ioctl_n(self->vm.fd, KVM_CREATE_VCPU, 0);
	ASSERT_LE(0, vcpu);
	EXPECT_EQ(khz, kvm_ioctl(vcpu, KVM_GET_TSC_KHZ, NULL));
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(self->vm.fd, KVM_SET_TSC_KHZ, khz));
	close(vcpu);
}

/* capabilities of a VM may differ from those of the node, but not by much */
TEST_F(vm, check_extension)
{
	EXPECT_EQ(1, vm_has(&self->vm, KVM_CAP_USER_MEMORY));
	EXPECT_EQ(0, vm_has(&self->vm, 100000));
	EXPECT_EQ(node_has(KVM_CAP_NR_MEMSLOTS), vm_has(&self->vm, KVM_CAP_NR_MEMSLOTS));
}

TEST_F(vm, boot_cpu)
{
	if (!vm_has(&self->vm, KVM_CAP_SET_BOOT_CPU_ID))
		SKIP(return, "KVM_CAP_SET_BOOT_CPU_ID is not reported");
	EXPECT_EQ(0, kvm_ioctl_n(self->vm.fd, KVM_SET_BOOT_CPU_ID, 1));
	ASSERT_LE(0, kvm_ioctl_n(self->vm.fd, KVM_CREATE_VCPU, 0));
	EXPECT_EQ(-EBUSY, kvm_ioctl_n(self->vm.fd, KVM_SET_BOOT_CPU_ID, 0));
}

TEST_F(vm, boot_cpu_beyond_the_last_id)
{
	int max_id = vm_has(&self->vm, KVM_CAP_MAX_VCPU_ID);

	if (!vm_has(&self->vm, KVM_CAP_SET_BOOT_CPU_ID) || !max_id)
		SKIP(return, "KVM_CAP_SET_BOOT_CPU_ID or KVM_CAP_MAX_VCPU_ID is not reported");
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(self->vm.fd, KVM_SET_BOOT_CPU_ID, max_id + 1));
	EXPECT_EQ(-EINVAL, kvm_ioctl_n(self->vm.fd, KVM_SET_BOOT_CPU_ID, 1ul << 32));
}

TEST_HARNESS_MAIN
