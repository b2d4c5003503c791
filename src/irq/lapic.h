/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC of a vCPU (SDM: Advanced Programmable Interrupt Controller).
 *
 * Any task may post interrupts: IRR and the message state are changed by atomic
 * bit operations.  All other registers belong to the holder of vcpu->mutex, who
 * alone may call the functions below unless they say otherwise.  They are for
 * vCPUs that have a local APIC.
 */
#ifndef QUIRE_IRQ_LAPIC_H
#define QUIRE_IRQ_LAPIC_H

#include <linux/kvm.h>

#include "../types.h"

struct lapic;
struct vcpu;
struct vm;

#define LAPIC_DEFAULT_BASE	0xfee00000ull

/**
 * struct lapic_msg - an interrupt message on its way to local APICs
 * @dest:	destination id, 32 bits
 * @vector:	of a fixed or lowest-priority message, or of a SIPI
 * @delivery:	delivery mode, 0 to 7 (fixed, lowest, SMI, -, NMI, INIT, SIPI, ExtINT)
 * @logical:	@dest is a logical destination
 * @shorthand:	0 none, 1 self, 2 all, 3 all but self
 * @level:	level-triggered
 * @assert:	INIT level assert / de-assert
 */
struct lapic_msg {
	u32 dest;
	u8 vector;
	u8 delivery;
	u8 shorthand;
	bool logical;
	bool level;
	bool assert;
};

/**
 * lapic_create() - allocate vcpu->apic, as after power-up
 * Messages find it from the irq_map_update() on that follows the publication of
 * the vCPU.  May sleep.  Return: 0 or -ENOMEM.
 */
int lapic_create(struct vcpu *vcpu);
/** lapic_stop() - the timer sends no more messages.  Spins for its callback. */
void lapic_stop(struct vcpu *vcpu);
/** lapic_destroy() - free vcpu->apic, after lapic_stop(); nobody sends to it any more */
void lapic_destroy(struct vcpu *vcpu);
/**
 * lapic_reset() - as after power-up, or after INIT, which keeps mode and base
 * Holder of vcpu->mutex.  May sleep.
 */
void lapic_reset(struct vcpu *vcpu, bool init);

/**
 * lapic_send() - deliver a message to the local APICs of @vm that it names
 * @src: sender, for shorthands, or NULL
 * Any context that may take RCU's read side.
 * Return: how many accepted it; -1 if none matched.
 */
int lapic_send(struct vm *vm, struct vcpu *src, const struct lapic_msg *msg);
/**
 * lapic_send_rcu() - lapic_send() for who is in RCU's read side, or has interrupts off
 */
int lapic_send_rcu(struct vm *vm, struct vcpu *src, const struct lapic_msg *msg);

/**
 * struct lapic_set - up to 128 local APICs
 * @first:	the id that bit 0 stands for
 * @bits:	which of the ids from there on
 */
struct lapic_set {
	u32 first;
	u64 bits[2];
};

/**
 * lapic_send_set() - deliver one interrupt to each APIC of a set
 * @icr: vector and delivery mode, as the low half of the interrupt command register
 *	has them; a shorthand is ignored
 * Any context that may take RCU's read side.
 * Return: how many accepted it; -KVM_EINVAL for a logical destination;
 * -KVM_EOPNOTSUPP while there is no map of APICs.
 */
long lapic_send_set(struct vm *vm, const struct lapic_set *set, u32 icr);

/** lapic_takes_interrupts() - is the local APIC on, and by software too?  Any context. */
bool lapic_takes_interrupts(const struct vcpu *vcpu);

/** lapic_vcpu_by_id() - the vCPU whose local APIC has that id, or NULL.  Any context. */
struct vcpu *lapic_vcpu_by_id(struct vm *vm, u32 id);

/* --- for the run loop; holder of vcpu->mutex --- */

/**
 * lapic_pending_vector() - the interrupt that the processor would take next
 * Respects TPR and in-service priority.  May sleep, but not after lapic_settle().
 * Return: vector, or -1.
 */
int lapic_pending_vector(struct vcpu *vcpu);
/** lapic_accept() - move lapic_pending_vector() from IRR to ISR and return it.  May sleep. */
int lapic_accept(struct vcpu *vcpu);
/**
 * lapic_settle() - see whether the guest ended an interrupt in memory
 * Until it runs again there is nothing more to see.  May sleep.
 */
void lapic_settle(struct vcpu *vcpu);
/** lapic_highest_irr() - highest requested vector, masked or not, or -1 */
int lapic_highest_irr(struct vcpu *vcpu);
/**
 * lapic_process_init_sipi() - act on a received INIT or SIPI
 * May change vcpu->mp_state and reset registers.
 */
void lapic_process_init_sipi(struct vcpu *vcpu);
/** lapic_init_sipi_pending() - is there one?  Any context. */
bool lapic_init_sipi_pending(const struct vcpu *vcpu);

/**
 * lapic_accepts_pic() - may the PIC interrupt this vCPU?
 * By LINT0 in ExtINT mode, or by the INTR pin if the local APIC is off.  Any
 * context; a vCPU that begins to accept it looks at its events afterwards.
 */
bool lapic_accepts_pic(const struct vcpu *vcpu);

/**
 * lapic_extint_asked() - did a message ask this vCPU to acknowledge the PIC?
 * Then it does so once, whether the PIC interrupts or not.  Only with all chips in
 * the kernel.  Any context.
 */
bool lapic_extint_asked(const struct vcpu *vcpu);
/** lapic_extint_done() - the PIC is acknowledged.  Holder of vcpu->mutex. */
void lapic_extint_done(struct vcpu *vcpu);

/**
 * lapic_exit_eoi() - VCPU_REQ_EXIT: does user space's I/O APIC wait for an EOI?
 * Return: EXIT_USER with KVM_EXIT_IOAPIC_EOI in vcpu->run, else EXIT_RESUME.
 */
int lapic_exit_eoi(struct vcpu *vcpu);

/* TPR as CR8 sees it, bits 7:4 of the register. */
u8 lapic_get_cr8(const struct vcpu *vcpu);
void lapic_set_cr8(struct vcpu *vcpu, u8 cr8);

/**
 * lapic_mmio_covers() - does the APIC in xAPIC mode answer at @gpa?
 */
bool lapic_mmio_covers(const struct vcpu *vcpu, gpa_t gpa);
/*
 * Accesses to the register page.  Reads of wrong size or alignment give 0;
 * writes are dropped, as the manual leaves them undefined.
 */
void lapic_mmio_read(struct vcpu *vcpu, gpa_t gpa, void *data, unsigned int len);
void lapic_mmio_write(struct vcpu *vcpu, gpa_t gpa, const void *data, unsigned int len);

/*
 * x2APIC registers 0x800-0x8ff, IA32_APIC_BASE, IA32_TSC_DEADLINE: 0 or -EINVAL.
 * Writes may sleep.  @host skips the rules for changes of mode, not those for
 * values.
 */
int lapic_x2apic_read(struct vcpu *vcpu, u32 msr, u64 *value);
int lapic_x2apic_write(struct vcpu *vcpu, u32 msr, u64 value);
u64 lapic_get_base(const struct vcpu *vcpu);
int lapic_set_base(struct vcpu *vcpu, u64 value, bool host);
/* 0, and ignored, unless the timer is in TSC-deadline mode. */
u64 lapic_get_tsc_deadline(const struct vcpu *vcpu);
void lapic_set_tsc_deadline(struct vcpu *vcpu, u64 value);
/** lapic_tsc_changed() - vcpu->clock.tsc_offset did: deadlines are elsewhere now */
void lapic_tsc_changed(struct vcpu *vcpu);

/* MSR_KVM_PV_EOI_EN: 0, or -EINVAL for reserved bits.  May sleep. */
u64 lapic_get_pv_eoi(const struct vcpu *vcpu);
int lapic_set_pv_eoi(struct vcpu *vcpu, u64 value);

/*
 * KVM_GET/SET_LAPIC; IA32_APIC_BASE is set first.
 * -EINVAL for the id of another vCPU in x2APIC mode.  May sleep.
 */
void lapic_get_state(struct vcpu *vcpu, struct kvm_lapic_state *state);
int lapic_set_state(struct vcpu *vcpu, const struct kvm_lapic_state *state);

/** lapic_scan_eoi() - VCPU_REQ_SCAN_EOI: which vectors' EOIs user space wants */
void lapic_scan_eoi(struct vcpu *vcpu);
/** lapic_tpr_report() - tell vendor->tpr_changed() if what it was told is stale */
void lapic_tpr_report(struct vcpu *vcpu);

#endif
