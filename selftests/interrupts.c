// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events into a guest whose interrupt controller is the VMM's affair: KVM_INTERRUPT with its windows, the STI shadow,
 * NMIs, CR8; exceptions of the guest's own making and those that the VMM injects.
 */
#include "test.h"

#include <errno.h>

#define VECTOR 0x41
#define CR4_OSXSAVE (1ull << 18)

FIXTURE(events) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(events)
{
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
}

FIXTURE_TEARDOWN(events)
{
	vm_destroy(&self->vm);
}

/* what the guest's handlers saw, in the guest's copy */
static volatile u64 hits, nmi_hits, nested_hits, last_rip, last_error, last_vector;

static void on_interrupt(struct guest_frame *frame)
{
	hits++;
	last_rip = frame->rip;
	last_vector = frame->vector;
	last_error = frame->error;
}

static long interrupt(struct vcpu *vcpu, u32 vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	return kvm_ioctl(vcpu->fd, KVM_INTERRUPT, &irq);
}

static void guest_with_window(u64 argument)
{
	guest_handlers[VECTOR] = on_interrupt;
	guest_sync(1);
	GUEST_EXPECT_EQ(0, hits);
	guest_sti();
	guest_nop();
	guest_sync2(2, hits);
	guest_cli();
	guest_sync2(3, hits);
	guest_sti();
	guest_nop();
	guest_nop();
	guest_sync2(4, hits);
}

/* KVM_INTERRUPT is delivered at the next entry: the VMM must not send one before the guest is ready */
TEST_F(events, interrupt_when_ready)
{
	struct kvm_sregs sregs;

	vcpu_set_guest(self->vcpu, guest_with_window, 0);
	call_wait_sync(self->vcpu, 1);
	EXPECT_EQ(0, self->vcpu->run->if_flag);
	EXPECT_EQ(0, self->vcpu->run->ready_for_interrupt_injection);
	EXPECT_EQ(0, call_wait_sync(self->vcpu, 2));
	EXPECT_EQ(1, self->vcpu->run->if_flag);
	EXPECT_EQ(1, self->vcpu->run->ready_for_interrupt_injection);
	EXPECT_EQ(0, interrupt(self->vcpu, VECTOR));
	/* until it is delivered it stands in sregs, and there is no room for another */
	vcpu_get_sregs(self->vcpu, &sregs);
	EXPECT_EQ(1ull << (VECTOR - 64), sregs.interrupt_bitmap[1]);
	EXPECT_EQ(1, call_wait_sync(self->vcpu, 3));
	vcpu_get_sregs(self->vcpu, &sregs);
	EXPECT_EQ(0, sregs.interrupt_bitmap[1]);
	EXPECT_EQ(1, call_wait_sync(self->vcpu, 4));
	call_wait_done(self->vcpu);
}

TEST_F(events, window_exit)
{
	struct vcpu *vcpu = self->vcpu;

	vcpu_set_guest(vcpu, guest_with_window, 0);
	call_wait_sync(vcpu, 1);
	vcpu->run->request_interrupt_window = 1;
	ASSERT_RUN(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_EQ(1, vcpu->run->if_flag);
	EXPECT_EQ(1, vcpu->run->ready_for_interrupt_injection);
	vcpu->run->request_interrupt_window = 0;
	EXPECT_EQ(0, interrupt(vcpu, VECTOR));
	EXPECT_EQ(1, call_wait_sync(vcpu, 2));
	EXPECT_EQ(1, call_wait_sync(vcpu, 3));
	vcpu->run->request_interrupt_window = 1;
	ASSERT_RUN(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	vcpu->run->request_interrupt_window = 0;
	EXPECT_EQ(1, call_wait_sync(vcpu, 4));
	call_wait_done(vcpu);
}

extern const u8 shadow_end[];

static void guest_shadow(u64 argument)
{
	guest_handlers[VECTOR] = on_interrupt;
	guest_sync(1);
	/* the instruction after STI still runs with interrupts held back */
	asm volatile("sti; incl %%eax; shadow_end: nop; nop; cli" : : "a"(0) : "memory");
	guest_sync2(2, last_rip);
}

TEST_F(events, sti_shadow)
{
	struct vcpu *vcpu = self->vcpu;
	struct kvm_regs regs;

	vcpu_set_guest(vcpu, guest_shadow, 0);
	call_wait_sync(vcpu, 1);
	vcpu->run->request_interrupt_window = 1;
	ASSERT_RUN(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	vcpu->run->request_interrupt_window = 0;
	vcpu_get_regs(vcpu, &regs);
	EXPECT_EQ((u64)shadow_end, regs.rip);
	EXPECT_EQ(0, interrupt(vcpu, VECTOR));
	EXPECT_EQ((u64)shadow_end, call_wait_sync(vcpu, 2));
	EXPECT_EQ(1, *guest_copy(&self->vm, hits));
}

static void guest_halts(u64 argument)
{
	guest_handlers[VECTOR] = on_interrupt;
	guest_sti_hlt();
	guest_sync2(1, hits);
	guest_cli();
	guest_hlt();
	guest_sync2(2, hits);
}

TEST_F(events, halt_and_wake)
{
	vcpu_set_guest(self->vcpu, guest_halts, 0);
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
	EXPECT_EQ(1, self->vcpu->run->ready_for_interrupt_injection);
	EXPECT_EQ(0, interrupt(self->vcpu, VECTOR));
	EXPECT_EQ(1, call_wait_sync(self->vcpu, 1));
	/* HLT with interrupts off is the VMM's to judge; without a chip, running again goes on after it */
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
	EXPECT_EQ(1, call_wait_sync(self->vcpu, 2));
	call_wait_done(self->vcpu);
}

/* the first delivery of each vector faults on pages that nobody has touched yet, and must still happen once */
static void guest_counts(u64 argument)
{
	u64 i;

	guest_handlers[VECTOR] = on_interrupt;
	guest_handlers[0x80] = on_interrupt;
	guest_sti();
	for (i = 0; i < 100; i++)
		guest_sync2(i, hits);
	guest_cli();
	asm volatile("int $0x80" : : : "memory");
	GUEST_EXPECT_EQ(101, hits);
	GUEST_EXPECT_EQ(0x80, last_vector);
}

TEST_F(events, each_interrupt_arrives_once)
{
	u64 i;

	vcpu_set_guest(self->vcpu, guest_counts, 0);
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(i, call_wait_sync(self->vcpu, i));
		EXPECT_EQ(0, interrupt(self->vcpu, VECTOR));
	}
	call_wait_done(self->vcpu);
}

/* NMIs */

static void on_nmi(struct guest_frame *frame)
{
	u64 nested = nmi_hits++;

	if (nested_hits++)
		guest_sync2(99, nested);	/* inside another one: must not happen */
	if (nmi_hits == 1)
		guest_sync(10);
	nested_hits--;
}

static void guest_nmi(u64 argument)
{
	guest_handlers[2] = on_nmi;
	guest_sync(1);
	guest_nop();
	guest_sync2(2, nmi_hits);
}

TEST_F(events, nmi_waits_for_iret)
{
	struct kvm_vcpu_events events;

	vcpu_set_guest(self->vcpu, guest_nmi, 0);
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_NMI, NULL));
	call_wait_sync(self->vcpu, 10);
	/* in the handler: the next one is held back */
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	EXPECT_EQ(1, events.nmi.masked);
	EXPECT_EQ(0, events.nmi.pending);
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_NMI, NULL));
	EXPECT_EQ(2, call_wait_sync(self->vcpu, 2));
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	EXPECT_EQ(0, events.nmi.masked);
	call_wait_done(self->vcpu);
}

TEST_F(events, nmi_mask_by_ioctl)
{
	struct kvm_vcpu_events events;

	vcpu_set_guest(self->vcpu, guest_nmi, 0);
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	events.nmi.masked = 1;
	events.nmi.pending = 1;
	events.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
	EXPECT_EQ(0, call_wait_sync(self->vcpu, 2));
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	EXPECT_EQ(1, events.nmi.masked);
	EXPECT_EQ(1, events.nmi.pending);
}

/* exceptions that guest code raises */

static void guest_exceptions(u64 argument)
{
	struct guest_cpu *cpu = guest_this_cpu();
	u64 rax = 1, rdx = 0;

	GUEST_EXPECT_EQ(0, GUEST_TRY("div %2", OUTPUTS("+a"(rax), "+d"(rdx)), "r"(0ull)));
	GUEST_EXPECT_EQ(6, GUEST_TRY("ud2", OUTPUTS(), "i"(0)));
	GUEST_EXPECT_EQ(3, GUEST_TRY("int3", OUTPUTS(), "i"(0)));
	GUEST_EXPECT_EQ(13, GUEST_TRY("mov %0, %%ds", OUTPUTS(), "r"(0x7f8ull)));
	GUEST_EXPECT_EQ(0x7f8, cpu->try_error);
	GUEST_EXPECT_EQ(13, GUEST_TRY("mov %0, %%cr4", OUTPUTS(), "r"(1ull << 40)));
	GUEST_EXPECT_EQ(13, GUEST_TRY("mov %0, %%cr0", OUTPUTS(), "r"(1ull << 31)));
	GUEST_EXPECT_EQ(13, GUEST_TRY("mov %0, %%cr8", OUTPUTS(), "r"(16ull)));
	GUEST_EXPECT_EQ(6, GUEST_TRY("xsetbv", OUTPUTS(), "c"(0), "a"(1), "d"(0)));
	guest_write_cr4(guest_read_cr4() | CR4_OSXSAVE);
	GUEST_EXPECT_EQ(13, GUEST_TRY("xsetbv", OUTPUTS(), "c"(0), "a"(0), "d"(0)));
	GUEST_EXPECT_EQ(13, GUEST_TRY("xsetbv", OUTPUTS(), "c"(1), "a"(1), "d"(0)));
	GUEST_EXPECT_EQ(14, GUEST_TRY("movb $1, (%0)", OUTPUTS(), "r"(0x123000000000ull)));
	GUEST_EXPECT_EQ(0x123000000000ull, cpu->try_cr2);
	GUEST_EXPECT_EQ(2, cpu->try_error);
	GUEST_EXPECT_EQ(14, GUEST_TRY("call *%0", OUTPUTS(), "r"(0x123000000000ull)));
	GUEST_EXPECT_EQ(0x10, cpu->try_error);
	guest_sync(1);
}

extern const u8 step_end[];

static void on_step(struct guest_frame *frame)
{
	hits++;
	if (frame->rip == (u64)step_end)
		frame->rflags &= ~0x100ull;
}

static void guest_more_exceptions(u64 argument)
{
	u64 call = 77;

	/* no XSAVE in CR4: #UD beats #GP */
	GUEST_EXPECT_EQ(6, GUEST_TRY("xgetbv", OUTPUTS(), "c"(0)));
	/* single step by RFLAGS.TF: a trap after each instruction, emulated or not */
	guest_handlers[1] = on_step;
	asm volatile("pushf; orl $0x100, (%%rsp); popf; nop; cpuid; nop; step_end: nop" : : "a"(0)
		     : "rbx", "rcx", "rdx", "memory", "cc");
	GUEST_EXPECT_EQ(3, hits);
	/* VMMCALL is the guest's way to us, also when we do not know the call */
	GUEST_EXPECT_EQ(TRY_NONE, GUEST_TRY("vmmcall", OUTPUTS("+a"(call)), "b"(0)));
	GUEST_EXPECT_EQ(-1000ull, call);
	GUEST_EXPECT_EQ(13, GUEST_TRY("rdmsr", OUTPUTS(), "c"(0x4fff1234)));
	guest_sync(1);
}

/* what a CPU without SVM does not know */
static void guest_svm(u64 argument)
{
	GUEST_EXPECT_EQ(6, GUEST_TRY("clgi", OUTPUTS(), "i"(0)));
	GUEST_EXPECT_EQ(6, GUEST_TRY("stgi", OUTPUTS(), "i"(0)));
	GUEST_EXPECT_EQ(6, GUEST_TRY("vmrun", OUTPUTS(), "a"(0x1000)));
	GUEST_EXPECT_EQ(6, GUEST_TRY("vmload", OUTPUTS(), "a"(0x1000)));
	GUEST_EXPECT_EQ(6, GUEST_TRY("vmsave", OUTPUTS(), "a"(0x1000)));
	GUEST_EXPECT_EQ(6, GUEST_TRY("skinit", OUTPUTS(), "a"(0x1000)));
	GUEST_EXPECT_EQ(6, GUEST_TRY("invlpga", OUTPUTS(), "a"(0x1000), "c"(0)));
}

TEST_F(events, no_svm_in_the_guest)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(self->vm.node);
	struct kvm_cpuid_entry2 *leaf = cpuid_find(cpuid, 0x80000001, 0);

	if (leaf->ecx & 4)
		SKIP(return, "guests may have SVM");
	vcpu_set_guest(self->vcpu, guest_svm, 0);
	call_wait_done(self->vcpu);
}

TEST_F(events, exceptions)
{
	vcpu_set_guest(self->vcpu, guest_exceptions, 0);
	call_wait_sync(self->vcpu, 1);
}

TEST_F(events, exceptions_of_exits)
{
	vcpu_set_guest(self->vcpu, guest_more_exceptions, 0);
	call_wait_sync(self->vcpu, 1);
}

/* user mode: IRETQ to ring 3, which may not do much, and comes back by an exception or INT3 */
static void on_user_trap(struct guest_frame *frame)
{
	last_vector = frame->vector;
	last_error = frame->error;
	guest_user_leave(frame);
}

#define USER(name, instructions) __attribute__((naked)) static void name(void) { asm volatile(instructions); }
USER(user_int3, "int3")
USER(user_hlt, "hlt")
USER(user_out, "out %al, $0x80")
USER(user_cpuid, "xor %eax, %eax; cpuid; int3")
USER(user_rdmsr, "mov $0x10, %ecx; rdmsr")
USER(user_cr3, "mov %cr3, %rax")
USER(user_wbinvd, "wbinvd")
USER(user_supervisor_page, "movabs $0x700000000000, %rax; mov (%rax), %rax")
USER(user_monitor, "ud2")

static void guest_user(u64 argument)
{
	static const struct { void (*code)(void); u64 vector, error; } tries[] = {
		{ user_int3, 3, 0 }, { user_hlt, 13, 0 }, { user_cpuid, 3, 0 }, { user_rdmsr, 13, 0 },
		{ user_cr3, 13, 0 }, { user_wbinvd, 13, 0 }, { user_supervisor_page, 14, 5 }, { user_monitor, 6, 0 },
		{ user_out, 13, 0 },
	};
	u64 i;

	guest_handlers[3] = guest_handlers[6] = guest_handlers[13] = guest_handlers[14] = on_user_trap;
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		last_vector = last_error = ~0ull;
		guest_user_enter(tries[i].code, RFLAGS_FIXED);
		guest_sync2(i, last_vector);
		GUEST_EXPECT_EQ(tries[i].vector, last_vector);
		GUEST_EXPECT_EQ(tries[i].error, last_error);
	}
}

TEST_F(events, user_mode)
{
	static const u64 vectors[] = { 3, 13, 3, 13, 13, 13, 14, 6, 13 };
	u64 i;

	vcpu_set_guest(self->vcpu, guest_user, 0);
	vm_map(&self->vm, 0x700000000000ull, 0x200000, PAGE_SIZE, 3);
	for (i = 0; i < ARRAY_SIZE(vectors); i++)
		EXPECT_EQ(vectors[i], call_wait_sync(self->vcpu, i));
	call_wait_done(self->vcpu);
}

/* exceptions that the VMM injects */

static void guest_waits(u64 vector)
{
	guest_handlers[vector] = on_interrupt;
	guest_sync(1);
	guest_nop();
	guest_sync2(2, last_vector);
}

static void inject(struct vcpu *vcpu, u8 vector, bool has_error, u32 error)
{
	struct kvm_vcpu_events events;

	kvm_must(vcpu->fd, KVM_GET_VCPU_EVENTS, &events);
	events.exception.injected = 1;
	events.exception.nr = vector;
	events.exception.has_error_code = has_error;
	events.exception.error_code = error;
	kvm_must(vcpu->fd, KVM_SET_VCPU_EVENTS, &events);
}

TEST_F(events, injected_exceptions)
{
	static const struct { u8 vector; bool has_error; u32 error; } cases[] = {
		{ 0, false, 0 }, { 6, false, 0 }, { 10, true, 0x28 }, { 11, true, 0x30 }, { 12, true, 0 },
		{ 13, true, 0x1238 }, { 14, true, 7 }, { 16, false, 0 }, { 17, true, 0 }, { 19, false, 0 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		vcpu_set_guest(self->vcpu, guest_waits, cases[i].vector);
		call_wait_sync(self->vcpu, 1);
		inject(self->vcpu, cases[i].vector, cases[i].has_error, cases[i].error);
		EXPECT_EQ(cases[i].vector, call_wait_sync(self->vcpu, 2));
		EXPECT_EQ(cases[i].error, *guest_copy(&self->vm, last_error));
		call_wait_done(self->vcpu);
	}
}

/* CR8 */

static void guest_cr8(u64 argument)
{
	GUEST_EXPECT_EQ(3, guest_read_cr8());
	guest_write_cr8(8);
	GUEST_EXPECT_EQ(8, guest_read_cr8());
	guest_sync(1);
	guest_write_cr8(2);
	guest_sync(2);
	GUEST_EXPECT_EQ(7, guest_read_cr8());
}

TEST_F(events, cr8_of_the_vmm)
{
	struct kvm_sregs sregs;

	vcpu_set_guest(self->vcpu, guest_cr8, 0);
	self->vcpu->run->cr8 = 3;
	call_wait_sync(self->vcpu, 1);
	EXPECT_EQ(8, self->vcpu->run->cr8);
	/* a lower priority is worth an exit of its own */
	if (vcpu_run_to_exit(self->vcpu) == KVM_EXIT_SET_TPR) {
		EXPECT_EQ(2, self->vcpu->run->cr8);
		vcpu_run_to_exit(self->vcpu);
	}
	ASSERT_NE(NULL, call_of_exit(self->vcpu));
	EXPECT_EQ(2, self->vcpu->run->cr8);
	vcpu_get_sregs(self->vcpu, &sregs);
	EXPECT_EQ(2, sregs.cr8);
	self->vcpu->run->cr8 = 7;
	call_wait_done(self->vcpu);
}

/* real mode's vector table */

SNIPPET(real_vectors,
	".code16\n"
	"	movw $(real_handler - real_vectors_begin + 0x1000), 0x84\n"	/* vector 0x21 */
	"	movw $0, 0x86\n"
	"	movw $(real_handler - real_vectors_begin + 0x1000), 0x18\n"	/* invalid opcode */
	"	movw $0, 0x1a\n"
	"	mov $1, %bl\n"
	"	int $0x21\n"
	"	mov $2, %bl\n"
	"	sti\n	hlt\n"
	"	mov $3, %bl\n"
	"	movw $(real_over - real_vectors_begin + 0x1000), %dx\n"
	"	ud2\n"
	"real_over:\n"
	"	cli\n	hlt\n"
	"real_handler:\n"
	"	mov %bl, %al\n	out %al, $0x80\n"
	"	cmp $3, %bl\n	jne 1f\n"
	"	pop %ax\n	push %dx\n"
	"1:	iret\n");

TEST_F(events, real_mode_vectors)
{
	PUT_SNIPPET(&self->vm, REAL_BASE, real_vectors);
	vcpu_set_mode(self->vcpu, MODE_REAL);
	vcpu_set_entry(self->vcpu, REAL_BASE, 0x8000);
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(1, io_value(self->vcpu));
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
	EXPECT_EQ(0, interrupt(self->vcpu, 0x21));
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(2, io_value(self->vcpu));
	ASSERT_RUN(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(3, io_value(self->vcpu));
	ASSERT_RUN(self->vcpu, KVM_EXIT_HLT);
}

TEST_HARNESS_MAIN
