// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC (82093AA data sheet).
 *
 * Two registers are visible: one selects, the other is a window on what was
 * selected: identity, version, and two dwords for each pin's redirection entry.
 *
 * An edge-triggered pin sends a message when its line rises, if it is not masked;
 * an edge on a masked pin is lost.  A level-triggered pin sends one while its line
 * is up, then waits with Remote IRR set for the EOI of the local APIC, and sends
 * another if the line is up still.
 *
 * Only interrupts with a vector end by an EOI.  Pins in the other delivery modes are
 * edge-triggered, also if their entry says level; two modes do not exist.
 *
 * This version of the chip has no EOI register of its own.  Systems that lack one
 * clear Remote IRR by making the pin edge-triggered for a moment.
 */
#include <linux/string.h>

#include "apic_regs.h"
#include "ioapic.h"

#define IOAPIC_SELECT		0x00
#define IOAPIC_WINDOW		0x10

#define IOAPIC_REG_ID		0x00
#define IOAPIC_REG_VERSION	0x01
#define IOAPIC_REG_ARBITRATION	0x02
#define IOAPIC_REG_TABLE	0x10

#define IOAPIC_VERSION		(0x11u | (IOAPIC_PINS - 1) << 16)
#define IOAPIC_ID_SHIFT		24
#define IOAPIC_ID_BITS		0xfu

/* A redirection entry. */
#define IOAPIC_ENTRY_LOGICAL	(1ull << 11)
#define IOAPIC_ENTRY_STATUS	(1ull << 12)
#define IOAPIC_ENTRY_REMOTE_IRR	(1ull << 14)
#define IOAPIC_ENTRY_LEVEL	(1ull << 15)
#define IOAPIC_ENTRY_MASKED	(1ull << 16)
#define IOAPIC_ENTRY_READ_ONLY	(IOAPIC_ENTRY_STATUS | IOAPIC_ENTRY_REMOTE_IRR)
#define IOAPIC_ENTRY_BITS	0xff0000000001ffffull
#define IOAPIC_ENTRY_MODE(entry) ((entry) >> 8 & 7)

/* Delivery modes that are reserved here, a bit each. */
#define IOAPIC_NO_MODES		(1u << APIC_DELIVER_NONE | 1u << APIC_DELIVER_SIPI)

static u64 *ioapic_entry(struct ioapic *ioapic, unsigned int pin)
{
	return &ioapic->state.redirtbl[pin].bits;
}

static bool ioapic_is_level(u64 entry)
{
	return (entry & IOAPIC_ENTRY_LEVEL) &&
	       IOAPIC_ENTRY_MODE(entry) <= APIC_DELIVER_LOWEST;
}

void ioapic_init(struct ioapic *ioapic, ioapic_send_t send)
{
	unsigned int pin;

	memset(ioapic, 0, sizeof(*ioapic));
	ioapic->send = send;
	ioapic->state.base_address = IOAPIC_BASE;
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		*ioapic_entry(ioapic, pin) = IOAPIC_ENTRY_MASKED;
}

void ioapic_message(const struct ioapic *ioapic, unsigned int pin, struct lapic_msg *msg)
{
	u64 entry = ioapic->state.redirtbl[pin].bits;

	*msg = (struct lapic_msg) {
		.dest = entry >> 56,
		.vector = entry & 0xff,
		.delivery = IOAPIC_ENTRY_MODE(entry),
		.logical = entry & IOAPIC_ENTRY_LOGICAL,
		.level = ioapic_is_level(entry),
		.assert = true,
	};
}

/* The line of @pin is up, and that is news if it is edge-triggered. */
static int ioapic_raise(struct ioapic *ioapic, unsigned int pin)
{
	u64 *entry = ioapic_entry(ioapic, pin);
	struct lapic_msg msg;
	int ret;

	if (*entry & IOAPIC_ENTRY_MASKED)
		return -1;
	if (IOAPIC_NO_MODES & 1u << IOAPIC_ENTRY_MODE(*entry))
		return -1;
	if (*entry & IOAPIC_ENTRY_REMOTE_IRR)
		return 0;
	ioapic_message(ioapic, pin, &msg);
	ret = ioapic->send(ioapic, &msg);
	if (ret <= 0)
		return -1;
	if (ioapic_is_level(*entry))
		*entry |= IOAPIC_ENTRY_REMOTE_IRR;
	else
		ioapic->sent |= 1u << pin;
	return ret;
}

int ioapic_set_line(struct ioapic *ioapic, unsigned int pin, bool level)
{
	u32 bit = 1u << pin;
	bool was_up = ioapic->state.irr & bit;

	if (!level) {
		ioapic->state.irr &= ~bit;
		ioapic->sent &= ~bit;
		return 1;
	}
	ioapic->state.irr |= bit;
	if (was_up && !ioapic_is_level(*ioapic_entry(ioapic, pin)))
		return 0;
	return ioapic_raise(ioapic, pin);
}

void ioapic_resend(struct ioapic *ioapic, u32 pins)
{
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		if ((ioapic->state.irr & pins & 1u << pin) &&
		    ioapic_is_level(*ioapic_entry(ioapic, pin)))
			ioapic_raise(ioapic, pin);
	}
}

u32 ioapic_eoi(struct ioapic *ioapic, u8 vector, bool level)
{
	unsigned int pin;
	u32 pins = 0;
	u64 *entry;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		entry = ioapic_entry(ioapic, pin);
		if ((*entry & 0xff) != vector || ioapic_is_level(*entry) != level)
			continue;
		/* Who shares the vector but sent nothing has nothing to end. */
		if (level && !(*entry & IOAPIC_ENTRY_REMOTE_IRR))
			continue;
		*entry &= ~IOAPIC_ENTRY_REMOTE_IRR;
		pins |= 1u << pin;
	}
	return pins;
}

u32 ioapic_masked(const struct ioapic *ioapic)
{
	unsigned int pin;
	u32 pins = 0;

	for (pin = 0; pin < IOAPIC_PINS; pin++)
		if (ioapic->state.redirtbl[pin].bits & IOAPIC_ENTRY_MASKED)
			pins |= 1u << pin;
	return pins;
}

/* --- registers --- */

static u32 ioapic_read_window(const struct ioapic *ioapic)
{
	unsigned int reg = ioapic->state.ioregsel;
	unsigned int pin = (reg - IOAPIC_REG_TABLE) / 2;

	switch (reg) {
	case IOAPIC_REG_ID:
	case IOAPIC_REG_ARBITRATION:
		return ioapic->state.id << IOAPIC_ID_SHIFT;
	case IOAPIC_REG_VERSION:
		return IOAPIC_VERSION;
	}
	if (reg < IOAPIC_REG_TABLE || pin >= IOAPIC_PINS)
		return ~0u;
	return ioapic->state.redirtbl[pin].bits >> (reg & 1 ? 32 : 0);
}

u32 ioapic_read(const struct ioapic *ioapic, unsigned int offset)
{
	switch (offset) {
	case IOAPIC_SELECT:
		return ioapic->state.ioregsel;
	case IOAPIC_WINDOW:
		return ioapic_read_window(ioapic);
	default:
		return 0;
	}
}

static void ioapic_write_entry(struct ioapic *ioapic, unsigned int reg, u32 value)
{
	unsigned int pin = (reg - IOAPIC_REG_TABLE) / 2;
	u64 *entry = ioapic_entry(ioapic, pin);
	u64 after;

	if (reg & 1)
		after = (u32)*entry | (u64)value << 32;
	else
		after = (*entry & ~0xffffffffull) | value;
	after = (after & ~IOAPIC_ENTRY_READ_ONLY) | (*entry & IOAPIC_ENTRY_READ_ONLY);
	if (!ioapic_is_level(after))
		after &= ~IOAPIC_ENTRY_REMOTE_IRR;
	*entry = after & IOAPIC_ENTRY_BITS;
	ioapic_resend(ioapic, 1u << pin);
}

static u32 ioapic_write_window(struct ioapic *ioapic, u32 value)
{
	unsigned int reg = ioapic->state.ioregsel;
	unsigned int pin = (reg - IOAPIC_REG_TABLE) / 2;

	if (reg == IOAPIC_REG_ID)
		ioapic->state.id = value >> IOAPIC_ID_SHIFT & IOAPIC_ID_BITS;
	if (reg < IOAPIC_REG_TABLE || pin >= IOAPIC_PINS)
		return 0;
	ioapic_write_entry(ioapic, reg, value);
	return 1u << pin;
}

u32 ioapic_write(struct ioapic *ioapic, unsigned int offset, u32 value)
{
	switch (offset) {
	case IOAPIC_SELECT:
		ioapic->state.ioregsel = value & 0xff;
		return 0;
	case IOAPIC_WINDOW:
		return ioapic_write_window(ioapic, value);
	default:
		return 0;
	}
}

/* --- saved state --- */

void ioapic_save(const struct ioapic *ioapic, struct kvm_ioapic_state *state)
{
	*state = ioapic->state;
	state->irr &= ~ioapic->sent;
}

void ioapic_load(struct ioapic *ioapic, const struct kvm_ioapic_state *state)
{
	u32 irr = state->irr & ((1u << IOAPIC_PINS) - 1);
	unsigned int pin;
	u64 *entry;

	ioapic->state = *state;
	ioapic->state.base_address = IOAPIC_BASE;
	ioapic->state.ioregsel &= 0xff;
	ioapic->state.id &= IOAPIC_ID_BITS;
	ioapic->state.pad = 0;
	ioapic->state.irr = 0;
	ioapic->sent = 0;
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		entry = ioapic_entry(ioapic, pin);
		*entry &= IOAPIC_ENTRY_BITS;
		if (!ioapic_is_level(*entry))
			*entry &= ~IOAPIC_ENTRY_REMOTE_IRR;
	}
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		if (irr & 1u << pin)
			ioapic_set_line(ioapic, pin, true);
}
