/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * May this access use this translation?
 */
#ifndef QUIRE_MMU_PERMISSION_H
#define QUIRE_MMU_PERMISSION_H

#include "mmu.h"

/* What the registers say; struct mmu_walker.perm. */
#define PERM_WP		(1u << 0)	/* CR0.WP */
#define PERM_SMEP	(1u << 1)	/* CR4.SMEP */
#define PERM_SMAP	(1u << 2)	/* CR4.SMAP */
#define PERM_NXE	(1u << 3)	/* EFER.NXE, with a layout that has NX */
#define PERM_PKU	(1u << 4)	/* CR4.PKE, in long mode */

/**
 * struct permission_rights - what a walk found
 * @entries:	PT_WRITE, PT_USER and PT_ACCESSED if every entry has it, PT_NX if
 *		one has
 * @pkey:	protection key of the leaf
 */
struct permission_rights {
	u64 entries;
	u8 pkey;
};

/**
 * permission_fault() - check an access against the rights of a translation
 * @perm:	PERM_*
 * @pkru:	rights of the protection keys
 * @access:	PF_ERR_WRITE, PF_ERR_USER, PF_ERR_FETCH, MMU_ACCESS_*
 *
 * A pure function: chapter "Access Rights" (SDM) and "Page-Protection Checks"
 * (APM).  Return: 0, or the error code of the page fault.
 */
u32 permission_fault(u32 perm, u32 pkru, const struct permission_rights *rights,
		     u32 access);

/** permission_error_code() - the bits that say what kind of access it was */
u32 permission_error_code(u32 perm, u32 access);

#endif
