// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers, and user space debugging a guest (KVM_SET_GUEST_DEBUG).
 *
 * The guest's own registers are vcpu->dr, dr6, dr7.  User space's breakpoints are
 * vcpu->debug_dr and debug_dr7, and take the place of the guest's in hardware
 * while KVM_GUESTDBG_USE_HW_BP is on; the guest goes on reading its own.
 *
 * Single stepping by user space sets RFLAGS.TF in hardware only.  vcpu->rflags
 * never has that bit unless the guest set it: regs_hw_rflags() adds it on the way
 * in and regs_take_hw_rflags() removes it on the way out.
 */
#include <linux/string.h>

#include <uapi/asm/debugreg.h>
#include <asm/processor-flags.h>

#include "../vendor/vendor.h"
#include "machine.h"
#include "regs.h"

/* Bits of DR6 that software can set and clear: B0-B3, BD, BS, BT. */
#define DR6_WRITABLE	(DR_TRAP0 | DR_TRAP1 | DR_TRAP2 | DR_TRAP3 | BIT(13) | \
			 DR_STEP | BIT(15))

#define GUEST_DEBUG_VALID						\
	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |		\
	 KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP |		\
	 KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)

static u64 dr6_canonical(u64 value)
{
	return (value & DR6_WRITABLE) | REGS_DR6_FIXED;
}

static u64 dr7_canonical(u64 value)
{
	return (value & REGS_DR7_WRITABLE) | REGS_DR7_FIXED;
}

/* DR4 and DR5 are other names of DR6 and DR7 until CR4.DE takes them away. */
static int dr_number(const struct vcpu *vcpu, unsigned int nr)
{
	if (nr != 4 && nr != 5)
		return nr;
	return vcpu->cr4 & X86_CR4_DE ? -EPERM : (int)nr + 2;
}

int regs_get_dr(struct vcpu *vcpu, unsigned int nr, u64 *value)
{
	int real = dr_number(vcpu, nr);

	if (real < 0)
		return real;
	if (real < 4)
		*value = vcpu->dr[real];
	else
		*value = real == 6 ? vcpu->dr6 : vcpu->dr7;
	return 0;
}

int regs_set_dr(struct vcpu *vcpu, unsigned int nr, u64 value)
{
	int real = dr_number(vcpu, nr);

	if (real < 0)
		return real;
	if (real >= 4 && value >> 32)
		return -EINVAL;
	if (real < 4)
		vcpu->dr[real] = value;
	else if (real == 6)
		vcpu->dr6 = dr6_canonical(value);
	else
		vcpu->dr7 = dr7_canonical(value);
	vendor->dr_changed(vcpu);
	return 0;
}

void regs_get_debugregs(struct vcpu *vcpu, struct kvm_debugregs *dregs)
{
	memset(dregs, 0, sizeof(*dregs));
	memcpy(dregs->db, vcpu->dr, sizeof(vcpu->dr));
	dregs->dr6 = vcpu->dr6;
	dregs->dr7 = vcpu->dr7;
}

int regs_set_debugregs(struct vcpu *vcpu, const struct kvm_debugregs *dregs)
{
	if (dregs->flags || dregs->dr6 >> 32 || dregs->dr7 >> 32)
		return -EINVAL;
	memcpy(vcpu->dr, dregs->db, sizeof(vcpu->dr));
	vcpu->dr6 = dr6_canonical(dregs->dr6);
	vcpu->dr7 = dr7_canonical(dregs->dr7);
	vendor->dr_changed(vcpu);
	return 0;
}

int regs_set_guest_debug(struct vcpu *vcpu, const struct kvm_guest_debug *dbg)
{
	const u32 inject = KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP;

	if (dbg->control & ~GUEST_DEBUG_VALID)
		return -EINVAL;
	if ((dbg->control & inject) == inject)
		return -EINVAL;
	if (dbg->control & inject) {
		if (vcpu->event.exception.pending || vcpu->event.exception.injected)
			return -EBUSY;
		event_raise(vcpu, dbg->control & KVM_GUESTDBG_INJECT_DB ?
			    DB_VECTOR : BP_VECTOR);
	}

	vcpu->guest_debug = 0;
	if (dbg->control & KVM_GUESTDBG_ENABLE)
		vcpu->guest_debug = dbg->control & ~inject;
	memset(vcpu->debug_dr, 0, sizeof(vcpu->debug_dr));
	vcpu->debug_dr7 = 0;
	if (vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP) {
		memcpy(vcpu->debug_dr, dbg->arch.debugreg, sizeof(vcpu->debug_dr));
		vcpu->debug_dr7 = dr7_canonical((u32)dbg->arch.debugreg[7]);
	}
	vendor->dr_changed(vcpu);
	return 0;
}

u64 regs_hw_rflags(const struct vcpu *vcpu)
{
	if (unlikely(vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP))
		return vcpu->rflags | X86_EFLAGS_TF;
	return vcpu->rflags;
}

void regs_take_hw_rflags(struct vcpu *vcpu, u64 value)
{
	if (unlikely(vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP))
		value = (value & ~X86_EFLAGS_TF) |
			(vcpu->rflags & X86_EFLAGS_TF);
	vcpu->rflags = value;
}

u64 regs_linear_rip(struct vcpu *vcpu)
{
	struct kvm_segment cs;
	bool l, db;

	vendor->get_cs_mode(vcpu, &l, &db);
	if (l && vcpu_long_mode(vcpu))
		return vcpu->rip;
	vendor->get_segment(vcpu, &cs, VCPU_SEG_CS);
	return (u32)(cs.base + vcpu->rip);
}

int regs_debug_exit(struct vcpu *vcpu, u8 vector, u64 dr6)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_DEBUG;
	memset(&run->debug.arch, 0, sizeof(run->debug.arch));
	run->debug.arch.exception = vector;
	run->debug.arch.pc = regs_linear_rip(vcpu);
	run->debug.arch.dr6 = dr6_canonical(dr6);
	run->debug.arch.dr7 = vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP ?
			      vcpu->debug_dr7 : vcpu->dr7;
	return EXIT_USER;
}

bool regs_single_stepping(const struct vcpu *vcpu, u64 rflags)
{
	return (rflags & X86_EFLAGS_TF) ||
	       (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP);
}

int regs_instruction_done(struct vcpu *vcpu, u64 rflags)
{
	if (likely(!regs_single_stepping(vcpu, rflags)))
		return EXIT_RESUME;
	if (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)
		return regs_debug_exit(vcpu, DB_VECTOR, DR_STEP);
	event_raise_debug(vcpu, DR_STEP);
	return EXIT_RESUME;
}
