// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls between guest and VMM: the guest's exception handling, which runs in the guest's copy of the program, and the
 * VMM's waiting for calls.
 */
#include "guest.h"

#include <stdio.h>

struct guest_cpu guest_cpus[MAX_VCPUS] __attribute__((aligned(64)));
u8 guest_stacks[MAX_VCPUS][GUEST_STACK_SIZE] __attribute__((aligned(16)));
guest_handler guest_handlers[256];

static u8 user_stack[4096] __attribute__((aligned(16), used));
static volatile u64 user_back_rsp __attribute__((used));
extern const u8 user_back[];

asm(".pushsection .text\n"
	"	.globl guest_user_enter\n"
	"guest_user_enter:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, user_back_rsp(%rip)\n"
	"	push $" LINE_STRING(SEL_USER_DATA) "; push $user_stack + 4032; push %rsi\n"
	"	push $" LINE_STRING(SEL_USER_CODE) "; push %rdi\n"
	"	iretq\n"
	"user_back:\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".popsection\n");

void guest_user_leave(struct guest_frame *frame)
{
	frame->cs = SEL_CODE64;
	frame->ss = SEL_DATA;
	frame->rsp = user_back_rsp;
	frame->rip = (u64)user_back;
}

/* guest code, called from guest_entry.S */
void guest_done(void);
void guest_exception(struct guest_frame *frame);

void guest_done(void)
{
	guest_call(CALL_DONE, "", "", 0, 0, 0);
}

void guest_exception(struct guest_frame *frame)
{
	struct guest_cpu *cpu = guest_this_cpu();
	guest_handler handler = guest_handlers[frame->vector];

	if (handler) {
		handler(frame);
		return;
	}
	if (cpu->try_resume && frame->vector < 32) {
		cpu->try_vector = frame->vector;
		cpu->try_error = frame->error;
		if (frame->vector == 14)
			cpu->try_cr2 = guest_read_cr2();
		frame->rip = cpu->try_resume;
		return;
	}
	cpu->call.value[2] = frame->rip;
	cpu->call.value[3] = guest_read_cr2();
	guest_call(CALL_ABORT, "unexpected exception: vector, error code, rip, cr2", "guest", 0, frame->vector,
		   frame->error);
}

struct guest_call *call_of_exit(struct vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	const u32 *data = (const void *)((const u8 *)run + run->io.data_offset);

	if (run->exit_reason != KVM_EXIT_IO || run->io.port != CALL_PORT)
		return NULL;
	if (run->io.direction != KVM_EXIT_IO_OUT || run->io.size != 4 || run->io.count != 1)
		die("a call by a wrong OUT");
	return vm_hva(vcpu->vm, *data);
}

struct guest_call *call_wait(struct vcpu *vcpu)
{
	struct guest_call *call;

	vcpu_run_to_exit(vcpu);
	call = call_of_exit(vcpu);
	if (!call) {
		vcpu_dump(vcpu);
		die("an exit that is no call of the guest");
	}
	if (call->kind == CALL_ABORT) {
		vcpu_dump(vcpu);
		/* file and text point into the image, which stands at the same address here */
		die("guest: %s:%lu: %s (%#lx, %#lx, %#lx, %#lx)", call->file, (long)call->line, call->text,
		    (long)call->value[0], (long)call->value[1], (long)call->value[2], (long)call->value[3]);
	}
	return call;
}

u64 call_wait_sync(struct vcpu *vcpu, u64 point)
{
	struct guest_call *call = call_wait(vcpu);

	if (call->kind != CALL_SYNC || call->value[0] != point)
		die("waited for sync %lu, came kind %lu from %s:%lu with %lu", (long)point, (long)call->kind,
		    call->file, (long)call->line, (long)call->value[0]);
	return call->value[1];
}

void call_wait_done(struct vcpu *vcpu)
{
	struct guest_call *call = call_wait(vcpu);

	if (call->kind != CALL_DONE)
		die("waited for the guest's end, came kind %lu from %s:%lu with %lu", (long)call->kind, call->file,
		    (long)call->line, (long)call->value[0]);
}
