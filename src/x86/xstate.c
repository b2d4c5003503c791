// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended state: XCR0, the FPU and XSAVE ioctls, and the three registers that
 * decide what XSAVE means (XCR0, XSS) and what keys allow (PKRU), which hardware
 * does not switch when it enters a guest.
 *
 * The guest can only notice XCR0 and XSS while CR4.OSXSAVE is set, and PKRU while
 * CR4.PKE is or XSAVE manages it; otherwise the host's stay in place.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>

#include "../host/fpu.h"
#include "machine.h"
#include "regs.h"

/* Components that can only be enabled together with others. */
static const struct {
	u64 if_any, all_of;
} xcr0_rules[] = {
	{ XFEATURE_MASK_YMM, XFEATURE_MASK_SSE },
	{ XFEATURE_MASK_BNDREGS | XFEATURE_MASK_BNDCSR,
	  XFEATURE_MASK_BNDREGS | XFEATURE_MASK_BNDCSR },
	{ XFEATURE_MASK_AVX512, XFEATURE_MASK_AVX512 | XFEATURE_MASK_YMM },
	{ XFEATURE_MASK_XTILE, XFEATURE_MASK_XTILE },
};

static bool xcr0_valid(const struct vcpu *vcpu, u64 value)
{
	unsigned int i;

	if (!(value & XFEATURE_MASK_FP))
		return false;
	if (value & ~(vcpu->cpuid.xcr0_allowed | XFEATURE_MASK_FP))
		return false;
	for (i = 0; i < ARRAY_SIZE(xcr0_rules); i++) {
		if ((value & xcr0_rules[i].if_any) &&
		    (value & xcr0_rules[i].all_of) != xcr0_rules[i].all_of)
			return false;
	}
	return true;
}

int regs_set_xcr(struct vcpu *vcpu, u32 index, u64 value)
{
	if (index != XCR_XFEATURE_ENABLED_MASK || !xcr0_valid(vcpu, value))
		return -EINVAL;
	vcpu->xcr0 = value;
	return 0;
}

int regs_get_xcrs(struct vcpu *vcpu, struct kvm_xcrs *xcrs)
{
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return -EINVAL;
	memset(xcrs, 0, sizeof(*xcrs));
	xcrs->nr_xcrs = 1;
	xcrs->xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	xcrs->xcrs[0].value = vcpu->xcr0;
	return 0;
}

int regs_set_xcrs(struct vcpu *vcpu, const struct kvm_xcrs *xcrs)
{
	unsigned int i;

	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return -EINVAL;
	if (xcrs->nr_xcrs > KVM_MAX_XCRS || xcrs->flags)
		return -EINVAL;
	for (i = 0; i < xcrs->nr_xcrs; i++) {
		/* Registers that this CPU does not have yet are left alone. */
		if (xcrs->xcrs[i].xcr == XCR_XFEATURE_ENABLED_MASK)
			return regs_set_xcr(vcpu, XCR_XFEATURE_ENABLED_MASK,
					    xcrs->xcrs[i].value);
	}
	return 0;
}

void regs_get_fpu(struct vcpu *vcpu, struct kvm_fpu *fpu)
{
	const struct fxregs_state *fx = guest_fpu_legacy(vcpu->fpu);

	memset(fpu, 0, sizeof(*fpu));
	memcpy(fpu->fpr, fx->st_space, sizeof(fpu->fpr));
	fpu->fcw = fx->cwd;
	fpu->fsw = fx->swd;
	fpu->ftwx = fx->twd;
	fpu->last_opcode = fx->fop;
	fpu->last_ip = fx->rip;
	fpu->last_dp = fx->rdp;
	memcpy(fpu->xmm, fx->xmm_space, sizeof(fpu->xmm));
	fpu->mxcsr = fx->mxcsr;
}

int regs_set_fpu(struct vcpu *vcpu, const struct kvm_fpu *fpu)
{
	struct fxregs_state *fx;

	if (fpu->mxcsr & ~guest_fpu_mxcsr_mask)
		return -EINVAL;
	fx = guest_fpu_legacy(vcpu->fpu);
	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
	fx->cwd = fpu->fcw;
	fx->swd = fpu->fsw;
	fx->twd = fpu->ftwx;
	fx->fop = fpu->last_opcode;
	fx->rip = fpu->last_ip;
	fx->rdp = fpu->last_dp;
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fpu->xmm));
	fx->mxcsr = fpu->mxcsr;
	return 0;
}

unsigned int regs_xsave_size(void)
{
	return max_t(unsigned int, sizeof(struct kvm_xsave),
		     cpuid_xsave_size(cpuid_host_xcr0()));
}

void regs_get_xsave(struct vcpu *vcpu, void *buf, unsigned int size)
{
	guest_fpu_to_uabi(vcpu->fpu, buf, size,
			  vcpu->cpuid.xcr0_allowed | XFEATURE_MASK_FPSSE,
			  vcpu->pkru);
}

int regs_set_xsave(struct vcpu *vcpu, const void *buf)
{
	return guest_fpu_from_uabi(vcpu->fpu, buf,
				   cpuid_host_xcr0() | XFEATURE_MASK_FPSSE,
				   &vcpu->pkru);
}

static bool pkru_visible(const struct vcpu *vcpu)
{
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		return false;
	return (vcpu->cr4 & X86_CR4_PKE) ||
	       ((vcpu->cr4 & X86_CR4_OSXSAVE) &&
		(vcpu->xcr0 & XFEATURE_MASK_PKRU));
}

void regs_switch_to_guest(struct vcpu *vcpu)
{
	guest_fpu_activate();
	if (vcpu->cr4 & X86_CR4_OSXSAVE) {
		if (vcpu->xcr0 != guest_fpu_host_xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
		if (vcpu->xss != guest_fpu_host_xss)
			native_wrmsrl(MSR_IA32_XSS, vcpu->xss);
	}
	if (pkru_visible(vcpu)) {
		vcpu->host_pkru = rdpkru();
		if (vcpu->pkru != vcpu->host_pkru)
			wrpkru(vcpu->pkru);
	}
}

void regs_switch_to_host(struct vcpu *vcpu)
{
	if (pkru_visible(vcpu)) {
		vcpu->pkru = rdpkru();
		if (vcpu->pkru != vcpu->host_pkru)
			wrpkru(vcpu->host_pkru);
	}
	if (vcpu->cr4 & X86_CR4_OSXSAVE) {
		if (vcpu->xcr0 != guest_fpu_host_xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, guest_fpu_host_xcr0);
		if (vcpu->xss != guest_fpu_host_xss)
			native_wrmsrl(MSR_IA32_XSS, guest_fpu_host_xss);
	}
}
