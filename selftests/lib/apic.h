/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC as guest code uses it, in either of its modes.
 */
#ifndef SELFTESTS_LIB_APIC_H
#define SELFTESTS_LIB_APIC_H

#include "guest.h"

#define APIC_BASE	0xfee00000ull
#define MSR_APIC_BASE	0x1b
#define MSR_TSC_DEADLINE 0x6e0

/* offsets in the page; an MSR's index is 0x800 + offset / 16 */
#define APIC_ID		0x20
#define APIC_VERSION	0x30
#define APIC_TPR	0x80
#define APIC_PPR	0xa0
#define APIC_EOI	0xb0
#define APIC_LDR	0xd0
#define APIC_DFR	0xe0
#define APIC_SVR	0xf0
#define APIC_ISR	0x100
#define APIC_TMR	0x180
#define APIC_IRR	0x200
#define APIC_ESR	0x280
#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define APIC_LVTT	0x320
#define APIC_LVT0	0x350
#define APIC_LVT1	0x360
#define APIC_LVTERR	0x370
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0
#define APIC_SELF_IPI	0x3f0

#define ICR_NMI		0x400
#define ICR_INIT	0x500
#define ICR_SIPI	0x600
#define ICR_LOGICAL	0x800
#define ICR_ASSERT	0x4000
#define ICR_SELF	0x40000
#define ICR_ALL		0x80000
#define ICR_OTHERS	0xc0000
#define LVT_MASKED	0x10000
#define LVT_PERIODIC	0x20000
#define LVT_DEADLINE	0x40000
#define LVT_EXTINT	0x700

static inline bool guest_is_x2apic(void)
{
	return guest_rdmsr(MSR_APIC_BASE) & 0x400;
}

static inline u32 guest_apic_read(u32 offset)
{
	if (guest_is_x2apic())
		return guest_rdmsr(0x800 + offset / 16);
	return *(volatile u32 *)(APIC_BASE + offset);
}

static inline void guest_apic_write(u32 offset, u32 value)
{
	if (guest_is_x2apic())
		guest_wrmsr(0x800 + offset / 16, value);
	else
		*(volatile u32 *)(APIC_BASE + offset) = value;
}

/* @destination is an APIC id, or a set in the mode of LDR with ICR_LOGICAL in @command */
static inline void guest_apic_icr(u32 destination, u32 command)
{
	if (guest_is_x2apic()) {
		guest_wrmsr(0x800 + APIC_ICR / 16, (u64)destination << 32 | command);
		return;
	}
	guest_apic_write(APIC_ICR2, destination << 24);
	guest_apic_write(APIC_ICR, command);
}

/* globally and by software on, nothing masked by priority */
static inline void guest_apic_enable(bool x2apic)
{
	if (x2apic)
		guest_wrmsr(MSR_APIC_BASE, guest_rdmsr(MSR_APIC_BASE) | 0xc00);
	guest_apic_write(APIC_SVR, 0x1ff);
	guest_apic_write(APIC_TPR, 0);
}

static inline bool guest_apic_bit(u32 set, u32 vector)
{
	return guest_apic_read(set + vector / 32 * 16) >> (vector % 32) & 1;
}

#endif
