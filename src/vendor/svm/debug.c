// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers.
 *
 * VMRUN switches DR6 and DR7; DR0-3 are the host's unless loaded here.  They are
 * loaded only for entries on which they matter, that is when DR7 enables a
 * breakpoint, and never saved but when the guest may have written them: every
 * access to a DR exits once, and from then to the next exit the guest has the
 * registers to itself (SVM_SPECIAL_DR_PASS).  With user space's breakpoints in
 * them (KVM_SET_GUEST_DEBUG) it never does; each access is emulated.
 *
 * #DB always exits, lest a guest wedges the CPU with one inside its own
 * delivery.  So DR6 in the VMCB is kept at its reset value, and what is set
 * there at the exit belongs to that #DB.
 */
#include <linux/hw_breakpoint.h>
#include <linux/kvm.h>
#include <asm/debugreg.h>

#include "../../x86/emulate.h"
#include "../../x86/regs.h"
#include "internal.h"

/* BT, BS, BD, B0 to B3: set when something happened */
#define SVM_DR6_CAUSES		0xe00full
/* L0-3, G0-3 */
#define SVM_DR7_ENABLES		0xffull

#define SVM_DR_INTERCEPTS	0x00ff00ffu	/* reads and writes of DR0-7 */

static void svm_dr_intercepts(struct svm_vcpu *svm, bool on)
{
	svm->vmcb->control.intercepts[INTERCEPT_DR] = on ? SVM_DR_INTERCEPTS : 0;
	svm_dirty(svm, VMCB_CLEAN_INTERCEPTS);
}

static bool svm_debugged(const struct svm_vcpu *svm, u32 what)
{
	u32 on = KVM_GUESTDBG_ENABLE | what;

	return (svm->vcpu->guest_debug & on) == on;
}

void svm_dr_changed(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	struct vmcb_save_area *save = &svm->vmcb->save;
	bool breakpoints = svm_debugged(svm, KVM_GUESTDBG_USE_HW_BP);

	save->dr7 = breakpoints ? vcpu->debug_dr7 : vcpu->dr7;
	save->dr6 = REGS_DR6_FIXED;
	svm_dirty(svm, VMCB_CLEAN_DR);

	svm->special &= ~(SVM_SPECIAL_DR_LIVE | SVM_SPECIAL_DR_PASS | SVM_SPECIAL_RFLAGS);
	if (save->dr7 & SVM_DR7_ENABLES)
		svm->special |= SVM_SPECIAL_DR_LIVE;
	if (vcpu->guest_debug & KVM_GUESTDBG_ENABLE)
		svm->special |= SVM_SPECIAL_RFLAGS;
	svm_dr_intercepts(svm, true);
	svm_intercept(svm, INTERCEPT_EXCEPTION_OFFSET + BP_VECTOR,
		      svm_debugged(svm, KVM_GUESTDBG_USE_SW_BP));
}

void svm_dr_load(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = svm->vcpu;
	const u64 *dr = svm_debugged(svm, KVM_GUESTDBG_USE_HW_BP) ? vcpu->debug_dr :
			vcpu->dr;

	/* The host must not hit the guest's breakpoints on its own account. */
	if (hw_breakpoint_active())
		set_debugreg(0ul, 7);
	set_debugreg(dr[0], 0);
	set_debugreg(dr[1], 1);
	set_debugreg(dr[2], 2);
	set_debugreg(dr[3], 3);
}

void svm_dr_close(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = svm->vcpu;
	struct vmcb *vmcb = svm->vmcb;
	u64 dr6 = vmcb->save.dr6;

	get_debugreg(vcpu->dr[0], 0);
	get_debugreg(vcpu->dr[1], 1);
	get_debugreg(vcpu->dr[2], 2);
	get_debugreg(vcpu->dr[3], 3);
	vcpu->dr6 = dr6;
	vcpu->dr7 = vmcb->save.dr7;
	svm_dr_changed(vcpu);
	/* svm_exit_db() still wants to see what happened. */
	if (vmcb->control.exit_code == SVM_EXIT_EXCP_BASE + DB_VECTOR)
		vmcb->save.dr6 = dr6;
}

/* With decode assists, EXITINFO1 has the number of the general register. */
static int svm_emulate_mov_dr(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = svm->vcpu;
	struct vmcb_control_area *control = &svm->vmcb->control;
	unsigned int nr = (control->exit_code - SVM_EXIT_READ_DR0) & 0xf;
	enum vcpu_reg reg = control->exit_info_1 & 0xf;
	u64 value, rflags = vcpu->rflags;
	int ret;

	if (control->exit_code >= SVM_EXIT_WRITE_DR0) {
		ret = regs_set_dr(vcpu, nr, vcpu_reg(vcpu, reg));
	} else {
		ret = regs_get_dr(vcpu, nr, &value);
		if (!ret)
			vcpu_set_reg(vcpu, reg, value);
	}
	if (ret) {
		if (ret == -EPERM)
			event_raise(vcpu, UD_VECTOR);
		else
			event_raise_error(vcpu, GP_VECTOR, 0);
		return EXIT_RESUME;
	}
	if (!svm_skip_instruction(vcpu))
		return EXIT_RESUME;
	return regs_instruction_done(vcpu, rflags);
}

int svm_exit_dr(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = svm->vcpu;

	vcpu_count(vcpu, VCPU_STAT_DR);
	if (!(vcpu->guest_debug & KVM_GUESTDBG_ENABLE)) {
		svm->special |= SVM_SPECIAL_DR_PASS;
		svm->vmcb->save.dr6 = vcpu->dr6;
		svm_dirty(svm, VMCB_CLEAN_DR);
		svm_dr_intercepts(svm, false);
		return EXIT_RESUME;
	}
	if (svm_host.decode_assists)
		return svm_emulate_mov_dr(svm);
	return emulate_instruction(vcpu, INVALID_GPA, false, NULL, 0);
}

int svm_exit_db(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = svm->vcpu;
	struct vmcb_save_area *save = &svm->vmcb->save;
	u64 causes = (save->dr6 ^ REGS_DR6_FIXED) & SVM_DR6_CAUSES;
	bool user_steps = svm_debugged(svm, KVM_GUESTDBG_SINGLESTEP);
	int ret = EXIT_RESUME;

	vcpu_count(vcpu, VCPU_STAT_EXCEPTION_EXITS);
	if (svm->special & SVM_SPECIAL_NMI_STEP) {
		svm_nmi_step_end(svm);
		/* That step is nobody's business, if nobody else asked for it. */
		if (!user_steps && !(vcpu->rflags & X86_EFLAGS_TF))
			causes &= ~(u64)DR_STEP;
		if (!causes)
			goto out;
	}
	if (user_steps || svm_debugged(svm, KVM_GUESTDBG_USE_HW_BP))
		ret = regs_debug_exit(vcpu, DB_VECTOR, causes);
	else
		event_raise_debug(vcpu, causes);
out:
	save->dr6 = REGS_DR6_FIXED;
	svm_dirty(svm, VMCB_CLEAN_DR);
	return ret;
}

int svm_exit_bp(struct svm_vcpu *svm)
{
	vcpu_count(svm->vcpu, VCPU_STAT_EXCEPTION_EXITS);
	return regs_debug_exit(svm->vcpu, BP_VECTOR, 0);
}
