// SPDX-License-Identifier: GPL-2.0-only
/*
 * Polling in HLT: that it spares the task its sleep, who can forbid it (KVM_CAP_HALT_POLL, MSR_KVM_POLL_CONTROL, the
 * module's parameters), and that what ends HLT does so either way.
 */
#include "test.h"
#include "apic.h"
#include "pv.h"

#include <errno.h>
#include <sys/resource.h>

#define VECTOR		0x41
#define ROUNDS		100
#define FEW		30	/* while it learns for how long to poll */
#define MANY		60	/* some timers fire before HLT, or end two waits */
#define WAIT_NS		1000000
#define LONG_POLL_NS	50000000

FIXTURE(poll) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(poll)
{
	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	self->vcpu = vcpu_create(&self->vm, 0);
}

FIXTURE_TEARDOWN(poll)
{
	vm_destroy(&self->vm);
}

static volatile u64 hits;

static void on_timer(struct guest_frame *frame)
{
	hits++;
	guest_apic_write(APIC_EOI, 0);
}

static void guest_halts(u64 control)
{
	u64 i;

	guest_handlers[VECTOR] = on_timer;
	guest_apic_enable(true);
	guest_apic_write(APIC_TDCR, 0xb);
	guest_apic_write(APIC_LVTT, VECTOR);
	guest_wrmsr(MSR_KVM_POLL_CONTROL, control);
	guest_sync(1);
	for (i = 1; i <= ROUNDS; i++) {
		guest_apic_write(APIC_TMICT, WAIT_NS);
		while (hits != i) {
			guest_sti_hlt();
			guest_cli();
		}
	}
}

/* how often the vCPU's task gave its CPU away in ROUNDS waits */
static long sleeps(struct vcpu *vcpu, u64 control)
{
	struct rusage before, after;

	vcpu_set_guest(vcpu, guest_halts, control);
	call_wait_sync(vcpu, 1);
	getrusage(RUSAGE_THREAD, &before);
	call_wait_done(vcpu);
	getrusage(RUSAGE_THREAD, &after);
	return after.ru_nvcsw - before.ru_nvcsw;
}

static void set_limit(struct vm *vm, u64 ns)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_HALT_POLL, .args[0] = ns };

	kvm_must(vm->fd, KVM_ENABLE_CAP, &cap);
}

TEST_F(poll, allowed)
{
	long nr;

	ASSERT_LT(0, vm_has(&self->vm, KVM_CAP_HALT_POLL));
	set_limit(&self->vm, LONG_POLL_NS);
	nr = sleeps(self->vcpu, 1);
	TH_LOG("%ld sleeps in %d waits", nr, ROUNDS);
	EXPECT_GT(FEW, nr);
}

TEST_F(poll, forbidden_by_the_vmm)
{
	set_limit(&self->vm, 0);
	EXPECT_LE(MANY, sleeps(self->vcpu, 1));
}

TEST_F(poll, limit_too_short)
{
	set_limit(&self->vm, WAIT_NS / 10);
	EXPECT_LE(MANY, sleeps(self->vcpu, 1));
}

TEST_F(poll, forbidden_by_the_guest)
{
	ASSERT_TRUE(pv_offered(&self->vm, KVM_FEATURE_POLL_CONTROL));
	set_limit(&self->vm, LONG_POLL_NS);
	EXPECT_LE(MANY, sleeps(self->vcpu, 0));
}

TEST_F(poll, parameters)
{
	long old = set_parameter("halt_poll_ns", LONG_POLL_NS), nr, start;

	if (old < 0)
		SKIP(return, "the module has no such parameter");
	nr = sleeps(self->vcpu, 1);
	TH_LOG("%ld sleeps in %d waits", nr, ROUNDS);
	EXPECT_GT(FEW, nr);
	*guest_copy(&self->vm, hits) = 0;
	EXPECT_EQ(LONG_POLL_NS, set_parameter("halt_poll_ns", 0));
	EXPECT_LE(MANY, sleeps(self->vcpu, 1));
	/* it does not grow from nothing */
	*guest_copy(&self->vm, hits) = 0;
	set_parameter("halt_poll_ns", LONG_POLL_NS);
	start = set_parameter("halt_poll_ns_grow", 0);
	EXPECT_LE(MANY, sleeps(self->vcpu, 1));
	set_parameter("halt_poll_ns_grow", start);
	set_parameter("halt_poll_ns", old);
}

/* --- the MSR --- */

static void guest_msr(u64 argument)
{
	u64 bit;

	GUEST_EXPECT_EQ(1, guest_rdmsr(MSR_KVM_POLL_CONTROL));
	for (bit = 2; bit; bit <<= 1)
		GUEST_EXPECT_EQ(13, guest_try_wrmsr(MSR_KVM_POLL_CONTROL, bit));
	guest_wrmsr(MSR_KVM_POLL_CONTROL, 0);
	GUEST_EXPECT_EQ(0, guest_rdmsr(MSR_KVM_POLL_CONTROL));
}

TEST_F(poll, msr)
{
	u64 value;

	EXPECT_TRUE(pv_msr_listed(&self->vm, MSR_KVM_POLL_CONTROL));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, MSR_KVM_POLL_CONTROL, 2));
	vcpu_set_guest(self->vcpu, guest_msr, 0);
	call_wait_done(self->vcpu);
	ASSERT_EQ(1, vcpu_get_msr(self->vcpu, MSR_KVM_POLL_CONTROL, &value));
	EXPECT_EQ(0, value);
	EXPECT_EQ(1, vcpu_set_msr(self->vcpu, MSR_KVM_POLL_CONTROL, 1));
}

TEST_HARNESS_MAIN
