// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that make the most of their interrupt chips: a level that is ended and never handled, timers that count to
 * nothing, deadlines that have passed, registers that are none. The host and other vCPUs go on, and no timer is faster
 * than its floor.
 */
#include "test.h"
#include "chips.h"
#include "runner.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define VECTOR	0x61
#define GSI	10
/*
 * of the periodic timers; TCG is too slow to reach it: with a tenth of it in the module nothing was seen there, but
 * that the machine lives
 */
#define FLOOR_NS 200000ull
#define STORM_MS 300

FIXTURE(storms) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_VARIANT(storms) {
	bool x2apic;
};

FIXTURE_VARIANT_ADD(storms, xapic) { .x2apic = false };
FIXTURE_VARIANT_ADD(storms, x2apic) { .x2apic = true };

FIXTURE_SETUP(storms)
{
	vm_create(&self->vm, VM_IRQCHIP);
	self->vcpu = vcpu_create(&self->vm, 0);
}

FIXTURE_TEARDOWN(storms)
{
	vm_destroy(&self->vm);
}

static u64 now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* the guest's own */
static volatile u64 hits, progress;
static volatile bool over;

/* a vCPU that is slower than its timer gets nowhere else: so the timer ends here */
static void on_vector(struct guest_frame *frame)
{
	hits++;
	if (over) {
		guest_pic_mask(0);
		guest_apic_write(APIC_LVTT, LVT_MASKED);
	}
	if (frame->vector < PIC_BASE + 16)
		guest_pic_eoi(frame->vector - PIC_BASE);
	else
		guest_apic_write(APIC_EOI, 0);
}

static void guest_ready(bool x2apic)
{
	guest_handlers[VECTOR] = on_vector;
	guest_handlers[PIC_BASE] = on_vector;
	guest_apic_enable(x2apic);
	guest_pic_init(0);
}

static void guest_until_over(void)
{
	guest_sti();
	while (!over)
		guest_pause();
	guest_cli();
}

/* a level whose device nobody quiets: one vCPU does nothing else, the other one gets on */

static void guest_in_a_storm(u64 x2apic)
{
	guest_ready(x2apic);
	guest_ioapic_set(GSI, IOAPIC_LEVEL | VECTOR);
	guest_sync(1);
	guest_until_over();
}

static void guest_gets_on(u64 x2apic)
{
	guest_apic_enable(x2apic);
	while (!over) {
		progress++;
		guest_apic_write(APIC_TPR, 0);
	}
}

TEST_F(storms, level)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct vcpu *other = vcpu_create(&self->vm, 1);
	volatile u64 *hits_seen = guest_copy(&self->vm, hits), *got_on = guest_copy(&self->vm, progress);
	struct runner runner[2];
	u64 hits_before, before;
	u32 i;

	vcpu_set_guest(self->vcpu, guest_in_a_storm, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	kvm_must(other->fd, KVM_SET_MP_STATE, &mp);
	vcpu_set_guest(other, guest_gets_on, variant->x2apic);
	vm_irq_line(&self->vm, GSI, true);
	runner_start(&runner[0], self->vcpu);
	runner_start(&runner[1], other);
	for (i = 0; i < 5; i++) {
		hits_before = *hits_seen;
		before = *got_on;
		usleep(200000);
		EXPECT_LT(hits_before, *hits_seen);
		EXPECT_LT(before, *got_on);
	}
	vm_irq_line(&self->vm, GSI, false);
	*guest_copy(&self->vm, over) = true;
	runner_join(&runner[0]);
	runner_join(&runner[1]);
}

/* timers that are due at once, and again and again */

static void guest_timer_of_one(u64 x2apic)
{
	guest_ready(x2apic);
	guest_apic_write(APIC_TDCR, 0xb);
	guest_apic_write(APIC_LVTT, LVT_PERIODIC | VECTOR);
	guest_apic_write(APIC_TMICT, 1);
	guest_until_over();
}

/* a one-shot of nothing that becomes a period, and a divisor that changes all the time */
static void guest_timer_by_detours(u64 x2apic)
{
	u32 i;

	guest_ready(x2apic);
	guest_apic_write(APIC_TDCR, 0);
	guest_apic_write(APIC_LVTT, LVT_MASKED | VECTOR);
	guest_apic_write(APIC_TMICT, 1000);
	guest_apic_write(APIC_LVTT, LVT_PERIODIC | VECTOR);
	for (i = 0; i < 1000; i++)
		guest_apic_write(APIC_TDCR, i & 0xb);
	guest_apic_write(APIC_TDCR, 0xb);
	guest_until_over();
}

static void guest_pit_of_one(u64 x2apic)
{
	guest_ready(x2apic);
	guest_apic_write(APIC_LVT0, LVT_EXTINT);
	guest_pic_mask(1);
	guest_out8(0x43, 0x14);		/* channel 0, the low byte, mode 2 */
	guest_out8(0x40, 1);
	guest_until_over();
}

static void rate(struct __test_metadata *_metadata, FIXTURE_DATA(storms) *self, void (*guest)(u64), u64 x2apic)
{
	volatile u64 *count = guest_copy(&self->vm, hits);
	struct runner runner;
	u64 start, before, seen;

	vcpu_set_guest(self->vcpu, guest, x2apic);
	runner_start(&runner, self->vcpu);
	while (!*count)
		usleep(1000);
	/* another may have been on its way before each of the two looks */
	start = now_ns();
	before = *count;
	usleep(STORM_MS * 1000);
	seen = *count - before;
	EXPECT_GE((now_ns() - start) / FLOOR_NS + 2, seen);
	EXPECT_LE(1, seen);
	*guest_copy(&self->vm, over) = true;
	runner_join(&runner);
}

TEST_F(storms, timer_of_one)
{
	rate(_metadata, self, guest_timer_of_one, variant->x2apic);
}

TEST_F(storms, timer_by_detours)
{
	rate(_metadata, self, guest_timer_by_detours, variant->x2apic);
}

TEST_F(storms, pit_of_one)
{
	struct kvm_pit_config config = {};

	kvm_must(self->vm.fd, KVM_CREATE_PIT2, &config);
	rate(_metadata, self, guest_pit_of_one, variant->x2apic);
}

TEST_F(storms, pit_of_one_without_reinjection)
{
	struct kvm_reinject_control control = {};
	struct kvm_pit_config config = {};

	kvm_must(self->vm.fd, KVM_CREATE_PIT2, &config);
	kvm_must(self->vm.fd, KVM_REINJECT_CONTROL, &control);
	rate(_metadata, self, guest_pit_of_one, variant->x2apic);
}

/* a deadline that has passed is one interrupt, and then none is armed */

#define DEADLINES 2000

static void guest_past_deadlines(u64 x2apic)
{
	u64 i;

	guest_ready(x2apic);
	guest_apic_write(APIC_LVTT, LVT_DEADLINE | VECTOR);
	guest_sti();
	for (i = 1; i <= DEADLINES; i++) {
		guest_wrmsr(MSR_TSC_DEADLINE, i & 1 ? 1 : guest_rdtsc());
		while (hits < i)
			guest_pause();
		GUEST_EXPECT_EQ(i, hits);
		GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_TSC_DEADLINE));
	}
	/* twice before one is taken is once */
	guest_cli();
	guest_wrmsr(MSR_TSC_DEADLINE, 1);
	guest_wrmsr(MSR_TSC_DEADLINE, 1);
	guest_sti();
	while (hits < DEADLINES + 1)
		guest_pause();
	guest_cli();
	guest_sync(1);
	guest_sti();
	guest_nop();
	guest_cli();
	GUEST_EXPECT_EQ(DEADLINES + 1, hits);
}

TEST_F(storms, past_deadlines)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(self->vm.node);

	cpuid_find(cpuid, 1, 0)->ecx |= 1 << 24;
	kvm_must(self->vcpu->fd, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	vcpu_set_guest(self->vcpu, guest_past_deadlines, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	usleep(5000);
	call_wait_done(self->vcpu);
}

/* registers that are none, bits that are none, accesses that are none */

static bool is_register(u32 offset)
{
	switch (offset) {
	case APIC_ID: case APIC_VERSION: case APIC_TPR: case 0x90: case APIC_PPR: case APIC_EOI: case 0xc0:
	case APIC_LDR: case APIC_DFR: case APIC_SVR: case APIC_ESR: case APIC_ICR: case APIC_ICR2:
	case APIC_TMICT: case APIC_TMCCT: case APIC_TDCR:
		return true;
	}
	return (offset >= APIC_ISR && offset < APIC_ESR) || (offset >= APIC_LVTT && offset <= APIC_LVTERR);
}

static u32 errors_seen(void)
{
	guest_apic_write(APIC_ESR, 0);
	return guest_apic_read(APIC_ESR);
}

static void guest_odd_registers(u64 unused)
{
	volatile u8 *page = (volatile u8 *)APIC_BASE;
	u32 offset;

	guest_ready(false);
	for (offset = 0; offset < PAGE_SIZE; offset += 16) {
		if (offset == APIC_ICR)
			continue;
		errors_seen();
		*(volatile u32 *)(page + offset) = ~0u;
		GUEST_EXPECT_EQ(is_register(offset) ? 0 : 0x80, errors_seen() & 0x80);
		(void)*(volatile u32 *)(page + offset);
		GUEST_EXPECT_EQ(is_register(offset) ? 0 : 0x80, errors_seen() & 0x80);
		page[offset] = 0xff;
		page[offset + 15] = 0xff;
		*(volatile u16 *)(page + offset + 2) = 0xffff;
		*(volatile u64 *)(page + offset) = ~0ull;
	}
	GUEST_EXPECT_EQ(0xff, guest_apic_read(APIC_TPR));
	GUEST_EXPECT_EQ(0x3ff, guest_apic_read(APIC_SVR));
	GUEST_EXPECT_EQ(0xb, guest_apic_read(APIC_TDCR));
	GUEST_EXPECT_EQ(0xff000000, guest_apic_read(APIC_LDR));
	GUEST_EXPECT_EQ(0, guest_apic_read(APIC_ID));
}

static void guest_odd_msrs(u64 unused)
{
	u64 value;
	u32 msr;

	guest_ready(true);
	for (msr = 0x800; msr < 0x900; msr++) {
		GUEST_EXPECT_EQ(13, guest_try_wrmsr(msr, ~0ull));
		/* one bit above all that there is; ICR alone has a half up there */
		GUEST_EXPECT_EQ(13, guest_try_wrmsr(msr, msr == 0x830 ? 0x100000ull : 1ull << 32));
		if (!is_register((msr - 0x800) * 16) || msr >= 0x840)
			GUEST_EXPECT_EQ(13, guest_try_rdmsr(msr, &value));
	}
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(0x800 + APIC_EOI / 16, 1));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(0x800 + APIC_ESR / 16, 1));
	GUEST_EXPECT_EQ(0x1ff, guest_apic_read(APIC_SVR));
}

static void guest_odd_then_sane(u64 x2apic)
{
	if (x2apic)
		guest_odd_msrs(0);
	else
		guest_odd_registers(0);
	guest_apic_write(APIC_LVTT, LVT_MASKED);
	guest_ready(x2apic);
	guest_apic_icr(0, ICR_SELF | ICR_ASSERT | VECTOR);
	guest_sti();
	while (!hits)
		guest_pause();
}

TEST_F(storms, odd_registers)
{
	vcpu_set_guest(self->vcpu, guest_odd_then_sane, variant->x2apic);
	call_wait_done(self->vcpu);
}

TEST_HARNESS_MAIN
