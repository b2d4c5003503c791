// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's registers as software reaches them: a page of memory in xAPIC
 * mode, MSRs 0x800 to 0x83f in x2APIC mode (SDM: Local APIC Register Address
 * Map, x2APIC Register Address Space).
 *
 * One table has a row per register: in which mode it can be read or written, and
 * what that does beyond reading or storing the value.  The modes differ in what
 * they do about nonsense: xAPIC mode drops reserved bits and records accesses to
 * what is no register in ESR, x2APIC mode raises #GP.
 */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>

#include "../x86/machine.h"
#include "lapic_private.h"

#define LAPIC_X2APIC_MSR	0x800

/* xAPIC mode: the destination is the top byte of ICR2. */
#define LAPIC_ICR2_DEST		0xff000000u

/* Bits of ICR that must be 0 in x2APIC mode; bit 12 is no longer busy. */
#define LAPIC_ICR_RESERVED	0xfff32000u

/* Flags of a row.  R1 and W1 are xAPIC mode, R2 and W2 x2APIC mode. */
#define R1	BIT(0)
#define W1	BIT(1)
#define R2	BIT(2)
#define W2	BIT(3)
#define RW	(R1 | W1 | R2 | W2)

/**
 * struct lapic_reg - a row of the table
 * @flags:	R1, W1, R2, W2
 * @bits:	bits that may be written in every VM
 * @read:	what to read, NULL: what is stored.  Does not sleep
 * @write:	what a write does, NULL: it is stored.  @value has only @bits
 */
struct lapic_reg {
	u8 flags;
	u32 bits;
	u32 (*read)(const struct lapic *apic, unsigned int reg);
	void (*write)(struct lapic *apic, unsigned int reg, u32 value);
};

static bool lapic_x2apic(const struct lapic *apic)
{
	return apic->accepts & LAPIC_X2APIC;
}

static u32 lapic_read_id(const struct lapic *apic, unsigned int reg)
{
	u32 id = apic->vcpu->id;

	return lapic_x2apic(apic) ? id : id << 24;
}

static u32 lapic_read_version(const struct lapic *apic, unsigned int reg)
{
	return lapic_version(apic);
}

static u32 lapic_read_tpr(const struct lapic *apic, unsigned int reg)
{
	return apic->tpr;
}

static void lapic_write_tpr(struct lapic *apic, unsigned int reg, u32 value)
{
	lapic_set_tpr(apic, value);
}

static u32 lapic_read_ppr(const struct lapic *apic, unsigned int reg)
{
	return apic->ppr;
}

static void lapic_write_eoi(struct lapic *apic, unsigned int reg, u32 value)
{
	lapic_eoi(apic);
}

static u32 lapic_read_ldr(const struct lapic *apic, unsigned int reg)
{
	return lapic_x2apic(apic) ? apic_x2apic_ldr(apic->vcpu->id) :
				    apic->regs.reg[APIC_REG_LDR];
}

static void lapic_write_ldr(struct lapic *apic, unsigned int reg, u32 value)
{
	if (apic->regs.reg[reg] == value)
		return;
	WRITE_ONCE(apic->regs.reg[reg], value);
	lapic_address_changed(apic);
}

static void lapic_write_dfr(struct lapic *apic, unsigned int reg, u32 value)
{
	lapic_write_ldr(apic, reg, value | ~APIC_DFR_BITS);
}

static void lapic_write_svr(struct lapic *apic, unsigned int reg, u32 value)
{
	lapic_set_svr(apic, value);
}

static u32 lapic_read_isr(const struct lapic *apic, unsigned int reg)
{
	return apic_vector_word(apic->regs.isr, reg & 7);
}

static u32 lapic_read_tmr(const struct lapic *apic, unsigned int reg)
{
	return apic_vector_word(apic->regs.tmr, reg & 7);
}

static u32 lapic_read_irr(const struct lapic *apic, unsigned int reg)
{
	return apic_vector_word(apic->regs.irr, reg & 7);
}

/* A write makes what happened since the last one visible. */
static void lapic_write_esr(struct lapic *apic, unsigned int reg, u32 value)
{
	apic->regs.reg[reg] = atomic_xchg(&apic->errors, 0);
}

static void lapic_write_icr(struct lapic *apic, unsigned int reg, u32 value)
{
	apic->regs.reg[reg] = value;
	lapic_send_icr(apic);
}

static void lapic_write_lvt(struct lapic *apic, unsigned int reg, u32 value)
{
	if (!(apic->regs.reg[APIC_REG_SVR] & APIC_SVR_ENABLED))
		value |= LAPIC_LVT_MASKED;
	WRITE_ONCE(apic->regs.reg[reg], value);
	/* The PIC may be waiting behind it. */
	if (reg == APIC_REG_LVT_LINT0)
		vcpu_request(apic->vcpu, VCPU_REQ_EVENT);
}

static void lapic_write_lvt_timer(struct lapic *apic, unsigned int reg, u32 value)
{
	if (!(apic->regs.reg[APIC_REG_SVR] & APIC_SVR_ENABLED))
		value |= LAPIC_LVT_MASKED;
	if (!apic->vcpu->cpuid.features.tsc_deadline)
		value &= ~APIC_LVT_TIMER_TSCDEADLINE;
	lapic_timer_set_lvt(apic, value);
}

static void lapic_write_initial(struct lapic *apic, unsigned int reg, u32 value)
{
	lapic_timer_set_initial(apic, value);
}

static u32 lapic_read_current(const struct lapic *apic, unsigned int reg)
{
	return lapic_timer_current(apic);
}

static void lapic_write_divide(struct lapic *apic, unsigned int reg, u32 value)
{
	lapic_timer_set_divide(apic, value);
}

static void lapic_write_self_ipi(struct lapic *apic, unsigned int reg, u32 value)
{
	if (value < APIC_FIRST_VECTOR)
		lapic_error(apic, APIC_ESR_SEND_VECTOR);
	else
		lapic_post(apic, value, false);
}

static const struct lapic_reg lapic_regs[APIC_NR_REGS] = {
	[APIC_REG_ID]		= { R1 | R2, 0, lapic_read_id },
	[APIC_REG_VERSION]	= { R1 | R2, 0, lapic_read_version },
	[APIC_REG_TPR]		= { RW, APIC_TPR_BITS, lapic_read_tpr, lapic_write_tpr },
	[APIC_REG_APR]		= { R1 },
	[APIC_REG_PPR]		= { R1 | R2, 0, lapic_read_ppr },
	[APIC_REG_EOI]		= { W1 | W2, 0, NULL, lapic_write_eoi },
	[APIC_REG_RRD]		= { R1 },
	[APIC_REG_LDR]		= { R1 | W1 | R2, APIC_LDR_BITS, lapic_read_ldr,
				    lapic_write_ldr },
	[APIC_REG_DFR]		= { R1 | W1, APIC_DFR_BITS, NULL, lapic_write_dfr },
	[APIC_REG_SVR]		= { RW, APIC_SVR_BITS, NULL, lapic_write_svr },
	[APIC_REG_ISR ... APIC_REG_ISR + 7] = { R1 | R2, 0, lapic_read_isr },
	[APIC_REG_TMR ... APIC_REG_TMR + 7] = { R1 | R2, 0, lapic_read_tmr },
	[APIC_REG_IRR ... APIC_REG_IRR + 7] = { R1 | R2, 0, lapic_read_irr },
	[APIC_REG_ESR]		= { RW, 0, NULL, lapic_write_esr },
	[APIC_REG_ICR]		= { RW, ~LAPIC_ICR_BUSY, NULL, lapic_write_icr },
	[APIC_REG_ICR2]		= { R1 | W1, LAPIC_ICR2_DEST },
	[APIC_REG_LVT_TIMER]	= { RW, APIC_LVT_TIMER_BITS, NULL,
				    lapic_write_lvt_timer },
	[APIC_REG_LVT_THERMAL]	= { RW, APIC_LVT_BITS, NULL, lapic_write_lvt },
	[APIC_REG_LVT_PERF]	= { RW, APIC_LVT_BITS, NULL, lapic_write_lvt },
	[APIC_REG_LVT_LINT0]	= { RW, APIC_LVT_LINT_BITS, NULL, lapic_write_lvt },
	[APIC_REG_LVT_LINT1]	= { RW, APIC_LVT_LINT_BITS, NULL, lapic_write_lvt },
	[APIC_REG_LVT_ERROR]	= { RW, APIC_LVT_ERROR_BITS, NULL, lapic_write_lvt },
	[APIC_REG_TIMER_INITIAL] = { RW, ~0u, NULL, lapic_write_initial },
	[APIC_REG_TIMER_CURRENT] = { R1 | R2, 0, lapic_read_current },
	[APIC_REG_TIMER_DIVIDE]	= { RW, APIC_DIVIDE_BITS, NULL, lapic_write_divide },
	[APIC_REG_SELF_IPI]	= { W2, 0xff, NULL, lapic_write_self_ipi },
};

/* Bits that may be written. */
static u32 lapic_reg_bits(const struct lapic *apic, unsigned int reg)
{
	u32 bits = lapic_regs[reg].bits;

	if (reg == APIC_REG_SVR && apic->vcpu->vm->eoi_suppression)
		bits |= APIC_SVR_NO_EOI;
	return bits;
}

static u32 lapic_reg_read(const struct lapic *apic, unsigned int reg)
{
	const struct lapic_reg *row = &lapic_regs[reg];

	return row->read ? row->read(apic, reg) : apic->regs.reg[reg];
}

static void lapic_reg_write(struct lapic *apic, unsigned int reg, u32 value)
{
	const struct lapic_reg *row = &lapic_regs[reg];

	if (row->write)
		row->write(apic, reg, value);
	else
		apic->regs.reg[reg] = value;
}

/* --- xAPIC mode: memory --- */

bool lapic_mmio_covers(const struct vcpu *vcpu, gpa_t gpa)
{
	const struct lapic *apic = vcpu->apic;

	return (apic->accepts & (LAPIC_ON | LAPIC_X2APIC)) == LAPIC_ON &&
	       !((gpa ^ apic->base) & PAGE_MASK);
}

/* Return: the register that an access is to, -1 if it is none of @flag. */
static int lapic_mmio_reg(struct lapic *apic, gpa_t gpa, unsigned int len, u8 flag)
{
	unsigned int offset = offset_in_page(gpa);
	unsigned int reg;

	if (len != sizeof(u32) || (offset & 0xf))
		return -1;
	reg = offset >> 4;
	if (reg < APIC_NR_REGS) {
		reg = array_index_nospec(reg, APIC_NR_REGS);
		if (lapic_regs[reg].flags & flag)
			return reg;
		if (lapic_regs[reg].flags & (R1 | W1))
			return -1;
	}
	lapic_error(apic, APIC_ESR_REGISTER);
	return -1;
}

void lapic_mmio_read(struct vcpu *vcpu, gpa_t gpa, void *data, unsigned int len)
{
	int reg = lapic_mmio_reg(vcpu->apic, gpa, len, R1);
	u32 value;

	if (reg < 0) {
		memset(data, 0, len);
		return;
	}
	lapic_pv_eoi_settle(vcpu->apic);
	value = lapic_reg_read(vcpu->apic, reg);
	memcpy(data, &value, sizeof(value));
}

void lapic_mmio_write(struct vcpu *vcpu, gpa_t gpa, const void *data, unsigned int len)
{
	int reg = lapic_mmio_reg(vcpu->apic, gpa, len, W1);
	u32 value;

	if (reg < 0)
		return;
	memcpy(&value, data, sizeof(value));
	lapic_reg_write(vcpu->apic, reg, value & lapic_reg_bits(vcpu->apic, reg));
}

/* --- x2APIC mode: MSRs --- */

/* Return: the register that an MSR is, -EINVAL if it is none of @flag. */
static int lapic_msr_reg(const struct lapic *apic, u32 msr, u8 flag)
{
	unsigned int reg = msr - LAPIC_X2APIC_MSR;

	if (!lapic_x2apic(apic) || reg >= APIC_NR_REGS)
		return -EINVAL;
	reg = array_index_nospec(reg, APIC_NR_REGS);
	return lapic_regs[reg].flags & flag ? (int)reg : -EINVAL;
}

/* The one register of 64 bits. */
static int lapic_x2apic_write_icr(struct lapic *apic, u64 value)
{
	if (value & LAPIC_ICR_RESERVED)
		return -EINVAL;
	apic->regs.reg[APIC_REG_ICR] = value & ~LAPIC_ICR_BUSY;
	apic->regs.reg[APIC_REG_ICR2] = value >> 32;
	lapic_send_icr(apic);
	return 0;
}

int lapic_x2apic_read(struct vcpu *vcpu, u32 msr, u64 *value)
{
	struct lapic *apic = vcpu->apic;
	int reg = lapic_msr_reg(apic, msr, R2);

	if (reg < 0)
		return reg;
	lapic_pv_eoi_settle(apic);
	*value = lapic_reg_read(apic, reg);
	if (reg == APIC_REG_ICR)
		*value |= (u64)apic->regs.reg[APIC_REG_ICR2] << 32;
	return 0;
}

int lapic_x2apic_write(struct vcpu *vcpu, u32 msr, u64 value)
{
	struct lapic *apic = vcpu->apic;
	int reg = lapic_msr_reg(apic, msr, W2);

	if (reg < 0)
		return reg;
	if (reg == APIC_REG_ICR)
		return lapic_x2apic_write_icr(apic, value);
	if (apic_reg_is_lvt(reg))
		value &= ~(u64)APIC_LVT_STATUS_BITS;
	if (value & ~(u64)lapic_reg_bits(apic, reg))
		return -EINVAL;
	lapic_reg_write(apic, reg, value);
	return 0;
}
