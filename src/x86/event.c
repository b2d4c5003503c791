// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which event comes next.
 *
 * At most one event is being delivered at a time, and it always goes first: it
 * was taken by the processor already, in the guest's eyes.  After it come, as
 * the manuals rank them, an exception of the last instruction, then an NMI, then
 * an interrupt.  What has to wait opens a window: the backend comes back as soon
 * as it could be taken.
 */
#include <linux/kvm.h>
#include <asm/processor-flags.h>

#include "../irq/irqchip.h"
#include "../vendor/vendor.h"
#include "event.h"
#include "machine.h"

/* SDM, "Conditions for Generating a Double Fault" */
enum event_class {
	EVENT_BENIGN,
	EVENT_CONTRIBUTORY,
	EVENT_PAGE_FAULT,
};

static enum event_class event_class(u8 vector)
{
	switch (vector) {
	case PF_VECTOR:
		return EVENT_PAGE_FAULT;
	case DE_VECTOR:
	case TS_VECTOR:
	case NP_VECTOR:
	case SS_VECTOR:
	case GP_VECTOR:
		return EVENT_CONTRIBUTORY;
	default:
		return EVENT_BENIGN;
	}
}

static bool event_doubles(u8 first, u8 second)
{
	enum event_class a = event_class(first), b = event_class(second);

	if (a == EVENT_PAGE_FAULT)
		return b != EVENT_BENIGN;
	return a == EVENT_CONTRIBUTORY && b == EVENT_CONTRIBUTORY;
}

static void event_set_exception(struct vcpu *vcpu, u8 vector, bool has_error_code,
				u32 error_code)
{
	struct vcpu_event *event = &vcpu->event;

	event->exception.pending = true;
	event->exception.injected = false;
	event->exception.vector = vector;
	event->exception.has_error_code = has_error_code;
	event->exception.error_code = error_code;
	event->exception.has_payload = false;
	event->exception.payload = 0;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

/* Return: true if @vector itself is what is pending now. */
static bool event_raise_any(struct vcpu *vcpu, u8 vector, bool has_error_code,
			    u32 error_code)
{
	struct vcpu_event *event = &vcpu->event;
	u8 first = event->exception.vector;

	if (event->exception.pending || event->exception.injected) {
		if (first == DF_VECTOR) {
			event->exception.pending = false;
			event->exception.injected = false;
			vcpu_request(vcpu, VCPU_REQ_TRIPLE_FAULT);
			return false;
		}
		if (event_doubles(first, vector)) {
			event_set_exception(vcpu, DF_VECTOR, true, 0);
			return false;
		}
	}
	/* Real mode has no error codes. */
	event_set_exception(vcpu, vector, has_error_code && (vcpu->cr0 & X86_CR0_PE),
			    error_code);
	return true;
}

void event_raise(struct vcpu *vcpu, u8 vector)
{
	event_raise_any(vcpu, vector, false, 0);
}

void event_raise_error(struct vcpu *vcpu, u8 vector, u32 error_code)
{
	event_raise_any(vcpu, vector, true, error_code);
}

void event_raise_page_fault(struct vcpu *vcpu, const struct mmu_exception *exc)
{
	if (!event_raise_any(vcpu, PF_VECTOR, true, (u32)exc->error_code))
		return;
	vcpu->event.exception.has_payload = true;
	vcpu->event.exception.payload = exc->address;
}

void event_raise_debug(struct vcpu *vcpu, u64 dr6_bits)
{
	if (!event_raise_any(vcpu, DB_VECTOR, false, 0))
		return;
	vcpu->event.exception.has_payload = true;
	vcpu->event.exception.payload = dr6_bits;
}

void event_requeue_exception(struct vcpu *vcpu, u8 vector, bool has_error_code,
			     u32 error_code)
{
	event_set_exception(vcpu, vector, has_error_code, error_code);
	vcpu->event.exception.pending = false;
	vcpu->event.exception.injected = true;
}

void event_requeue_interrupt(struct vcpu *vcpu, u8 vector, bool soft)
{
	vcpu->event.interrupt.injected = true;
	vcpu->event.interrupt.vector = vector;
	vcpu->event.interrupt.soft = soft;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

void event_requeue_nmi(struct vcpu *vcpu)
{
	vcpu->event.nmi_injected = true;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

/* DR6 has bits that are 1 when nothing happened: BLD and RTM. */
#define DR6_ACTIVE_LOW		0x00010800ull
#define DR7_GENERAL_DETECT	(1ull << 13)

static void event_deliver_payload(struct vcpu *vcpu)
{
	struct vcpu_event *event = &vcpu->event;

	if (!event->exception.has_payload)
		return;
	switch (event->exception.vector) {
	case PF_VECTOR:
		vcpu->cr2 = event->exception.payload;
		break;
	case DB_VECTOR:
		/* B0-B3 are of this #DB alone; the others add up. */
		vcpu->dr6 &= ~0xfull;
		vcpu->dr6 |= event->exception.payload | DR6_ACTIVE_LOW;
		/* The handler may touch the debug registers. */
		vcpu->dr7 &= ~DR7_GENERAL_DETECT;
		vendor->dr_changed(vcpu);
		break;
	}
	event->exception.has_payload = false;
	event->exception.payload = 0;
}

static void event_inject_exception(struct vcpu *vcpu)
{
	struct vcpu_event *event = &vcpu->event;

	if (event->exception.pending) {
		event_deliver_payload(vcpu);
		/* Faults are restarted with RF set; #DB traps and #BP, #OF are not. */
		if (event->exception.vector != DB_VECTOR &&
		    event->exception.vector != BP_VECTOR &&
		    event->exception.vector != OF_VECTOR)
			vcpu->rflags |= X86_EFLAGS_RF;
		event->exception.pending = false;
		event->exception.injected = true;
		vcpu_count(vcpu, VCPU_STAT_EXCEPTIONS);
	}
	vendor->inject_exception(vcpu);
}

/* Return: true if the next entry delivers something that was there before. */
static bool event_inject_current(struct vcpu *vcpu)
{
	struct vcpu_event *event = &vcpu->event;

	if (event->exception.injected || event->exception.pending)
		event_inject_exception(vcpu);
	else if (event->nmi_injected)
		vendor->inject_nmi(vcpu);
	else if (event->interrupt.injected)
		vendor->inject_interrupt(vcpu);
	else
		return false;
	return true;
}

/* Does a PIC, ours or user space's, interrupt this vCPU? */
static bool event_pic_waiting(struct vcpu *vcpu)
{
	if (vcpu->event.pic_vector < 0 && !READ_ONCE(vcpu->vm->irq.pic_output))
		return lapic_extint_asked(vcpu);
	return lapic_accepts_pic(vcpu) || lapic_extint_asked(vcpu);
}

/* Return: -1 if what was waiting is another vCPU's by now. */
static int event_accept_interrupt(struct vcpu *vcpu)
{
	struct vcpu_event *event = &vcpu->event;
	int vector = event->pic_vector;

	if (likely(!event_pic_waiting(vcpu)))
		return lapic_accept(vcpu);
	if (vcpu->vm->irqchip_full) {
		lapic_extint_done(vcpu);
		return irqchip_accept(vcpu->vm);
	}
	event->pic_vector = -1;
	return vector;
}

static void event_inject_interrupt(struct vcpu *vcpu)
{
	struct vcpu_event *event = &vcpu->event;
	int vector = event_accept_interrupt(vcpu);

	if (vector < 0)
		return;
	event->interrupt.vector = vector;
	event->interrupt.soft = false;
	event->interrupt.injected = true;
	vcpu_count(vcpu, VCPU_STAT_INTERRUPTS);
	vendor->inject_interrupt(vcpu);
}

void event_inject(struct vcpu *vcpu)
{
	struct vcpu_event *event = &vcpu->event;
	bool busy = event_inject_current(vcpu);

	event_collect_nmis(vcpu);
	if (event->nmi_pending) {
		if (!busy && vendor->nmi_allowed(vcpu)) {
			event->nmi_pending--;
			event->nmi_injected = true;
			vcpu_count(vcpu, VCPU_STAT_NMIS);
			vendor->inject_nmi(vcpu);
			busy = true;
		}
		if (event->nmi_pending)
			vendor->open_nmi_window(vcpu);
	}

	if (!event_interrupt_waiting(vcpu))
		return;
	if (!busy && vendor->interrupt_allowed(vcpu)) {
		event_inject_interrupt(vcpu);
		if (!event_interrupt_waiting(vcpu))
			return;
	}
	vendor->open_interrupt_window(vcpu);
}

bool event_interrupt_waiting(struct vcpu *vcpu)
{
	if (!vcpu->apic)
		return false;
	if (event_pic_waiting(vcpu))
		return true;
	return lapic_pending_vector(vcpu) >= 0;
}

bool event_hears_user_pic(const struct vcpu *vcpu)
{
	return !vcpu->apic || (vcpu->event.pic_vector < 0 && lapic_accepts_pic(vcpu));
}

bool event_wants_user_pic(struct vcpu *vcpu)
{
	if (event_on_its_way(&vcpu->event))
		return false;
	return event_hears_user_pic(vcpu) && vendor->interrupt_allowed(vcpu);
}

void event_nmi(struct vcpu *vcpu)
{
	atomic_inc(&vcpu->event.nmi_asked);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	vcpu_kick(vcpu);
}

void event_collect_nmis(struct vcpu *vcpu)
{
	struct vcpu_event *event = &vcpu->event;
	unsigned int limit = 2;

	if (likely(!atomic_read(&event->nmi_asked)))
		return;
	/* The processor latches one NMI while another is being handled. */
	if (event->nmi_injected || vendor->get_nmi_mask(vcpu))
		limit = 1;
	event->nmi_pending += min_t(unsigned int, atomic_xchg(&event->nmi_asked, 0), limit);
	event->nmi_pending = min_t(unsigned int, event->nmi_pending, limit);
}

/* INT3 and INTO: executed again they come again, so they are not saved. */
static bool event_is_soft_exception(u8 vector)
{
	return vector == BP_VECTOR || vector == OF_VECTOR;
}

int event_get_state(struct vcpu *vcpu, struct kvm_vcpu_events *out)
{
	struct vcpu_event *event = &vcpu->event;

	event_collect_nmis(vcpu);
	memset(out, 0, sizeof(*out));

	/*
	 * User space that does not know payloads finds what they stand for in
	 * the registers, and a pending exception as one that is injected.
	 */
	if (!vcpu->vm->exception_payload && event->exception.pending)
		event_deliver_payload(vcpu);
	if (!event_is_soft_exception(event->exception.vector)) {
		out->exception.injected = event->exception.injected;
		out->exception.pending = event->exception.pending;
		if (!vcpu->vm->exception_payload)
			out->exception.injected |= event->exception.pending;
	}
	out->exception.nr = event->exception.vector;
	out->exception.has_error_code = event->exception.has_error_code;
	out->exception.error_code = event->exception.error_code;
	out->exception_has_payload = event->exception.has_payload;
	out->exception_payload = event->exception.payload;

	out->interrupt.injected = event->interrupt.injected && !event->interrupt.soft;
	out->interrupt.nr = event->interrupt.vector;
	out->interrupt.shadow = vendor->get_interrupt_shadow(vcpu);

	out->nmi.injected = event->nmi_injected;
	out->nmi.pending = event->nmi_pending;
	out->nmi.masked = vendor->get_nmi_mask(vcpu);

	out->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	if (vcpu->vm->exception_payload)
		out->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (vcpu->apic && vcpu->mp_state == KVM_MP_STATE_SIPI_RECEIVED) {
		out->flags |= KVM_VCPUEVENT_VALID_SIPI_VECTOR;
		out->sipi_vector = event->sipi_vector;
	}
	return 0;
}

static int event_check_state(struct vcpu *vcpu, const struct kvm_vcpu_events *in,
			     bool pending)
{
	u32 known = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
		    KVM_VCPUEVENT_VALID_SHADOW;

	if (vcpu->vm->exception_payload)
		known |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (in->flags & ~known)
		return -EINVAL;
	if ((in->exception.injected || pending) &&
	    (in->exception.nr > 31 || in->exception.nr == NMI_VECTOR))
		return -EINVAL;
	if (in->exception.injected && pending)
		return -EINVAL;
	return 0;
}

int event_set_state(struct vcpu *vcpu, const struct kvm_vcpu_events *in)
{
	struct vcpu_event *event = &vcpu->event;
	bool payload = in->flags & KVM_VCPUEVENT_VALID_PAYLOAD;
	/* Without payloads the field held something else once: ignore it. */
	bool pending = payload && in->exception.pending;
	int ret;

	ret = event_check_state(vcpu, in, pending);
	if (ret)
		return ret;

	event->exception.injected = in->exception.injected;
	event->exception.pending = pending;
	event->exception.vector = in->exception.nr;
	event->exception.has_error_code = in->exception.has_error_code;
	event->exception.error_code = in->exception.error_code;
	event->exception.has_payload = payload && in->exception_has_payload;
	event->exception.payload = payload ? in->exception_payload : 0;

	event->interrupt.injected = in->interrupt.injected;
	event->interrupt.vector = in->interrupt.nr;
	event->interrupt.soft = in->interrupt.soft;
	if (in->flags & KVM_VCPUEVENT_VALID_SHADOW)
		vendor->set_interrupt_shadow(vcpu, in->interrupt.shadow);

	event->nmi_injected = in->nmi.injected;
	if (in->flags & KVM_VCPUEVENT_VALID_NMI_PENDING) {
		event->nmi_pending = 0;
		atomic_set(&event->nmi_asked, in->nmi.pending);
	}
	vendor->set_nmi_mask(vcpu, in->nmi.masked);

	if (vcpu->apic && (in->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR))
		event->sipi_vector = in->sipi_vector;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}

int event_user_interrupt(struct vcpu *vcpu, u32 irq)
{
	struct vcpu_event *event = &vcpu->event;

	if (irq > 255)
		return -EINVAL;
	if (!vcpu->apic) {
		event_requeue_interrupt(vcpu, irq, false);
		return 0;
	}
	if (vcpu->vm->irqchip_full)
		return -ENXIO;
	if (event->pic_vector >= 0)
		return -EEXIST;
	event->pic_vector = irq;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}

void event_reset(struct vcpu *vcpu)
{
	struct vcpu_event *event = &vcpu->event;

	event_delivered(event);
	event->exception.pending = false;
	event->exception.has_payload = false;
	event->exception.vector = 0;
	event->nmi_pending = 0;
	atomic_set(&event->nmi_asked, 0);
	event->pic_vector = -1;
}
