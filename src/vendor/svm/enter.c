// SPDX-License-Identifier: GPL-2.0-only
/*
 * An entry and the exit that ends it.
 *
 * The VMCB is the truth about a vCPU for all but RAX, RSP, RIP, RFLAGS and CR2,
 * which are copied in before and out after, and CR3, which is copied out.  What
 * is rare is behind one test each way: svm_vcpu.special before and after, an
 * event that was injected, a delivery that was interrupted.
 *
 * Nothing of the host's state is left to restore later but TSC_AUX (msr.c):
 * svm_vmrun() saves and restores what VMRUN does not, and the host's breakpoints
 * come back here.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hw_breakpoint.h>
#include <linux/smp.h>
#include <trace/events/ipi.h>	/* smp_send_reschedule() traces there */
#include <asm/debugreg.h>
#include <asm/mce.h>
#include <asm/processor-flags.h>

#include "../../host/compat/vmexit.h"
#include "../../host/guest_context.h"
#include "../../x86/regs.h"
#include "internal.h"

#define SVM_REG_IS_AT(reg)						\
	static_assert(SVM_REG_##reg ==					\
		      offsetof(struct vcpu, regs[VCPU_##reg]) - offsetof(struct vcpu, regs))

SVM_REG_IS_AT(RCX);
SVM_REG_IS_AT(RDX);
SVM_REG_IS_AT(RBX);
SVM_REG_IS_AT(RBP);
SVM_REG_IS_AT(RSI);
SVM_REG_IS_AT(RDI);
SVM_REG_IS_AT(R8);
SVM_REG_IS_AT(R9);
SVM_REG_IS_AT(R10);
SVM_REG_IS_AT(R11);
SVM_REG_IS_AT(R12);
SVM_REG_IS_AT(R13);
SVM_REG_IS_AT(R14);
SVM_REG_IS_AT(R15);
static_assert(offsetof(struct svm_spec_ctrl, guest) == SVM_SPEC_CTRL_GUEST);
static_assert(offsetof(struct svm_spec_ctrl, host) == SVM_SPEC_CTRL_HOST);
static_assert(offsetof(struct svm_spec_ctrl, read_back) == SVM_SPEC_CTRL_READ_BACK);

#define SVM_CR0_GUEST_OWNED	(X86_CR0_TS | X86_CR0_MP)

/* Another vCPU ran here last, or this one elsewhere. */
static noinline void svm_arrive(struct svm_vcpu *svm, struct svm_percpu *cpu)
{
	/* What another guest taught the branch predictor is not for this one. */
	if (cpu->running != svm->id)
		compat_ibpb();
	/* Hardware's copy of the VMCB may be of another time. */
	svm->vmcb->control.clean = 0;
	if (svm->cpu != cpu) {
		svm->asid_generation = 0;
		svm->cpu = cpu;
	}
	cpu->running = svm->id;
}

static noinline void svm_before_special(struct svm_vcpu *svm)
{
	struct vmcb_save_area *save = &svm->vmcb->save;

	if (svm->special & (SVM_SPECIAL_DR_LIVE | SVM_SPECIAL_DR_PASS))
		svm_dr_load(svm);
	if (svm->special & SVM_SPECIAL_RFLAGS)
		save->rflags = regs_hw_rflags(svm->vcpu);
	if (svm->special & SVM_SPECIAL_NMI_STEP) {
		/* Not while an event is delivered: it would push TF. */
		if (svm->injecting)
			svm->special |= SVM_SPECIAL_EXIT;
		else
			save->rflags |= X86_EFLAGS_TF;
	}
	/* Pending with IF set: taken as soon as the guest could run. */
	if (svm->special & SVM_SPECIAL_EXIT)
		smp_send_reschedule(smp_processor_id());
}

static noinline void svm_after_special(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = svm->vcpu;
	u64 rflags = svm->vmcb->save.rflags;

	if (svm->special & SVM_SPECIAL_EXIT) {
		svm->special &= ~SVM_SPECIAL_EXIT;
		vcpu_request(vcpu, VCPU_REQ_EVENT);
	}
	if (svm->special & SVM_SPECIAL_DR_PASS)
		svm_dr_close(svm);
	if (svm->special & SVM_SPECIAL_NMI_STEP)
		rflags = (rflags & ~(u64)X86_EFLAGS_TF) | (vcpu->rflags & X86_EFLAGS_TF);
	regs_take_hw_rflags(vcpu, rflags);
	if (svm->special & SVM_SPECIAL_IRET)
		svm_nmi_check_iret(svm);
}

/* The kernel's handler, as if the machine check had interrupted user space. */
static noinline void svm_machine_check(void)
{
	struct pt_regs regs = {
		.cs = 3,
		.flags = X86_EFLAGS_IF,
	};

	do_machine_check(&regs);
}

/* Nothing ran: the vCPU is as it was, whatever the VMCB says. */
static noinline void svm_after_failure(struct svm_vcpu *svm, bool refused)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	/* The flush that came with a new ASID did not happen. */
	svm_asid_cpu_reset(svm->cpu);
	svm->asid_generation = 0;
	control->tlb_ctl = TLB_CONTROL_DO_NOTHING;
	control->clean = 0;
	control->exit_code = SVM_EXIT_ERR;
	control->exit_int_info = 0;
	svm->refused = refused;
	svm_cancel_injection(svm->vcpu);
	if (svm->special & SVM_SPECIAL_DR_PASS)
		svm_dr_changed(svm->vcpu);
	/* This CPU goes offline and its last tasks elsewhere, or the machine ends. */
	WARN_ON_ONCE(refused && (native_read_msr(MSR_EFER) & EFER_SVME));
}

static noinline void svm_task_priority_lowered(struct svm_vcpu *svm, u8 cr8)
{
	svm->cr8 = cr8;
	regs_set_cr8(svm->vcpu, cr8);
}

static noinstr int svm_switch(struct svm_vcpu *svm, struct svm_percpu *cpu)
{
	int refused;

	guest_context_enter_irqoff();
	refused = svm_vmrun(svm->vcpu->regs, svm->vmcb_pa, cpu->host_area, &svm->spec);
	guest_context_exit_irqoff();
	return refused;
}

/* All that hardware must get, in order of nothing. */
static __always_inline void svm_before(struct svm_vcpu *svm, struct svm_percpu *cpu)
{
	struct vcpu *vcpu = svm->vcpu;
	struct vmcb_save_area *save = &svm->vmcb->save;

	if (unlikely(svm->cpu != cpu || cpu->running != svm->id))
		svm_arrive(svm, cpu);
	if (unlikely(svm->asid_generation != cpu->asid_generation))
		svm_asid_renew(svm, cpu);
	if (unlikely(svm->tsc_aux != cpu->tsc_aux))
		svm_tsc_aux_load(svm, cpu);
	if (unlikely(!vcpu->apic && svm->cr8 != vcpu->cr8))
		svm_tpr_changed(vcpu, vcpu->cr8 << 4, -1);

	save->rax = vcpu->regs[VCPU_RAX];
	save->rsp = vcpu->regs[VCPU_RSP];
	save->rip = vcpu->rip;
	save->rflags = vcpu->rflags;
	if (save->cr2 != vcpu->cr2) {
		save->cr2 = vcpu->cr2;
		svm_dirty(svm, VMCB_CLEAN_CR2);
	}
	if (unlikely(svm->special))
		svm_before_special(svm);
	if (cpu_feature_enabled(X86_FEATURE_MSR_SPEC_CTRL))
		svm->spec.host = this_cpu_read(x86_spec_ctrl_current);
}

/* All that common code must know before the exit is handled. */
static __always_inline void svm_after(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = svm->vcpu;
	struct vmcb_control_area *control = &svm->vmcb->control;
	struct vmcb_save_area *save = &svm->vmcb->save;

	control->tlb_ctl = TLB_CONTROL_DO_NOTHING;
	control->clean = VMCB_CLEAN_ALL;
	vcpu->regs[VCPU_RAX] = save->rax;
	vcpu->regs[VCPU_RSP] = save->rsp;
	vcpu->rip = save->rip;
	vcpu->cr2 = save->cr2;
	vcpu->cr3 = save->cr3;
	if (unlikely(svm->special))
		svm_after_special(svm);
	else
		vcpu->rflags = save->rflags;
	if (unlikely(save->cr0 != svm->hw_cr0)) {
		svm->hw_cr0 = save->cr0;
		vcpu->cr0 = (vcpu->cr0 & ~(u64)SVM_CR0_GUEST_OWNED) |
			    (save->cr0 & SVM_CR0_GUEST_OWNED);
	}
	if (unlikely((control->int_ctl & V_TPR_MASK) != svm->cr8))
		svm_task_priority_lowered(svm, control->int_ctl & V_TPR_MASK);

	if (unlikely(control->exit_int_info & SVM_EXITINTINFO_VALID)) {
		svm_event_interrupted(svm);
	} else if (svm->injecting) {
		svm->injecting = false;
		svm->soft_len = 0;
		event_delivered(&vcpu->event);
	}
}

void svm_enter(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	struct svm_percpu *cpu = this_cpu_ptr(&svm_percpu);
	int refused;
	u32 exit_code;

	svm_before(svm, cpu);
	refused = svm_switch(svm, cpu);
	compat_guest_ran();
	if (unlikely(hw_breakpoint_active()))
		hw_breakpoint_restore();

	exit_code = svm->vmcb->control.exit_code;
	if (unlikely(refused || exit_code == (u32)SVM_EXIT_ERR)) {
		svm_after_failure(svm, refused);
		return;
	}
	if (unlikely(exit_code == SVM_EXIT_EXCP_BASE + MC_VECTOR))
		svm_machine_check();
	svm_after(svm);
}
