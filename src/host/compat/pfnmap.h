/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames behind VM_PFNMAP and VM_IO mappings: follow_pfnmap_start() since 6.12,
 * follow_pte() before.
 */
#ifndef QUIRE_HOST_COMPAT_PFNMAP_H
#define QUIRE_HOST_COMPAT_PFNMAP_H

#include <linux/mm.h>

/**
 * compat_follow_pfnmap() - the frame that a PFNMAP mapping has at @address now
 * Caller holds the mmap lock.  Does not fault anything in.
 * Return: 0, or -EINVAL if there is none yet.
 */
static inline int compat_follow_pfnmap(struct vm_area_struct *vma,
				       unsigned long address,
				       unsigned long *pfn, bool *writable)
{
#ifdef COMPAT_HAS_FOLLOW_PFNMAP
	struct follow_pfnmap_args args = { .vma = vma, .address = address };

	if (follow_pfnmap_start(&args))
		return -EINVAL;
	*pfn = args.pfn;
	*writable = args.writable;
	follow_pfnmap_end(&args);
#else
	spinlock_t *lock;
	pte_t *ptep;

	if (follow_pte(vma->vm_mm, address, &ptep, &lock))
		return -EINVAL;
	/* For sparse: what follow_pte() does is not in its prototype. */
	__acquire(lock);
	*pfn = pte_pfn(*ptep);
	*writable = pte_write(*ptep);
	pte_unmap_unlock(ptep, lock);
#endif
	return 0;
}

#endif
