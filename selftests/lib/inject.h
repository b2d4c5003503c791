/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocations that fail on purpose, by the kernel's fault injection: only those that the module makes, or that are made
 * on its behalf (pages of guest memory), and only in the calling thread.
 *
 * With QUIRE_SWEEP=n in its environment, every test program sweeps its calls of the module: kvm_ioctl() has the 1st,
 * 2nd, ... allocation of the call fail, each time looks at the errno, and only then gives the result of the call that
 * went through untouched. So a test passes only if no failed call has changed anything. Of each ioctl, the first n
 * calls of the program are swept, and then each whose number is a power of two.
 */
#ifndef SELFTESTS_LIB_INJECT_H
#define SELFTESTS_LIB_INJECT_H

#include "vm.h"

/* NULL if this machine can make the module's allocations fail, else the reason why not; root only */
const char *inject_unavailable(void);
/* in what follows in this thread, the nth allocation fails (from 1), and no other */
void inject_arm(u32 nth);
/* no more; true if an allocation has failed since inject_arm() */
bool inject_disarm(void);

/* is this run a sweep? */
bool inject_is_sweep(void);
/* ioctl(2) as kvm_ioctl() gives it, swept; aborts when a failure has the wrong errno */
long inject_ioctl(int fd, unsigned long cmd, void *arg);
/* close(2) of a VM or vCPU; in a sweep with the first allocation failing, which teardown must not mind */
void inject_close(int fd);

#endif
