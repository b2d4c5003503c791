/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct kvm_run as the host kernel's header spells it.
 */
#ifndef QUIRE_HOST_COMPAT_KVM_RUN_H
#define QUIRE_HOST_COMPAT_KVM_RUN_H

#include <linux/compiler.h>
#include <linux/kvm.h>

/* Read once: user space, in a signal handler or another thread, may set it. */
static inline bool compat_immediate_exit(const struct kvm_run *run)
{
#ifdef COMPAT_HAS_IMMEDIATE_EXIT_UNSAFE
	return READ_ONCE(run->immediate_exit__unsafe);
#else
	return READ_ONCE(run->immediate_exit);
#endif
}

#endif
