/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Long mode guest entry and the entry points of exceptions. Each makes the stack look the same (vector, error code,
 * frame), then all meet in guest_trap, which calls guest_exception(struct guest_frame *) and returns by IRETQ.
 */
	.text

	.globl guest_start
guest_start:
	call *%rsi
	call guest_done
1:	hlt
	jmp 1b

	/* vectors for which the CPU pushes an error code: 8, 10-14, 17, 21, 29, 30 */
	.macro entry vector
	.balign 16
entry_\vector:
	.set has_error, (\vector == 8) || ((\vector >= 10) && (\vector <= 14)) || (\vector == 17)
	.set has_error, has_error || (\vector == 21) || (\vector == 29) || (\vector == 30)
	.if !has_error
	push $0
	.endif
	push $\vector
	jmp guest_trap
	.pushsection .rodata
	.quad entry_\vector
	.popsection
	.endm

	.pushsection .rodata
	.balign 8
	.globl guest_entries
guest_entries:
	.popsection

	.altmacro
	.macro entry_number expression
	entry \expression
	.endm
	.set i, 0
	.rept 256
	entry_number %i
	.set i, i + 1
	.endr
	.noaltmacro

guest_trap:
	push %rax
	push %rbx
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %rbp
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	cld
	mov %rsp, %rdi
	mov %rsp, %rbp
	and $-16, %rsp
	call guest_exception
	mov %rbp, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rbp
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rbx
	pop %rax
	add $16, %rsp
	iretq

	.section .note.GNU-stack,"",@progbits
