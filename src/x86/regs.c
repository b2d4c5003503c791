// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reset values, general registers, control registers and EFER.
 *
 * vcpu->cr0, cr3, cr4 and efer are what the guest reads.  Every write passes one
 * of the regs_set_*() functions here, or regs_set_sregs() which replaces them all
 * at once.  A writer checks first, then stores, then tells the vendor, then
 * raises what the change makes necessary:
 *
 *   VCPU_REQ_MMU_REGS	 a register changed that decides how the guest translates
 *   VCPU_REQ_TLB_FLUSH	 the manual says that translations are invalidated
 *			 (SDM: Operations that Invalidate TLBs; APM: TLB
 *			 Management)
 *
 * EFER.LMA is never written by anyone: it follows LME and CR0.PG.
 */
#include <linux/build_bug.h>
#include <linux/string.h>

#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "../host/fpu.h"
#include "../vendor/vendor.h"
#include "machine.h"
#include "msr.h"
#include "regs.h"

/* CR0 after power-up; NE, MP and so on are clear (SDM: Processor State After Reset). */
#define CR0_POWER_UP	(X86_CR0_CD | X86_CR0_NW | X86_CR0_ET)

#define CR0_DEFINED							\
	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | \
	 X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | \
	 X86_CR0_PG)

/* Bits of CR4 that change how linear addresses translate, or who may access. */
#define CR4_PAGING							\
	(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_LA57 |	\
	 X86_CR4_PCIDE | X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE)

/* A change of one of these drops every translation; so does setting SMEP. */
#define CR4_FLUSHES							\
	(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_LA57 | X86_CR4_PCIDE)

#define CR3_NO_FLUSH	BIT_ULL(63)
#define CR3_PCID	0xfffull

/* EDX after reset: family, model and stepping, or those of a Pentium Pro. */
static u32 reset_signature(struct vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *leaf = cpuid_find(vcpu, 1, 0);

	return leaf ? leaf->eax : 0x600;
}

void regs_reset(struct vcpu *vcpu, bool init)
{
	u64 kept = vcpu->cr0 & (X86_CR0_CD | X86_CR0_NW);

	memset(vcpu->regs, 0, sizeof(vcpu->regs));
	vcpu->regs[VCPU_RDX] = reset_signature(vcpu);
	vcpu->rip = 0xfff0;
	vcpu->rflags = REGS_RFLAGS_FIXED;

	vcpu->cr0 = init ? X86_CR0_ET | kept : CR0_POWER_UP;
	vcpu->cr2 = 0;
	vcpu->cr3 = 0;
	vcpu->cr4 = 0;
	vcpu->cr8 = 0;
	vcpu->efer = 0;

	memset(vcpu->dr, 0, sizeof(vcpu->dr));
	vcpu->dr6 = REGS_DR6_FIXED;
	vcpu->dr7 = REGS_DR7_FIXED;

	if (!init) {
		vcpu->xcr0 = 1;
		vcpu->xss = 0;
		vcpu->pkru = 0;
		vcpu->poll_control = 1;
		vcpu->user_apic_base = LAPIC_DEFAULT_BASE | MSR_IA32_APICBASE_ENABLE;
		if (vcpu_is_bsp(vcpu))
			vcpu->user_apic_base |= MSR_IA32_APICBASE_BSP;
	}
	guest_fpu_reset(vcpu->fpu, init);
	msr_vcpu_reset(vcpu, init);
	event_reset(vcpu);
	steal_reset(vcpu);
	async_fault_reset(vcpu);
	vendor->vcpu_reset(vcpu, init);
	vendor->dr_changed(vcpu);
	vcpu_request(vcpu, VCPU_REQ_MMU_REGS);
	vcpu_request(vcpu, VCPU_REQ_TLB_FLUSH);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

/* May CR0.PG and EFER.LME together turn long mode on now? */
static bool long_mode_may_begin(struct vcpu *vcpu)
{
	bool l, db;

	if (!(vcpu->cr4 & X86_CR4_PAE))
		return false;
	vendor->get_cs_mode(vcpu, &l, &db);
	return !l;
}

static bool cr0_transition_ok(struct vcpu *vcpu, u64 value)
{
	bool l, db;

	if ((value & X86_CR0_NW) && !(value & X86_CR0_CD))
		return false;
	if ((value & X86_CR0_PG) && !(value & X86_CR0_PE))
		return false;
	if (!((vcpu->cr0 ^ value) & X86_CR0_PG))
		return true;
	if (value & X86_CR0_PG)
		return !(vcpu->efer & EFER_LME) || long_mode_may_begin(vcpu);
	if (vcpu->cr4 & X86_CR4_PCIDE)
		return false;
	if (!(vcpu->efer & EFER_LMA))
		return true;
	/* Only compatibility mode may leave; CS.L stands for 64-bit mode. */
	vendor->get_cs_mode(vcpu, &l, &db);
	return !l;
}

int regs_set_cr0(struct vcpu *vcpu, u64 value)
{
	u64 changed;

	if (value >> 32)
		return -EINVAL;
	value = (value & CR0_DEFINED) | X86_CR0_ET;
	if (!cr0_transition_ok(vcpu, value))
		return -EINVAL;

	changed = vcpu->cr0 ^ value;
	vcpu->cr0 = value;
	if ((changed & X86_CR0_PG) && (vcpu->efer & EFER_LME)) {
		vcpu->efer ^= EFER_LMA;
		vendor->efer_changed(vcpu);
	}
	vendor->cr0_changed(vcpu);
	if (changed & (X86_CR0_PG | X86_CR0_WP | X86_CR0_PE))
		vcpu_request(vcpu, VCPU_REQ_MMU_REGS);
	if (changed & X86_CR0_PG)
		vcpu_request(vcpu, VCPU_REQ_TLB_FLUSH);
	return 0;
}

/* Address bits that the guest does not have; bits 11:0 are flags or the PCID. */
static bool cr3_valid(const struct vcpu *vcpu, u64 value, u64 efer)
{
	if (!(efer & EFER_LMA))
		return !(value >> 32);
	return !(value >> vcpu->cpuid.maxphyaddr);
}

int regs_set_cr3(struct vcpu *vcpu, u64 value)
{
	bool flush = true;

	if (vcpu->cr4 & X86_CR4_PCIDE) {
		flush = !(value & CR3_NO_FLUSH);
		value &= ~CR3_NO_FLUSH;
	}
	if (!cr3_valid(vcpu, value, vcpu->efer))
		return -EINVAL;

	if (vcpu->cr3 != value) {
		vcpu->cr3 = value;
		vendor->cr3_changed(vcpu);
		vcpu_request(vcpu, VCPU_REQ_MMU_REGS);
	}
	if (flush)
		vcpu_request(vcpu, VCPU_REQ_TLB_FLUSH);
	return 0;
}

static bool cr4_transition_ok(const struct vcpu *vcpu, u64 value)
{
	u64 changed = vcpu->cr4 ^ value;

	if (value & vcpu->cpuid.cr4_reserved)
		return false;
	if (vcpu->efer & EFER_LMA) {
		if (!(value & X86_CR4_PAE) || (changed & X86_CR4_LA57))
			return false;
	}
	if (changed & value & X86_CR4_PCIDE)
		return (vcpu->efer & EFER_LMA) && !(vcpu->cr3 & CR3_PCID);
	return true;
}

int regs_set_cr4(struct vcpu *vcpu, u64 value)
{
	u64 changed = vcpu->cr4 ^ value;

	if (!cr4_transition_ok(vcpu, value))
		return -EINVAL;

	vcpu->cr4 = value;
	vendor->cr4_changed(vcpu);
	if (changed & CR4_PAGING)
		vcpu_request(vcpu, VCPU_REQ_MMU_REGS);
	if ((changed & CR4_FLUSHES) || (changed & value & X86_CR4_SMEP))
		vcpu_request(vcpu, VCPU_REQ_TLB_FLUSH);
	return 0;
}

int regs_set_cr8(struct vcpu *vcpu, u64 value)
{
	if (value > 15)
		return -EINVAL;
	if (vcpu->apic)
		lapic_set_cr8(vcpu, value);
	else
		vcpu->cr8 = value;
	return 0;
}

u64 regs_get_cr8(struct vcpu *vcpu)
{
	return vcpu->apic ? lapic_get_cr8(vcpu) : vcpu->cr8;
}

int regs_set_efer(struct vcpu *vcpu, u64 value, bool host)
{
	u64 allowed = host ? cpuid_host_efer() : vcpu->cpuid.efer_allowed;
	u64 changed;

	if (value & ~(allowed | EFER_LMA))
		return -EINVAL;
	value = (value & ~EFER_LMA) | (vcpu->efer & EFER_LMA);
	changed = vcpu->efer ^ value;
	if ((changed & EFER_LME) && (vcpu->cr0 & X86_CR0_PG))
		return -EINVAL;

	vcpu->efer = value;
	vendor->efer_changed(vcpu);
	if (changed & EFER_NX)
		vcpu_request(vcpu, VCPU_REQ_MMU_REGS);
	return 0;
}

u64 regs_get_apic_base(const struct vcpu *vcpu)
{
	return vcpu->apic ? lapic_get_base(vcpu) : vcpu->user_apic_base;
}

int regs_set_apic_base(struct vcpu *vcpu, u64 value, bool host)
{
	u64 defined = MSR_IA32_APICBASE_BSP | MSR_IA32_APICBASE_ENABLE |
		      GENMASK_ULL(vcpu->cpuid.maxphyaddr - 1, PAGE_SHIFT);

	if (vcpu->apic)
		return lapic_set_base(vcpu, value, host);
	/* Who models the APIC in user space cannot be in x2APIC mode. */
	if (value & ~defined)
		return -EINVAL;
	vcpu->user_apic_base = value;
	return 0;
}

void regs_set_rflags(struct vcpu *vcpu, u64 value)
{
	vcpu->rflags = value | REGS_RFLAGS_FIXED;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

void regs_mmu(struct vcpu *vcpu, struct mmu_regs *regs)
{
	*regs = (struct mmu_regs) {
		.cr0 = vcpu->cr0,
		.cr3 = vcpu->cr3,
		.cr4 = vcpu->cr4,
		.efer = vcpu->efer,
		.pkru = vcpu->pkru,
		.maxphyaddr = vcpu->cpuid.maxphyaddr,
		.page_1g = vcpu->cpuid.features.page_1g,
		.upper_global_rsvd = vcpu->cpuid.features.amd_like,
	};
}

/* Where struct kvm_regs has each general register. */
static const u8 kvm_regs_offset[VCPU_NR_REGS] = {
#define REG(name, member) [name] = offsetof(struct kvm_regs, member)
	REG(VCPU_RAX, rax), REG(VCPU_RCX, rcx), REG(VCPU_RDX, rdx),
	REG(VCPU_RBX, rbx), REG(VCPU_RSP, rsp), REG(VCPU_RBP, rbp),
	REG(VCPU_RSI, rsi), REG(VCPU_RDI, rdi), REG(VCPU_R8, r8),
	REG(VCPU_R9, r9), REG(VCPU_R10, r10), REG(VCPU_R11, r11),
	REG(VCPU_R12, r12), REG(VCPU_R13, r13), REG(VCPU_R14, r14),
	REG(VCPU_R15, r15),
#undef REG
};

void regs_get(struct vcpu *vcpu, struct kvm_regs *regs)
{
	unsigned int i;

	for (i = 0; i < VCPU_NR_REGS; i++)
		*(u64 *)((char *)regs + kvm_regs_offset[i]) = vcpu->regs[i];
	regs->rip = vcpu->rip;
	regs->rflags = vcpu->rflags;
}

void regs_set(struct vcpu *vcpu, const struct kvm_regs *regs)
{
	unsigned int i;

	for (i = 0; i < VCPU_NR_REGS; i++)
		vcpu->regs[i] = *(u64 *)((char *)regs + kvm_regs_offset[i]);
	vcpu->rip = regs->rip;
	regs_set_rflags(vcpu, regs->rflags);
	/* It belonged to the instruction at the old RIP. */
	vcpu->event.exception.pending = false;
}
