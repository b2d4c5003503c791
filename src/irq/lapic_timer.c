// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer (SDM: APIC Timer).
 *
 * Counting is arithmetic: the current count follows from the host's clock and
 * the time at which the count reaches 0 first.  A host timer runs only while the
 * guest wants an interrupt, that is while the entry in the local vector table is
 * not masked; its callback posts the vector directly, so that an entry into the
 * guest never has to look at the timer.
 *
 * What a deadline is for is late by the time that it takes from the host's timer to
 * the guest's next instruction, most of it spent on waking the vCPU.  So the host's
 * timer of a deadline fires earlier, by what was learnt from how late others were,
 * and whoever takes the vector waits for the rest.
 *
 * One count is one cycle of the input clock before division: a nanosecond, unless
 * the VMM says otherwise.
 */
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>

#include "../host/compat/hrtimer.h"
#include "../x86/machine.h"
#include "lapic_private.h"

/*
 * A periodic timer costs the host an interrupt per period even while its vCPU
 * does not run.  Shorter periods are stretched to this.
 */
#define LAPIC_TIMER_MIN_PERIOD_NS	200000

/* Looking at the TSC again sooner than this is no use. */
#define LAPIC_TIMER_MIN_RETRY_NS	1000

static unsigned int timer_advance_ns = 5000;
module_param(timer_advance_ns, uint, 0644);
MODULE_PARM_DESC(timer_advance_ns,
		 "By how much at most TSC deadlines fire early, to be in time (default: 5000)");

/* A new lateness counts by this part, and not at all if it is that much too long. */
#define LAPIC_ADVANCE_STEP		8
#define LAPIC_ADVANCE_OUTLIER		4

static bool lapic_timer_masked(const struct lapic *apic)
{
	return READ_ONCE(apic->regs.reg[APIC_REG_LVT_TIMER]) & LAPIC_LVT_MASKED;
}

static u64 lapic_timer_count_to_ns(const struct lapic *apic, u32 count)
{
	return apic_count_to_ns(count, apic->regs.reg[APIC_REG_TIMER_DIVIDE]) *
	       apic->vcpu->vm->apic_bus_ns;
}

static u64 lapic_timer_period(const struct lapic_timer *timer)
{
	return timer->mode == APIC_TIMER_PERIODIC ? timer->period_ns : 0;
}

/* ns until the count reaches 0, 0 if it has stopped. */
static u64 lapic_timer_left(const struct lapic_timer *timer, ktime_t now)
{
	if (!timer->period_ns)
		return 0;
	return apic_timer_left(ktime_to_ns(timer->expiry), ktime_to_ns(now),
			       lapic_timer_period(timer));
}

/* Guest TSC ticks until the deadline, 0 if it has passed. */
static u64 lapic_timer_deadline_left(const struct lapic *apic)
{
	u64 deadline = READ_ONCE(apic->timer.deadline);
	u64 now = clock_read_tsc(apic->vcpu);

	return deadline > now ? deadline - now : 0;
}

static u64 lapic_timer_tsc_to_ns(const struct lapic *apic, u64 ticks)
{
	return apic_tsc_to_ns(ticks, apic->vcpu->clock.tsc_khz);
}

/* When the host's timer shall fire for a deadline in @left ticks. */
static u64 lapic_timer_deadline_ns(const struct lapic *apic, u64 left)
{
	u32 advance = min(READ_ONCE(apic->timer.advance_ns), READ_ONCE(timer_advance_ns));
	u64 ns = lapic_timer_tsc_to_ns(apic, left);

	return ns - min_t(u64, ns, advance);
}

/* The host's clock drifts against the TSC: not earlier than was meant. */
static enum hrtimer_restart lapic_timer_deadline_reached(struct lapic *apic)
{
	struct lapic_timer *timer = &apic->timer;
	u64 ns = lapic_timer_deadline_ns(apic, lapic_timer_deadline_left(apic));

	if (ns) {
		ns = max_t(u64, ns, LAPIC_TIMER_MIN_RETRY_NS);
		hrtimer_forward_now(&timer->host, ns_to_ktime(ns));
		return HRTIMER_RESTART;
	}
	WRITE_ONCE(timer->due, timer->deadline);
	WRITE_ONCE(timer->deadline, 0);
	lapic_post_lvt(apic, APIC_REG_LVT_TIMER);
	return HRTIMER_NORESTART;
}

static enum hrtimer_restart lapic_timer_callback(struct hrtimer *host)
{
	struct lapic *apic = container_of(host, struct lapic, timer.host);
	struct lapic_timer *timer = &apic->timer;

	if (timer->mode == APIC_TIMER_DEADLINE)
		return lapic_timer_deadline_reached(apic);

	lapic_post_lvt(apic, APIC_REG_LVT_TIMER);
	if (timer->mode != APIC_TIMER_PERIODIC)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(host, ns_to_ktime(timer->period_ns));
	return HRTIMER_RESTART;
}

void lapic_timer_init(struct lapic *apic)
{
	/* Pinned: armed by the vCPU, it best fires where the vCPU runs. */
	compat_hrtimer_setup(&apic->timer.host, lapic_timer_callback, CLOCK_MONOTONIC,
			     HRTIMER_MODE_ABS_PINNED_HARD);
}

static void lapic_timer_start_host(struct lapic *apic, ktime_t when)
{
	hrtimer_start(&apic->timer.host, when, HRTIMER_MODE_ABS_PINNED_HARD);
}

/* Count down @ns from now, then the period if it is periodic. */
static void lapic_timer_count(struct lapic *apic, u64 ns)
{
	apic->timer.expiry = ktime_add_ns(ktime_get(), ns);
	if (!lapic_timer_masked(apic))
		lapic_timer_start_host(apic, apic->timer.expiry);
}

/* The period that the registers ask for, or the shortest that is granted. */
static void lapic_timer_set_period(struct lapic *apic)
{
	struct lapic_timer *timer = &apic->timer;
	u64 ns = lapic_timer_count_to_ns(apic, apic->regs.reg[APIC_REG_TIMER_INITIAL]);

	if (ns && timer->mode == APIC_TIMER_PERIODIC && ns < LAPIC_TIMER_MIN_PERIOD_NS) {
		pr_info_once("a guest's periodic APIC timer of %llu ns was slowed down to %u ns\n",
			     ns, LAPIC_TIMER_MIN_PERIOD_NS);
		ns = LAPIC_TIMER_MIN_PERIOD_NS;
	}
	timer->period_ns = ns;
}

static void lapic_timer_arm_deadline(struct lapic *apic)
{
	struct lapic_timer *timer = &apic->timer;
	u64 left = lapic_timer_deadline_left(apic);

	if (left) {
		lapic_timer_start_host(apic, ktime_add_ns(ktime_get(),
							  lapic_timer_deadline_ns(apic, left)));
		return;
	}
	timer->deadline = 0;
	lapic_post_lvt(apic, APIC_REG_LVT_TIMER);
}

static void lapic_timer_was_late(struct lapic_timer *timer, u64 ns)
{
	u32 limit = READ_ONCE(timer_advance_ns);

	if (ns < (u64)limit * LAPIC_ADVANCE_OUTLIER)
		ns = timer->advance_ns + ns / LAPIC_ADVANCE_STEP;
	else
		ns = timer->advance_ns;
	WRITE_ONCE(timer->advance_ns, min_t(u64, ns, limit));
}

void lapic_timer_wait_due(struct lapic *apic, u8 vector)
{
	struct lapic_timer *timer = &apic->timer;
	u64 due = timer->due, now = clock_read_tsc(apic->vcpu), ns;

	if ((apic->regs.reg[APIC_REG_LVT_TIMER] & 0xff) != vector)
		return;
	timer->due = 0;
	if (now >= due) {
		lapic_timer_was_late(timer, lapic_timer_tsc_to_ns(apic, now - due));
		return;
	}
	ns = lapic_timer_tsc_to_ns(apic, due - now);
	/* Else the TSC is another one by now. */
	if (ns > timer->advance_ns)
		return;
	WRITE_ONCE(timer->advance_ns, timer->advance_ns - ns / LAPIC_ADVANCE_STEP);
	while (clock_read_tsc(apic->vcpu) < due)
		cpu_relax();
}

void lapic_timer_stop(struct lapic *apic)
{
	struct lapic_timer *timer = &apic->timer;

	hrtimer_cancel(&timer->host);
	timer->mode = APIC_TIMER_ONE_SHOT;
	timer->period_ns = 0;
	timer->deadline = 0;
	timer->due = 0;
}

void lapic_timer_set_initial(struct lapic *apic, u32 count)
{
	struct lapic_timer *timer = &apic->timer;

	if (timer->mode == APIC_TIMER_DEADLINE)
		return;
	hrtimer_cancel(&timer->host);
	apic->regs.reg[APIC_REG_TIMER_INITIAL] = count;
	lapic_timer_set_period(apic);
	if (timer->period_ns)
		lapic_timer_count(apic, timer->period_ns);
}

void lapic_timer_set_divide(struct lapic *apic, u32 divide)
{
	struct lapic_timer *timer = &apic->timer;
	u32 count = lapic_timer_current(apic);

	if (timer->mode == APIC_TIMER_DEADLINE || !count) {
		apic->regs.reg[APIC_REG_TIMER_DIVIDE] = divide;
		return;
	}
	/* What is left of the count goes on, at another speed. */
	hrtimer_cancel(&timer->host);
	apic->regs.reg[APIC_REG_TIMER_DIVIDE] = divide;
	lapic_timer_set_period(apic);
	lapic_timer_count(apic, lapic_timer_count_to_ns(apic, count));
}

/* Unmasked: from now on the guest hears of it.  What passed masked is lost. */
static void lapic_timer_unmasked(struct lapic *apic)
{
	struct lapic_timer *timer = &apic->timer;
	u64 left;

	if (timer->mode == APIC_TIMER_DEADLINE) {
		if (!lapic_timer_deadline_left(apic))
			timer->deadline = 0;
		if (timer->deadline)
			lapic_timer_arm_deadline(apic);
		return;
	}
	left = lapic_timer_left(timer, ktime_get());
	if (left)
		lapic_timer_count(apic, left);
}

static void lapic_timer_set_mode(struct lapic *apic, u8 mode, u32 lvt)
{
	struct lapic_timer *timer = &apic->timer;
	u64 left;

	hrtimer_cancel(&timer->host);
	left = lapic_timer_left(timer, ktime_get());
	/* To and from deadline mode: the timer is disarmed. */
	if (mode == APIC_TIMER_DEADLINE || timer->mode == APIC_TIMER_DEADLINE) {
		apic->regs.reg[APIC_REG_TIMER_INITIAL] = 0;
		timer->deadline = 0;
		left = 0;
	}
	timer->mode = mode;
	WRITE_ONCE(apic->regs.reg[APIC_REG_LVT_TIMER], lvt);
	lapic_timer_set_period(apic);
	if (left)
		lapic_timer_count(apic, left);
}

void lapic_timer_set_lvt(struct lapic *apic, u32 lvt)
{
	u32 old = apic->regs.reg[APIC_REG_LVT_TIMER];
	u8 mode = APIC_LVT_TIMER_MODE(lvt);

	if (mode != apic->timer.mode) {
		lapic_timer_set_mode(apic, mode, lvt);
		return;
	}
	WRITE_ONCE(apic->regs.reg[APIC_REG_LVT_TIMER], lvt);
	if (!((old ^ lvt) & LAPIC_LVT_MASKED))
		return;
	hrtimer_cancel(&apic->timer.host);
	if (!(lvt & LAPIC_LVT_MASKED))
		lapic_timer_unmasked(apic);
}

static u32 lapic_timer_count_at(const struct lapic *apic, ktime_t now)
{
	const u32 *reg = apic->regs.reg;
	u64 cycles;

	if (apic->timer.mode == APIC_TIMER_DEADLINE)
		return 0;
	cycles = DIV64_U64_ROUND_UP(lapic_timer_left(&apic->timer, now),
				    apic->vcpu->vm->apic_bus_ns);
	return apic_ns_to_count(cycles, reg[APIC_REG_TIMER_DIVIDE],
				reg[APIC_REG_TIMER_INITIAL]);
}

u32 lapic_timer_current(const struct lapic *apic)
{
	return lapic_timer_count_at(apic, ktime_get());
}

u32 lapic_timer_pause(struct lapic *apic, bool *running)
{
	struct lapic_timer *timer = &apic->timer;
	ktime_t now;

	*running = hrtimer_cancel(&timer->host);
	now = ktime_get();
	/* The host was late, or is about to fire it. */
	if (*running && ktime_compare(hrtimer_get_expires(&timer->host), now) <= 0)
		*running = lapic_timer_callback(&timer->host) == HRTIMER_RESTART;
	return lapic_timer_count_at(apic, now);
}

void lapic_timer_resume(struct lapic *apic)
{
	hrtimer_start_expires(&apic->timer.host, HRTIMER_MODE_ABS_PINNED_HARD);
}

void lapic_timer_load(struct lapic *apic, u32 current_count)
{
	struct lapic_timer *timer = &apic->timer;
	const u32 *reg = apic->regs.reg;
	u64 left;

	timer->mode = APIC_LVT_TIMER_MODE(reg[APIC_REG_LVT_TIMER]);
	if (timer->mode == APIC_TIMER_DEADLINE)
		return;
	lapic_timer_set_period(apic);
	if (!timer->period_ns)
		return;
	left = lapic_timer_count_to_ns(apic, current_count);
	if (!left)
		left = lapic_timer_period(timer);
	if (left)
		lapic_timer_count(apic, min(left, timer->period_ns));
	else
		timer->expiry = ktime_get();
}

u64 lapic_get_tsc_deadline(const struct vcpu *vcpu)
{
	const struct lapic *apic = vcpu->apic;
	u64 deadline;

	if (apic->timer.mode != APIC_TIMER_DEADLINE)
		return 0;
	deadline = READ_ONCE(apic->timer.deadline);
	/* Nobody was there to disarm it. */
	if (lapic_timer_masked(apic) && !lapic_timer_deadline_left(apic))
		return 0;
	return deadline;
}

void lapic_set_tsc_deadline(struct vcpu *vcpu, u64 value)
{
	struct lapic *apic = vcpu->apic;

	if (apic->timer.mode != APIC_TIMER_DEADLINE)
		return;
	hrtimer_cancel(&apic->timer.host);
	apic->timer.due = 0;
	apic->timer.deadline = value;
	if (value && !lapic_timer_masked(apic))
		lapic_timer_arm_deadline(apic);
}

void lapic_tsc_changed(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->apic;

	if (apic->timer.mode == APIC_TIMER_DEADLINE && apic->timer.deadline)
		lapic_set_tsc_deadline(vcpu, apic->timer.deadline);
}
