// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC as pure data and arithmetic (SDM: Advanced Programmable
 * Interrupt Controller).
 *
 * IRR, ISR and TMR are kept as dense bitmaps, not as the eight registers that
 * the manual shows, so that the highest vector is at most four words away.  The
 * remaining registers are an array by register number.  A register page, as
 * user space saves and loads it, is made from both.
 *
 * An APIC is found by a message in one of three ways: by its physical id, by one
 * bit of a flat logical id, or by a cluster and one bit within it.  x2APIC mode
 * has clusters of 16 that follow from the physical id; xAPIC mode has clusters
 * of 4 that software chooses.
 */
#include <linux/string.h>

#include "apic_regs.h"

#define MSI_ADDRESS_LOGICAL	(1u << 2)
#define MSI_ADDRESS_REDIRECT	(1u << 3)
#define MESSAGE_LEVEL_ASSERT	(1u << 14)
#define MESSAGE_TRIGGER_LEVEL	(1u << 15)
#define ICR_LOGICAL		(1u << 11)

void apic_decode_msi(u64 address, u32 data, bool wide, struct lapic_msg *msg)
{
	*msg = (struct lapic_msg) {
		.dest = (address >> 12) & 0xff,
		.vector = data & 0xff,
		.delivery = (data >> 8) & 7,
		.shorthand = APIC_TO_DEST,
		.logical = address & MSI_ADDRESS_LOGICAL,
		.level = data & MESSAGE_TRIGGER_LEVEL,
		.assert = true,
	};
	if (wide)
		msg->dest |= (u32)(address >> 32) & 0xffffff00u;
	if ((address & MSI_ADDRESS_REDIRECT) && msg->delivery == APIC_DELIVER_FIXED)
		msg->delivery = APIC_DELIVER_LOWEST;
}

void apic_decode_icr(u32 icr, u32 dest, struct lapic_msg *msg)
{
	*msg = (struct lapic_msg) {
		.dest = dest,
		.vector = icr & 0xff,
		.delivery = (icr >> 8) & 7,
		.shorthand = (icr >> 18) & 3,
		.logical = icr & ICR_LOGICAL,
		.assert = icr & MESSAGE_LEVEL_ASSERT,
	};
	/* A processor cannot stand in for the PIC. */
	if (msg->delivery == APIC_DELIVER_EXTINT)
		msg->delivery = APIC_DELIVER_NONE;
	/* Interrupts between processors are edges; only INIT has a level. */
	msg->level = msg->delivery == APIC_DELIVER_INIT &&
		     (icr & MESSAGE_TRIGGER_LEVEL);
}

static bool apic_matches_logical(const struct apic_id *apic, u32 dest)
{
	u32 ldr = apic->ldr >> 24;

	if (apic->x2apic) {
		ldr = apic_x2apic_ldr(apic->id);
		return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
	}
	if (dest > 0xff)
		return false;
	if (!apic->cluster)
		return ldr & dest;
	return ldr >> 4 == dest >> 4 && (ldr & dest & 0xf);
}

bool apic_matches(const struct apic_id *apic, const struct lapic_msg *msg,
		  bool wide_ff)
{
	if (msg->dest == ~0u)
		return true;
	if (msg->dest == 0xff && !(apic->x2apic && wide_ff))
		return true;
	if (msg->logical)
		return apic_matches_logical(apic, msg->dest);
	return msg->dest == apic->id;
}

u64 apic_timer_left(u64 expiry, u64 now, u64 period)
{
	if (now < expiry)
		return expiry - now;
	if (!period)
		return 0;
	return period - (now - expiry) % period;
}

u32 apic_ns_to_count(u64 ns, u32 divide, u32 initial)
{
	unsigned int shift = apic_divide_shift(divide);
	u64 count = (ns + (1u << shift) - 1) >> shift;

	return count < initial ? count : initial;
}

u64 apic_tsc_to_ns(u64 ticks, u32 tsc_khz)
{
	const u64 limit = 1ull << 62;
	u64 ms = ticks / tsc_khz;

	if (ms >= limit / 1000000)
		return limit;
	return ms * 1000000 + (ticks % tsc_khz) * 1000000 / tsc_khz;
}

void apic_regs_reset(struct apic_regs *regs)
{
	unsigned int reg;

	/* Other tasks may be setting bits in the bitmaps: no plain stores. */
	for (reg = 0; reg < APIC_VECTOR_WORDS; reg++) {
		WRITE_ONCE(regs->irr[reg], 0);
		WRITE_ONCE(regs->tmr[reg], 0);
		WRITE_ONCE(regs->isr[reg], 0);
	}
	for (reg = 0; reg < APIC_NR_REGS; reg++)
		WRITE_ONCE(regs->reg[reg], apic_reg_is_lvt(reg) ? LAPIC_LVT_MASKED : 0);
	regs->reg[APIC_REG_VERSION] = APIC_VERSION;
	regs->reg[APIC_REG_DFR] = ~0u;
	regs->reg[APIC_REG_SVR] = 0xff;
}

/*
 * What the registers that are memory keep of a loaded page: what software or the
 * APIC itself may have put there.
 */
static const u32 apic_kept_bits[APIC_NR_REGS] = {
	[APIC_REG_TPR]			= APIC_TPR_BITS,
	[APIC_REG_LDR]			= APIC_LDR_BITS,
	[APIC_REG_DFR]			= APIC_DFR_BITS,
	[APIC_REG_SVR]			= APIC_SVR_BITS | APIC_SVR_NO_EOI,
	[APIC_REG_ESR]			= 0xff,
	[APIC_REG_ICR]			= ~LAPIC_ICR_BUSY,
	[APIC_REG_ICR2]			= ~0u,
	[APIC_REG_LVT_TIMER]		= APIC_LVT_TIMER_BITS,
	[APIC_REG_LVT_THERMAL]		= APIC_LVT_BITS,
	[APIC_REG_LVT_PERF]		= APIC_LVT_BITS,
	[APIC_REG_LVT_LINT0]		= APIC_LVT_LINT_BITS,
	[APIC_REG_LVT_LINT1]		= APIC_LVT_LINT_BITS,
	[APIC_REG_LVT_ERROR]		= APIC_LVT_ERROR_BITS,
	[APIC_REG_TIMER_INITIAL]	= ~0u,
	[APIC_REG_TIMER_DIVIDE]		= APIC_DIVIDE_BITS,
};

u32 apic_page_get(const struct kvm_lapic_state *state, unsigned int reg)
{
	u32 value;

	memcpy(&value, state->regs + reg * 16, sizeof(value));
	return value;
}

void apic_page_set(struct kvm_lapic_state *state, unsigned int reg, u32 value)
{
	memcpy(state->regs + reg * 16, &value, sizeof(value));
}

void apic_regs_save(const struct apic_regs *regs, struct kvm_lapic_state *state)
{
	unsigned int reg;

	memset(state, 0, sizeof(*state));
	for (reg = 0; reg < APIC_NR_REGS; reg++)
		if (apic_kept_bits[reg])
			apic_page_set(state, reg, regs->reg[reg]);
	apic_page_set(state, APIC_REG_VERSION, APIC_VERSION);
	for (reg = 0; reg < 8; reg++) {
		apic_page_set(state, APIC_REG_ISR + reg, apic_vector_word(regs->isr, reg));
		apic_page_set(state, APIC_REG_TMR + reg, apic_vector_word(regs->tmr, reg));
		apic_page_set(state, APIC_REG_IRR + reg, apic_vector_word(regs->irr, reg));
	}
}

static void apic_load_vectors(unsigned long *vectors,
			      const struct kvm_lapic_state *state, unsigned int reg)
{
	unsigned int i, n;

	for (i = 0; i < APIC_VECTOR_WORDS; i++) {
		unsigned long word = 0;

		for (n = 0; n < BITS_PER_LONG / 32; n++)
			word |= (unsigned long)apic_page_get(state, reg++) << (n * 32);
		WRITE_ONCE(vectors[i], word);
	}
}

void apic_regs_load(struct apic_regs *regs, const struct kvm_lapic_state *state)
{
	unsigned int reg;

	for (reg = 0; reg < APIC_NR_REGS; reg++)
		WRITE_ONCE(regs->reg[reg],
			   apic_page_get(state, reg) & apic_kept_bits[reg]);
	regs->reg[APIC_REG_VERSION] = APIC_VERSION;
	regs->reg[APIC_REG_DFR] |= ~APIC_DFR_BITS;
	if (!(regs->reg[APIC_REG_SVR] & APIC_SVR_ENABLED))
		for (reg = APIC_REG_LVT_TIMER; reg <= APIC_REG_LVT_ERROR; reg++)
			regs->reg[reg] |= LAPIC_LVT_MASKED;

	apic_load_vectors(regs->isr, state, APIC_REG_ISR);
	apic_load_vectors(regs->tmr, state, APIC_REG_TMR);
	apic_load_vectors(regs->irr, state, APIC_REG_IRR);
}
