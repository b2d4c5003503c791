/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FOLL_INTERRUPTIBLE (6.2): a lookup that any signal ends, not only a fatal one.
 * get_user_pages_remote() lost a parameter (6.5).
 */
#ifndef QUIRE_HOST_COMPAT_GUP_H
#define QUIRE_HOST_COMPAT_GUP_H

#include <linux/mm.h>

#ifdef COMPAT_HAS_FOLL_INTERRUPTIBLE
#define COMPAT_FOLL_INTERRUPTIBLE	FOLL_INTERRUPTIBLE
#else
#define COMPAT_FOLL_INTERRUPTIBLE	0
#endif

/* One page of another address space, which is faulted in and not held. */
static inline long compat_gup_remote(struct mm_struct *mm, unsigned long start,
				     unsigned int flags, int *locked)
{
#ifdef COMPAT_GUP_REMOTE_TAKES_VMAS
	return get_user_pages_remote(mm, start, 1, flags, NULL, NULL, locked);
#else
	return get_user_pages_remote(mm, start, 1, flags, NULL, locked);
#endif
}

#endif
