// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC in the kernel, in xAPIC and in x2APIC mode, with one vCPU: registers, priorities, the timer's three
 * modes, messages from the VMM, EOI exits for the VMM's IOAPIC, ExtINT, state by ioctl. IPIs are in lapic_ipi.c.
 */
#include "test.h"
#include "apic.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define VECTOR 0x51

FIXTURE(lapic) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_VARIANT(lapic) {
	bool x2apic;
};

FIXTURE_VARIANT_ADD(lapic, xapic) { .x2apic = false };
FIXTURE_VARIANT_ADD(lapic, x2apic) { .x2apic = true };

FIXTURE_SETUP(lapic)
{
	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	self->vcpu = vcpu_create(&self->vm, 0);
}

FIXTURE_TEARDOWN(lapic)
{
	vm_destroy(&self->vm);
}

static volatile u64 hits, order[16];

static void on_vector(struct guest_frame *frame)
{
	order[hits++ & 15] = frame->vector;
	guest_apic_write(APIC_EOI, 0);
}

static void guest_ready(bool x2apic)
{
	u64 vector;

	for (vector = 0x30; vector < 0x100; vector++)
		guest_handlers[vector] = on_vector;
	guest_apic_enable(x2apic);
}

/*
 * No HLT: QEMU 7.2 forgets at VMRUN that STI holds interrupts back for another instruction, so one may come before the
 * HLT that would wait for it.
 */
static void guest_wait_hits(u64 count)
{
	guest_sti();
	while (hits < count)
		guest_pause();
}

#define RUN_GUEST(function) do {						\
	vcpu_set_guest(self->vcpu, function, variant->x2apic);			\
	call_wait_done(self->vcpu);						\
} while (0)

static void guest_registers(u64 x2apic)
{
	GUEST_EXPECT_EQ(APIC_BASE | 0x900, guest_rdmsr(MSR_APIC_BASE));
	guest_ready(x2apic);
	GUEST_EXPECT_EQ(APIC_BASE | 0x900 | x2apic << 10, guest_rdmsr(MSR_APIC_BASE));
	GUEST_EXPECT_EQ(0, guest_apic_read(APIC_ID));
	GUEST_EXPECT(guest_apic_read(APIC_VERSION) >= 0x10 && (u8)guest_apic_read(APIC_VERSION) < 0x20);
	GUEST_EXPECT_EQ(0x1ff, guest_apic_read(APIC_SVR));
	/* the lower half may get lost: CR8 has no place for it */
	guest_apic_write(APIC_TPR, 0x75);
	GUEST_EXPECT_EQ(0x70, guest_apic_read(APIC_TPR) & 0xf0);
	GUEST_EXPECT_EQ(0x70, guest_apic_read(APIC_PPR) & 0xf0);
	GUEST_EXPECT_EQ(7, guest_read_cr8());
	guest_write_cr8(3);
	GUEST_EXPECT_EQ(0x30, guest_apic_read(APIC_TPR));
	guest_write_cr8(0);
	guest_apic_write(APIC_LVTT, LVT_MASKED | 0x99);
	GUEST_EXPECT_EQ(LVT_MASKED | 0x99, guest_apic_read(APIC_LVTT));
	guest_apic_write(APIC_TDCR, 0xb);
	GUEST_EXPECT_EQ(0xb, guest_apic_read(APIC_TDCR));
	if (x2apic) {
		GUEST_EXPECT_EQ(1, guest_apic_read(APIC_LDR));
		return;
	}
	GUEST_EXPECT_EQ(0xffffffff, guest_apic_read(APIC_DFR));
	guest_apic_write(APIC_LDR, 0x4000000);
	GUEST_EXPECT_EQ(0x4000000, guest_apic_read(APIC_LDR));
	guest_apic_write(APIC_DFR, 0x0fffffff);
	GUEST_EXPECT_EQ(0x0fffffff, guest_apic_read(APIC_DFR));
}

TEST_F(lapic, registers)
{
	RUN_GUEST(guest_registers);
}

static void guest_mode_switches(u64 x2apic)
{
	u64 base = guest_rdmsr(MSR_APIC_BASE), value;
	u32 leaf[4];

	guest_cpuid(1, 0, leaf);
	GUEST_EXPECT(leaf[3] & 1 << 9);
	/* x2APIC bit without the enable bit; reserved bits */
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_APIC_BASE, (base & ~0x800ull) | 0x400));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_APIC_BASE, base | 1));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_APIC_BASE, base | 1ull << 50));
	/* the MSRs are there in x2APIC mode only */
	GUEST_EXPECT_EQ(13, guest_try_rdmsr(0x802, &value));
	guest_apic_enable(true);
	GUEST_EXPECT_EQ(TRY_NONE, guest_try_rdmsr(0x802, &value));
	GUEST_EXPECT_EQ(0, value);
	/* read-only, write-only and absent registers */
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(0x802, 1));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(0x803, 1));
	GUEST_EXPECT_EQ(13, guest_try_rdmsr(0x80e, &value));
	GUEST_EXPECT_EQ(13, guest_try_rdmsr(0x831, &value));
	GUEST_EXPECT_EQ(13, guest_try_rdmsr(0x83f, &value));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(0x808, 1ull << 32));
	/* back to xAPIC goes through disabled only */
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_APIC_BASE, base));
	guest_wrmsr(MSR_APIC_BASE, base & ~0xc00ull);
	guest_cpuid(1, 0, leaf);
	GUEST_EXPECT(!(leaf[3] & 1 << 9));
	GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_APIC_BASE, base | 0x400));
	guest_wrmsr(MSR_APIC_BASE, base);
	guest_cpuid(1, 0, leaf);
	GUEST_EXPECT(leaf[3] & 1 << 9);
}

TEST_F(lapic, mode_switches)
{
	if (!variant->x2apic)
		return;
	RUN_GUEST(guest_mode_switches);
}

static void guest_self_ipi(u64 x2apic)
{
	guest_ready(x2apic);
	guest_apic_icr(0, ICR_SELF | VECTOR);
	GUEST_EXPECT(guest_apic_bit(APIC_IRR, VECTOR));
	GUEST_EXPECT_EQ(0, hits);
	guest_sti();
	guest_nop();
	guest_nop();
	GUEST_EXPECT_EQ(1, hits);
	GUEST_EXPECT(!guest_apic_bit(APIC_IRR, VECTOR));
	GUEST_EXPECT(!guest_apic_bit(APIC_ISR, VECTOR));
	guest_apic_icr(0, VECTOR + 1);		/* by its id */
	guest_nop();
	GUEST_EXPECT_EQ(2, hits);
	guest_apic_icr(0, ICR_ALL | (VECTOR + 2));
	guest_nop();
	GUEST_EXPECT_EQ(3, hits);
	guest_apic_icr(0, ICR_OTHERS | VECTOR);
	guest_nop();
	GUEST_EXPECT_EQ(3, hits);
	if (x2apic) {
		guest_apic_write(APIC_SELF_IPI, VECTOR);
		guest_nop();
		GUEST_EXPECT_EQ(4, hits);
	}
}

TEST_F(lapic, self_ipi)
{
	RUN_GUEST(guest_self_ipi);
}

static void guest_priorities(u64 x2apic)
{
	guest_ready(x2apic);
	/* the highest first */
	guest_apic_icr(0, ICR_SELF | 0x41);
	guest_apic_icr(0, ICR_SELF | 0x71);
	guest_apic_icr(0, ICR_SELF | 0x61);
	guest_sti();
	guest_nop();
	guest_nop();
	GUEST_EXPECT_EQ(3, hits);
	GUEST_EXPECT_EQ(0x71, order[0]);
	GUEST_EXPECT_EQ(0x61, order[1]);
	GUEST_EXPECT_EQ(0x41, order[2]);
	/* the task priority holds back its own class and lower ones */
	guest_apic_write(APIC_TPR, 0x60);
	guest_apic_icr(0, ICR_SELF | 0x6f);
	guest_nop();
	GUEST_EXPECT_EQ(3, hits);
	GUEST_EXPECT(guest_apic_bit(APIC_IRR, 0x6f));
	guest_apic_icr(0, ICR_SELF | 0x70);
	guest_nop();
	GUEST_EXPECT_EQ(4, hits);
	guest_write_cr8(5);
	guest_nop();
	GUEST_EXPECT_EQ(5, hits);
	GUEST_EXPECT_EQ(0x6f, order[4]);
	guest_write_cr8(0);
	/* an interrupt in service holds back its class until EOI */
	guest_cli();
}

TEST_F(lapic, priorities)
{
	RUN_GUEST(guest_priorities);
}

/* CR8 goes up and down while interrupts are off and one waits */
static void guest_priority_moves(u64 x2apic)
{
	u64 i;

	guest_ready(x2apic);
	guest_cli();
	guest_apic_icr(0, ICR_SELF | 0x61);
	for (i = 0; i < 100; i++) {
		guest_write_cr8(i % 16);
		GUEST_EXPECT_EQ(i % 16, guest_read_cr8());
	}
	GUEST_EXPECT_EQ(0, hits);
	guest_write_cr8(6);
	guest_sti();
	guest_nop();
	GUEST_EXPECT_EQ(0, hits);
	guest_write_cr8(5);
	guest_nop();
	GUEST_EXPECT_EQ(1, hits);
	GUEST_EXPECT_EQ(0x61, order[0]);
	guest_write_cr8(0);
	guest_cli();
}

TEST_F(lapic, priority_moves_while_an_interrupt_waits)
{
	RUN_GUEST(guest_priority_moves);
}

/* in the handler of 0x41: 0x45 must wait for EOI, 0x51 may nest */
static void on_nesting(struct guest_frame *frame)
{
	guest_handlers[0x41] = on_vector;
	GUEST_EXPECT(guest_apic_bit(APIC_ISR, 0x41));
	GUEST_EXPECT_EQ(0x40, guest_apic_read(APIC_PPR));
	guest_sti();
	guest_apic_icr(0, ICR_SELF | 0x45);
	guest_nop();
	GUEST_EXPECT_EQ(0, hits);
	guest_apic_icr(0, ICR_SELF | 0x51);
	guest_nop();
	GUEST_EXPECT_EQ(1, hits);
	guest_cli();
	guest_apic_write(APIC_EOI, 0);
	GUEST_EXPECT(!guest_apic_bit(APIC_ISR, 0x41));
}

static void guest_nesting(u64 x2apic)
{
	guest_ready(x2apic);
	guest_handlers[0x41] = on_nesting;
	guest_sti();
	guest_apic_icr(0, ICR_SELF | 0x41);
	guest_nop();
	guest_nop();
	GUEST_EXPECT_EQ(2, hits);
	GUEST_EXPECT_EQ(0x51, order[0]);
	GUEST_EXPECT_EQ(0x45, order[1]);
}

TEST_F(lapic, nesting)
{
	RUN_GUEST(guest_nesting);
}

/* the timer */

static void guest_one_shot(u64 x2apic)
{
	u64 i, start;

	guest_ready(x2apic);
	guest_apic_write(APIC_TDCR, 0xb);	/* divide by 1 */
	guest_apic_write(APIC_LVTT, VECTOR);
	start = guest_rdtsc();
	for (i = 1; i <= 3; i++) {
		guest_apic_write(APIC_TMICT, 1000000);		/* 1 ms at the ABI's 1 GHz */
		GUEST_EXPECT(guest_apic_read(APIC_TMCCT) <= 1000000);
		guest_wait_hits(i);
		GUEST_EXPECT_EQ(0, guest_apic_read(APIC_TMCCT));
	}
	GUEST_EXPECT_EQ(VECTOR, order[0]);
	guest_sync2(1, guest_rdtsc() - start);
	/* stopped, and masked */
	guest_apic_write(APIC_TMICT, 1000000000);
	GUEST_EXPECT(guest_apic_read(APIC_TMCCT) > 0);
	guest_apic_write(APIC_TMICT, 0);
	GUEST_EXPECT_EQ(0, guest_apic_read(APIC_TMCCT));
	guest_apic_write(APIC_LVTT, LVT_MASKED | VECTOR);
	guest_apic_write(APIC_TMICT, 1000);
	for (i = 0; i < 100000; i++)
		guest_pause();
	GUEST_EXPECT_EQ(3, hits);
}

static u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

TEST_F(lapic, timer_one_shot)
{
	u64 start;

	vcpu_set_guest(self->vcpu, guest_one_shot, variant->x2apic);
	start = now_ns();
	call_wait_sync(self->vcpu, 1);
	EXPECT_LE(3000000, now_ns() - start);
	call_wait_done(self->vcpu);
}

static void guest_periodic(u64 x2apic)
{
	guest_ready(x2apic);
	guest_apic_write(APIC_TDCR, 0);		/* divide by 2 */
	guest_apic_write(APIC_LVTT, LVT_PERIODIC | VECTOR);
	guest_apic_write(APIC_TMICT, 1000000);	/* 2 ms */
	guest_wait_hits(5);
	guest_sync(1);
	guest_apic_write(APIC_LVTT, LVT_MASKED | VECTOR);
	guest_apic_write(APIC_TMICT, 0);
}

TEST_F(lapic, timer_periodic)
{
	u64 start;

	vcpu_set_guest(self->vcpu, guest_periodic, variant->x2apic);
	start = now_ns();
	call_wait_sync(self->vcpu, 1);
	EXPECT_LE(9000000, now_ns() - start);
	call_wait_done(self->vcpu);
}

static u32 *lapic_word(struct kvm_lapic_state *state, u32 offset)
{
	return (u32 *)(state->regs + offset);
}

static void guest_slow_clock(u64 x2apic)
{
	u64 count;

	guest_ready(x2apic);
	guest_apic_write(APIC_TDCR, 0xb);	/* divide by 1 */
	guest_apic_write(APIC_LVTT, VECTOR);
	guest_apic_write(APIC_TMICT, 250000);
	GUEST_EXPECT(guest_apic_read(APIC_TMCCT) <= 250000);
	GUEST_EXPECT(guest_apic_read(APIC_TMCCT) > 0);
	do
		count = guest_apic_read(APIC_TMCCT);
	while (count > 240000);
	guest_sync2(1, count);
	guest_wait_hits(1);
}

/* the VMM slows the timer's clock down to 25 MHz */
TEST_F(lapic, timer_clock)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_APIC_BUS_CYCLES_NS, .args = { 40 } };
	struct kvm_lapic_state state;
	u64 start, count;

	if (!vm_has(&self->vm, KVM_CAP_X86_APIC_BUS_CYCLES_NS))
		SKIP(return, "KVM_CAP_X86_APIC_BUS_CYCLES_NS is not reported");
	EXPECT_EQ(1, vm_has(&self->vm, KVM_CAP_X86_APIC_BUS_CYCLES_NS));
	/* too late, for there is a vCPU */
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->vm.fd, KVM_ENABLE_CAP, &cap));
	vm_destroy(&self->vm);
	vm_create(&self->vm, 0);
	EXPECT_EQ(-ENXIO, kvm_ioctl(self->vm.fd, KVM_ENABLE_CAP, &cap));
	vm_destroy(&self->vm);

	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	cap.args[0] = 0;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->vm.fd, KVM_ENABLE_CAP, &cap));
	cap.args[0] = 1ull << 40;
	EXPECT_EQ(-EINVAL, kvm_ioctl(self->vm.fd, KVM_ENABLE_CAP, &cap));
	cap.args[0] = 40;
	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_ENABLE_CAP, &cap));
	self->vcpu = vcpu_create(&self->vm, 0);
	vcpu_set_guest(self->vcpu, guest_slow_clock, variant->x2apic);
	start = now_ns();
	count = call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_LAPIC, &state));
	EXPECT_LE(*lapic_word(&state, APIC_TMCCT), count);
	call_wait_done(self->vcpu);
	EXPECT_LE(10000000, now_ns() - start);
}

static void guest_deadline(u64 x2apic)
{
	u64 i;

	guest_ready(x2apic);
	GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_TSC_DEADLINE));
	guest_wrmsr(MSR_TSC_DEADLINE, 1000);	/* not in this mode: no effect */
	GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_TSC_DEADLINE));
	guest_apic_write(APIC_LVTT, LVT_DEADLINE | VECTOR);
	for (i = 1; i <= 3; i++) {
		u64 deadline = guest_rdtsc() + 3000000;

		guest_wrmsr(MSR_TSC_DEADLINE, deadline);
		guest_wait_hits(i);
		GUEST_EXPECT(guest_rdtsc() >= deadline);
		GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_TSC_DEADLINE));
	}
	/* in the past: at once */
	guest_wrmsr(MSR_TSC_DEADLINE, 1);
	guest_wait_hits(4);
	/* far away, and back to nothing */
	guest_wrmsr(MSR_TSC_DEADLINE, guest_rdtsc() + (1ull << 40));
	GUEST_EXPECT(guest_rdmsr(MSR_TSC_DEADLINE) > 0);
	guest_wrmsr(MSR_TSC_DEADLINE, 0);
	GUEST_EXPECT_EQ(4, hits);
}

TEST_F(lapic, timer_tsc_deadline)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(self->vm.node);

	/* announced by capability, for old VMMs; set in CPUID by the VMM */
	cpuid_find(cpuid, 1, 0)->ecx |= 1 << 24;
	ASSERT_LT(0, vm_has(&self->vm, KVM_CAP_TSC_DEADLINE_TIMER));
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_SET_CPUID2, cpuid));
	RUN_GUEST(guest_deadline);
	free(cpuid);
}

/* from the VMM */

static void guest_waits(u64 x2apic)
{
	guest_ready(x2apic);
	guest_sync(1);
	guest_wait_hits(1);
	guest_sync2(2, order[0]);
	guest_wait_hits(2);
	guest_sync2(3, order[1]);
	guest_sync(4);
}

static long signal_msi(struct vm *vm, u32 destination, u32 data)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000 | destination << 12, .data = data };

	return kvm_ioctl(vm->fd, KVM_SIGNAL_MSI, &msi);
}

TEST_F(lapic, signal_msi)
{
	vcpu_set_guest(self->vcpu, guest_waits, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	EXPECT_LT(0, signal_msi(&self->vm, 0, 0x62));
	EXPECT_EQ(0x62, call_wait_sync(self->vcpu, 2));
	EXPECT_LT(0, signal_msi(&self->vm, 0xff, 0x63));	/* to all */
	EXPECT_EQ(0x63, call_wait_sync(self->vcpu, 3));
	/* to nobody: not an error to speak of, and no interrupt */
	EXPECT_GE(0, signal_msi(&self->vm, 5, 0x64));
	call_wait_sync(self->vcpu, 4);
	call_wait_done(self->vcpu);
	EXPECT_EQ(2, *guest_copy(&self->vm, hits));
}

/* pins of the VMM's IOAPIC are routes below 24; EOI of a level-triggered one of their vectors is told to the VMM */
static void guest_eoi(u64 x2apic)
{
	guest_ready(x2apic);
	guest_sync(1);
	guest_wait_hits(1);
	guest_sync2(2, guest_apic_bit(APIC_TMR, 0x62));
	guest_wait_hits(2);
	guest_sync2(3, guest_apic_bit(APIC_TMR, 0x63));
}

TEST_F(lapic, eoi_of_the_ioapic)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[2];
	} routes = {
		.head.nr = 2,
		.entries = {
			{ .gsi = 5, .type = KVM_IRQ_ROUTING_MSI,
			  .u.msi = { .address_lo = 0xfee00000, .data = 0x8000 | 0x62 } },
			{ .gsi = 6, .type = KVM_IRQ_ROUTING_MSI, .u.msi = { .address_lo = 0xfee00000, .data = 0x63 } },
		},
	};

	ASSERT_EQ(0, kvm_ioctl(self->vm.fd, KVM_SET_GSI_ROUTING, &routes));
	vcpu_set_guest(self->vcpu, guest_eoi, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	EXPECT_LT(0, signal_msi(&self->vm, 0, 0x8000 | 0x62));
	ASSERT_RUN(self->vcpu, KVM_EXIT_IOAPIC_EOI);
	EXPECT_EQ(0x62, self->vcpu->run->eoi.vector);
	EXPECT_EQ(1, call_wait_sync(self->vcpu, 2));
	/* an edge does not concern the IOAPIC */
	EXPECT_LT(0, signal_msi(&self->vm, 0, 0x63));
	EXPECT_EQ(0, call_wait_sync(self->vcpu, 3));
	call_wait_done(self->vcpu);
}

/* the VMM's PIC, by LINT0 in ExtINT mode: no EOI to the APIC */
static void on_extint(struct guest_frame *frame)
{
	order[hits++ & 15] = frame->vector;
}

static void guest_extint(u64 x2apic)
{
	guest_ready(x2apic);
	guest_handlers[0x38] = on_extint;
	guest_apic_write(APIC_LVT0, LVT_EXTINT);
	guest_sync(1);
	guest_wait_hits(1);
	guest_sync2(2, order[0]);
	GUEST_EXPECT(!guest_apic_bit(APIC_ISR, 0x38));
}

TEST_F(lapic, extint)
{
	struct kvm_interrupt irq = { .irq = 0x38 };

	vcpu_set_guest(self->vcpu, guest_extint, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	/* once the guest opens its window, the VMM is told */
	self->vcpu->run->request_interrupt_window = 1;
	ASSERT_RUN(self->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_EQ(1, self->vcpu->run->ready_for_interrupt_injection);
	self->vcpu->run->request_interrupt_window = 0;
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_INTERRUPT, &irq));
	EXPECT_EQ(0x38, call_wait_sync(self->vcpu, 2));
	call_wait_done(self->vcpu);
}

/* while LINT0 is masked, a VMM that waits for a window is no reason to stand still */
static void guest_extint_later(u64 x2apic)
{
	guest_ready(x2apic);
	guest_apic_write(APIC_LVT0, LVT_MASKED);
	guest_sti();
	guest_sync(1);
	guest_sync(2);
	guest_apic_write(APIC_LVT0, LVT_EXTINT);
	guest_nop();
}

TEST_F(lapic, window_of_a_masked_pin)
{
	vcpu_set_guest(self->vcpu, guest_extint_later, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	self->vcpu->run->request_interrupt_window = 1;
	call_wait_sync(self->vcpu, 2);
	ASSERT_RUN(self->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	self->vcpu->run->request_interrupt_window = 0;
	call_wait_done(self->vcpu);
}

static void on_signal(int number)
{
}

static void guest_sleeps(u64 x2apic)
{
	guest_ready(x2apic);
	guest_sync(1);
	while (!hits) {
		guest_sti_hlt();
		guest_cli();
	}
}

TEST_F(lapic, halt_waits_in_the_kernel)
{
	struct itimerspec in = { .it_value.tv_nsec = 20 * 1000 * 1000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct sigaction action = { .sa_handler = on_signal };
	struct kvm_mp_state mp;
	timer_t timer;

	sigaction(SIGUSR1, &action, NULL);
	vcpu_set_guest(self->vcpu, guest_sleeps, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, &event, &timer));
	ASSERT_EQ(0, timer_settime(timer, 0, &in, NULL));
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_MP_STATE, &mp));
	EXPECT_EQ(KVM_MP_STATE_HALTED, mp.mp_state);
	EXPECT_LT(0, signal_msi(&self->vm, 0, 0x62));
	call_wait_done(self->vcpu);
}

/* state by ioctl */

static void guest_set_up(u64 x2apic)
{
	guest_ready(x2apic);
	guest_apic_write(APIC_TPR, 0x20);
	guest_apic_write(APIC_LVT1, 0x10400);
	guest_sync(1);
	GUEST_EXPECT_EQ(0x30, guest_apic_read(APIC_TPR));
	GUEST_EXPECT_EQ(3, guest_read_cr8());
	GUEST_EXPECT_EQ(0x10077, guest_apic_read(APIC_LVTERR));
	guest_wait_hits(1);
	guest_sync2(2, order[0]);
}

TEST_F(lapic, state)
{
	struct kvm_lapic_state state, again;

	vcpu_set_guest(self->vcpu, guest_set_up, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_LAPIC, &state));
	EXPECT_EQ(0x20, *lapic_word(&state, APIC_TPR));
	EXPECT_EQ(0x1ff, *lapic_word(&state, APIC_SVR));
	EXPECT_EQ(0x10400, *lapic_word(&state, APIC_LVT1));
	*lapic_word(&state, APIC_TPR) = 0x30;
	*lapic_word(&state, APIC_LVTERR) = 0x10077;
	*lapic_word(&state, APIC_IRR + 0x83 / 32 * 16) |= 1u << 0x83 % 32;
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_SET_LAPIC, &state));
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_LAPIC, &again));
	*lapic_word(&state, APIC_PPR) = *lapic_word(&again, APIC_PPR);
	EXPECT_EQ(0, memcmp(&state, &again, sizeof(state)));
	EXPECT_EQ(0x83, call_wait_sync(self->vcpu, 2));
	call_wait_done(self->vcpu);
}

/* a timer that runs is carried over: it fires after the state was set again */
static void guest_timer_set_up(u64 x2apic)
{
	guest_ready(x2apic);
	guest_apic_write(APIC_TDCR, 0xb);
	guest_apic_write(APIC_LVTT, VECTOR);
	guest_apic_write(APIC_TMICT, 3000000);
	guest_sync(1);
	guest_wait_hits(1);
}

TEST_F(lapic, state_with_running_timer)
{
	struct kvm_lapic_state state;

	vcpu_set_guest(self->vcpu, guest_timer_set_up, variant->x2apic);
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_LAPIC, &state));
	EXPECT_EQ(3000000, *lapic_word(&state, APIC_TMICT));
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_SET_LAPIC, &state));
	call_wait_done(self->vcpu);
}

#define SAVES 400

/* the count reaches 0 shortly before, while or after the state is saved and set again */
static void guest_timer_due(u64 x2apic)
{
	u64 i;

	guest_ready(x2apic);
	guest_sti();
	guest_apic_write(APIC_TDCR, 0xb);
	guest_apic_write(APIC_LVTT, VECTOR);
	for (i = 1; i <= SAVES; i++) {
		guest_apic_write(APIC_TMICT, 2000 + 250 * i);
		guest_sync(i);
		guest_wait_hits(i);
	}
	/* and none of them twice */
	for (i = 0; i < 100000; i++)
		guest_pause();
	GUEST_EXPECT_EQ(SAVES, hits);
}

TEST_F(lapic, state_with_timer_due)
{
	struct kvm_lapic_state state;
	u64 i;

	vcpu_set_guest(self->vcpu, guest_timer_due, variant->x2apic);
	for (i = 1; i <= SAVES; i++) {
		call_wait_sync(self->vcpu, i);
		ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_LAPIC, &state));
		ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_SET_LAPIC, &state));
	}
	call_wait_done(self->vcpu);
}

TEST_F(lapic, base_by_ioctl)
{
	struct kvm_sregs sregs;
	u64 value;

	vcpu_get_sregs(self->vcpu, &sregs);
	EXPECT_EQ(APIC_BASE | 0x900, sregs.apic_base);
	sregs.apic_base |= 0x400;
	vcpu_set_sregs(self->vcpu, &sregs);
	EXPECT_EQ(1, vcpu_get_msr(self->vcpu, MSR_APIC_BASE, &value));
	EXPECT_EQ(APIC_BASE | 0xd00, value);
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, MSR_APIC_BASE, APIC_BASE | 1));
}

TEST_HARNESS_MAIN
