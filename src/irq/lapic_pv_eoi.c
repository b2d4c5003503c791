// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of an interrupt without an exit (Documentation of the KVM ABI:
 * KVM-specific MSRs).
 *
 * The guest shares a byte with its local APIC.  When the processor takes a vector
 * whose end nobody waits for, and no other vector is requested, the byte's lowest
 * bit is set: the vector is *offered*.  The guest ends the interrupt by clearing
 * the bit; if it finds it clear it writes the EOI register as ever.
 *
 * Nobody looks at the byte at every exit.  It is *settled*, that is read and
 * cleared, when what is in service matters: before the next interrupt is chosen,
 * before HLT waits, before a register is read or EOI written, and before the state
 * is saved.  An interrupt that is requested meanwhile interrupts the guest, so that
 * the offer is settled, and if it was not taken the guest is to write EOI, which
 * lets the new one in.
 */
#include <linux/kvm_para.h>

#include "../x86/machine.h"
#include "lapic_private.h"

#define PV_EOI_RESERVED		BIT_ULL(1)

static gpa_t pv_eoi_gpa(const struct lapic *apic)
{
	return apic->pv_eoi_msr & ~3ull;
}

void lapic_pv_eoi_offer(struct lapic *apic, u8 vector)
{
	struct guest_memory *mem = &apic->vcpu->vm->mem;
	const u8 offer = KVM_PV_EOI_ENABLED;
	int idx;

	if (test_bit(vector, apic->regs.tmr) || test_bit(vector, apic->eoi_exits) ||
	    lapic_highest_irr(apic->vcpu) >= 0)
		return;
	idx = mem_read_lock(mem);
	apic->pv_eoi_offered = !mem_write(mem, pv_eoi_gpa(apic), &offer, sizeof(offer));
	mem_read_unlock(mem, idx);
}

/* Return: the guest took the offer. */
static bool pv_eoi_take_back(struct lapic *apic)
{
	struct guest_memory *mem = &apic->vcpu->vm->mem;
	gpa_t gpa = pv_eoi_gpa(apic);
	u8 byte;
	int idx;

	idx = mem_read_lock(mem);
	/* Without its byte the guest has to write EOI. */
	if (mem_read(mem, gpa, &byte, sizeof(byte)))
		byte = KVM_PV_EOI_ENABLED;
	if (byte & KVM_PV_EOI_MASK) {
		byte &= ~KVM_PV_EOI_MASK;
		mem_write(mem, gpa, &byte, sizeof(byte));
		mem_read_unlock(mem, idx);
		return false;
	}
	mem_read_unlock(mem, idx);
	return true;
}

void lapic_pv_eoi_settle_offer(struct lapic *apic)
{
	apic->pv_eoi_offered = false;
	if (pv_eoi_take_back(apic))
		lapic_end_of_interrupt(apic);
}

u64 lapic_get_pv_eoi(const struct vcpu *vcpu)
{
	return vcpu->apic->pv_eoi_msr;
}

int lapic_set_pv_eoi(struct vcpu *vcpu, u64 value)
{
	if (value & PV_EOI_RESERVED)
		return -EINVAL;
	lapic_pv_eoi_settle(vcpu->apic);
	vcpu->apic->pv_eoi_msr = value;
	return 0;
}

void lapic_settle(struct vcpu *vcpu)
{
	lapic_pv_eoi_settle(vcpu->apic);
}
