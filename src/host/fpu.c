// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's FPU, kept in a guest fpstate of the kernel.
 *
 * The kernel can give a task another FPU state for a while, made for the purpose:
 * it saves and restores that one on context switches and around kernel_fpu_begin()
 * until the task gets its own back.  Nothing above this file knows how that works,
 * so that buffers of our own can take its place where it is not available.
 *
 * A component that XSTATE_BV does not name is in its initial state, whatever the
 * memory behind it holds.  guest_fpu_legacy() makes x87 and SSE explicit before
 * anyone looks at them.
 *
 * Neither XCR0, XSS nor PKRU is part of this state; x86/xstate.c switches them.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>

#include "fpu.h"

#define FPU_INIT_CWD		0x37f
#define FPU_INIT_MXCSR		0x1f80
#define MXCSR_MASK_DEFAULT	0xffbf
#define XCOMP_BV_COMPACTED	BIT_ULL(63)

/**
 * struct guest_fpu - see fpu.h
 * @kernel:	the kernel's part
 * @loaded:	between guest_fpu_load() and guest_fpu_put()
 */
struct guest_fpu {
	struct fpu_guest kernel;
	bool loaded;
};

u64 guest_fpu_host_xcr0;
u64 guest_fpu_host_xss;
u32 guest_fpu_mxcsr_mask;

/* An image without a mask stands for the bits of the first processors. */
static u32 read_mxcsr_mask(void)
{
	struct fxregs_state fx __aligned(16) = {};

	asm volatile("fxsaveq %0" : "+m" (fx));
	return fx.mxcsr_mask ?: MXCSR_MASK_DEFAULT;
}

void guest_fpu_module_init(void)
{
	guest_fpu_mxcsr_mask = read_mxcsr_mask();
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		guest_fpu_host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		guest_fpu_host_xss = native_read_msr(MSR_IA32_XSS);
}

struct guest_fpu *guest_fpu_create(void)
{
	struct guest_fpu *fpu = kzalloc(sizeof(*fpu), GFP_KERNEL_ACCOUNT);

	if (!fpu)
		return NULL;
	if (!fpu_alloc_guest_fpstate(&fpu->kernel)) {
		kfree(fpu);
		return NULL;
	}
	return fpu;
}

void guest_fpu_destroy(struct guest_fpu *fpu)
{
	if (!fpu)
		return;
	WARN_ON_ONCE(fpu->loaded);
	fpu_free_guest_fpstate(&fpu->kernel);
	kfree(fpu);
}

void guest_fpu_load(struct guest_fpu *fpu)
{
	WARN_ON_ONCE(fpu->loaded);
	fpu_swap_kvm_fpstate(&fpu->kernel, true);
	fpu->loaded = true;
}

void guest_fpu_put(struct guest_fpu *fpu)
{
	WARN_ON_ONCE(!fpu->loaded);
	fpu->loaded = false;
	fpu_swap_kvm_fpstate(&fpu->kernel, false);
}

void guest_fpu_to_uabi(struct guest_fpu *fpu, void *buf, unsigned int size,
		       u64 features, u32 pkru)
{
	WARN_ON_ONCE(fpu->loaded);
	memset(buf, 0, size);
	fpu_copy_guest_fpstate_to_uabi(&fpu->kernel, buf, size, features, pkru);
}

int guest_fpu_from_uabi(struct guest_fpu *fpu, const void *buf, u64 features,
			u32 *pkru)
{
	WARN_ON_ONCE(fpu->loaded);
	return fpu_copy_uabi_to_guest_fpstate(&fpu->kernel, buf, features, pkru);
}

static void legacy_init_x87(struct fxregs_state *fx)
{
	fx->cwd = FPU_INIT_CWD;
	fx->swd = 0;
	fx->twd = 0;
	fx->fop = 0;
	fx->rip = 0;
	fx->rdp = 0;
	memset(fx->st_space, 0, sizeof(fx->st_space));
}

struct fxregs_state *guest_fpu_legacy(struct guest_fpu *fpu)
{
	union fpregs_state *regs = &fpu->kernel.fpstate->regs;
	struct xstate_header *header = &regs->xsave.header;
	struct fxregs_state *fx = &regs->fxsave;

	WARN_ON_ONCE(fpu->loaded);
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return fx;

	if (!(header->xfeatures & XFEATURE_MASK_FP))
		legacy_init_x87(fx);
	if (!(header->xfeatures & XFEATURE_MASK_SSE)) {
		memset(fx->xmm_space, 0, sizeof(fx->xmm_space));
		/* In the standard format MXCSR is stored and loaded anyway. */
		if (header->xcomp_bv & XCOMP_BV_COMPACTED)
			fx->mxcsr = FPU_INIT_MXCSR;
	}
	header->xfeatures |= XFEATURE_MASK_FPSSE;
	return fx;
}

void guest_fpu_reset(struct guest_fpu *fpu, bool init)
{
	union fpregs_state *regs = &fpu->kernel.fpstate->regs;

	if (init)
		return;
	WARN_ON_ONCE(fpu->loaded);
	legacy_init_x87(&regs->fxsave);
	memset(regs->fxsave.xmm_space, 0, sizeof(regs->fxsave.xmm_space));
	regs->fxsave.mxcsr = FPU_INIT_MXCSR;
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		regs->xsave.header.xfeatures = 0;
}

/* FXSAVE and FXRSTOR move no more than x87 and XMM, and know no XSTATE_BV. */
static void loaded_xmm(unsigned int nr, void *read, const void *write)
{
	struct fxregs_state fx __aligned(16);

	fpregs_lock();
	guest_fpu_activate();
	asm volatile("fxsaveq %0" : "=m" (fx));
	if (read)
		memcpy(read, &fx.xmm_space[nr * 4], 16);
	if (write) {
		memcpy(&fx.xmm_space[nr * 4], write, 16);
		asm volatile("fxrstorq %0" : : "m" (fx));
	}
	fpregs_unlock();
}

void guest_fpu_read_xmm(struct guest_fpu *fpu, unsigned int nr, void *buf)
{
	if (fpu->loaded)
		loaded_xmm(nr, buf, NULL);
	else
		memcpy(buf, &guest_fpu_legacy(fpu)->xmm_space[nr * 4], 16);
}

void guest_fpu_write_xmm(struct guest_fpu *fpu, unsigned int nr, const void *buf)
{
	if (fpu->loaded)
		loaded_xmm(nr, NULL, buf);
	else
		memcpy(&guest_fpu_legacy(fpu)->xmm_space[nr * 4], buf, 16);
}
