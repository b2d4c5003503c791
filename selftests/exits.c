// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why KVM_RUN returns: halt, shutdown, signals, immediate_exit, the signal mask, and failures that the VMM must learn
 * of. Port and memory exits are in mmio_pio.c, interrupt windows in interrupts.c, debug exits in guest_debug.c.
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

SNIPPET(halt, ".code16\n	hlt\n	mov $0x77, %al\n	hlt\n");
SNIPPET(spin, ".code16\n1:	incl 0x3000\n	jmp 1b\n");
/* no IDT to speak of: an undefined instruction becomes a triple fault */
SNIPPET(triple, ".code16\n	lidtl 0x3000\n	ud2\n");
SNIPPET(ports, ".code16\n	in $0x80, %al\n	mov %al, 0x3000\n	in $0x80, %al\n	hlt\n");

FIXTURE(exits) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(exits)
{
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
	vcpu_set_mode(self->vcpu, MODE_REAL);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x8000);
}

FIXTURE_TEARDOWN(exits)
{
	vm_destroy(&self->vm);
}

static void on_signal(int number)
{
}

static void catch_signal(int number)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(number, &action, NULL);
}

TEST_F(exits, halt_and_go_on)
{
	struct kvm_regs regs;

	PUT_SNIPPET(&self->vm, REAL_BASE, halt);
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(REAL_BASE + 1, regs.rip);
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0x77, regs.rax);
}

TEST_F(exits, triple_fault_in_real_mode)
{
	PUT_SNIPPET(&self->vm, REAL_BASE, triple);
	ASSERT_RUN(self->vcpu, KVM_EXIT_SHUTDOWN);
}

static void lose_idt(u64 argument)
{
	static const struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) none;

	asm volatile("lidt %0; ud2" : : "m"(none));
}

/* after a shutdown the VMM may reset the vCPU and go on */
TEST_F(exits, triple_fault_and_reset)
{
	struct kvm_sregs reset;

	vcpu_get_sregs(self->vcpu, &reset);
	vcpu_set_guest(self->vcpu, lose_idt, 0);
	ASSERT_RUN(self->vcpu, KVM_EXIT_SHUTDOWN);
	PUT_SNIPPET(&self->vm, REAL_BASE, halt);
	vcpu_set_sregs(self->vcpu, &reset);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x8000);
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
}

/* a machine may be so slow that the signal comes before the guest has done a thing: then it comes again */
TEST_F(exits, signal_interrupts_a_spinning_guest)
{
	struct timespec soon = { .tv_nsec = 20 * 1000 * 1000 };
	struct itimerspec in = { .it_value = soon, .it_interval = soon };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	volatile u32 *count = vm_hva(&self->vm, 0x3000);
	timer_t timer;
	u32 i, before;

	PUT_SNIPPET(&self->vm, REAL_BASE, spin);
	catch_signal(SIGUSR1);
	ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, &event, &timer));
	ASSERT_EQ(0, timer_settime(timer, 0, &in, NULL));
	for (i = 0; i < 2; i++) {
		before = *count;
		do {
			ASSERT_EQ(-EINTR, vcpu_run(self->vcpu));
			EXPECT_EQ(KVM_EXIT_INTR, self->vcpu->run->exit_reason);
		} while (*count == before);
	}
	ASSERT_EQ(0, timer_delete(timer));
}

TEST_F(exits, immediate_exit)
{
	PUT_SNIPPET(&self->vm, REAL_BASE, spin);
	ASSERT_EQ(1, vm_has(&self->vm, KVM_CAP_IMMEDIATE_EXIT));
	self->vcpu->run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	EXPECT_EQ(0, *(u32 *)vm_hva(&self->vm, 0x3000));
	self->vcpu->run->immediate_exit = 0;
	PUT_SNIPPET(&self->vm, REAL_BASE, halt);
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
}

/* an exit that waits for the VMM's answer is completed before immediate_exit takes effect */
TEST_F(exits, immediate_exit_completes_io)
{
	struct kvm_regs regs;

	PUT_SNIPPET(&self->vm, REAL_BASE, ports);
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	*(u8 *)io_data(self->vcpu) = 0x42;
	self->vcpu->run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0x42, regs.rax & 0xff);
	EXPECT_EQ(REAL_BASE + 2, regs.rip);
	EXPECT_EQ(0, *(u8 *)vm_hva(&self->vm, 0x3000));
	self->vcpu->run->immediate_exit = 0;
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(0x42, *(u8 *)vm_hva(&self->vm, 0x3000));
}

static int set_signal_mask(struct vcpu *vcpu, u64 mask, u32 length)
{
	struct {
		struct kvm_signal_mask head;
		u64 set;
	} __attribute__((packed)) argument = { .head.len = length, .set = mask };

	return kvm_ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &argument);
}

/* a signal that the thread blocks but the vCPU's mask lets through ends KVM_RUN, and stays pending */
TEST_F(exits, signal_mask)
{
	sigset_t block, pending;

	PUT_SNIPPET(&self->vm, REAL_BASE, spin);
	catch_signal(SIGUSR2);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR2);
	ASSERT_EQ(0, pthread_sigmask(SIG_BLOCK, &block, NULL));
	EXPECT_EQ(-EINVAL, set_signal_mask(self->vcpu, 0, 4));
	ASSERT_EQ(0, set_signal_mask(self->vcpu, 0, 8));
	raise(SIGUSR2);
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	EXPECT_EQ(KVM_EXIT_INTR, self->vcpu->run->exit_reason);
	sigpending(&pending);
	EXPECT_EQ(1, sigismember(&pending, SIGUSR2));
	/* without a mask the blocked signal is of no interest */
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_SET_SIGNAL_MASK, NULL));
	PUT_SNIPPET(&self->vm, REAL_BASE, halt);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x8000);
	EXPECT_EQ(0, vcpu_run(self->vcpu));
	EXPECT_EQ(KVM_EXIT_HLT, self->vcpu->run->exit_reason);
}

static void *other_thread(void *argument)
{
	struct vcpu *vcpu = argument;
	struct kvm_regs regs;

	return (void *)(long)(kvm_ioctl(vcpu->fd, KVM_GET_REGS, &regs) ?: vcpu_run(vcpu));
}

TEST_F(exits, another_thread_may_run_the_vcpu)
{
	pthread_t thread;
	void *result;

	PUT_SNIPPET(&self->vm, REAL_BASE, halt);
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
	ASSERT_EQ(0, pthread_create(&thread, NULL, other_thread, self->vcpu));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(NULL, result);
	EXPECT_EQ(KVM_EXIT_HLT, self->vcpu->run->exit_reason);
}

/* code where no memory is: the instruction cannot be fetched, by hardware or by the emulator */
TEST_F(exits, fetch_from_nowhere)
{
	vcpu_set_mode(self->vcpu, MODE_FLAT32);
	vcpu_set_entry(self->vcpu, MMIO_BASE, 0x8000);
	ASSERT_RUN(self->vcpu, KVM_EXIT_INTERNAL_ERROR);
	EXPECT_EQ(KVM_INTERNAL_ERROR_EMULATION, self->vcpu->run->internal.suberror);
}

/* an instruction with a memory operand that the emulator does not know, on MMIO: its bytes are handed out */
SNIPPET(exotic, ".code32\n	fldenv 0xd0000000\n	hlt\n");

TEST_F(exits, unknown_instruction_on_mmio)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs;

	PUT_SNIPPET(&self->vm, REAL_BASE, exotic);
	vcpu_set_mode(self->vcpu, MODE_FLAT32);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x8000);
	ASSERT_RUN(self->vcpu, KVM_EXIT_INTERNAL_ERROR);
	EXPECT_EQ(KVM_INTERNAL_ERROR_EMULATION, run->internal.suberror);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(REAL_BASE, regs.rip);
	if (run->emulation_failure.ndata >= 1 &&
	    run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) {
		ASSERT_LE(6, run->emulation_failure.insn_size);
		EXPECT_EQ(0, memcmp(run->emulation_failure.insn_bytes, exotic_begin, 6));
	}
}

TEST_F(exits, unsupported_state_fails_entry)
{
	struct kvm_sregs s;

	/* CR0.NW without CR0.CD is what no CPU accepts; refused at once, or at the next entry */
	vcpu_get_sregs(self->vcpu, &s);
	s.cr0 = (s.cr0 | 1ull << 29) & ~(1ull << 30);
	if (kvm_ioctl(self->vcpu->fd, KVM_SET_SREGS, &s))
		return;
	PUT_SNIPPET(&self->vm, REAL_BASE, halt);
	EXPECT_EQ(0, vcpu_run(self->vcpu));
	EXPECT_NE(KVM_EXIT_INTR, self->vcpu->run->exit_reason);
}

TEST_F(exits, unknown_ioctls)
{
	int fds[] = { self->vm.node, self->vm.fd, self->vcpu->fd };
	char buffer[256] = {};
	unsigned int number;
	int i, ret;

	/* ENOTTY is right; stock KVM says EINVAL on the node and on vCPUs */
	for (i = 0; i < 3; i++) {
		for (number = 0xd8; number <= 0xdf; number++) {
			ret = kvm_ioctl(fds[i], _IOW(KVMIO, number, char[16]), buffer);
			EXPECT_TRUE(ret == -ENOTTY || ret == -EINVAL);
		}
		/* another type letter; a known number with another size; a command of another fd */
		EXPECT_GT(0, kvm_ioctl(fds[i], _IO('q', 0x80), NULL));
		EXPECT_GT(0, kvm_ioctl(fds[i], _IOW(KVMIO, 0x46, char[8]), buffer));
		EXPECT_GT(0, kvm_ioctl(fds[i], _IOR(KVMIO, 0x81, char[8]), buffer));
	}
	EXPECT_GT(0, kvm_ioctl(self->vm.node, KVM_RUN, NULL));
	EXPECT_GT(0, kvm_ioctl(self->vm.fd, KVM_RUN, NULL));
	EXPECT_GT(0, kvm_ioctl_n(self->vm.node, KVM_CREATE_VCPU, 1));
	EXPECT_GT(0, kvm_ioctl_n(self->vcpu->fd, KVM_CREATE_VCPU, 1));
	EXPECT_GT(0, kvm_ioctl(self->vcpu->fd, KVM_CREATE_VM, NULL));
}

TEST_HARNESS_MAIN
