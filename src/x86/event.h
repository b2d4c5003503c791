/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exceptions, interrupts and NMIs on their way into the guest.
 *
 * An event is *pending* until it is handed to hardware at an entry, then
 * *injected* until an exit shows that its delivery completed; if the delivery
 * was itself interrupted the vendor hands it back by the event_requeue_*
 * functions and it is injected again.
 */
#ifndef QUIRE_X86_EVENT_H
#define QUIRE_X86_EVENT_H

#include <linux/atomic.h>
#include <linux/kvm.h>			/* DE_VECTOR and the other exceptions */
#include <asm/irq_vectors.h>		/* NMI_VECTOR */

#include "../types.h"

struct vcpu;
struct kvm_vcpu_events;
struct mmu_exception;

/**
 * struct vcpu_event - see the top of this file
 * @exception:	one at most; a second while one is injected becomes #DF or
 *		shutdown (SDM, Conditions for Generating a Double Fault)
 * @exception.payload: CR2 for #PF, DR6 bits for #DB; written to the register
 *		when the exception is injected
 * @interrupt:	an external or software interrupt that is being delivered
 * @nmi_pending: NMIs not yet handed to hardware, 0 to 2
 * @nmi_injected: one is being delivered
 * @nmi_asked:	NMIs asked for by other tasks, moved to @nmi_pending by the vCPU
 * @pic_vector:	what KVM_INTERRUPT left for a local APIC that accepts the PIC in
 *		user space, or -1
 * @sipi_vector: start-up vector, valid when a SIPI is pending
 *
 * All but @nmi_asked belong to the holder of vcpu->mutex.
 */
struct vcpu_event {
	struct {
		bool pending, injected;
		bool has_error_code, has_payload;
		u8 vector;
		u32 error_code;
		u64 payload;
	} exception;
	struct {
		bool injected, soft;
		u8 vector;
	} interrupt;
	u8 nmi_pending;
	bool nmi_injected;
	atomic_t nmi_asked;
	s16 pic_vector;
	u8 sipi_vector;
};

/* Raise an exception at the current instruction.  Holder of vcpu->mutex. */
void event_raise(struct vcpu *vcpu, u8 vector);
void event_raise_error(struct vcpu *vcpu, u8 vector, u32 error_code);
void event_raise_page_fault(struct vcpu *vcpu, const struct mmu_exception *exc);
/** event_raise_debug() - #DB whose DR6 bits are @dr6_bits */
void event_raise_debug(struct vcpu *vcpu, u64 dr6_bits);

/*
 * Hand back what an exit interrupted in the middle of its delivery.  For the
 * vendor's exit path, before the exit is handled.
 */
void event_requeue_exception(struct vcpu *vcpu, u8 vector, bool has_error_code,
			     u32 error_code);
void event_requeue_interrupt(struct vcpu *vcpu, u8 vector, bool soft);
void event_requeue_nmi(struct vcpu *vcpu);
/** event_delivered() - what was injected at the last entry has arrived */
static inline void event_delivered(struct vcpu_event *event)
{
	event->exception.injected = false;
	event->interrupt.injected = false;
	event->nmi_injected = false;
}

/** event_on_its_way() - will the next entry deliver something that was there before? */
static inline bool event_on_its_way(const struct vcpu_event *event)
{
	return event->interrupt.injected || event->exception.pending ||
	       event->exception.injected || event->nmi_injected;
}

/**
 * event_inject() - choose what the next entry delivers and which window to ask for
 * Holder of vcpu->mutex.  May sleep.
 */
void event_inject(struct vcpu *vcpu);

/**
 * event_interrupt_waiting() - would an interrupt be taken if IF and shadow allowed?
 */
bool event_interrupt_waiting(struct vcpu *vcpu);

/** event_nmi() - queue an NMI from any task (KVM_NMI, an APIC message); kicks */
void event_nmi(struct vcpu *vcpu);

/** event_collect_nmis() - move NMIs asked for by others to the pending count */
void event_collect_nmis(struct vcpu *vcpu);

/**
 * event_hears_user_pic() - is a vector from user space's PIC taken once the guest lets
 * interrupts in?  Not while one waits, or the local APIC keeps it away.
 */
bool event_hears_user_pic(const struct vcpu *vcpu);
/** event_wants_user_pic() - could a vector from user space's PIC be taken now? */
bool event_wants_user_pic(struct vcpu *vcpu);

/*
 * Handlers of KVM_GET/SET_VCPU_EVENTS and KVM_INTERRUPT: 0 or -EINVAL; the last
 * also -ENXIO with all chips in the kernel, and -EEXIST while one waits.
 */
int event_get_state(struct vcpu *vcpu, struct kvm_vcpu_events *out);
int event_set_state(struct vcpu *vcpu, const struct kvm_vcpu_events *in);
int event_user_interrupt(struct vcpu *vcpu, u32 irq);

/** event_reset() - as after INIT */
void event_reset(struct vcpu *vcpu);

#endif
