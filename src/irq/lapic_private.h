/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files lapic*.c share.
 */
#ifndef QUIRE_IRQ_LAPIC_PRIVATE_H
#define QUIRE_IRQ_LAPIC_PRIVATE_H

#include <linux/hrtimer.h>

#include "apic_regs.h"

/* Bits of lapic->accepts. */
#define LAPIC_ON		BIT(0)	/* enabled by IA32_APIC_BASE */
#define LAPIC_FIXED		BIT(1)	/* and by software, in SVR */
#define LAPIC_X2APIC		BIT(2)	/* in x2APIC mode */

/* Bits of lapic->messages. */
#define LAPIC_MSG_INIT		0
#define LAPIC_MSG_SIPI		1

/**
 * struct lapic_timer - the timer of a local APIC
 * @host:	fires when the count reaches 0, unless LVT masks it; its callback
 *		runs with IRQs off on any CPU
 * @mode:	enum apic_timer_mode
 * @period_ns:	one shot, or the whole period; 0: stopped.  Not in deadline mode
 * @expiry:	host time at which the count reached, or reaches, 0 first
 * @deadline:	guest TSC value, 0: disarmed; the callback writes 0
 * @due:	the deadline whose vector the callback posted, maybe before it; 0: none
 * @advance_ns:	by how much @host fires before a deadline
 *
 * Owner: the holder of vcpu->mutex, who cancels @host before he changes a field.
 * Until then the callback reads @mode, @period_ns, @deadline and @advance_ns, and
 * writes @due before it posts.
 */
struct lapic_timer {
	struct hrtimer host;
	u8 mode;
	u64 period_ns;
	ktime_t expiry;
	u64 deadline;
	u64 due;
	u32 advance_ns;
};

/**
 * struct lapic - a local APIC
 * @irr_maybe:	false: @regs.irr is empty.  Set after a bit of it by whoever posts,
 *		cleared by the owner, who looks again after that
 * @isr_highest: highest vector in service, or -1
 * @tpr, @ppr:	task and processor priority
 * @told_irr, @told_tpr: what vendor->tpr_changed() was told last
 * @accepts:	LAPIC_ON and so on: what the owner published for those who post
 * @vcpu:	constant
 * @base:	IA32_APIC_BASE
 * @regs:	see there.  APIC_REG_TPR is kept in @tpr
 * @messages:	INIT and SIPI received, not acted upon yet; any task, atomic
 * @extint:	a message came that stands for the INTR pin: the PIC is to be asked once
 * @sipi_vector: of the SIPI in @messages; written before its bit
 * @errors:	what the next write of ESR makes visible; any task, atomic
 * @eoi_vector:	whose EOI user space is to hear of; valid with VCPU_REQ_EXIT
 * @eoi_exits:	vectors whose EOI does that, or that the I/O APIC in the kernel wants,
 *		see irq_eoi_vectors()
 * @pv_eoi_offered: the byte of @pv_eoi_msr says that the highest vector in service
 *		needs no EOI, or did before the guest cleared it
 * @pv_eoi_msr:	MSR_KVM_PV_EOI_EN: the byte's address and KVM_MSR_ENABLED
 * @timer:	see there
 *
 * Owner of what has no other rule: the holder of vcpu->mutex.
 */
struct lapic {
	bool irr_maybe;
	u8 tpr, ppr;
	u8 accepts;
	s16 isr_highest;
	s16 told_irr;
	u8 told_tpr;
	struct vcpu *vcpu;
	u64 base;
	struct apic_regs regs;
	unsigned long messages;
	bool extint;
	u8 sipi_vector;
	atomic_t errors;
	s16 eoi_vector;
	unsigned long eoi_exits[APIC_VECTOR_WORDS];
	bool pv_eoi_offered;
	u64 pv_eoi_msr;
	struct lapic_timer timer;
};

/* --- lapic.c --- */

/**
 * lapic_post() - request a fixed interrupt; a vector below 16 becomes an error
 * @level: level-triggered
 * Any context.
 */
void lapic_post(struct lapic *apic, u8 vector, bool level);

/** lapic_post_lvt() - deliver the local interrupt of LVT register @reg.  Any context. */
void lapic_post_lvt(struct lapic *apic, unsigned int reg);

/**
 * lapic_receive() - deliver a message to this APIC
 * Any context.  Return: false if the APIC does not accept it.
 */
bool lapic_receive(struct lapic *apic, const struct lapic_msg *msg);

/** lapic_error() - record an APIC_ESR_* bit, and report it by LVT.  Any context. */
void lapic_error(struct lapic *apic, unsigned int bit);

/* For the holder of vcpu->mutex. */
void lapic_set_tpr(struct lapic *apic, u8 tpr);
/** lapic_eoi() - the guest writes EOI.  May sleep. */
void lapic_eoi(struct lapic *apic);
/** lapic_end_of_interrupt() - the highest vector in service is done */
void lapic_end_of_interrupt(struct lapic *apic);
/** lapic_set_svr() - store SVR; software disable masks the local vector table */
void lapic_set_svr(struct lapic *apic, u32 svr);
/** lapic_version() - the version register: may the guest suppress EOIs? */
u32 lapic_version(const struct lapic *apic);
/** lapic_send_icr() - send what the ICR registers say */
void lapic_send_icr(struct lapic *apic);
/** lapic_address() - what messages are compared with.  Any context. */
void lapic_address(const struct lapic *apic, struct apic_id *id);
/** lapic_address_changed() - it is different now.  May sleep. */
void lapic_address_changed(struct lapic *apic);
/** lapic_is_target() - would a device's message reach this APIC?  Any context. */
bool lapic_is_target(const struct lapic *apic, const struct lapic_msg *msg);
/** lapic_in_use() - is @vector requested or in service?  Any context. */
bool lapic_in_use(const struct lapic *apic, u8 vector);

/* --- lapic_pv_eoi.c; for the holder of vcpu->mutex --- */

/**
 * lapic_pv_eoi_offer() - let the guest end @vector, taken just now, without an exit
 * If nobody waits for it.  No offer is open; the MSR enables them.  May sleep.
 */
void lapic_pv_eoi_offer(struct lapic *apic, u8 vector);
/** lapic_pv_eoi_settle_offer() - did the guest take the open offer?  Then end it. */
void lapic_pv_eoi_settle_offer(struct lapic *apic);

/** lapic_pv_eoi_settle() - what is in service is true afterwards.  As lapic_settle(). */
static inline void lapic_pv_eoi_settle(struct lapic *apic)
{
	if (unlikely(apic->pv_eoi_offered))
		lapic_pv_eoi_settle_offer(apic);
}

/* --- lapic_timer.c; for the holder of vcpu->mutex --- */

/** lapic_timer_init() - stopped, in one-shot mode */
void lapic_timer_init(struct lapic *apic);
/** lapic_timer_stop() - stop it and forget what it counted.  Spins for its callback. */
void lapic_timer_stop(struct lapic *apic);
/**
 * lapic_timer_wait_due() - @vector is taken: if it is a deadline's, not before that
 * Spins for the rest, at most timer_advance_ns; timer.due is set.
 */
void lapic_timer_wait_due(struct lapic *apic, u8 vector);
/* Writes of the registers; lapic_timer_current() is a read of one. */
void lapic_timer_set_lvt(struct lapic *apic, u32 lvt);
void lapic_timer_set_initial(struct lapic *apic, u32 count);
void lapic_timer_set_divide(struct lapic *apic, u32 divide);
u32 lapic_timer_current(const struct lapic *apic);
/**
 * lapic_timer_pause() - hold the timer, so that registers and count fit together
 * @running:	receives whether lapic_timer_resume() has to follow
 * An interrupt that is due has been posted.  May sleep.  Return: the current count.
 */
u32 lapic_timer_pause(struct lapic *apic, bool *running);
/** lapic_timer_resume() - go on after lapic_timer_pause() */
void lapic_timer_resume(struct lapic *apic);
/** lapic_timer_load() - go on counting at @current_count, from loaded registers */
void lapic_timer_load(struct lapic *apic, u32 current_count);

#endif
