/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's FPU and the host's seam to switch between the two.
 *
 * While loaded, the task's FPU *is* the guest's: the scheduler saves and restores
 * it like any other.  So the task may be preempted and may sleep, and only just
 * before an entry does guest_fpu_activate() make sure that the registers hold it.
 */
#ifndef QUIRE_HOST_FPU_H
#define QUIRE_HOST_FPU_H

#include <linux/thread_info.h>
#include <linux/types.h>

#include <asm/fpu/api.h>

struct fxregs_state;
struct guest_fpu;

/** guest_fpu_module_init() - learn the host's XCR0 and XSS; once, at load */
void guest_fpu_module_init(void);

/* The host's, 0 where the CPU has no such register; constant. */
extern u64 guest_fpu_host_xcr0;
extern u64 guest_fpu_host_xss;
/* Bits of MXCSR that this CPU has; others make FXRSTOR and XRSTOR fault. */
extern u32 guest_fpu_mxcsr_mask;

/** guest_fpu_create() - state as after reset.  May sleep.  NULL: no memory. */
struct guest_fpu *guest_fpu_create(void);
/** guest_fpu_destroy() - not while loaded; NULL is fine */
void guest_fpu_destroy(struct guest_fpu *fpu);

/*
 * Put the guest's state in the place of the task's own, and back.  Between the
 * two the task must not return to user space.  Preemption enabled.
 */
void guest_fpu_load(struct guest_fpu *fpu);
void guest_fpu_put(struct guest_fpu *fpu);

/** guest_fpu_activate() - loaded state into the registers.  Under fpregs_lock() or
 * with IRQs off. */
static inline void guest_fpu_activate(void)
{
	if (unlikely(test_thread_flag(TIF_NEED_FPU_LOAD)))
		switch_fpu_return();
}

/*
 * The state in the layout of XSAVE without compaction (KVM_GET/SET_XSAVE(2)).
 * Not while loaded.  guest_fpu_to_uabi() fills @size bytes, with the components
 * in @features alone; guest_fpu_from_uabi() reads what the header of @buf says and
 * returns -EINVAL for components outside @features, for a malformed header or a
 * bad MXCSR.  PKRU is no part of the state: it comes and goes by argument.
 */
void guest_fpu_to_uabi(struct guest_fpu *fpu, void *buf, unsigned int size,
		       u64 features, u32 pkru);
int guest_fpu_from_uabi(struct guest_fpu *fpu, const void *buf, u64 features,
			u32 *pkru);

/**
 * guest_fpu_legacy() - its 512 byte FXSAVE image, to read or to change
 * Not while loaded.
 */
struct fxregs_state *guest_fpu_legacy(struct guest_fpu *fpu);

/**
 * guest_fpu_reset() - as after power-up, which FNINIT and its like reach too
 * Not while loaded.  @init: INIT leaves the FPU alone, so does this.
 */
void guest_fpu_reset(struct guest_fpu *fpu, bool init);

/*
 * One XMM register, 16 bytes, loaded or not; bits above 127 are kept.  By the
 * task that loaded it.  Preemption enabled.
 */
void guest_fpu_read_xmm(struct guest_fpu *fpu, unsigned int nr, void *buf);
void guest_fpu_write_xmm(struct guest_fpu *fpu, unsigned int nr, const void *buf);

#endif
