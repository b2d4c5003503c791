/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a task owes the kernel before it may run a guest: signals, rescheduling,
 * task work.
 */
#ifndef QUIRE_HOST_WORK_H
#define QUIRE_HOST_WORK_H

#include <linux/entry-kvm.h>
#include <linux/types.h>

/** host_work_pending() - quick look; exact with IRQs off */
static inline bool host_work_pending(void)
{
	return __xfer_to_guest_mode_work_pending();
}

/**
 * host_work_handle() - do what is pending
 * May sleep.  Return: 0, or -EINTR when a signal waits for user space.
 */
int host_work_handle(void);

#endif
