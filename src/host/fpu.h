/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's FPU and the host's seam to switch between the two.
 */
#ifndef QUIRE_HOST_FPU_H
#define QUIRE_HOST_FPU_H

#include <linux/types.h>

struct guest_fpu;

/** guest_fpu_create() - state as after reset.  May sleep.  NULL: no memory. */
struct guest_fpu *guest_fpu_create(void);
void guest_fpu_destroy(struct guest_fpu *fpu);

/*
 * Put the guest's state into the registers / take it out again.  Between the
 * two the task must not return to user space.  Preemption enabled.
 */
void guest_fpu_load(struct guest_fpu *fpu);
void guest_fpu_put(struct guest_fpu *fpu);

/*
 * The state in the layout of XSAVE without compaction (KVM_GET/SET_XSAVE(2)).
 * Not while loaded.  @size: bytes of @buf, at least guest_fpu_uabi_size().
 * guest_fpu_from_uabi() returns -EINVAL for bits outside @xcr0_allowed or a
 * malformed header.
 */
unsigned int guest_fpu_uabi_size(struct guest_fpu *fpu);
void guest_fpu_to_uabi(struct guest_fpu *fpu, void *buf, unsigned int size,
		       u64 xcr0_allowed, u32 pkru);
int guest_fpu_from_uabi(struct guest_fpu *fpu, const void *buf, u64 xcr0_allowed,
			u32 *pkru);

/** guest_fpu_legacy() - its 512 byte FXSAVE image.  Not while loaded. */
struct fxregs_state *guest_fpu_legacy(struct guest_fpu *fpu);
void guest_fpu_reset(struct guest_fpu *fpu, bool init);

#endif
