// SPDX-License-Identifier: GPL-2.0-only
/*
 * PIC and I/O APIC in the kernel: what a guest and its VMM see of them, lines that stay up through the end of their
 * interrupt, and guests that do nothing but take interrupts.
 */
#include "test.h"
#include "chips.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define VECTOR	0x61
#define GSI	10		/* by the routes that are there at first pin 2 of the slave and 10 of the I/O APIC */
#define HIGH_GSI 20		/* pin 20 of the I/O APIC alone */
#define PIC_VECTOR (PIC_BASE + GSI)

FIXTURE(irqchip) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_VARIANT(irqchip) {
	bool x2apic;
};

FIXTURE_VARIANT_ADD(irqchip, xapic) { .x2apic = false };
FIXTURE_VARIANT_ADD(irqchip, x2apic) { .x2apic = true };

FIXTURE_SETUP(irqchip)
{
	vm_create(&self->vm, VM_IRQCHIP);
	self->vcpu = vcpu_create(&self->vm, 0);
}

FIXTURE_TEARDOWN(irqchip)
{
	vm_destroy(&self->vm);
}

/* the guest's own */
static volatile u64 hits, at_vector[256];

static void count(struct guest_frame *frame)
{
	hits++;
	at_vector[frame->vector]++;
}

static void on_vector(struct guest_frame *frame)
{
	count(frame);
	guest_apic_write(APIC_EOI, 0);
}

static void on_pic(struct guest_frame *frame)
{
	count(frame);
	guest_pic_eoi(frame->vector - PIC_BASE);
}

/* all pins masked, in either chip */
static void guest_ready(bool x2apic)
{
	u64 vector;

	for (vector = PIC_BASE; vector < PIC_BASE + 16; vector++)
		guest_handlers[vector] = on_pic;
	for (; vector < 0x100; vector++)
		guest_handlers[vector] = on_vector;
	guest_apic_enable(x2apic);
	guest_pic_init(0);
}

/* what is pending is taken here */
static void guest_let_in(void)
{
	guest_sti();
	guest_nop();
	guest_nop();
	guest_cli();
}

static void guest_reports(void)
{
	for (;;) {
		guest_sync2(1, hits);
		guest_let_in();
	}
}

/* with the next interrupts delivered, how many there were in all */
static u64 taken(struct vcpu *vcpu)
{
	return call_wait_sync(vcpu, 1);
}

static int set_irqchip(struct vm *vm, struct kvm_irqchip *chip)
{
	return kvm_ioctl(vm->fd, KVM_SET_IRQCHIP, chip);
}

TEST(irqchip_bad_input)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct kvm_irqchip chip = {};
	struct kvm_interrupt interrupt = { .irq = 0x50 };
	struct vcpu *vcpu;
	struct vm vm;

	vm_create(&vm, 0);
	EXPECT_EQ(1, vm_has(&vm, KVM_CAP_IRQCHIP));
	EXPECT_EQ(1, vm_has(&vm, KVM_CAP_IOAPIC_POLARITY_IGNORED));
	EXPECT_EQ(-ENXIO, kvm_ioctl(vm.fd, KVM_GET_IRQCHIP, &chip));
	EXPECT_EQ(-ENXIO, kvm_ioctl(vm.fd, KVM_SET_IRQCHIP, &chip));
	EXPECT_EQ(-EFAULT, kvm_ioctl(vm.fd, KVM_SET_IRQCHIP, NULL));
	vcpu_create(&vm, 0);
	EXPECT_EQ(-EINVAL, kvm_ioctl(vm.fd, KVM_CREATE_IRQCHIP, NULL));
	vm_destroy(&vm);

	vm_create(&vm, VM_SPLIT_IRQCHIP);
	EXPECT_EQ(-EEXIST, kvm_ioctl(vm.fd, KVM_CREATE_IRQCHIP, NULL));
	EXPECT_EQ(-ENXIO, kvm_ioctl(vm.fd, KVM_GET_IRQCHIP, &chip));
	vm_destroy(&vm);

	vm_create(&vm, VM_IRQCHIP);
	EXPECT_EQ(-EEXIST, kvm_ioctl(vm.fd, KVM_CREATE_IRQCHIP, NULL));
	EXPECT_EQ(-EEXIST, kvm_ioctl(vm.fd, KVM_ENABLE_CAP, &split));
	vcpu = vcpu_create(&vm, 0);
	EXPECT_EQ(-EEXIST, kvm_ioctl(vm.fd, KVM_CREATE_IRQCHIP, NULL));
	EXPECT_EQ(-ENXIO, kvm_ioctl(vcpu->fd, KVM_INTERRUPT, &interrupt));
	EXPECT_EQ(-EFAULT, kvm_ioctl(vm.fd, KVM_GET_IRQCHIP, NULL));
	EXPECT_EQ(-EFAULT, kvm_ioctl(vm.fd, KVM_SET_IRQCHIP, NULL));
	chip.chip_id = 3;
	EXPECT_EQ(-EINVAL, kvm_ioctl(vm.fd, KVM_GET_IRQCHIP, &chip));
	EXPECT_EQ(-EINVAL, set_irqchip(&vm, &chip));
	vm_destroy(&vm);
}

/* registers */

static void guest_ioapic_registers(u64 unused)
{
	u64 pin;

	GUEST_EXPECT_EQ(0x170011, guest_ioapic_read(1));
	guest_ioapic_write(0, 0xff000000);
	GUEST_EXPECT_EQ(0x0f000000, guest_ioapic_read(0));
	GUEST_EXPECT_EQ(0x0f000000, guest_ioapic_read(2));
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		GUEST_EXPECT_EQ(IOAPIC_MASKED, guest_ioapic_entry(pin));
	/* a pin's state is not the guest's to write, and its reserved bits are no memory */
	guest_ioapic_write(0x10 + 2 * GSI, 0xfffff000 | VECTOR);
	guest_ioapic_write(0x11 + 2 * GSI, ~0u);
	GUEST_EXPECT_EQ(0xff0000000001a000ull | VECTOR, guest_ioapic_entry(GSI));
	GUEST_EXPECT_EQ(~0u, guest_ioapic_read(0x10 + 2 * IOAPIC_PINS));
	guest_ioapic_write(0x10 + 2 * IOAPIC_PINS, 0);
	/* the PIC's mask, and the edge/level control without the pins that are edges in all machines */
	guest_pic_init(0x1234);
	GUEST_EXPECT_EQ(0xcb, guest_in8(PIC_MASTER + 1));
	GUEST_EXPECT_EQ(0xed, guest_in8(PIC_SLAVE + 1));
	guest_out8(PIC_ELCR, 0xff);
	guest_out8(PIC_ELCR + 1, 0xff);
	GUEST_EXPECT_EQ(0xf8, guest_in8(PIC_ELCR));
	GUEST_EXPECT_EQ(0xde, guest_in8(PIC_ELCR + 1));
}

TEST_F(irqchip, registers)
{
	struct kvm_irqchip chip;

	vcpu_set_guest(self->vcpu, guest_ioapic_registers, 0);
	call_wait_done(self->vcpu);
	chip = vm_get_irqchip(&self->vm, KVM_IRQCHIP_IOAPIC);
	EXPECT_EQ(IOAPIC_BASE, chip.chip.ioapic.base_address);
	EXPECT_EQ(0xf, chip.chip.ioapic.id);
	EXPECT_EQ(0xff0000000001a000ull | VECTOR, chip.chip.ioapic.redirtbl[GSI].bits);
	chip = vm_get_irqchip(&self->vm, KVM_IRQCHIP_PIC_SLAVE);
	EXPECT_EQ(0xed, chip.chip.pic.imr);
	EXPECT_EQ(0xde, chip.chip.pic.elcr);
	EXPECT_EQ(PIC_BASE + 8, chip.chip.pic.irq_base);
}

/* edges through the I/O APIC */

static void guest_takes_edges(u64 x2apic)
{
	guest_ready(x2apic);
	guest_ioapic_set(HIGH_GSI, VECTOR);
	guest_reports();
}

static void pulse(struct vm *vm, u32 gsi)
{
	vm_irq_line(vm, gsi, true);
	vm_irq_line(vm, gsi, false);
}

TEST_F(irqchip, edges)
{
	struct vm *vm = &self->vm;

	vcpu_set_guest(self->vcpu, guest_takes_edges, variant->x2apic);
	EXPECT_EQ(0, taken(self->vcpu));
	pulse(vm, HIGH_GSI);
	EXPECT_EQ(1, taken(self->vcpu));
	/* a line that is up is no edge */
	EXPECT_EQ(1, vm_irq_line_status(vm, HIGH_GSI, true));
	EXPECT_EQ(0, vm_irq_line_status(vm, HIGH_GSI, true));
	EXPECT_EQ(2, taken(self->vcpu));
	EXPECT_EQ(2, taken(self->vcpu));
	vm_irq_line(vm, HIGH_GSI, false);
	EXPECT_EQ(2, taken(self->vcpu));
	/* two before the guest takes one are one */
	pulse(vm, HIGH_GSI);
	pulse(vm, HIGH_GSI);
	EXPECT_EQ(3, taken(self->vcpu));
	/* masked: nobody's, and so are a GSI without a route and the cascade */
	EXPECT_EQ(-1, vm_irq_line_status(vm, HIGH_GSI + 1, true));
	EXPECT_EQ(-1, vm_irq_line_status(vm, 1000, true));
	EXPECT_EQ(-1, vm_irq_line_status(vm, 2, true));
	EXPECT_EQ(3, taken(self->vcpu));
	EXPECT_EQ(3, guest_copy(vm, at_vector)[0][VECTOR]);
}

/* levels: another interrupt after each EOI, for as long as the line is up */

static void guest_takes_levels(u64 x2apic)
{
	guest_ready(x2apic);
	/* what is called low is high all the same */
	guest_ioapic_set(HIGH_GSI, IOAPIC_LEVEL | VECTOR | 0x2000);
	guest_ioapic_set(GSI, IOAPIC_LEVEL | (VECTOR + 1));
	guest_reports();
}

static bool remote_irr(struct vm *vm, u32 pin)
{
	struct kvm_irqchip chip = vm_get_irqchip(vm, KVM_IRQCHIP_IOAPIC);

	return chip.chip.ioapic.redirtbl[pin].bits & IOAPIC_REMOTE_IRR;
}

TEST_F(irqchip, levels)
{
	struct vm *vm = &self->vm;

	vcpu_set_guest(self->vcpu, guest_takes_levels, variant->x2apic);
	EXPECT_EQ(0, taken(self->vcpu));
	vm_irq_line(vm, HIGH_GSI, true);
	EXPECT_TRUE(remote_irr(vm, HIGH_GSI));
	/* the message that is under way is not called back */
	vm_irq_line(vm, HIGH_GSI, false);
	EXPECT_EQ(1, taken(self->vcpu));
	EXPECT_FALSE(remote_irr(vm, HIGH_GSI));
	EXPECT_EQ(1, taken(self->vcpu));
	/* of two lines each its own */
	vm_irq_line(vm, GSI, true);
	vm_irq_line(vm, HIGH_GSI, true);
	vm_irq_line(vm, GSI, false);
	vm_irq_line(vm, HIGH_GSI, false);
	EXPECT_EQ(3, taken(self->vcpu));
	EXPECT_EQ(2, guest_copy(vm, at_vector)[0][VECTOR]);
	EXPECT_EQ(1, guest_copy(vm, at_vector)[0][VECTOR + 1]);
	EXPECT_EQ(3, taken(self->vcpu));
}

#define TIMES 20

static u32 stays_at;

/* does not end it */
static void on_staying(struct guest_frame *frame)
{
	count(frame);
}

static void guest_takes_staying_level(u64 x2apic)
{
	u64 before;

	guest_ready(x2apic);
	guest_handlers[VECTOR] = on_staying;
	guest_ioapic_set(stays_at, IOAPIC_LEVEL | VECTOR);
	guest_sync(1);
	do {
		before = hits;
		guest_let_in();
		guest_sync2(2, hits);
		guest_apic_write(APIC_EOI, 0);
	} while (hits != before);
}

static void staying_level(struct __test_metadata *_metadata, FIXTURE_DATA(irqchip) *self, bool x2apic, u32 gsi)
{
	u64 i;

	*guest_copy(&self->vm, stays_at) = gsi;
	vcpu_set_guest(self->vcpu, guest_takes_staying_level, x2apic);
	call_wait_sync(self->vcpu, 1);
	vm_irq_line(&self->vm, gsi, true);
	for (i = 1; i <= TIMES; i++) {
		EXPECT_EQ(i, call_wait_sync(self->vcpu, 2));
		EXPECT_TRUE(remote_irr(&self->vm, gsi));
	}
	vm_irq_line(&self->vm, gsi, false);
	EXPECT_EQ(TIMES, call_wait_sync(self->vcpu, 2));
	EXPECT_FALSE(remote_irr(&self->vm, gsi));
	call_wait_done(self->vcpu);
}

TEST_F(irqchip, level_stays_up)
{
	staying_level(_metadata, self, variant->x2apic, HIGH_GSI);
}

TEST_F(irqchip, level_stays_up_at_both_chips)
{
	staying_level(_metadata, self, variant->x2apic, GSI);
}

/* the PIC, behind LINT0 */

static void guest_takes_pic(u64 x2apic)
{
	guest_ready(x2apic);
	guest_apic_write(APIC_LVT0, LVT_EXTINT);
	guest_pic_mask(1 << GSI | 1 << 5 | 1 << 2);
	guest_reports();
}

TEST_F(irqchip, pic_edges)
{
	struct vm *vm = &self->vm;
	struct kvm_irqchip chip;

	vcpu_set_guest(self->vcpu, guest_takes_pic, variant->x2apic);
	EXPECT_EQ(0, taken(self->vcpu));
	pulse(vm, 5);
	pulse(vm, 5);
	chip = vm_get_irqchip(vm, KVM_IRQCHIP_PIC_MASTER);
	EXPECT_EQ(1 << 5, chip.chip.pic.irr);
	EXPECT_EQ(1, taken(self->vcpu));
	chip = vm_get_irqchip(vm, KVM_IRQCHIP_PIC_MASTER);
	EXPECT_EQ(0, chip.chip.pic.irr);
	EXPECT_EQ(0, chip.chip.pic.isr);
	pulse(vm, GSI);
	pulse(vm, 5);
	pulse(vm, 6);
	EXPECT_EQ(3, taken(self->vcpu));
	EXPECT_EQ(3, taken(self->vcpu));
	EXPECT_EQ(2, guest_copy(vm, at_vector)[0][PIC_BASE + 5]);
	EXPECT_EQ(1, guest_copy(vm, at_vector)[0][PIC_VECTOR]);
	EXPECT_EQ(0, guest_copy(vm, at_vector)[0][PIC_BASE + 6]);
}

static void guest_takes_staying_pic(u64 x2apic)
{
	u64 before;

	guest_ready(x2apic);
	guest_handlers[PIC_VECTOR] = on_staying;
	guest_apic_write(APIC_LVT0, LVT_EXTINT);
	guest_out8(PIC_ELCR + 1, 1 << (GSI - 8));
	guest_pic_mask(1 << GSI | 1 << 2);
	guest_sync(1);
	do {
		before = hits;
		guest_let_in();
		guest_sync2(2, hits);
		guest_pic_eoi(GSI);
	} while (hits != before);
}

TEST_F(irqchip, pic_level_stays_up)
{
	u64 i;

	vcpu_set_guest(self->vcpu, guest_takes_staying_pic, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	vm_irq_line(&self->vm, GSI, true);
	for (i = 1; i <= TIMES; i++)
		EXPECT_EQ(i, call_wait_sync(self->vcpu, 2));
	vm_irq_line(&self->vm, GSI, false);
	EXPECT_EQ(TIMES, call_wait_sync(self->vcpu, 2));
	call_wait_done(self->vcpu);
}

static void guest_masks_lint0(u64 x2apic)
{
	guest_ready(x2apic);
	guest_pic_mask(1 << 5);
	guest_apic_write(APIC_LVT0, LVT_MASKED | LVT_EXTINT);
	guest_sync(1);
	guest_let_in();
	GUEST_EXPECT_EQ(0, hits);
	guest_apic_write(APIC_LVT0, LVT_EXTINT);
	guest_let_in();
	GUEST_EXPECT_EQ(1, hits);
}

TEST_F(irqchip, pic_waits_behind_lint0)
{
	vcpu_set_guest(self->vcpu, guest_masks_lint0, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	pulse(&self->vm, 5);
	call_wait_done(self->vcpu);
}

/* a guest that gets an interrupt at each end of one: host and VMM live */

static volatile bool storm_ends;

static void guest_in_a_storm(u64 x2apic)
{
	guest_ready(x2apic);
	guest_ioapic_set(GSI, IOAPIC_LEVEL | VECTOR);
	guest_apic_write(APIC_LVT0, LVT_EXTINT);
	guest_out8(PIC_ELCR + 1, 1 << (GSI - 8));
	guest_pic_mask(1 << GSI | 1 << 2);
	guest_sync(1);
	while (!storm_ends)
		guest_let_in();
	guest_let_in();
	storm_ends = false;
	guest_sync2(2, hits);
	guest_let_in();
	guest_sync2(3, hits);
}

static void on_alarm(int unused)
{
}

/* a signal to this process each @ms */
static timer_t alarm_each(u64 ms)
{
	struct timespec each = { .tv_nsec = ms * 1000000 };
	struct itimerspec time = { .it_value = each, .it_interval = each };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct sigaction action = { .sa_handler = on_alarm };
	timer_t timer;

	sigaction(SIGUSR1, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &time, NULL))
		die("no timer: %s", strerror(errno));
	return timer;
}

TEST_F(irqchip, storm)
{
	volatile u64 *hits_seen = guest_copy(&self->vm, hits);
	timer_t timer;
	u64 before;
	int i;

	vcpu_set_guest(self->vcpu, guest_in_a_storm, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	vm_irq_line(&self->vm, GSI, true);
	timer = alarm_each(50);
	for (i = 0; i < 10; i++) {
		before = *hits_seen;
		EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
		EXPECT_LT(before, *hits_seen);
	}
	timer_delete(timer);
	vm_irq_line(&self->vm, GSI, false);
	*guest_copy(&self->vm, storm_ends) = true;
	before = call_wait_sync(self->vcpu, 2);
	EXPECT_EQ(before, call_wait_sync(self->vcpu, 3));
	call_wait_done(self->vcpu);
}

/* state that the VMM puts there is acted upon */

static void guest_waits_for_state(u64 x2apic)
{
	guest_ready(x2apic);
	guest_apic_write(APIC_LVT0, LVT_EXTINT);
	guest_reports();
}

TEST_F(irqchip, loaded_requests)
{
	struct vm *vm = &self->vm;
	struct kvm_irqchip chip;

	vcpu_set_guest(self->vcpu, guest_waits_for_state, variant->x2apic);
	EXPECT_EQ(0, taken(self->vcpu));
	chip = vm_get_irqchip(vm, KVM_IRQCHIP_PIC_MASTER);
	chip.chip.pic.imr = 0xff ^ 1 << 5;
	chip.chip.pic.irr = 1 << 5 | 1 << 6;
	ASSERT_EQ(0, set_irqchip(vm, &chip));
	EXPECT_EQ(1, taken(self->vcpu));
	EXPECT_EQ(1, guest_copy(vm, at_vector)[0][PIC_BASE + 5]);
	/* a level whose message was sent waits for its end; one whose message was not is sent now */
	chip = vm_get_irqchip(vm, KVM_IRQCHIP_IOAPIC);
	chip.chip.ioapic.redirtbl[3].bits = IOAPIC_LEVEL | IOAPIC_REMOTE_IRR | VECTOR;
	chip.chip.ioapic.redirtbl[4].bits = IOAPIC_LEVEL | (VECTOR + 1);
	chip.chip.ioapic.redirtbl[5].bits = VECTOR + 2;
	chip.chip.ioapic.irr = 1 << 3 | 1 << 4 | 1 << 5;
	ASSERT_EQ(0, set_irqchip(vm, &chip));
	vm_irq_line(vm, 4, false);
	EXPECT_EQ(3, taken(self->vcpu));
	EXPECT_EQ(0, guest_copy(vm, at_vector)[0][VECTOR]);
	EXPECT_EQ(1, guest_copy(vm, at_vector)[0][VECTOR + 1]);
	EXPECT_EQ(1, guest_copy(vm, at_vector)[0][VECTOR + 2]);
}

/* a route may lead to any pin, and away from it */

static void route_pin(struct vm *vm, u32 gsi, u32 chip, u32 pin)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = {
		.head.nr = 1,
		.entry = { .gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { .irqchip = chip, .pin = pin } },
	};

	kvm_must(vm->fd, KVM_SET_GSI_ROUTING, &routes);
}

TEST_F(irqchip, routes)
{
	struct vm *vm = &self->vm;

	vcpu_set_guest(self->vcpu, guest_takes_edges, variant->x2apic);
	EXPECT_EQ(0, taken(self->vcpu));
	route_pin(vm, 100, KVM_IRQCHIP_IOAPIC, HIGH_GSI);
	pulse(vm, HIGH_GSI);
	EXPECT_EQ(0, taken(self->vcpu));
	pulse(vm, 100);
	EXPECT_EQ(1, taken(self->vcpu));
	route_pin(vm, 100, KVM_IRQCHIP_PIC_SLAVE, 2);
	pulse(vm, 100);
	EXPECT_EQ(1, taken(self->vcpu));
}

TEST_HARNESS_MAIN
