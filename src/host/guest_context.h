/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel must be told when a CPU goes into a guest and comes back:
 * time accounting, RCU, lockdep and IRQ tracing.
 *
 * Order: guest_timing_enter() with IRQs off, guest_context_enter_irqoff() last
 * before the switch and in noinstr code; guest_context_exit_irqoff() first
 * after it; guest_timing_exit() once the interrupt that ended the guest's turn
 * was served, so that a tick is charged to the guest.
 */
#ifndef QUIRE_HOST_GUEST_CONTEXT_H
#define QUIRE_HOST_GUEST_CONTEXT_H

#include <linux/context_tracking.h>
#include <linux/ftrace.h>
#include <linux/instrumentation.h>
#include <linux/irqflags.h>
#include <linux/sched.h>
#include <linux/vtime.h>

#include "compat/rcu.h"

/** guest_timing_enter() - from here on time is the guest's.  IRQs off. */
static __always_inline void guest_timing_enter(void)
{
	vtime_account_guest_enter();
}

/** guest_timing_exit() - time is the host's again.  Preemption off. */
static __always_inline void guest_timing_exit(void)
{
	if (!vtime_accounting_enabled_this_cpu()) {
		/* Others read the flags of a task as they are; it alone writes them. */
		data_race(current->flags &= ~PF_VCPU);
		return;
	}
	local_irq_disable();
	vtime_account_guest_exit();
	local_irq_enable();
}

/**
 * guest_context_enter_irqoff() - RCU stops watching, IRQs count as on
 * IRQs off; noinstr.  No RCU, tracing or lockdep until the matching exit.
 */
static __always_inline void guest_context_enter_irqoff(void)
{
	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();

	if (!context_tracking_guest_enter()) {
		instrumentation_begin();
		compat_rcu_note_guest();
		instrumentation_end();
	}
	lockdep_hardirqs_on(CALLER_ADDR0);
}

/** guest_context_exit_irqoff() - undoes guest_context_enter_irqoff() */
static __always_inline void guest_context_exit_irqoff(void)
{
	lockdep_hardirqs_off(CALLER_ADDR0);
	context_tracking_guest_exit();

	instrumentation_begin();
	trace_hardirqs_off_finish();
	instrumentation_end();
}

#endif
