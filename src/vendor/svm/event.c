// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: into the guest by EVENTINJ, back out of EXITINTINFO, and the windows
 * through which one comes that has to wait.
 *
 * Interrupts: V_IRQ with a vector that is never delivered, and the VINTR
 * intercept, make an exit as soon as RFLAGS.IF and the shadow allow one.
 *
 * NMIs: the CPU does not say when an injected one was handled.  So IRET exits
 * while NMIs are masked.  That exit comes before IRET; from then on
 * SVM_SPECIAL_IRET is set until RIP has moved.  If an NMI waits for that
 * moment, or for the end of an interrupt shadow, the guest is stepped with TF.
 *
 * INT n, INT3 and INTO: common code has RIP at the instruction, as user space
 * sees it too.  With NextRIP hardware pushes that; without, RIP is moved for the
 * time of the injection.  One that the guest executed itself, and whose delivery
 * was interrupted, is simply executed again.
 */
#include <linux/kvm.h>
#include <asm/processor-flags.h>

#include "internal.h"

/* Bytes of the instructions whose events are injected; without prefixes. */
#define SVM_INT_N_LEN	2
#define SVM_INT3_LEN	1

static bool svm_vector_is_soft(u8 vector)
{
	return vector == BP_VECTOR || vector == OF_VECTOR;
}

static void svm_event_hand_over(struct svm_vcpu *svm, u32 event, u32 error_code)
{
	svm->vmcb->control.event_inj = event | SVM_EVTINJ_VALID;
	svm->vmcb->control.event_inj_err = error_code;
	svm->injecting = true;
}

static void svm_event_soft(struct svm_vcpu *svm, u8 len)
{
	struct vcpu *vcpu = svm->vcpu;

	svm->soft_len = len;
	if (svm_host.nrips)
		svm->vmcb->control.next_rip = vcpu->rip + len;
	else
		vcpu->rip += len;
	svm->soft_rip = vcpu->rip;
}

/* The injection did not happen: RIP is at the instruction again. */
static void svm_event_soft_undo(struct svm_vcpu *svm)
{
	if (!svm_host.nrips)
		svm->vcpu->rip -= svm->soft_len;
}

void svm_inject_exception(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	u8 vector = vcpu->event.exception.vector;
	u32 event = vector | SVM_EVTINJ_TYPE_EXEPT;

	if (vcpu->event.exception.has_error_code)
		event |= SVM_EVTINJ_VALID_ERR;
	svm_event_hand_over(svm, event, vcpu->event.exception.error_code);
	if (svm_vector_is_soft(vector))
		svm_event_soft(svm, SVM_INT3_LEN);
}

/* After a change of what asks for exits at writes of CR8. */
static void svm_choose_cr8_exits(struct svm_vcpu *svm)
{
	bool exits = svm->cr8_exits || (svm_host.cr8_exits_in_window &&
					svm_intercepts(svm, INTERCEPT_VINTR));

	if (svm_intercepts(svm, INTERCEPT_CR8_WRITE) != exits)
		svm_intercept(svm, INTERCEPT_CR8_WRITE, exits);
}

static void svm_set_interrupt_window(struct svm_vcpu *svm, bool open)
{
	u32 *int_ctl = &svm->vmcb->control.int_ctl;

	/* The highest priority: it is not the guest's TPR which holds it back. */
	if (open)
		*int_ctl |= V_IRQ_INJECTION_BITS_MASK;
	else
		*int_ctl &= ~V_IRQ_INJECTION_BITS_MASK;
	svm_dirty(svm, VMCB_CLEAN_INT_CTL);
	svm_intercept(svm, INTERCEPT_VINTR, open);
	svm_choose_cr8_exits(svm);
}

void svm_inject_interrupt(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	u32 event = vcpu->event.interrupt.vector;

	if (svm_intercepts(svm, INTERCEPT_VINTR))
		svm_set_interrupt_window(svm, false);
	if (vcpu->event.interrupt.soft) {
		svm_event_hand_over(svm, event | SVM_EVTINJ_TYPE_SOFT, 0);
		svm_event_soft(svm, SVM_INT_N_LEN);
		return;
	}
	svm_event_hand_over(svm, event | SVM_EVTINJ_TYPE_INTR, 0);
}

void svm_inject_nmi(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	svm_event_hand_over(svm, NMI_VECTOR | SVM_EVTINJ_TYPE_NMI, 0);
	svm_set_nmi_mask(vcpu, true);
}

static bool svm_shadowed(const struct svm_vcpu *svm)
{
	return svm->vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK;
}

bool svm_interrupt_allowed(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	return (vcpu->rflags & X86_EFLAGS_IF) && !svm_shadowed(svm) && !svm->injecting;
}

bool svm_nmi_allowed(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	return !svm->nmi_masked && !svm_shadowed(svm) && !svm->injecting;
}

void svm_open_interrupt_window(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	if (svm_intercepts(svm, INTERCEPT_VINTR))
		return;
	svm->vmcb->control.int_vector = 0;
	svm_set_interrupt_window(svm, true);
}

int svm_exit_interrupt_window(struct svm_vcpu *svm)
{
	vcpu_count(svm->vcpu, VCPU_STAT_INTERRUPT_WINDOW);
	svm_set_interrupt_window(svm, false);
	vcpu_request(svm->vcpu, VCPU_REQ_EVENT);
	return EXIT_RESUME;
}

void svm_open_nmi_window(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	/* The exit of IRET comes by itself. */
	if (svm->nmi_masked && !(svm->special & SVM_SPECIAL_IRET))
		return;
	/* Another event goes first: look again when it has been delivered. */
	if (svm->injecting) {
		svm->special |= SVM_SPECIAL_EXIT;
		return;
	}
	svm->special |= SVM_SPECIAL_NMI_STEP;
}

int svm_exit_iret(struct svm_vcpu *svm)
{
	vcpu_count(svm->vcpu, VCPU_STAT_NMI_WINDOW);
	svm_intercept(svm, INTERCEPT_IRET, false);
	svm->special |= SVM_SPECIAL_IRET;
	svm->iret_rip = svm->vcpu->rip;
	vcpu_request(svm->vcpu, VCPU_REQ_EVENT);
	return EXIT_RESUME;
}

void svm_nmi_check_iret(struct svm_vcpu *svm)
{
	if (svm->vcpu->rip == svm->iret_rip)
		return;
	svm_set_nmi_mask(svm->vcpu, false);
	vcpu_request(svm->vcpu, VCPU_REQ_EVENT);
}

void svm_nmi_step_end(struct svm_vcpu *svm)
{
	svm->special &= ~SVM_SPECIAL_NMI_STEP;
	if (svm->special & SVM_SPECIAL_IRET)
		svm_set_nmi_mask(svm->vcpu, false);
	vcpu_request(svm->vcpu, VCPU_REQ_EVENT);
}

bool svm_get_nmi_mask(struct vcpu *vcpu)
{
	return svm_of(vcpu)->nmi_masked;
}

void svm_set_nmi_mask(struct vcpu *vcpu, bool masked)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	svm->special &= ~SVM_SPECIAL_IRET;
	if (svm->nmi_masked == masked && svm_intercepts(svm, INTERCEPT_IRET) == masked)
		return;
	svm->nmi_masked = masked;
	svm_intercept(svm, INTERCEPT_IRET, masked);
}

u32 svm_get_interrupt_shadow(struct vcpu *vcpu)
{
	/* Hardware does not tell which of the two it is. */
	return svm_shadowed(svm_of(vcpu)) ?
	       KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS : 0;
}

void svm_set_interrupt_shadow(struct vcpu *vcpu, u32 shadow)
{
	struct vmcb_control_area *control = &svm_of(vcpu)->vmcb->control;

	if (shadow)
		control->int_state |= SVM_INTERRUPT_SHADOW_MASK;
	else
		control->int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
}

void svm_tpr_changed(struct vcpu *vcpu, u8 tpr, int irr)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	u32 *int_ctl = &svm->vmcb->control.int_ctl;

	/* User space's APIC must hear of every change. */
	svm->cr8_exits = !vcpu->apic || (irr >= 0 && irr >> 4 <= tpr >> 4);
	svm->cr8 = tpr >> 4;
	if ((*int_ctl & V_TPR_MASK) != svm->cr8) {
		*int_ctl = (*int_ctl & ~V_TPR_MASK) | svm->cr8;
		svm_dirty(svm, VMCB_CLEAN_INT_CTL);
	}
	svm_choose_cr8_exits(svm);
}

/* An event in the form of EVENTINJ and EXITINTINFO goes back to common code. */
static void svm_event_requeue(struct svm_vcpu *svm, u32 info, u32 error_code)
{
	struct vcpu *vcpu = svm->vcpu;
	u8 vector = info & SVM_EXITINTINFO_VEC_MASK;
	/* Elsewhere by now: what was injected arrived, this is another event. */
	bool ours = svm->soft_len && vcpu->rip == svm->soft_rip;

	if (ours)
		svm_event_soft_undo(svm);
	svm->soft_len = 0;

	switch (info & SVM_EXITINTINFO_TYPE_MASK) {
	case SVM_EXITINTINFO_TYPE_INTR:
		event_requeue_interrupt(vcpu, vector, false);
		break;
	case SVM_EXITINTINFO_TYPE_NMI:
		event_requeue_nmi(vcpu);
		break;
	case SVM_EXITINTINFO_TYPE_EXEPT:
		if (!svm_vector_is_soft(vector) || ours)
			event_requeue_exception(vcpu, vector,
						info & SVM_EXITINTINFO_VALID_ERR,
						error_code);
		break;
	case SVM_EXITINTINFO_TYPE_SOFT:
		if (ours)
			event_requeue_interrupt(vcpu, vector, true);
		break;
	}
}

void svm_event_interrupted(struct svm_vcpu *svm)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	event_delivered(&svm->vcpu->event);
	svm->injecting = false;
	svm_event_requeue(svm, control->exit_int_info, control->exit_int_info_err);
}

void svm_cancel_injection(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;

	svm->special &= ~SVM_SPECIAL_EXIT;
	if (!svm->injecting)
		return;
	svm->injecting = false;
	event_delivered(&vcpu->event);
	svm_event_requeue(svm, control->event_inj, control->event_inj_err);
	control->event_inj = 0;
}
