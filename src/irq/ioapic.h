/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The I/O APIC (82093AA data sheet), as pure state: no lock and no vCPU is known
 * here.  Messages leave through a function that the owner gives.
 *
 * Whoever uses it serializes all calls.
 */
#ifndef QUIRE_IRQ_IOAPIC_H
#define QUIRE_IRQ_IOAPIC_H

#include <linux/kvm.h>
#include <linux/types.h>

#include "lapic.h"

#define IOAPIC_PINS		KVM_IOAPIC_NUM_PINS
#define IOAPIC_BASE		0xfec00000ull
#define IOAPIC_SIZE		0x100

struct ioapic;

/**
 * typedef ioapic_send_t - deliver a message to local APICs
 * Return: how many accepted it, 0 or less if none did.
 */
typedef int (*ioapic_send_t)(struct ioapic *ioapic, const struct lapic_msg *msg);

/**
 * struct ioapic - the chip
 * @state:	registers as KVM_GET_IRQCHIP shows them; irr is the level of each
 *		line
 * @sent:	edge-triggered pins whose line is up and whose message is on its way
 * @send:	constant
 */
struct ioapic {
	struct kvm_ioapic_state state;
	u32 sent;
	ioapic_send_t send;
};

/** ioapic_init() - as after power-up: all pins masked, all lines low */
void ioapic_init(struct ioapic *ioapic, ioapic_send_t send);

/**
 * ioapic_set_line() - is the line of pin @pin, 0 to 23, asserted now?
 * Polarity is not looked at: what callers say is what the pin means.
 * Return: >0 how many local APICs accepted a message, 1 for a line that falls;
 * 0 the interrupt was waiting or being handled already; -1 masked or nobody took it.
 */
int ioapic_set_line(struct ioapic *ioapic, unsigned int pin, bool level);

/** ioapic_read() - the dword at @offset, 0 to 0xff, of the chip's memory */
u32 ioapic_read(const struct ioapic *ioapic, unsigned int offset);
/**
 * ioapic_write() - a dword is written to @offset of the chip's memory
 * Return: pins whose redirection entry it was, a bit each: EOI maps are stale.
 */
u32 ioapic_write(struct ioapic *ioapic, unsigned int offset, u32 value);

/**
 * ioapic_eoi() - a local APIC broadcasts the EOI of @vector
 * @level: it was level-triggered there
 * Return: pins that send this vector, a bit each.  Whoever waits for their EOI is
 * told first, then ioapic_resend() follows with these pins.
 */
u32 ioapic_eoi(struct ioapic *ioapic, u8 vector, bool level);
/** ioapic_resend() - level-triggered lines of @pins that are still up interrupt again */
void ioapic_resend(struct ioapic *ioapic, u32 pins);

/** ioapic_message() - what pin @pin sends */
void ioapic_message(const struct ioapic *ioapic, unsigned int pin, struct lapic_msg *msg);
/** ioapic_masked() - pins that are masked, a bit each */
u32 ioapic_masked(const struct ioapic *ioapic);

/*
 * Saved registers.  An edge that was sent is not in a saved irr, so that loading it
 * sends what was still to be sent and nothing twice.  Loading drops what no
 * register can hold.
 */
void ioapic_save(const struct ioapic *ioapic, struct kvm_ioapic_state *state);
void ioapic_load(struct ioapic *ioapic, const struct kvm_ioapic_state *state);

#endif
