/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The emulator's ops on a vCPU, and what exits need of it.
 */
#ifndef QUIRE_X86_EMULATE_H
#define QUIRE_X86_EMULATE_H

#include "../types.h"

struct vcpu;
struct mmu_exception;

/* For emulate_instruction(): only accept what an intercept can have caused. */
#define EMULATE_NO_MMIO		(1u << 0)	/* the access was no memory fault */

int emulate_vcpu_create(struct vcpu *vcpu);
void emulate_vcpu_destroy(struct vcpu *vcpu);

/**
 * emulate_instruction() - execute the instruction at RIP in software
 * @gpa:	what the exit said was accessed, or INVALID_GPA
 * @insn, @len:	bytes that hardware fetched, or NULL and 0
 * Holder of vcpu->mutex; takes the slots' SRCU.  May sleep.  Exit result.
 */
int emulate_instruction(struct vcpu *vcpu, gpa_t gpa, u32 flags,
			const u8 *insn, unsigned int len);

/**
 * emulate_insn_length() - length of the instruction at RIP, by decoding it
 * Return: 1 to 15, or 0 with an exception raised or an internal error filled in.
 */
unsigned int emulate_insn_length(struct vcpu *vcpu);

/** emulate_read_gva() - read guest memory by linear address, supervisor access */
int emulate_read_gva(struct vcpu *vcpu, gva_t gva, void *buf, unsigned int len,
		     struct mmu_exception *exc);

/**
 * emulate_exit_ud() - handler of an intercepted #UD: KVM-style hypercall
 * patching is not done; raises #UD.  Exit result.
 */

/* Handlers of exits that every vendor has.  Exit result. */
int emulate_hlt_exit(struct vcpu *vcpu);
int emulate_hypercall_exit(struct vcpu *vcpu);
int emulate_xsetbv_exit(struct vcpu *vcpu);
int emulate_rdtsc_exit(struct vcpu *vcpu);
int emulate_invlpg_exit(struct vcpu *vcpu, gva_t gva);

#endif
