// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: the protocol, a kick that ends HLT (KVM_FEATURE_PV_UNHALT), interrupts to many (KVM_FEATURE_PV_SEND_IPI),
 * and yielding to another vCPU (KVM_FEATURE_PV_SCHED_YIELD).
 */
#include "test.h"
#include "apic.h"
#include "pv.h"
#include "runner.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define VECTOR	0x51
#define CPUS	3
#define IOPL_3	0x3000		/* for OUT in user mode */

FIXTURE(calls) {
	struct vm vm;
	struct runner runner[CPUS];
};

FIXTURE_SETUP(calls)
{
	int i;

	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	for (i = 0; i < CPUS; i++)
		vcpu_create(&self->vm, i);
}

FIXTURE_TEARDOWN(calls)
{
	vm_destroy(&self->vm);
}

/* in the guest's copy */
static volatile u64 ready, round_nr, seen_round, hits[MAX_VCPUS], nmis[MAX_VCPUS], yields;

static void await(volatile u64 *word, u64 value)
{
	while (*word != value)
		guest_pause();
}

/* --- the protocol --- */

static void guest_protocol(u64 argument)
{
	u64 rbx = 1, rcx = 2, rdx = 3, rsi = 4, rax = HC_UNKNOWN;

	GUEST_EXPECT_EQ(HC_ENOSYS, GUEST_HYPERCALL("vmmcall", HC_UNKNOWN, 0, 0, 0, 0));
	GUEST_EXPECT_EQ(HC_ENOSYS, GUEST_HYPERCALL("vmcall", HC_UNKNOWN, 0, 0, 0, 0));
	/* all 64 bits of the number count */
	GUEST_EXPECT_EQ(HC_ENOSYS, guest_hypercall(1ull << 32 | HC_POLL_IRQ, 0, 0, 0, 0));
	GUEST_EXPECT_EQ(0, GUEST_HYPERCALL("vmmcall", HC_POLL_IRQ, 0, 0, 0, 0));
	GUEST_EXPECT_EQ(0, GUEST_HYPERCALL("vmcall", HC_POLL_IRQ, 0, 0, 0, 0));
	/* a prefix makes no difference */
	GUEST_EXPECT_EQ(HC_ENOSYS, GUEST_HYPERCALL(".byte 0x48; vmcall", HC_UNKNOWN, 0, 0, 0, 0));
	asm volatile("vmcall" : "+a"(rax), "+b"(rbx), "+c"(rcx), "+d"(rdx), "+S"(rsi));
	GUEST_EXPECT_EQ(1, rbx);
	GUEST_EXPECT_EQ(2, rcx);
	GUEST_EXPECT_EQ(3, rdx);
	GUEST_EXPECT_EQ(4, rsi);
	/* what is no instruction still is none */
	GUEST_EXPECT_EQ(6, GUEST_TRY("ud2", OUTPUTS()));
	GUEST_EXPECT_EQ(6, GUEST_TRY(".byte 0xf0; vmcall", OUTPUTS()));
	GUEST_EXPECT_EQ(6, GUEST_TRY("vmxoff", OUTPUTS()));
}

TEST_F(calls, protocol)
{
	vcpu_set_guest(self->vm.vcpus[0], guest_protocol, 0);
	call_wait_done(self->vm.vcpus[0]);
}

/* 32 bits in, 32 bits out, whatever the upper halves hold */
SNIPPET(narrow,
	".code32\n"
	"	vmcall\n"
	"	out %al, $0x80\n");

TEST_F(calls, narrow_registers)
{
	struct vcpu *vcpu = self->vm.vcpus[0];
	struct kvm_regs regs;

	PUT_SNIPPET(&self->vm, REAL_BASE, narrow);
	vcpu_set_mode(vcpu, MODE_FLAT32);
	vcpu_set_entry(vcpu, REAL_BASE, REAL_BASE);
	vcpu_get_regs(vcpu, &regs);
	regs.rax = 0xffffffff00000000ull | HC_UNKNOWN;
	vcpu_set_regs(vcpu, &regs);
	ASSERT_RUN(vcpu, KVM_EXIT_IO);
	vcpu_get_regs(vcpu, &regs);
	EXPECT_EQ((u32)HC_ENOSYS, regs.rax);
}

/* user mode may not call, whatever the number; by either instruction */
SNIPPET(user_calls,
	".code64\n"
	"	vmmcall\n"
	"	mov %rax, %rbx\n"
	"	mov $1, %eax\n"
	"	vmcall\n"
	"	out %al, $0x80\n");

TEST_F(calls, refused_to_user_mode)
{
	struct vcpu *vcpu = self->vm.vcpus[0];
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	PUT_SNIPPET(&self->vm, REAL_BASE, user_calls);
	vcpu_set_mode(vcpu, MODE_LONG);
	vcpu_set_entry(vcpu, REAL_BASE, REAL_BASE);
	vcpu_get_sregs(vcpu, &sregs);
	sregs.cs.selector = SEL_USER_CODE;
	sregs.ss.selector = SEL_USER_DATA;
	sregs.cs.dpl = 3;
	sregs.ss.dpl = 3;
	vcpu_set_sregs(vcpu, &sregs);
	vcpu_get_regs(vcpu, &regs);
	regs.rax = HC_POLL_IRQ;
	regs.rflags |= IOPL_3;
	vcpu_set_regs(vcpu, &regs);
	ASSERT_RUN(vcpu, KVM_EXIT_IO);
	vcpu_get_regs(vcpu, &regs);
	EXPECT_EQ(-KVM_EPERM, regs.rbx);
	EXPECT_EQ(-KVM_EPERM, regs.rax);
}

/* --- a kick ends HLT, also one with interrupts off, and also one that has yet to begin --- */

static void guest_sleeper(u64 rounds)
{
	u64 i;

	ready = 1;
	for (i = 1; i <= rounds; i++) {
		await(&round_nr, i);
		guest_hlt();
		seen_round = i;
	}
}

static void guest_kicker(u64 rounds)
{
	u64 i;

	await(&ready, 1);
	for (i = 1; i <= rounds; i++) {
		GUEST_EXPECT_EQ(i - 1, seen_round);
		round_nr = i;
		guest_hypercall(HC_KICK_CPU, 0, 1, 0, 0);
		await(&seen_round, i);
	}
	/* nobody has that id */
	GUEST_EXPECT_EQ(0, guest_hypercall(HC_KICK_CPU, 0, 77, 0, 0));
	GUEST_EXPECT_EQ(0, guest_hypercall(HC_KICK_CPU, 0, ~0ull, 0, 0));
	/* and one for oneself, beforehand */
	GUEST_EXPECT_EQ(0, guest_hypercall(HC_KICK_CPU, 0, 0, 0, 0));
	guest_hlt();
}

TEST_F(calls, kick)
{
	int i;

	ASSERT_TRUE(pv_offered(&self->vm, KVM_FEATURE_PV_UNHALT));
	vcpu_set_guest(self->vm.vcpus[0], guest_kicker, 50);
	vcpu_set_guest(self->vm.vcpus[1], guest_sleeper, 50);
	vcpu_make_runnable(self->vm.vcpus[1]);
	for (i = 0; i < 2; i++)
		runner_start(&self->runner[i], self->vm.vcpus[i]);
	for (i = 0; i < 2; i++)
		runner_join(&self->runner[i]);
}

/* who was kicked before he slept is not saved as asleep, and sleeps but once less */
static void guest_kicked(u64 argument)
{
	guest_hypercall(HC_KICK_CPU, 0, 0, 0, 0);
	guest_sync(1);
}

TEST_F(calls, kick_is_saved)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_HALTED };
	struct vcpu *vcpu = self->vm.vcpus[0];

	vcpu_set_guest(vcpu, guest_kicked, 0);
	call_wait_sync(vcpu, 1);
	ASSERT_EQ(0, kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &mp));
	ASSERT_EQ(0, kvm_ioctl(vcpu->fd, KVM_GET_MP_STATE, &mp));
	EXPECT_EQ(KVM_MP_STATE_RUNNABLE, mp.mp_state);
	call_wait_done(vcpu);
	/* the kick has ended one HLT: the next one lasts */
	mp.mp_state = KVM_MP_STATE_HALTED;
	ASSERT_EQ(0, kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &mp));
	ASSERT_EQ(0, kvm_ioctl(vcpu->fd, KVM_GET_MP_STATE, &mp));
	EXPECT_EQ(KVM_MP_STATE_HALTED, mp.mp_state);
}

/* a guest that halts without an exit cannot be kicked, and is told so */
static void guest_asks_for_kicks(u64 argument)
{
	u32 regs[4];

	guest_cpuid(KVM_CPUID_FEATURES, 0, regs);
	guest_sync2(1, regs[0] >> KVM_FEATURE_PV_UNHALT & 1);
}

TEST_F(calls, no_kick_without_exits)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_DISABLE_EXITS, .args[0] = KVM_X86_DISABLE_EXITS_HLT };
	struct vcpu *vcpu = self->vm.vcpus[0];
	struct vm vm;

	vcpu_set_guest(vcpu, guest_asks_for_kicks, 0);
	EXPECT_EQ(1, call_wait_sync(vcpu, 1));
	vm_create(&vm, VM_SPLIT_IRQCHIP);
	ASSERT_EQ(0, kvm_ioctl(vm.fd, KVM_ENABLE_CAP, &cap));
	vcpu = vcpu_create(&vm, 0);
	vcpu_set_guest(vcpu, guest_asks_for_kicks, 0);
	EXPECT_EQ(0, call_wait_sync(vcpu, 1));
	vm_destroy(&vm);
}

/* --- the time of day --- */

static struct kvm_clock_pairing pairing;

static void guest_pairs(u64 argument)
{
	u64 before, after;

	before = guest_rdtsc();
	if (guest_hypercall(HC_CLOCK_PAIRING, &pairing, 0, 0, 0) == -KVM_EOPNOTSUPP) {
		guest_sync2(1, 0);
		return;
	}
	after = guest_rdtsc();
	GUEST_EXPECT(pairing.tsc > before && pairing.tsc < after);
	GUEST_EXPECT(pairing.nsec < 1000000000);
	GUEST_EXPECT_EQ(0, pairing.flags);
	guest_sync2(1, pairing.sec);
	GUEST_EXPECT_EQ(-KVM_EOPNOTSUPP, guest_hypercall(HC_CLOCK_PAIRING, &pairing, 1, 0, 0));
	GUEST_EXPECT_EQ(-KVM_EFAULT, guest_hypercall(HC_CLOCK_PAIRING, MMIO_BASE, 0, 0, 0));
}

TEST_F(calls, clock_pairing)
{
	struct vcpu *vcpu = self->vm.vcpus[0];
	u64 seen;

	vcpu_set_guest(vcpu, guest_pairs, 0);
	seen = call_wait_sync(vcpu, 1);
	if (!seen)
		SKIP(return, "the host's clocks do not follow its TSC");
	EXPECT_LE(seen, (u64)time(NULL));
	EXPECT_LE((u64)time(NULL) - 5, seen);
	call_wait_done(vcpu);
}

/* --- yield --- */

static void guest_player(u64 rounds)
{
	u64 me = guest_this_cpu()->id, i;

	for (i = 0; i < rounds; i++) {
		while (round_nr != 2 * i + me) {
			GUEST_EXPECT_EQ(0, guest_hypercall(HC_SCHED_YIELD, 1 - me, 0, 0, 0));
			__atomic_fetch_add(&yields, 1, __ATOMIC_SEQ_CST);
		}
		round_nr = round_nr + 1;
	}
	GUEST_EXPECT_EQ(0, guest_hypercall(HC_SCHED_YIELD, me, 0, 0, 0));
	GUEST_EXPECT_EQ(0, guest_hypercall(HC_SCHED_YIELD, 77, 0, 0, 0));
	GUEST_EXPECT_EQ(0, guest_hypercall(HC_SCHED_YIELD, 1ull << 40, 0, 0, 0));
}

TEST_F(calls, yield)
{
	int i;

	ASSERT_TRUE(pv_offered(&self->vm, KVM_FEATURE_PV_SCHED_YIELD));
	for (i = 0; i < 2; i++) {
		vcpu_set_guest(self->vm.vcpus[i], guest_player, 100);
		vcpu_make_runnable(self->vm.vcpus[i]);
	}
	for (i = 0; i < 2; i++)
		runner_start(&self->runner[i], self->vm.vcpus[i]);
	for (i = 0; i < 2; i++)
		runner_join(&self->runner[i]);
	/* who did not let the other run would ask hundreds of times in each of the 200 turns */
	TH_LOG("%lu yields for 200 turns", (long)*guest_copy(&self->vm, yields));
	EXPECT_GT(4000, *guest_copy(&self->vm, yields));
}

/* --- interrupts to many --- */

static void on_ipi(struct guest_frame *frame)
{
	__atomic_fetch_add(&hits[guest_this_cpu()->id], 1, __ATOMIC_SEQ_CST);
	guest_apic_write(APIC_EOI, 0);
}

static void on_nmi(struct guest_frame *frame)
{
	__atomic_fetch_add(&nmis[guest_this_cpu()->id], 1, __ATOMIC_SEQ_CST);
}

static void guest_listen(void)
{
	guest_handlers[VECTOR] = on_ipi;
	guest_handlers[2] = on_nmi;
	guest_apic_enable(true);
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
}

static void guest_target(u64 wanted)
{
	u64 me = guest_this_cpu()->id;

	guest_listen();
	while (hits[me] + nmis[me] < wanted) {
		guest_sti_hlt();
		guest_cli();
	}
}

#define SEND(low, high, first, icr) guest_hypercall(HC_SEND_IPI, low, high, first, icr)

static void guest_sender(u64 argument)
{
	guest_listen();
	await(&ready, CPUS);
	GUEST_EXPECT_EQ(1, SEND(2, 0, 0, VECTOR));
	await(&hits[1], 1);
	GUEST_EXPECT_EQ(0, hits[2]);
	GUEST_EXPECT_EQ(2, SEND(6, 0, 0, VECTOR));
	await(&hits[1], 2);
	await(&hits[2], 1);
	/* counted from the id in the third argument; ids that nobody has, and what wraps, are not counted */
	GUEST_EXPECT_EQ(1, SEND(0xf0002, 0, 1, VECTOR));
	await(&hits[2], 2);
	GUEST_EXPECT_EQ(0, hits[0]);
	GUEST_EXPECT_EQ(0, SEND(~0ull << 2, 0, 0xfffffffe, VECTOR));
	GUEST_EXPECT_EQ(0, SEND(~0ull, ~0ull, 4000, VECTOR));
	GUEST_EXPECT_EQ(1, SEND(2, 0, 0, ICR_NMI));
	await(&nmis[1], 1);
	GUEST_EXPECT_EQ(-EINVAL, SEND(2, 0, 0, ICR_LOGICAL | VECTOR));
	/* oneself too */
	GUEST_EXPECT_EQ(3, SEND(7, 0, 0, VECTOR));
	guest_sti();
	await(&hits[0], 1);
	await(&hits[1], 3);
	await(&hits[2], 3);
	guest_cli();
	/* vCPUs beyond the first 64 bits, and beyond the first 32 */
	GUEST_EXPECT_EQ(1, SEND(0, 2, 0, VECTOR));
	GUEST_EXPECT_EQ(1, SEND(1ull << 33, 0, 0, VECTOR + 1));
}

/* a vCPU that does not run, with its local APIC on */
static struct vcpu *far_vcpu(struct vm *vm, int id)
{
	struct kvm_lapic_state lapic;
	struct vcpu *vcpu;
	int error;

	vcpu = vcpu_create_bare(vm, id, &error);
	if (!vcpu)
		die("vCPU %d: error %d", id, error);
	kvm_must(vcpu->fd, KVM_GET_LAPIC, &lapic);
	lapic.regs[APIC_SVR + 1] |= 1;
	kvm_must(vcpu->fd, KVM_SET_LAPIC, &lapic);
	return vcpu;
}

static bool far_requested(struct vcpu *vcpu, u8 vector)
{
	struct kvm_lapic_state lapic;

	kvm_must(vcpu->fd, KVM_GET_LAPIC, &lapic);
	return lapic.regs[APIC_IRR + vector / 32 * 16 + vector % 32 / 8] & 1 << vector % 8;
}

/* 32-bit mode: two words of 32 */
SNIPPET(narrow_send,
	".code32\n"
	"	mov $10, %eax\n	mov $0, %ebx\n	mov $2, %ecx\n	mov $0, %edx\n	mov $0x53, %esi\n"
	"	vmmcall\n"
	"	out %al, $0x80\n");

TEST_F(calls, send_ipi)
{
	struct vcpu *far64, *far32;
	struct kvm_regs regs;
	int i;

	ASSERT_TRUE(pv_offered(&self->vm, KVM_FEATURE_PV_SEND_IPI));
	far64 = far_vcpu(&self->vm, 65);
	far32 = far_vcpu(&self->vm, 33);
	for (i = 0; i < CPUS; i++) {
		vcpu_set_guest(self->vm.vcpus[i], i ? guest_target : guest_sender, i == 1 ? 4 : 3);
		vcpu_make_runnable(self->vm.vcpus[i]);
	}
	for (i = 0; i < CPUS; i++)
		runner_start(&self->runner[i], self->vm.vcpus[i]);
	for (i = 0; i < CPUS; i++)
		runner_join(&self->runner[i]);
	EXPECT_TRUE(far_requested(far64, VECTOR));
	EXPECT_FALSE(far_requested(far64, VECTOR + 1));
	EXPECT_FALSE(far_requested(far32, VECTOR));
	EXPECT_TRUE(far_requested(far32, VECTOR + 1));

	PUT_SNIPPET(&self->vm, REAL_BASE, narrow_send);
	vcpu_set_mode(self->vm.vcpus[0], MODE_FLAT32);
	vcpu_set_entry(self->vm.vcpus[0], REAL_BASE, REAL_BASE);
	ASSERT_RUN(self->vm.vcpus[0], KVM_EXIT_IO);
	vcpu_get_regs(self->vm.vcpus[0], &regs);
	EXPECT_EQ(1, regs.rax);
	EXPECT_TRUE(far_requested(far32, 0x53));
	EXPECT_FALSE(far_requested(far64, 0x53));
	vcpu_destroy(far32);
	vcpu_destroy(far64);
}

TEST_HARNESS_MAIN
