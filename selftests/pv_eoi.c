// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of an interrupt by a bit in memory (KVM_FEATURE_PV_EOI): that it counts, that nothing is lost or stuck when
 * other interrupts come before, in between and after, and that saved state is whole.
 */
#include "test.h"
#include "apic.h"
#include "pv.h"

#include <errno.h>

#define HIGH	0x81
#define MIDDLE	0x61
#define LOW	0x41

FIXTURE(eoi) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(eoi)
{
	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	self->vcpu = vcpu_create(&self->vm, 0);
	ASSERT_TRUE(pv_offered(&self->vm, KVM_FEATURE_PV_EOI));
}

FIXTURE_TEARDOWN(eoi)
{
	vm_destroy(&self->vm);
}

/* in the guest's copy */
static volatile u32 word __attribute__((aligned(4)));
static volatile u64 hits, low_hits, taken, written, mode;

enum {
	TAKE,		/* the offer, if there is one */
	IGNORE,		/* it, and write EOI */
	POST_THEN_TAKE,	/* send a lower interrupt first */
	TAKE_THEN_POST,
	SYNC,		/* let the VMM look before */
	SYNC_AFTER,	/* or after */
	NEST,		/* let a higher one in, in the middle */
};

static u64 word_msr(void)
{
	return (u64)&word | KVM_MSR_ENABLED;
}

static void guest_post(u8 vector)
{
	guest_apic_write(APIC_SELF_IPI, vector);
}

static void guest_end(void)
{
	bool offered;

	asm volatile("btrl $0, %0; setc %1" : "+m"(word), "=q"(offered) : : "cc", "memory");
	if (offered) {
		taken++;
		return;
	}
	written++;
	guest_apic_write(APIC_EOI, 0);
}

static void on_low(struct guest_frame *frame)
{
	low_hits++;
	guest_end();
}

static void on_middle(struct guest_frame *frame)
{
	hits++;
	switch (mode) {
	case IGNORE:
		guest_apic_write(APIC_EOI, 0);
		return;
	case POST_THEN_TAKE:
		guest_post(LOW);
		break;
	case SYNC:
		guest_sync(1);
		break;
	case NEST:
		guest_sti();
		guest_post(HIGH);
		guest_nop();
		guest_cli();
		break;
	}
	guest_end();
	if (mode == TAKE_THEN_POST)
		guest_post(LOW);
	if (mode == SYNC_AFTER)
		guest_sync(1);
}

static void on_high(struct guest_frame *frame)
{
	hits++;
	guest_end();
}

static void guest_begin(u64 what)
{
	mode = what;
	guest_handlers[LOW] = on_low;
	guest_handlers[MIDDLE] = on_middle;
	guest_handlers[HIGH] = on_high;
	guest_apic_enable(true);
	guest_wrmsr(MSR_KVM_PV_EOI_EN, word_msr());
}

static bool guest_in_service(u8 vector)
{
	return guest_apic_bit(APIC_ISR, vector);
}

/* sends one and gives it time to arrive */
static void guest_take(u8 vector)
{
	guest_post(vector);
	guest_sti();
	guest_nop();
	guest_nop();
	guest_cli();
}

/* --- the MSR --- */

static void guest_msr(u64 argument)
{
	GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_KVM_PV_EOI_EN));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_KVM_PV_EOI_EN, word_msr() | 2));
	GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_KVM_PV_EOI_EN));
	guest_begin(TAKE);
	GUEST_EXPECT_EQ(word_msr(), guest_rdmsr(MSR_KVM_PV_EOI_EN));
	/* without memory there is no offer */
	guest_wrmsr(MSR_KVM_PV_EOI_EN, MMIO_BASE | KVM_MSR_ENABLED);
	guest_take(MIDDLE);
	GUEST_EXPECT_EQ(1, written);
	GUEST_EXPECT(!guest_in_service(MIDDLE));
	guest_wrmsr(MSR_KVM_PV_EOI_EN, 0);
	guest_take(MIDDLE);
	GUEST_EXPECT_EQ(2, written);
	GUEST_EXPECT_EQ(0, taken);
}

TEST_F(eoi, msr)
{
	EXPECT_TRUE(pv_msr_listed(&self->vm, MSR_KVM_PV_EOI_EN));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, MSR_KVM_PV_EOI_EN, word_msr() | 2));
	vcpu_set_guest(self->vcpu, guest_msr, 0);
	call_wait_done(self->vcpu);
}

TEST(no_local_apic)
{
	struct vcpu *vcpu;
	struct vm vm;
	u64 value;

	vm_create(&vm, 0);
	vcpu = vcpu_create(&vm, 0);
	EXPECT_EQ(0, vcpu_set_msr(vcpu, MSR_KVM_PV_EOI_EN, word_msr()));
	EXPECT_EQ(1, vcpu_set_msr(vcpu, MSR_KVM_PV_EOI_EN, 0));
	ASSERT_EQ(1, vcpu_get_msr(vcpu, MSR_KVM_PV_EOI_EN, &value));
	EXPECT_EQ(0, value);
	vm_destroy(&vm);
}

/* --- in the guest --- */

static void guest_many(u64 argument)
{
	u64 i;

	guest_begin(TAKE);
	for (i = 0; i < 100; i++) {
		guest_take(MIDDLE);
		GUEST_EXPECT_EQ(i + 1, hits);
	}
	GUEST_EXPECT_EQ(100, taken);
	GUEST_EXPECT_EQ(0, word);
	GUEST_EXPECT(!guest_in_service(MIDDLE));
	/* the last end counts for a lower one without any register being read */
	guest_take(MIDDLE);
	guest_take(LOW);
	GUEST_EXPECT_EQ(1, low_hits);
	guest_take(MIDDLE);
	GUEST_EXPECT_EQ(0, guest_apic_read(APIC_PPR));
}

TEST_F(eoi, many)
{
	vcpu_set_guest(self->vcpu, guest_many, 0);
	call_wait_done(self->vcpu);
}

static void guest_ignores(u64 argument)
{
	guest_begin(IGNORE);
	guest_take(MIDDLE);
	GUEST_EXPECT_EQ(1, hits);
	/* the offer went with it */
	GUEST_EXPECT_EQ(0, word);
	GUEST_EXPECT(!guest_in_service(MIDDLE));
	guest_take(MIDDLE);
	GUEST_EXPECT_EQ(2, hits);
}

TEST_F(eoi, ignored)
{
	vcpu_set_guest(self->vcpu, guest_ignores, 0);
	call_wait_done(self->vcpu);
}

/* a lower one waits: the offer is withdrawn, or was taken, and then the lower one comes at once */
static void guest_lower(u64 what)
{
	guest_begin(what);
	guest_take(MIDDLE);
	GUEST_EXPECT_EQ(1, hits);
	GUEST_EXPECT_EQ(1, low_hits);
	GUEST_EXPECT_EQ(what == POST_THEN_TAKE ? 1 : 0, written);
	GUEST_EXPECT(!guest_in_service(MIDDLE));
	GUEST_EXPECT(!guest_in_service(LOW));
}

TEST_F(eoi, lower_one_before)
{
	vcpu_set_guest(self->vcpu, guest_lower, POST_THEN_TAKE);
	call_wait_done(self->vcpu);
}

TEST_F(eoi, lower_one_after)
{
	vcpu_set_guest(self->vcpu, guest_lower, TAKE_THEN_POST);
	call_wait_done(self->vcpu);
}

/* requested together: the first is not offered */
static void guest_together(u64 argument)
{
	guest_begin(TAKE);
	guest_post(LOW);
	guest_take(MIDDLE);
	GUEST_EXPECT_EQ(1, hits);
	GUEST_EXPECT_EQ(1, low_hits);
	GUEST_EXPECT_EQ(1, written);
	GUEST_EXPECT_EQ(1, taken);
}

TEST_F(eoi, together)
{
	vcpu_set_guest(self->vcpu, guest_together, 0);
	call_wait_done(self->vcpu);
}

static void guest_nests(u64 argument)
{
	guest_begin(NEST);
	guest_take(MIDDLE);
	GUEST_EXPECT_EQ(2, hits);
	GUEST_EXPECT(!guest_in_service(MIDDLE));
	GUEST_EXPECT(!guest_in_service(HIGH));
	GUEST_EXPECT_EQ(0, guest_apic_read(APIC_PPR));
}

TEST_F(eoi, nested)
{
	vcpu_set_guest(self->vcpu, guest_nests, 0);
	call_wait_done(self->vcpu);
}

/* --- with the VMM --- */

static bool in_service(struct vcpu *vcpu, u8 vector)
{
	struct kvm_lapic_state lapic;

	kvm_must(vcpu->fd, KVM_GET_LAPIC, &lapic);
	return lapic.regs[APIC_ISR + vector / 32 * 16 + vector % 32 / 8] & 1 << vector % 8;
}

static void guest_once(u64 what)
{
	guest_begin(what);
	guest_take(MIDDLE);
	guest_sync(2);
	GUEST_EXPECT(!guest_in_service(MIDDLE));
	guest_take(MIDDLE);
	GUEST_EXPECT_EQ(2, hits);
}

/* saved with an open offer: it is withdrawn, and the vector is in service until the guest writes EOI */
TEST_F(eoi, saved_before_the_end)
{
	volatile u32 *byte = guest_copy(&self->vm, word);

	vcpu_set_guest(self->vcpu, guest_once, SYNC);
	call_wait_sync(self->vcpu, 1);
	EXPECT_EQ(1, *byte);
	EXPECT_TRUE(in_service(self->vcpu, MIDDLE));
	EXPECT_EQ(0, *byte);
	call_wait_sync(self->vcpu, 2);
	EXPECT_EQ(1, *guest_copy(&self->vm, written));
	EXPECT_FALSE(in_service(self->vcpu, MIDDLE));
	call_wait_sync(self->vcpu, 1);
	call_wait_done(self->vcpu);
}

TEST_F(eoi, saved_after_the_end)
{
	vcpu_set_guest(self->vcpu, guest_once, SYNC_AFTER);
	call_wait_sync(self->vcpu, 1);
	EXPECT_EQ(1, *guest_copy(&self->vm, taken));
	EXPECT_FALSE(in_service(self->vcpu, MIDDLE));
	call_wait_sync(self->vcpu, 2);
	call_wait_sync(self->vcpu, 1);
	call_wait_done(self->vcpu);
}

/* a level-triggered one has somebody who waits for its EOI */
static void guest_level(u64 argument)
{
	guest_begin(TAKE);
	guest_sync(1);
	guest_sti();
	guest_nop();
	guest_cli();
	GUEST_EXPECT_EQ(1, hits);
	GUEST_EXPECT_EQ(1, written);
}

TEST_F(eoi, level)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 1 << 15 | MIDDLE };

	vcpu_set_guest(self->vcpu, guest_level, 0);
	call_wait_sync(self->vcpu, 1);
	ASSERT_LT(0, kvm_ioctl(self->vm.fd, KVM_SIGNAL_MSI, &msi));
	call_wait_done(self->vcpu);
}

/* HLT after an end in memory: a lower interrupt wakes it, although no register says that the other is done */
static void guest_halts(u64 argument)
{
	guest_begin(TAKE);
	guest_take(MIDDLE);
	GUEST_EXPECT_EQ(1, taken);
	guest_apic_write(APIC_TDCR, 0xb);
	guest_apic_write(APIC_LVTT, LOW);
	guest_apic_write(APIC_TMICT, 5000000);
	while (!low_hits) {
		guest_sti_hlt();
		guest_cli();
	}
}

TEST_F(eoi, halted)
{
	vcpu_set_guest(self->vcpu, guest_halts, 0);
	call_wait_done(self->vcpu);
}

TEST_HARNESS_MAIN
