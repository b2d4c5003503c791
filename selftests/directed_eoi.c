// SPDX-License-Identifier: GPL-2.0-only
/*
 * EOIs that a local APIC keeps to itself, because its guest tells the I/O APIC directly: offered if the VMM says that
 * its I/O APIC has an EOI register, that is with a split chip; refused in all other machines, where each EOI is
 * broadcast.
 */
#include "test.h"
#include "chips.h"

#include <errno.h>

#define VECTOR		0x62
#define LEVEL_MSI	(0x8000 | VECTOR)
#define VERSION_BIT	(1u << 24)
#define SVR_BIT		(1u << 12)

FIXTURE(directed_eoi) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_VARIANT(directed_eoi) {
	bool x2apic;
};

FIXTURE_VARIANT_ADD(directed_eoi, xapic) { .x2apic = false };
FIXTURE_VARIANT_ADD(directed_eoi, x2apic) { .x2apic = true };

FIXTURE_SETUP(directed_eoi)
{
}

FIXTURE_TEARDOWN(directed_eoi)
{
	vm_destroy(&self->vm);
}

static int enable(struct vm *vm, u64 flags)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API, .args = { flags } };

	return kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

/* pin 5 of the VMM's I/O APIC is a level that interrupts by VECTOR */
static void route(struct vm *vm)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = {
		.head.nr = 1,
		.entry = { .gsi = 5, .type = KVM_IRQ_ROUTING_MSI,
			   .u.msi = { .address_lo = APIC_BASE, .data = LEVEL_MSI } },
	};

	kvm_must(vm->fd, KVM_SET_GSI_ROUTING, &routes);
}

static void interrupt(struct vm *vm)
{
	struct kvm_msi msi = { .address_lo = APIC_BASE, .data = LEVEL_MSI };

	if (kvm_must(vm->fd, KVM_SIGNAL_MSI, &msi) != 1)
		die("the MSI was not taken");
}

static void on_vector(struct guest_frame *frame)
{
	guest_apic_write(APIC_EOI, 0);
}

static void guest_let_in(void)
{
	guest_sti();
	guest_nop();
	guest_nop();
	guest_cli();
}

static void guest_suppresses(u64 x2apic)
{
	guest_handlers[VECTOR] = on_vector;
	guest_apic_enable(x2apic);
	GUEST_EXPECT_EQ(VERSION_BIT, guest_apic_read(APIC_VERSION) & VERSION_BIT);
	guest_sync(1);
	guest_let_in();
	guest_apic_write(APIC_SVR, 0x1ff | SVR_BIT);
	GUEST_EXPECT_EQ(0x1ff | SVR_BIT, guest_apic_read(APIC_SVR));
	guest_sync(2);
	guest_let_in();
	guest_sync(3);
	GUEST_EXPECT_EQ(0x1ff | SVR_BIT, guest_apic_read(APIC_SVR));
	guest_let_in();
	GUEST_EXPECT(!guest_apic_bit(APIC_ISR, VECTOR));
	guest_apic_write(APIC_SVR, 0x1ff);
	guest_sync(4);
	guest_let_in();
}

TEST_F(directed_eoi, offered_with_a_split_chip)
{
	struct kvm_lapic_state state;

	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	EXPECT_EQ(15, vm_has(&self->vm, KVM_CAP_X2APIC_API));
	ASSERT_EQ(0, enable(&self->vm, KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST));
	self->vcpu = vcpu_create(&self->vm, 0);
	route(&self->vm);
	vcpu_set_guest(self->vcpu, guest_suppresses, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	interrupt(&self->vm);
	ASSERT_RUN(self->vcpu, KVM_EXIT_IOAPIC_EOI);
	EXPECT_EQ(VECTOR, self->vcpu->run->eoi.vector);
	call_wait_sync(self->vcpu, 2);
	interrupt(&self->vm);
	call_wait_sync(self->vcpu, 3);
	/* the VMM sees it, and moves it */
	kvm_must(self->vcpu->fd, KVM_GET_LAPIC, &state);
	EXPECT_EQ(VERSION_BIT, *(u32 *)(state.regs + APIC_VERSION) & VERSION_BIT);
	EXPECT_EQ(0x1ff | SVR_BIT, *(u32 *)(state.regs + APIC_SVR));
	kvm_must(self->vcpu->fd, KVM_SET_LAPIC, &state);
	interrupt(&self->vm);
	call_wait_sync(self->vcpu, 4);
	interrupt(&self->vm);
	ASSERT_RUN(self->vcpu, KVM_EXIT_IOAPIC_EOI);
	call_wait_done(self->vcpu);
}

static void guest_cannot_suppress(u64 x2apic)
{
	guest_handlers[VECTOR] = on_vector;
	guest_apic_enable(x2apic);
	GUEST_EXPECT_EQ(0, guest_apic_read(APIC_VERSION) & VERSION_BIT);
	if (x2apic)
		GUEST_EXPECT_EQ(13, guest_try_wrmsr(0x800 + APIC_SVR / 16, 0x1ff | SVR_BIT));
	else
		guest_apic_write(APIC_SVR, 0x1ff | SVR_BIT);
	GUEST_EXPECT_EQ(0x1ff, guest_apic_read(APIC_SVR));
	guest_sync(1);
	guest_let_in();
}

static void refused(struct __test_metadata *_metadata, FIXTURE_DATA(directed_eoi) *self, bool x2apic)
{
	struct kvm_lapic_state state;

	self->vcpu = vcpu_create(&self->vm, 0);
	vcpu_set_guest(self->vcpu, guest_cannot_suppress, x2apic);
	call_wait_sync(self->vcpu, 1);
	kvm_must(self->vcpu->fd, KVM_GET_LAPIC, &state);
	*(u32 *)(state.regs + APIC_SVR) |= SVR_BIT;
	kvm_must(self->vcpu->fd, KVM_SET_LAPIC, &state);
	kvm_must(self->vcpu->fd, KVM_GET_LAPIC, &state);
	EXPECT_EQ(0x1ff, *(u32 *)(state.regs + APIC_SVR));
}

TEST_F(directed_eoi, only_if_asked_for)
{
	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST |
					     KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST));
	ASSERT_EQ(0, enable(&self->vm, KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST));
	ASSERT_EQ(0, enable(&self->vm, KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST));
	refused(_metadata, self, variant->x2apic);
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST));
	route(&self->vm);
	interrupt(&self->vm);
	ASSERT_RUN(self->vcpu, KVM_EXIT_IOAPIC_EOI);
	call_wait_done(self->vcpu);
}

/* the I/O APIC in the kernel is of a version that has no EOI register */
static void guest_directs_in_vain(u64 x2apic)
{
	guest_cannot_suppress(x2apic);
	GUEST_EXPECT_EQ(0x11, (u8)guest_ioapic_read(1));
	guest_ioapic_set(20, IOAPIC_LEVEL | VECTOR);
	guest_sync(2);
	*(volatile u32 *)(IOAPIC_BASE + 0x40) = VECTOR;
	GUEST_EXPECT_EQ(0, *(volatile u32 *)(IOAPIC_BASE + 0x40));
	GUEST_EXPECT_EQ(IOAPIC_LEVEL | IOAPIC_REMOTE_IRR | VECTOR, guest_ioapic_entry(20));
	guest_sync(3);
	guest_let_in();
	GUEST_EXPECT_EQ(IOAPIC_LEVEL | VECTOR, guest_ioapic_entry(20));
}

TEST_F(directed_eoi, not_with_the_chip_in_the_kernel)
{
	vm_create(&self->vm, VM_IRQCHIP);
	EXPECT_EQ(11, vm_has(&self->vm, KVM_CAP_X2APIC_API));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST));
	EXPECT_EQ(0, enable(&self->vm, KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST));
	refused(_metadata, self, variant->x2apic);
	vcpu_set_guest(self->vcpu, guest_directs_in_vain, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	call_wait_sync(self->vcpu, 2);
	vm_irq_line(&self->vm, 20, true);
	call_wait_sync(self->vcpu, 3);
	vm_irq_line(&self->vm, 20, false);
	call_wait_done(self->vcpu);
}

TEST_HARNESS_MAIN
