/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Architectural registers: reset values, control registers with the manual's
 * checks, and the ioctls that read and write them all.
 */
#ifndef QUIRE_X86_REGS_H
#define QUIRE_X86_REGS_H

#include <linux/kvm.h>

#include "../types.h"

struct vcpu;

/** regs_reset() - all of a vCPU as after power-up, or after INIT */
void regs_reset(struct vcpu *vcpu, bool init);

/*
 * Writes by guest instructions (and by SET_SREGS).  They check as the manual
 * says (MOV CR: "Control Registers"), update vcpu->cr*, efer and LMA, tell the
 * vendor and raise VCPU_REQ_MMU_REGS and the flushes that the manual asks for.
 * Return: 0, or -EINVAL (#GP for a guest; nothing was changed).
 */
int regs_set_cr0(struct vcpu *vcpu, u64 value);
int regs_set_cr3(struct vcpu *vcpu, u64 value);
int regs_set_cr4(struct vcpu *vcpu, u64 value);
int regs_set_cr8(struct vcpu *vcpu, u64 value);
u64 regs_get_cr8(struct vcpu *vcpu);
int regs_set_efer(struct vcpu *vcpu, u64 value, bool host);
int regs_set_xcr(struct vcpu *vcpu, u32 index, u64 value);
/* DR4 and DR5 alias by CR4.DE; -EINVAL for #GP, -EPERM for #UD. */
int regs_get_dr(struct vcpu *vcpu, unsigned int nr, u64 *value);
int regs_set_dr(struct vcpu *vcpu, unsigned int nr, u64 value);
/** regs_set_rflags() - RFLAGS without what guest debugging adds */
void regs_set_rflags(struct vcpu *vcpu, u64 value);

/** regs_mmu() - fill @regs for mmu_set_regs() */
struct mmu_regs;
void regs_mmu(struct vcpu *vcpu, struct mmu_regs *regs);

/* Ioctls.  Holder of vcpu->mutex.  0 or -EINVAL; may sleep. */
void regs_get(struct vcpu *vcpu, struct kvm_regs *regs);
void regs_set(struct vcpu *vcpu, const struct kvm_regs *regs);
void regs_get_sregs(struct vcpu *vcpu, struct kvm_sregs *sregs);
int regs_set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs);
void regs_get_sregs2(struct vcpu *vcpu, struct kvm_sregs2 *sregs);
int regs_set_sregs2(struct vcpu *vcpu, const struct kvm_sregs2 *sregs);
void regs_get_debugregs(struct vcpu *vcpu, struct kvm_debugregs *dregs);
int regs_set_debugregs(struct vcpu *vcpu, const struct kvm_debugregs *dregs);
int regs_get_xcrs(struct vcpu *vcpu, struct kvm_xcrs *xcrs);
int regs_set_xcrs(struct vcpu *vcpu, const struct kvm_xcrs *xcrs);
int regs_set_guest_debug(struct vcpu *vcpu, const struct kvm_guest_debug *dbg);
int regs_get_mp_state(struct vcpu *vcpu, struct kvm_mp_state *state);
int regs_set_mp_state(struct vcpu *vcpu, const struct kvm_mp_state *state);
int regs_translate(struct vcpu *vcpu, struct kvm_translation *tr);
/* KVM_CAP_SYNC_REGS: copy between vcpu->run->s.regs and the vCPU. */
void regs_sync_out(struct vcpu *vcpu);
int regs_sync_in(struct vcpu *vcpu);

/*
 * Single stepping by user space: the vendor's RFLAGS for hardware, and what to
 * do after an emulated or skipped instruction.
 */
u64 regs_hw_rflags(const struct vcpu *vcpu);
/** regs_instruction_done() - an instruction was skipped or emulated: single-step
 * traps and KVM_EXIT_DEBUG.  @rflags: RFLAGS before it.  Exit result. */
int regs_instruction_done(struct vcpu *vcpu, u64 rflags);

#endif
