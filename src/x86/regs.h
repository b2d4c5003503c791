/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Architectural registers: reset values, control registers with the manual's
 * checks, and the ioctls that read and write them all.
 *
 * Unless a contract says otherwise the caller holds vcpu->mutex, the vCPU is not
 * in guest mode, and the function does not sleep.
 */
#ifndef QUIRE_X86_REGS_H
#define QUIRE_X86_REGS_H

#include <linux/kvm.h>

#include "../types.h"

struct mmu_regs;
struct vcpu;

/* Reset values, and bits that read as 1 (SDM: Debug Registers). */
#define REGS_DR6_FIXED		0xffff0ff0ull
#define REGS_DR7_FIXED		0x00000400ull
/* Bits of DR7 that can be set; the others below 32 are forced. */
#define REGS_DR7_WRITABLE	0xffff23ffull

#define REGS_RFLAGS_FIXED	0x2ull

/**
 * regs_reset() - registers, MSRs, FPU, events and the vendor's part of a vCPU
 * @init: as after INIT; else as after power-up
 * The local APIC (lapic_reset()) and vcpu->mp_state are the caller's.
 */
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

/*
 * MOV DR; DR4 and DR5 alias by CR4.DE.  DR7.GD is the caller's to look at.
 * Return: 0; -EINVAL for #GP; -EPERM for #UD.
 */
int regs_get_dr(struct vcpu *vcpu, unsigned int nr, u64 *value);
int regs_set_dr(struct vcpu *vcpu, unsigned int nr, u64 value);

/*
 * IA32_APIC_BASE, wherever the local APIC is.  @host as in msr_set().
 * Return: 0, or -EINVAL (#GP for a guest).
 */
u64 regs_get_apic_base(const struct vcpu *vcpu);
int regs_set_apic_base(struct vcpu *vcpu, u64 value, bool host);

/** regs_set_rflags() - RFLAGS without what guest debugging adds */
void regs_set_rflags(struct vcpu *vcpu, u64 value);

/** regs_mmu() - fill @regs for mmu_set_regs() */
void regs_mmu(struct vcpu *vcpu, struct mmu_regs *regs);

/** regs_linear_rip() - CS base + RIP as the current mode computes it */
u64 regs_linear_rip(struct vcpu *vcpu);

/*
 * Ioctls.  May sleep.  regs_set_*() return 0, or -EINVAL for a state that the
 * manual calls invalid, with nothing changed.
 */
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
/** regs_set_guest_debug() - also -EBUSY if an exception is already pending */
int regs_set_guest_debug(struct vcpu *vcpu, const struct kvm_guest_debug *dbg);
/* KVM_GET/SET_MP_STATE, KVM_TRANSLATE */
int regs_get_mp_state(struct vcpu *vcpu, struct kvm_mp_state *state);
int regs_set_mp_state(struct vcpu *vcpu, const struct kvm_mp_state *state);
int regs_translate(struct vcpu *vcpu, struct kvm_translation *tr);

/* KVM_GET/SET_FPU.  The guest's FPU is not loaded. */
void regs_get_fpu(struct vcpu *vcpu, struct kvm_fpu *fpu);
int regs_set_fpu(struct vcpu *vcpu, const struct kvm_fpu *fpu);
/**
 * regs_get_xsave() - KVM_GET_XSAVE and KVM_GET_XSAVE2
 * @buf: kernel memory of @size bytes: 4096, or for XSAVE2 regs_xsave_size()
 */
void regs_get_xsave(struct vcpu *vcpu, void *buf, unsigned int size);
/** regs_set_xsave() - KVM_SET_XSAVE; @buf has regs_xsave_size() bytes */
int regs_set_xsave(struct vcpu *vcpu, const void *buf);
/** regs_xsave_size() - KVM_CAP_XSAVE2: at least 4096 bytes */
unsigned int regs_xsave_size(void);

/*
 * KVM_CAP_SYNC_REGS: copy between vcpu->run->s.regs and the vCPU, as
 * run->kvm_valid_regs and run->kvm_dirty_regs ask.  -EINVAL also for unknown
 * bits there.  May sleep.
 */
#define REGS_SYNC_VALID							\
	(KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)
void regs_sync_out(struct vcpu *vcpu);
int regs_sync_in(struct vcpu *vcpu);

/*
 * Single stepping by user space: regs_hw_rflags() is what the vendor loads,
 * regs_take_hw_rflags() is what it does with what hardware had at an exit.
 */
u64 regs_hw_rflags(const struct vcpu *vcpu);
void regs_take_hw_rflags(struct vcpu *vcpu, u64 value);

/** regs_single_stepping() - will an instruction with @rflags before it trap? */
bool regs_single_stepping(const struct vcpu *vcpu, u64 rflags);

/**
 * regs_instruction_done() - an instruction was skipped or emulated
 * @rflags: RFLAGS before it
 * Single-step traps and KVM_EXIT_DEBUG.  Return: exit result.
 */
int regs_instruction_done(struct vcpu *vcpu, u64 rflags);

/**
 * regs_debug_exit() - leave with KVM_EXIT_DEBUG
 * @vector: DB_VECTOR or BP_VECTOR; @dr6: bits of DR6 that tell why
 * Return: EXIT_USER.
 */
int regs_debug_exit(struct vcpu *vcpu, u8 vector, u64 dr6);

/*
 * The guest's XCR0, XSS and PKRU in the place of the host's, and back.  IRQs off,
 * FPU loaded (guest_fpu_load()); directly around vendor->enter().
 */
void regs_switch_to_guest(struct vcpu *vcpu);
void regs_switch_to_host(struct vcpu *vcpu);

#endif
