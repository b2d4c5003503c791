/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC as pure data and arithmetic: register numbers, vector bitmaps,
 * priorities, messages, destinations, timer counts, the saved register page.
 * No vCPU, no clock and no lock is known here, so that the same file is tested
 * in user space.
 */
#ifndef QUIRE_IRQ_APIC_REGS_H
#define QUIRE_IRQ_APIC_REGS_H

#include <linux/bitops.h>
#include <linux/compiler.h>

#include "lapic.h"

/*
 * Registers by number: xAPIC mode has them at 16 times the number in the page,
 * x2APIC mode at 0x800 plus the number in the MSR space.
 */
enum apic_reg {
	APIC_REG_ID		= 0x02,
	APIC_REG_VERSION	= 0x03,
	APIC_REG_TPR		= 0x08,
	APIC_REG_APR		= 0x09,
	APIC_REG_PPR		= 0x0a,
	APIC_REG_EOI		= 0x0b,
	APIC_REG_RRD		= 0x0c,
	APIC_REG_LDR		= 0x0d,
	APIC_REG_DFR		= 0x0e,
	APIC_REG_SVR		= 0x0f,
	APIC_REG_ISR		= 0x10,
	APIC_REG_TMR		= 0x18,
	APIC_REG_IRR		= 0x20,
	APIC_REG_ESR		= 0x28,
	APIC_REG_ICR		= 0x30,
	APIC_REG_ICR2		= 0x31,
	APIC_REG_LVT_TIMER	= 0x32,
	APIC_REG_LVT_THERMAL	= 0x33,
	APIC_REG_LVT_PERF	= 0x34,
	APIC_REG_LVT_LINT0	= 0x35,
	APIC_REG_LVT_LINT1	= 0x36,
	APIC_REG_LVT_ERROR	= 0x37,
	APIC_REG_TIMER_INITIAL	= 0x38,
	APIC_REG_TIMER_CURRENT	= 0x39,
	APIC_REG_TIMER_DIVIDE	= 0x3e,
	APIC_REG_SELF_IPI	= 0x3f,
	APIC_NR_REGS		= 0x40,
};

/* Integrated APIC with six local vectors. */
#define APIC_VERSION		0x00050014u
/* In the version: EOIs can be suppressed by APIC_SVR_NO_EOI. */
#define APIC_VERSION_NO_EOI	(1u << 24)

#define APIC_SVR_ENABLED	(1u << 8)
#define APIC_SVR_NO_EOI		(1u << 12)

#define LAPIC_LVT_MASKED	(1u << 16)
#define APIC_LVT_DELIVERY(lvt)	(((lvt) >> 8) & 7)
#define APIC_LVT_TIMER_MODE(lvt) (((lvt) >> 17) & 3)

#define APIC_ESR_SEND_VECTOR	(1u << 5)
#define APIC_ESR_RECEIVE_VECTOR	(1u << 6)
#define APIC_ESR_REGISTER	(1u << 7)

#define LAPIC_ICR_BUSY		(1u << 12)

/* Bits of registers that software may set. */
#define APIC_TPR_BITS		0xffu
#define APIC_LDR_BITS		0xff000000u
#define APIC_DFR_BITS		0xf0000000u	/* the others read as ones */
#define APIC_SVR_BITS		0x3ffu
#define APIC_LVT_TIMER_BITS	0x700ffu
#define APIC_LVT_BITS		0x107ffu
#define APIC_LVT_LINT_BITS	0x1a7ffu
#define APIC_LVT_ERROR_BITS	0x100ffu
/* Delivery status and remote IRR: read-only, so a write of them is no offence. */
#define APIC_LVT_STATUS_BITS	0x5000u
#define APIC_DIVIDE_BITS	0xbu

/* Vectors below are exceptions: no message may carry one. */
#define APIC_FIRST_VECTOR	16

enum apic_delivery {
	APIC_DELIVER_FIXED	= 0,
	APIC_DELIVER_LOWEST	= 1,
	APIC_DELIVER_SMI	= 2,
	APIC_DELIVER_NONE	= 3,
	APIC_DELIVER_NMI	= 4,
	APIC_DELIVER_INIT	= 5,
	APIC_DELIVER_SIPI	= 6,
	APIC_DELIVER_EXTINT	= 7,
};

enum apic_shorthand {
	APIC_TO_DEST		= 0,
	APIC_TO_SELF		= 1,
	APIC_TO_ALL		= 2,
	APIC_TO_OTHERS		= 3,
};

enum apic_timer_mode {
	APIC_TIMER_ONE_SHOT	= 0,
	APIC_TIMER_PERIODIC	= 1,
	APIC_TIMER_DEADLINE	= 2,
};

/* --- vector bitmaps: bit v of 256 --- */

#define APIC_VECTOR_WORDS	(256 / BITS_PER_LONG)

/** apic_highest() - the highest vector in a bitmap, or -1 */
static inline int apic_highest(const unsigned long *vectors)
{
	int i;

	for (i = APIC_VECTOR_WORDS - 1; i >= 0; i--) {
		unsigned long word = READ_ONCE(vectors[i]);

		if (word)
			return i * BITS_PER_LONG + BITS_PER_LONG - 1 -
			       __builtin_clzl(word);
	}
	return -1;
}

/** apic_vector_word() - 32 vectors as register @n, 0 to 7, of a bitmap shows them */
static inline u32 apic_vector_word(const unsigned long *vectors, unsigned int n)
{
	return READ_ONCE(vectors[n * 32 / BITS_PER_LONG]) >> (n * 32 % BITS_PER_LONG);
}

/* --- priorities (SDM: Task and Processor Priorities) --- */

/** apic_ppr() - processor priority; @isr is the highest vector in service, or -1 */
static inline u8 apic_ppr(u8 tpr, int isr)
{
	u8 in_service = isr < 0 ? 0 : isr & 0xf0;

	return (tpr & 0xf0) >= in_service ? tpr : in_service;
}

/** apic_vector_allowed() - does @vector's class exceed the processor priority? */
static inline bool apic_vector_allowed(int vector, u8 ppr)
{
	return (vector & 0xf0) > (ppr & 0xf0);
}

/* --- messages --- */

/**
 * apic_decode_msi() - what an MSI's address and data ask for
 * @wide:	address bits 63:40 are bits 31:8 of the destination
 * A redirection hint makes a fixed message a lowest-priority one.
 */
void apic_decode_msi(u64 address, u32 data, bool wide, struct lapic_msg *msg);

/**
 * apic_decode_icr() - what a value of the interrupt command register asks for
 * @dest: destination field, as wide as the mode has it
 */
void apic_decode_icr(u32 icr, u32 dest, struct lapic_msg *msg);

/* --- destinations --- */

/**
 * struct apic_id - what an APIC compares destinations with
 * @id:		physical id; in xAPIC mode messages carry 8 bits of it, but one
 *		that 8 bits cannot express still answers to all 32
 * @ldr:	logical destination register; unused in x2APIC mode
 * @cluster:	DFR says cluster model (else flat); unused in x2APIC mode
 * @x2apic:	in x2APIC mode
 */
struct apic_id {
	u32 id;
	u32 ldr;
	bool cluster;
	bool x2apic;
};

/** apic_x2apic_ldr() - the logical id that x2APIC mode derives from the physical */
static inline u32 apic_x2apic_ldr(u32 id)
{
	return (id & ~0xfu) << 12 | 1u << (id & 0xf);
}

/**
 * apic_matches() - is a message without shorthand for this APIC?
 * @wide_ff: destination 0xff is an id like others for an APIC in x2APIC mode,
 *	not a broadcast
 */
bool apic_matches(const struct apic_id *apic, const struct lapic_msg *msg,
		  bool wide_ff);

/* --- the timer; before division it counts cycles, of a nanosecond here --- */

/** apic_divide_shift() - log2 of what a divide configuration divides by */
static inline unsigned int apic_divide_shift(u32 divide)
{
	return (((divide & 3) | (divide & 8) >> 1) + 1) & 7;
}

/** apic_count_to_ns() - how long a count takes */
static inline u64 apic_count_to_ns(u32 count, u32 divide)
{
	return (u64)count << apic_divide_shift(divide);
}

/**
 * apic_timer_left() - ns until the timer reaches 0 next, or 0 if it has stopped
 * @expiry:	when it reached, or reaches, 0 first; @now in the same unit, ns
 * @period:	then again after this; 0 if it is not periodic
 */
u64 apic_timer_left(u64 expiry, u64 now, u64 period);

/** apic_ns_to_count() - the current count when @ns are left, never above @initial */
u32 apic_ns_to_count(u64 ns, u32 divide, u32 initial);

/** apic_tsc_to_ns() - ns for that many ticks of a TSC; saturates at 2^62 */
u64 apic_tsc_to_ns(u64 ticks, u32 tsc_khz);

/* --- the register file --- */

/**
 * struct apic_regs - registers that are memory
 * @irr: requested, @tmr: level-triggered; any task changes bits atomically
 * @isr: in service; owner: the holder of vcpu->mutex
 * @reg:	by enum apic_reg; those of the bitmaps and the computed ones are
 *		unused.  Owner: the holder of vcpu->mutex; others may read one
 */
struct apic_regs {
	unsigned long irr[APIC_VECTOR_WORDS];
	unsigned long tmr[APIC_VECTOR_WORDS];
	unsigned long isr[APIC_VECTOR_WORDS];
	u32 reg[APIC_NR_REGS];
};

/** apic_regs_reset() - values after power-up or INIT; the bitmaps are cleared */
void apic_regs_reset(struct apic_regs *regs);

/** apic_reg_is_lvt() - is it an entry of the local vector table? */
static inline bool apic_reg_is_lvt(unsigned int reg)
{
	return reg >= APIC_REG_LVT_TIMER && reg <= APIC_REG_LVT_ERROR;
}

/*
 * The register page of KVM_GET_LAPIC and KVM_SET_LAPIC.  Saving fills all but
 * ID, LDR in x2APIC mode, PPR and the current count, which the caller knows.
 * Loading takes only bits that software, or the APIC itself, could have set;
 * APIC_SVR_NO_EOI is the caller's to drop where it is not offered.
 */
void apic_regs_save(const struct apic_regs *regs, struct kvm_lapic_state *state);
void apic_regs_load(struct apic_regs *regs, const struct kvm_lapic_state *state);

/** apic_page_get(), apic_page_set() - a register in a saved page */
u32 apic_page_get(const struct kvm_lapic_state *state, unsigned int reg);
void apic_page_set(struct kvm_lapic_state *state, unsigned int reg, u32 value);

#endif
