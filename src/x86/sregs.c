// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET/SET_SREGS and SREGS2, MP state, translation, synchronized registers.
 *
 * Setting the system registers replaces them as a whole: the steps of MOV CR
 * cannot lead from one arbitrary state to another.  So the combination is checked
 * first, then everything is stored, then the vendor hears of each register.  What
 * is refused is what VMRUN and the manual's description of the modes call
 * illegal: CR0.PG without PE, NW without CD, bits of CR4 that this CPU does not
 * have, long mode without PAE or with the L bit in a legacy code segment.
 *
 * The PDPTEs of SREGS2 are what the processor holds in PAE paging.  With nested
 * paging AMD-V holds none and reads memory; so GET reads them there, and what SET
 * brings is checked and given back, but has no effect once the guest runs.
 */
#include <linux/string.h>

#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "../vendor/vendor.h"
#include "emulate.h"
#include "machine.h"
#include "regs.h"

/* Segments lie in both structures in one order, from CS to LDT. */
static const struct {
	u16 offset;
	enum vcpu_seg which;
} sregs_segments[] = {
#define SEGMENT(member, seg) { offsetof(struct kvm_sregs, member), seg }
	SEGMENT(cs, VCPU_SEG_CS), SEGMENT(ds, VCPU_SEG_DS),
	SEGMENT(es, VCPU_SEG_ES), SEGMENT(fs, VCPU_SEG_FS),
	SEGMENT(gs, VCPU_SEG_GS), SEGMENT(ss, VCPU_SEG_SS),
	SEGMENT(tr, VCPU_SEG_TR), SEGMENT(ldt, VCPU_SEG_LDTR),
#undef SEGMENT
};

static_assert(offsetof(struct kvm_sregs, cr0) == offsetof(struct kvm_sregs2, cr0));
static_assert(offsetof(struct kvm_sregs, apic_base) ==
	      offsetof(struct kvm_sregs2, apic_base));

static bool pae_paging(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !(efer & EFER_LMA);
}

/* The part that both versions share, up to and with apic_base. */
static void get_common(struct vcpu *vcpu, struct kvm_sregs *sregs)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sregs_segments); i++)
		vendor->get_segment(vcpu,
				    (void *)sregs + sregs_segments[i].offset,
				    sregs_segments[i].which);
	vendor->get_gdt(vcpu, &sregs->gdt);
	vendor->get_idt(vcpu, &sregs->idt);
	sregs->cr0 = vcpu->cr0;
	sregs->cr2 = vcpu->cr2;
	sregs->cr3 = vcpu->cr3;
	sregs->cr4 = vcpu->cr4;
	sregs->cr8 = regs_get_cr8(vcpu);
	sregs->efer = vcpu->efer;
	sregs->apic_base = regs_get_apic_base(vcpu);
}

void regs_get_sregs(struct vcpu *vcpu, struct kvm_sregs *sregs)
{
	memset(sregs, 0, sizeof(*sregs));
	get_common(vcpu, sregs);
	if (vcpu->event.interrupt.injected && !vcpu->event.interrupt.soft)
		__set_bit(vcpu->event.interrupt.vector,
			  (unsigned long *)sregs->interrupt_bitmap);
}

/* One more than the exits so far, so that 0 is never a match. */
static u64 pdptr_stamp(const struct vcpu *vcpu)
{
	return vcpu->stats[VCPU_STAT_EXITS] + 1;
}

static int read_pdptrs(struct vcpu *vcpu, u64 pdptrs[4])
{
	int idx, ret;

	if (vcpu->user_pdptr_exits == pdptr_stamp(vcpu)) {
		memcpy(pdptrs, vcpu->user_pdptr, sizeof(vcpu->user_pdptr));
		return 0;
	}
	idx = mem_read_lock(&vcpu->vm->mem);
	ret = mem_read(&vcpu->vm->mem, vcpu->cr3 & 0xffffffe0ull, pdptrs,
		       4 * sizeof(u64));
	mem_read_unlock(&vcpu->vm->mem, idx);
	return ret;
}

void regs_get_sregs2(struct vcpu *vcpu, struct kvm_sregs2 *sregs)
{
	memset(sregs, 0, sizeof(*sregs));
	get_common(vcpu, (struct kvm_sregs *)sregs);
	if (!pae_paging(vcpu->cr0, vcpu->cr4, vcpu->efer))
		return;
	if (read_pdptrs(vcpu, sregs->pdptrs))
		memset(sregs->pdptrs, 0, sizeof(sregs->pdptrs));
	else
		sregs->flags |= KVM_SREGS2_FLAGS_PDPTRS_VALID;
}

static bool sregs_valid(const struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	u64 cr0 = sregs->cr0, efer = sregs->efer;

	if (sregs->cr4 & vcpu->cpuid.cr4_reserved)
		return false;
	if (efer & ~(cpuid_host_efer() | EFER_LMA))
		return false;
	if (cr0 >> 32 || sregs->cr8 > 15)
		return false;
	if ((cr0 & X86_CR0_NW) && !(cr0 & X86_CR0_CD))
		return false;
	if ((cr0 & X86_CR0_PG) && !(cr0 & X86_CR0_PE))
		return false;
	if ((efer & EFER_LME) && (cr0 & X86_CR0_PG))
		return (sregs->cr4 & X86_CR4_PAE) && (efer & EFER_LMA) &&
		       !(sregs->cr3 >> vcpu->cpuid.maxphyaddr);
	return !(efer & EFER_LMA) && !sregs->cs.l;
}

static int set_apic_base(struct vcpu *vcpu, u64 value)
{
	if (vcpu->apic && value == lapic_get_base(vcpu))
		return 0;
	return regs_set_apic_base(vcpu, value, true);
}

/* User space that restores a boot processor's reset state wants it to run. */
static void wake_reset_bsp(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	if (vcpu_is_bsp(vcpu) && vcpu->rip == 0xfff0 &&
	    sregs->cs.selector == 0xf000 && sregs->cs.base == 0xffff0000 &&
	    !(sregs->cr0 & X86_CR0_PE))
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
}

static int set_common(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	unsigned int i;

	if (!sregs_valid(vcpu, sregs))
		return -EINVAL;
	if (set_apic_base(vcpu, sregs->apic_base))
		return -EINVAL;

	vendor->set_gdt(vcpu, &sregs->gdt);
	vendor->set_idt(vcpu, &sregs->idt);
	regs_set_cr8(vcpu, sregs->cr8);
	vcpu->cr2 = sregs->cr2;
	vcpu->cr3 = sregs->cr3;
	vcpu->cr0 = sregs->cr0 | X86_CR0_ET;
	vcpu->cr4 = sregs->cr4;
	vcpu->efer = sregs->efer;
	vendor->efer_changed(vcpu);
	vendor->cr0_changed(vcpu);
	vendor->cr4_changed(vcpu);
	vendor->cr3_changed(vcpu);
	for (i = 0; i < ARRAY_SIZE(sregs_segments); i++)
		vendor->set_segment(vcpu,
				    (void *)sregs + sregs_segments[i].offset,
				    sregs_segments[i].which);
	vcpu->user_pdptr_exits = 0;
	wake_reset_bsp(vcpu, sregs);
	vcpu_request(vcpu, VCPU_REQ_MMU_REGS);
	vcpu_request(vcpu, VCPU_REQ_TLB_FLUSH);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}

int regs_set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	unsigned int vector;
	int ret = set_common(vcpu, sregs);

	if (ret)
		return ret;
	vector = find_first_bit((const unsigned long *)sregs->interrupt_bitmap,
				KVM_NR_INTERRUPTS);
	if (vector < KVM_NR_INTERRUPTS)
		event_requeue_interrupt(vcpu, vector, false);
	return 0;
}

/*
 * Bits of a PDPTE that must be 0 (SDM: PAE Paging).  Bit 5 is one too, but where
 * PDPTEs are read like other entries it may be found set as an accessed bit.
 */
static bool pdptrs_valid(const struct vcpu *vcpu, const u64 pdptrs[4])
{
	u64 reserved = ~(BIT_ULL(vcpu->cpuid.maxphyaddr) - 1) | 0x1c6;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if ((pdptrs[i] & 1) && (pdptrs[i] & reserved))
			return false;
	}
	return true;
}

int regs_set_sregs2(struct vcpu *vcpu, const struct kvm_sregs2 *sregs)
{
	bool valid_pdptrs = sregs->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID;

	if (sregs->flags & ~KVM_SREGS2_FLAGS_PDPTRS_VALID)
		return -EINVAL;
	if (valid_pdptrs &&
	    (!pae_paging(sregs->cr0, sregs->cr4, sregs->efer) ||
	     !pdptrs_valid(vcpu, sregs->pdptrs)))
		return -EINVAL;
	if (set_common(vcpu, (const struct kvm_sregs *)sregs))
		return -EINVAL;
	if (valid_pdptrs) {
		memcpy(vcpu->user_pdptr, sregs->pdptrs, sizeof(vcpu->user_pdptr));
		vcpu->user_pdptr_exits = pdptr_stamp(vcpu);
	}
	return 0;
}

int regs_get_mp_state(struct vcpu *vcpu, struct kvm_mp_state *state)
{
	if (vcpu->apic)
		lapic_process_init_sipi(vcpu);
	state->mp_state = vcpu->mp_state;
	/* Woken already: a kick must not be lost by who saves and restores. */
	if (state->mp_state == KVM_MP_STATE_HALTED && READ_ONCE(vcpu->kicked))
		state->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

int regs_set_mp_state(struct vcpu *vcpu, const struct kvm_mp_state *state)
{
	switch (state->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
		/* Nothing in the kernel could end these without an APIC. */
		if (vcpu->apic)
			break;
		fallthrough;
	default:
		return -EINVAL;
	}
	vcpu->mp_state = state->mp_state;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}

int regs_translate(struct vcpu *vcpu, struct kvm_translation *tr)
{
	struct mmu_exception exc;
	gpa_t gpa;
	int idx;

	idx = mem_read_lock(&vcpu->vm->mem);
	gpa = emulate_translate(vcpu, tr->linear_address,
				MMU_ACCESS_IMPLICIT | MMU_ACCESS_PROBE, &exc);
	mem_read_unlock(&vcpu->vm->mem, idx);

	tr->physical_address = gpa;
	tr->valid = gpa != INVALID_GPA;
	tr->writeable = 1;
	tr->usermode = 0;
	return 0;
}

void regs_sync_out(struct vcpu *vcpu)
{
	struct kvm_sync_regs *sync = &vcpu->run->s.regs;
	u64 valid = READ_ONCE(vcpu->run->kvm_valid_regs);

	if (valid & KVM_SYNC_X86_REGS)
		regs_get(vcpu, &sync->regs);
	if (valid & KVM_SYNC_X86_SREGS)
		regs_get_sregs(vcpu, &sync->sregs);
	if (valid & KVM_SYNC_X86_EVENTS)
		event_get_state(vcpu, &sync->events);
}

/* Copies come first: other threads of the VMM may write to the page meanwhile. */
static int sync_in_sregs(struct vcpu *vcpu)
{
	struct kvm_sregs sregs = vcpu->run->s.regs.sregs;

	barrier();
	return regs_set_sregs(vcpu, &sregs);
}

static int sync_in_events(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events = vcpu->run->s.regs.events;

	barrier();
	return event_set_state(vcpu, &events);
}

int regs_sync_in(struct vcpu *vcpu)
{
	u64 dirty = READ_ONCE(vcpu->run->kvm_dirty_regs);
	u64 valid = READ_ONCE(vcpu->run->kvm_valid_regs);

	if ((dirty | valid) & ~(u64)REGS_SYNC_VALID)
		return -EINVAL;
	if (dirty & KVM_SYNC_X86_REGS)
		regs_set(vcpu, &vcpu->run->s.regs.regs);
	if ((dirty & KVM_SYNC_X86_SREGS) && sync_in_sregs(vcpu))
		return -EINVAL;
	if ((dirty & KVM_SYNC_X86_EVENTS) && sync_in_events(vcpu))
		return -EINVAL;
	vcpu->run->kvm_dirty_regs = 0;
	return 0;
}
