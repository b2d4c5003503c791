// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting: in HLT, as an application processor before its SIPI, or for a page that
 * the host brings.
 *
 * Going to sleep and being woken is dear, and what ends HLT often comes soon.  So
 * a halted vCPU looks again and again for some time before it sleeps, as long as
 * nobody else wants the CPU and the guest does not forbid it.  For how long is
 * learnt, for each vCPU, from how long its waits turn out to be:
 *
 *	it polled, and that was enough		as it is
 *	a longer poll would have been enough	grow: times halt_poll_ns_grow, or
 *						to halt_poll_ns_grow_start from 0
 *	the longest that is allowed would not	shrink: by halt_poll_ns_shrink, or
 *						to 0
 */
#include <linux/kvm.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/rcuwait.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "halt.h"
#include "host/compat/kvm_run.h"
#include "request.h"
#include "vendor/vendor.h"

static unsigned int halt_poll_ns = 200000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns,
		 "For how long at most a halted vCPU is polled before it sleeps (default: 200000)");

static unsigned int halt_poll_ns_grow = 2;
module_param(halt_poll_ns_grow, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow, "What that time is multiplied by to grow (default: 2)");

static unsigned int halt_poll_ns_grow_start = 10000;
module_param(halt_poll_ns_grow_start, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow_start, "What it grows to from 0 (default: 10000)");

static unsigned int halt_poll_ns_shrink = 2;
module_param(halt_poll_ns_shrink, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_shrink,
		 "What it is divided by to shrink; 0: down to 0 at once (default: 2)");

/* Requests that wait until the vCPU runs again: not worth waking it for. */
#define HALT_LAZY_REQUESTS						\
	(BIT(VCPU_REQ_EVENT) | BIT(VCPU_REQ_TLB_FLUSH) | BIT(VCPU_REQ_CLOCK) |	\
	 BIT(VCPU_REQ_STEAL) | BIT(VCPU_REQ_PAGE_WAIT))

/* Is there an event that the guest would take? */
static bool halt_has_event(struct vcpu *vcpu)
{
	struct vcpu_event *event = &vcpu->event;

	if (event->exception.pending || event->exception.injected)
		return true;
	event_collect_nmis(vcpu);
	if (event->nmi_pending && vendor->nmi_allowed(vcpu))
		return true;
	return event_interrupt_waiting(vcpu) && vendor->interrupt_allowed(vcpu);
}

/* Is there something that ends HLT? */
static bool halt_ends(struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->kicked) || halt_has_event(vcpu);
}

static bool halt_is_asked(struct vcpu *vcpu)
{
	if (compat_immediate_exit(vcpu->run))
		return true;
	if (vcpu->apic && lapic_init_sipi_pending(vcpu))
		return true;
	return READ_ONCE(vcpu->requests) & ~HALT_LAZY_REQUESTS;
}

static bool halt_has_work(struct vcpu *vcpu)
{
	return halt_is_asked(vcpu) ||
	       (vcpu->mp_state == KVM_MP_STATE_HALTED && halt_ends(vcpu));
}

/* The time since @start belongs to @stat. */
static void halt_count_ns(struct vcpu *vcpu, enum vcpu_stat stat, ktime_t start)
{
	vcpu->stats[stat] += ktime_to_ns(ktime_sub(ktime_get(), start));
}

/* --- polling --- */

/* The longest time for which this vCPU may poll. */
static unsigned int halt_poll_limit(const struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;

	if (!(vcpu->poll_control & 1) || vcpu->mp_state != KVM_MP_STATE_HALTED)
		return 0;
	/* Pairs with capability_halt_poll(). */
	if (smp_load_acquire(&vm->halt_poll_own))
		return READ_ONCE(vm->halt_poll_ns);
	return READ_ONCE(halt_poll_ns);
}

/* Return: false if nothing came up in time, or somebody else wants the CPU. */
static bool halt_poll(struct vcpu *vcpu, ktime_t start)
{
	ktime_t end = ktime_add_ns(start, vcpu->poll_ns);

	vcpu_count(vcpu, VCPU_STAT_POLLS);
	do {
		if (halt_has_work(vcpu)) {
			vcpu_count(vcpu, VCPU_STAT_POLL_HITS);
			halt_count_ns(vcpu, VCPU_STAT_POLL_HIT_NS, start);
			return true;
		}
		cpu_relax();
	} while (single_task_running() && !need_resched() &&
		 !signal_pending(current) && ktime_before(ktime_get(), end));
	halt_count_ns(vcpu, VCPU_STAT_POLL_MISS_NS, start);
	return false;
}

static void halt_poll_grow(struct vcpu *vcpu, unsigned int limit)
{
	unsigned int grow = READ_ONCE(halt_poll_ns_grow);
	u64 ns = (u64)vcpu->poll_ns * grow;

	if (!grow)
		return;
	ns = max_t(u64, ns, READ_ONCE(halt_poll_ns_grow_start));
	vcpu->poll_ns = min_t(u64, ns, limit);
}

static void halt_poll_shrink(struct vcpu *vcpu)
{
	unsigned int shrink = READ_ONCE(halt_poll_ns_shrink);

	vcpu->poll_ns = shrink ? vcpu->poll_ns / shrink : 0;
	if (vcpu->poll_ns < READ_ONCE(halt_poll_ns_grow_start))
		vcpu->poll_ns = 0;
}

/* The vCPU slept: would another time have spared it that? */
static void halt_poll_learn(struct vcpu *vcpu, u64 waited, unsigned int limit)
{
	if (waited > limit)
		halt_poll_shrink(vcpu);
	else if (vcpu->poll_ns < limit)
		halt_poll_grow(vcpu, limit);
}

/* --- waiting --- */

static void halt_sleep(struct vcpu *vcpu)
{
	ktime_t start = ktime_get();

	/* A signal ends the wait too; the loop looks for it. */
	rcuwait_wait_event(&vcpu->wait, halt_has_work(vcpu), TASK_INTERRUPTIBLE);
	halt_count_ns(vcpu, VCPU_STAT_SLEPT_NS, start);
	vcpu_count(vcpu, VCPU_STAT_SLEPT);
}

static void halt_poll_and_sleep(struct vcpu *vcpu, unsigned int limit)
{
	ktime_t start;

	vcpu->poll_ns = min(vcpu->poll_ns, limit);
	if (!limit) {
		halt_sleep(vcpu);
		return;
	}
	start = ktime_get();
	if (vcpu->poll_ns && halt_poll(vcpu, start))
		return;
	halt_sleep(vcpu);
	halt_poll_learn(vcpu, ktime_to_ns(ktime_sub(ktime_get(), start)), limit);
}

int halt_wait(struct vcpu *vcpu)
{
	unsigned int limit = halt_poll_limit(vcpu);

	/* The wait may not touch guest memory. */
	if (vcpu->apic)
		lapic_settle(vcpu);
	halt_poll_and_sleep(vcpu, limit);

	if (compat_immediate_exit(vcpu->run))
		return -EINTR;
	if (vcpu->apic && lapic_init_sipi_pending(vcpu)) {
		lapic_process_init_sipi(vcpu);
		return EXIT_RESUME;
	}
	if (vcpu->mp_state == KVM_MP_STATE_HALTED && halt_ends(vcpu)) {
		WRITE_ONCE(vcpu->kicked, false);
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
		return EXIT_RESUME;
	}
	return request_handle(vcpu);
}

int halt_for_page(struct vcpu *vcpu)
{
	/* User space may have changed that, and nothing else would end the wait. */
	if (!vendor->interrupt_allowed(vcpu))
		return EXIT_RESUME;
	vcpu_count(vcpu, VCPU_STAT_ASYNC_HALTS);
	/* The wait may not touch guest memory. */
	lapic_settle(vcpu);
	/* A kick is for HLT.  A signal ends the wait; the loop looks for it. */
	rcuwait_wait_event(&vcpu->wait, halt_is_asked(vcpu) || halt_has_event(vcpu),
			   TASK_INTERRUPTIBLE);
	return compat_immediate_exit(vcpu->run) ? -EINTR : EXIT_RESUME;
}
