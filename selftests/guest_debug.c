// SPDX-License-Identifier: GPL-2.0-only
/*
 * A debugger's view: KVM_SET_GUEST_DEBUG with single step, breakpoints by hardware and by INT3, watchpoints; and the
 * guest's own use of the debug registers, which the VMM's must not disturb.
 */
#include "test.h"

#include <errno.h>

#define DR6_BS (1ull << 14)

FIXTURE(debug) {
	struct vm vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(debug)
{
	vm_create(&self->vm, 0);
	self->vcpu = vcpu_create(&self->vm, 0);
}

FIXTURE_TEARDOWN(debug)
{
	vm_destroy(&self->vm);
}

static volatile u64 watched;
extern const u8 step_1[], step_2[], step_3[], step_4[], step_5[], break_here[], int3_here[];

static void guest_steps(u64 argument)
{
	guest_sync(1);
	/* whether the OUT of the call counts as a step depends on when it is completed: let some go by */
	asm volatile("nop; nop\n"
		     "step_1: nop\n"
		     "step_2: mov $7, %%eax\n"
		     "step_3: xor %%ecx, %%ecx\n"
		     "cpuid\n"			/* an instruction that exits counts as well */
		     "step_4: nop\n"
		     "step_5: nop\n"
		     : : : "rax", "rbx", "rcx", "rdx", "memory");
	guest_sync(2);
}

static void control(struct vcpu *vcpu, u32 bits, u64 address, u64 dr7)
{
	struct kvm_guest_debug debug = { .control = bits };

	debug.arch.debugreg[0] = address;
	debug.arch.debugreg[7] = dr7;
	kvm_must(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug);
}

static void run_to(struct __test_metadata *_metadata, struct vcpu *vcpu, const u8 *address)
{
	int i;

	for (i = 0; i < 200; i++) {
		ASSERT_RUN(vcpu, KVM_EXIT_DEBUG);
		EXPECT_EQ(1, vcpu->run->debug.arch.exception);
		EXPECT_EQ(DR6_BS, vcpu->run->debug.arch.dr6 & DR6_BS);
		if (vcpu->run->debug.arch.pc == (u64)address)
			return;
	}
	ASSERT_TRUE(false) {
		TH_LOG("never came to the address");
	}
}

TEST_F(debug, single_step)
{
	static const u8 *const after[] = { step_2, step_3 };
	struct kvm_regs regs;
	u32 i;

	vcpu_set_guest(self->vcpu, guest_steps, 0);
	call_wait_sync(self->vcpu, 1);
	control(self->vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, 0, 0);
	run_to(_metadata, self->vcpu, step_1);
	for (i = 0; i < ARRAY_SIZE(after); i++) {
		ASSERT_RUN(self->vcpu, KVM_EXIT_DEBUG);
		EXPECT_EQ((u64)after[i], self->vcpu->run->debug.arch.pc);
	}
	ASSERT_RUN(self->vcpu, KVM_EXIT_DEBUG);		/* before CPUID */
	ASSERT_RUN(self->vcpu, KVM_EXIT_DEBUG);
	EXPECT_EQ((u64)step_4, self->vcpu->run->debug.arch.pc);
	/* the guest's flags do not show the VMM's trap flag */
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0, regs.rflags & 0x100);
	control(self->vcpu, 0, 0, 0);
	call_wait_sync(self->vcpu, 2);
	call_wait_done(self->vcpu);
}

__attribute__((noinline, noclone)) static void guest_hit(void)
{
	asm volatile("nop; break_here: incq %0" : "+m"(watched));
}

static void guest_breaks(u64 argument)
{
	u64 i;

	for (i = 0; i < 3; i++)
		guest_hit();
	guest_sync2(1, watched);
}

TEST_F(debug, hardware_breakpoint)
{
	u64 i;

	if (machine_is_tcg())
		SKIP(return, "the emulated CPU does not load breakpoints at VM entry");
	vcpu_set_guest(self->vcpu, guest_breaks, 0);
	control(self->vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, (u64)break_here, 0x402);
	for (i = 0; i < 3; i++) {
		struct kvm_regs regs;

		ASSERT_RUN(self->vcpu, KVM_EXIT_DEBUG);
		EXPECT_EQ(1, self->vcpu->run->debug.arch.exception);
		EXPECT_EQ((u64)break_here, self->vcpu->run->debug.arch.pc);
		EXPECT_EQ(1, self->vcpu->run->debug.arch.dr6 & 0xf);
		EXPECT_EQ(i, *guest_copy(&self->vm, watched));
		/* over the breakpoint by RFLAGS.RF, as a debugger would */
		vcpu_get_regs(self->vcpu, &regs);
		regs.rflags |= 1 << 16;
		vcpu_set_regs(self->vcpu, &regs);
	}
	EXPECT_EQ(3, call_wait_sync(self->vcpu, 1));
}

TEST_F(debug, watchpoint)
{
	u64 i;

	if (machine_is_tcg())
		SKIP(return, "the emulated CPU does not load breakpoints at VM entry");
	vcpu_set_guest(self->vcpu, guest_breaks, 0);
	/* eight bytes, writes */
	control(self->vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, (u64)&watched, 0x90402);
	for (i = 1; i <= 3; i++) {
		ASSERT_RUN(self->vcpu, KVM_EXIT_DEBUG);
		EXPECT_EQ(1, self->vcpu->run->debug.arch.dr6 & 0xf);
		EXPECT_EQ(i, *guest_copy(&self->vm, watched));
	}
	control(self->vcpu, 0, 0, 0);
	EXPECT_EQ(3, call_wait_sync(self->vcpu, 1));
}

static void on_breakpoint(struct guest_frame *frame)
{
	guest_sync2(50, frame->rip);
}

static void guest_int3(u64 argument)
{
	guest_handlers[3] = on_breakpoint;
	asm volatile("int3_here: int3");
	guest_sync(1);
}

TEST_F(debug, software_breakpoint)
{
	struct kvm_regs regs;

	if (machine_is_tcg())
		SKIP(return, "the emulated CPU does not intercept the exception of INT3");
	vcpu_set_guest(self->vcpu, guest_int3, 0);
	control(self->vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP, 0, 0);
	ASSERT_RUN(self->vcpu, KVM_EXIT_DEBUG);
	EXPECT_EQ(3, self->vcpu->run->debug.arch.exception);
	EXPECT_EQ((u64)int3_here, self->vcpu->run->debug.arch.pc);
	/* the debugger takes it for its own and steps over; without it, the guest gets its exception */
	vcpu_get_regs(self->vcpu, &regs);
	regs.rip++;
	vcpu_set_regs(self->vcpu, &regs);
	call_wait_sync(self->vcpu, 1);
}

TEST_F(debug, guest_keeps_its_breakpoint_exception)
{
	vcpu_set_guest(self->vcpu, guest_int3, 0);
	EXPECT_EQ((u64)int3_here + 1, call_wait_sync(self->vcpu, 50));
	call_wait_sync(self->vcpu, 1);
}

static volatile u64 traps, trap_dr6;

static void on_debug(struct guest_frame *frame)
{
	u64 dr6;

	traps++;
	asm volatile("mov %%dr6, %0" : "=r"(dr6));
	trap_dr6 = dr6;
	asm volatile("mov %0, %%dr6" : : "r"(0xffff0ff0ull));
}

static void guest_own_watchpoint(u64 argument)
{
	u64 value;

	guest_handlers[1] = on_debug;
	asm volatile("mov %0, %%dr1" : : "r"(&watched));
	asm volatile("mov %0, %%dr7" : : "r"(0x900408ull));	/* DR1 global, write, 8 bytes */
	asm volatile("mov %%dr1, %0" : "=r"(value));
	GUEST_EXPECT_EQ(&watched, value);
	watched = 5;
	GUEST_EXPECT_EQ(1, traps);
	GUEST_EXPECT_EQ(2, trap_dr6 & 0xf);
	guest_sync(1);
	/* still there after an exit to the VMM and back */
	watched = 6;
	GUEST_EXPECT_EQ(2, traps);
	asm volatile("mov %0, %%dr7" : : "r"(0x400ull));
	watched = 7;
	GUEST_EXPECT_EQ(2, traps);
	asm volatile("mov %%dr7, %0" : "=r"(value));
	GUEST_EXPECT_EQ(0x400, value);
	/* the high half of DR7 must be zero */
	GUEST_EXPECT_EQ(13, GUEST_TRY("mov %0, %%dr7", OUTPUTS(), "r"(1ull << 40)));
}

TEST_F(debug, registers_of_the_guest)
{
	struct kvm_debugregs regs;

	vcpu_set_guest(self->vcpu, guest_own_watchpoint, 0);
	call_wait_sync(self->vcpu, 1);
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_GET_DEBUGREGS, &regs));
	EXPECT_EQ((u64)&watched, regs.db[1]);
	EXPECT_EQ(0x900408, regs.dr7);
	call_wait_done(self->vcpu);
}

TEST_F(debug, registers_set_by_the_vmm)
{
	struct kvm_debugregs regs = { .dr6 = 0xffff0ff0, .dr7 = 0x90402 };

	if (machine_is_tcg())
		SKIP(return, "the emulated CPU does not load breakpoints at VM entry");
	regs.db[0] = (u64)&watched;
	vcpu_set_guest(self->vcpu, guest_breaks, 0);
	guest_copy(&self->vm, guest_handlers[1])[0] = on_debug;
	ASSERT_EQ(0, kvm_ioctl(self->vcpu->fd, KVM_SET_DEBUGREGS, &regs));
	EXPECT_EQ(3, call_wait_sync(self->vcpu, 1));
	EXPECT_EQ(3, *guest_copy(&self->vm, traps));
}

TEST_F(debug, injected_debug_exception)
{
	vcpu_set_guest(self->vcpu, guest_steps, 0);
	guest_copy(&self->vm, guest_handlers[1])[0] = on_debug;
	guest_copy(&self->vm, guest_handlers[3])[0] = on_debug;
	call_wait_sync(self->vcpu, 1);
	control(self->vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB, 0, 0);
	call_wait_sync(self->vcpu, 2);
	EXPECT_EQ(1, *guest_copy(&self->vm, traps));
}

TEST_HARNESS_MAIN
