/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The emulator on a vCPU, and the exits that every vendor has.
 */
#ifndef QUIRE_X86_EMULATE_H
#define QUIRE_X86_EMULATE_H

#include "../types.h"

struct emul_ops;
struct mmu_exception;
struct vcpu;

/** emulate_vcpu_create() - allocate vcpu->emul.  May sleep.  0 or -ENOMEM. */
int emulate_vcpu_create(struct vcpu *vcpu);
/** emulate_vcpu_destroy() - end of emulate_vcpu_create() */
void emulate_vcpu_destroy(struct vcpu *vcpu);

/**
 * emulate_instruction() - execute the instruction at RIP in software
 * @gpa:	what a memory exit said the instruction accessed, or INVALID_GPA
 * @write:	it said that the access was a write
 * @insn:	bytes that hardware fetched, or NULL
 * @len:	how many, 0 to 15
 * Holder of vcpu->mutex; takes the slots' SRCU (it nests).  May sleep.
 * Return: as exit handlers do.
 */
int emulate_instruction(struct vcpu *vcpu, gpa_t gpa, bool write, const u8 *insn,
			unsigned int len);

/**
 * emulate_skip() - step over the instruction at RIP, by decoding it
 * For processors that do not report the length.  RIP moves; the interrupt
 * shadow is left to the caller.  Context as emulate_instruction().
 * Return: true; false if it could not be read or decoded: an exception was
 * raised, and the guest is to be resumed.
 */
bool emulate_skip(struct vcpu *vcpu);

/**
 * emulate_skip_hypercall() - step over VMCALL or VMMCALL, if that is what is at RIP
 * Ends an interrupt shadow.  Context as emulate_instruction().
 * Return: false if it is anything else; nothing was changed or raised then.
 */
bool emulate_skip_hypercall(struct vcpu *vcpu);

/**
 * emulate_translate() - a guest linear address to its gpa, by the tables of now
 * @access:	as mmu_translate()
 * Holder of vcpu->mutex and the slots' SRCU.  May sleep.
 * Return: INVALID_GPA with @exc filled if the guest's tables forbid it.
 */
gpa_t emulate_translate(struct vcpu *vcpu, gva_t gva, u32 access,
			struct mmu_exception *exc);

/** emulate_ops - how the emulator reaches a vCPU */
extern const struct emul_ops emulate_ops;

/*
 * Handlers of exits that every vendor has.  Holder of vcpu->mutex; may sleep.
 * Return: enum exit_result or -errno.
 */

/** emulate_hlt_exit() - HLT: wait in the kernel, or exit to user space */
int emulate_hlt_exit(struct vcpu *vcpu);
/** emulate_halt() - the vCPU halts; RIP is behind the HLT already */
int emulate_halt(struct vcpu *vcpu);
/** emulate_xsetbv_exit() - XSETBV */
int emulate_xsetbv_exit(struct vcpu *vcpu);
/** emulate_invd_exit() - INVD, WBINVD: memory is coherent, nothing to do */
int emulate_invd_exit(struct vcpu *vcpu);

#endif
