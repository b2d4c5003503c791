/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The switch to the guest and back.
 *
 * VMRUN itself exchanges what code cannot do without: RIP, RSP, RAX, RFLAGS,
 * the control registers, CS to ES, the descriptor tables.  VMSAVE and VMLOAD
 * carry FS, GS, TR, LDTR with their hidden parts, KernelGsBase and the MSRs of
 * SYSCALL and SYSENTER.  Both directions are done here, so that nothing of the
 * guest is left in the CPU when C goes on and nobody needs to know that a guest
 * ran.
 *
 * GIF is clear in between: an NMI or machine check in the middle would run on
 * the guest's GS.  RFLAGS.IF is set meanwhile, for with V_INTR_MASKING it is
 * the host's IF which lets a host interrupt end the guest's turn.
 *
 * Any SVM instruction faults once a reboot or crash turned SVM off.  All of
 * them do then, since GIF was not cleared either, so each but VMRUN steps over
 * itself and VMRUN takes the way out that reports it.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>

#include "../../host/compat/vmexit.h"
#include "regs.h"

/* An instruction that may fault: then go on behind it. */
.macro TOLERATE insn:vararg
.Linsn_\@:
	\insn
.Lnext_\@:
	_ASM_EXTABLE(.Linsn_\@, .Lnext_\@)
.endm

	.section .noinstr.text, "ax"

/* int svm_vmrun(regs: rdi, vmcb: rsi, host: rdx, spec: rcx) */
SYM_FUNC_START(svm_vmrun)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rcx
	push	%rdx
	push	%rdi

	mov	%rdx, %rax
	TOLERATE vmsave %rax
	TOLERATE clgi
	sti

	/* Of the two only one can be there, and both only with the MSR. */
	ALTERNATIVE_2 "", "jmp .Lspec_ctrl_guest", X86_FEATURE_MSR_SPEC_CTRL, \
		      "", X86_FEATURE_V_SPEC_CTRL
.Lspec_ctrl_is_guest:
	/* A division leaves its quotient in the divider of some CPUs. */
	ALTERNATIVE "", "xor %eax, %eax; xor %edx, %edx; mov $1, %ecx; div %ecx", \
		    X86_BUG_DIV0

	mov	%rsi, %rax
	TOLERATE vmload %rax

	mov	SVM_REG_RCX(%rdi), %rcx
	mov	SVM_REG_RDX(%rdi), %rdx
	mov	SVM_REG_RBX(%rdi), %rbx
	mov	SVM_REG_RBP(%rdi), %rbp
	mov	SVM_REG_RSI(%rdi), %rsi
	mov	SVM_REG_R8(%rdi), %r8
	mov	SVM_REG_R9(%rdi), %r9
	mov	SVM_REG_R10(%rdi), %r10
	mov	SVM_REG_R11(%rdi), %r11
	mov	SVM_REG_R12(%rdi), %r12
	mov	SVM_REG_R13(%rdi), %r13
	mov	SVM_REG_R14(%rdi), %r14
	mov	SVM_REG_R15(%rdi), %r15
	mov	SVM_REG_RDI(%rdi), %rdi

	COMPAT_CLEAR_CPU_BUFFERS
.Lvmrun:
	vmrun	%rax
	_ASM_EXTABLE(.Lvmrun, .Lrefused)

	TOLERATE vmsave %rax
	mov	(%rsp), %rax
	mov	%rcx, SVM_REG_RCX(%rax)
	mov	%rdx, SVM_REG_RDX(%rax)
	mov	%rbx, SVM_REG_RBX(%rax)
	mov	%rbp, SVM_REG_RBP(%rax)
	mov	%rsi, SVM_REG_RSI(%rax)
	mov	%rdi, SVM_REG_RDI(%rax)
	mov	%r8, SVM_REG_R8(%rax)
	mov	%r9, SVM_REG_R9(%rax)
	mov	%r10, SVM_REG_R10(%rax)
	mov	%r11, SVM_REG_R11(%rax)
	mov	%r12, SVM_REG_R12(%rax)
	mov	%r13, SVM_REG_R13(%rax)
	mov	%r14, SVM_REG_R14(%rax)
	mov	%r15, SVM_REG_R15(%rax)

	/* What the guest left in registers must not steer speculation here. */
	xor	%ebx, %ebx
.Lleave:
	mov	8(%rsp), %rax
	TOLERATE vmload %rax
	cli
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%ebp, %ebp
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

	/* No RET before these; an NMI, which has some, comes with STGI. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
	ALTERNATIVE_2 "", "jmp .Lspec_ctrl_host", X86_FEATURE_MSR_SPEC_CTRL, \
		      "", X86_FEATURE_V_SPEC_CTRL
.Lspec_ctrl_is_host:
	COMPAT_UNTRAIN_RET
	TOLERATE stgi

	mov	%ebx, %eax
	add	$(3 * 8), %rsp
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lrefused:
	mov	$1, %ebx
	jmp	.Lleave

.Lspec_ctrl_guest:
	mov	%rcx, %r8
	mov	SVM_SPEC_CTRL_GUEST(%r8), %rax
	cmp	SVM_SPEC_CTRL_HOST(%r8), %rax
	je	.Lspec_ctrl_is_guest
	mov	%rax, %rdx
	shr	$32, %rdx
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	wrmsr
	jmp	.Lspec_ctrl_is_guest

.Lspec_ctrl_host:
	mov	16(%rsp), %r8
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	cmpb	$0, SVM_SPEC_CTRL_READ_BACK(%r8)
	je	.Lspec_ctrl_known
	rdmsr
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, SVM_SPEC_CTRL_GUEST(%r8)
.Lspec_ctrl_known:
	mov	SVM_SPEC_CTRL_HOST(%r8), %rax
	cmp	SVM_SPEC_CTRL_GUEST(%r8), %rax
	je	.Lspec_ctrl_is_host
	mov	%rax, %rdx
	shr	$32, %rdx
	wrmsr
	jmp	.Lspec_ctrl_is_host
SYM_FUNC_END(svm_vmrun)
