// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interval timer in a VM.
 *
 * The chip is pit.c.  Here it gets the host's clock, a host timer for the output
 * of channel 0, a lock, and ports.  The host timer runs for the next rise of the
 * output only, computed from the time at which the count was loaded, so that
 * nothing drifts.
 *
 * Guests that count interrupts to know the time must get all of them, also if
 * they were not running when some came.  So, unless user space says otherwise, a
 * tick is delivered when the one before was acknowledged, and until then counted.
 * A tick that no chip takes, since its pin is masked, is nobody's.
 *
 * Lines are driven, and lines' owners are told of acknowledgements, with the lock
 * dropped: either leads to the chips' locks, and from there back here.
 */
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "../host/compat/hrtimer.h"
#include "../x86/machine.h"
#include "pit.h"
#include "pit_timer.h"

/* The host is not interrupted more often than this. */
#define PIT_TIMER_MIN_PERIOD_NS	200000

/* Ticks that a guest can be behind: about ten minutes at 1 kHz. */
#define PIT_TIMER_MAX_PENDING	600000u

#define PIT_TIMER_FLAGS		(KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON)

/**
 * struct pit_timer - the timer
 * @vm:		constant
 * @lock:	guards what follows up to @host
 * @pit:	the chip
 * @hpet_legacy: the HPET has taken over: channel 0 interrupts nobody
 * @reinject:	deliver every tick, one after the other
 * @waiting:	for the acknowledgement of one
 * @pending:	ticks still to be delivered after that
 * @due:	when @host is to deliver the next, PIT_NEVER: not at all
 * @host:	its callback runs with IRQs off; armed under @lock
 * @ack:	of PIT_TIMER_GSI
 * @counters, @speaker: on the bus of ports
 */
struct pit_timer {
	struct vm *vm;
	raw_spinlock_t lock;
	struct pit pit;
	bool hpet_legacy;
	bool reinject;
	bool waiting;
	u32 pending;
	u64 due;
	struct hrtimer host;
	struct irq_ack_notifier ack;
	struct io_device counters, speaker;
};

static void pit_timer_forget_ticks(struct pit_timer *timer)
{
	timer->waiting = false;
	timer->pending = 0;
}

/* A pulse.  No lock held. */
static void pit_timer_pulse(struct pit_timer *timer)
{
	unsigned long flags;
	int ret;

	ret = irq_set_gsi(timer->vm, IRQ_SOURCE_PIT, PIT_TIMER_GSI, true);
	irq_set_gsi(timer->vm, IRQ_SOURCE_PIT, PIT_TIMER_GSI, false);
	if (ret >= 0)
		return;
	raw_spin_lock_irqsave(&timer->lock, flags);
	pit_timer_forget_ticks(timer);
	raw_spin_unlock_irqrestore(&timer->lock, flags);
}

static void pit_timer_acked(struct irq_ack_notifier *ack)
{
	struct pit_timer *timer = container_of(ack, struct pit_timer, ack);
	bool another = false;
	unsigned long flags;

	raw_spin_lock_irqsave(&timer->lock, flags);
	if (timer->pending) {
		timer->pending--;
		another = true;
	} else {
		timer->waiting = false;
	}
	raw_spin_unlock_irqrestore(&timer->lock, flags);
	if (another)
		pit_timer_pulse(timer);
}

void pit_timer_unmasked(struct vm *vm)
{
	struct pit_timer *timer = smp_load_acquire(&vm->irq.pit);
	unsigned long flags;

	if (!timer)
		return;
	raw_spin_lock_irqsave(&timer->lock, flags);
	pit_timer_forget_ticks(timer);
	raw_spin_unlock_irqrestore(&timer->lock, flags);
}

/* --- the host's timer --- */

/* Wait for the next rise, but not before @earliest. */
static void pit_timer_arm(struct pit_timer *timer, u64 now, u64 earliest)
{
	lockdep_assert_held(&timer->lock);

	timer->due = timer->hpet_legacy ? PIT_NEVER : pit_next_rise(&timer->pit, now);
	if (timer->due == PIT_NEVER) {
		/* If its callback runs already it finds nothing to do. */
		hrtimer_try_to_cancel(&timer->host);
		return;
	}
	timer->due = max(timer->due, earliest);
	hrtimer_start(&timer->host, ns_to_ktime(timer->due), HRTIMER_MODE_ABS_HARD);
}

/* How many rises there were until @now, the one at timer->due included. */
static u32 pit_timer_ticks(const struct pit_timer *timer, u64 now)
{
	u64 period = pit_period(&timer->pit);

	if (period < PIT_TIMER_MIN_PERIOD_NS)
		return 1;
	return min_t(u64, (now - timer->due) / period + 1, PIT_TIMER_MAX_PENDING);
}

/* Return: is a tick to be delivered now? */
static bool pit_timer_tick(struct pit_timer *timer, u64 now)
{
	u32 ticks = pit_timer_ticks(timer, now);

	lockdep_assert_held(&timer->lock);

	if (!timer->reinject)
		return true;
	if (!timer->waiting)
		ticks--;
	timer->pending = min(timer->pending + ticks, PIT_TIMER_MAX_PENDING);
	if (timer->waiting)
		return false;
	timer->waiting = true;
	return true;
}

static enum hrtimer_restart pit_timer_callback(struct hrtimer *host)
{
	struct pit_timer *timer = container_of(host, struct pit_timer, host);
	bool deliver = false;
	unsigned long flags;
	u64 now;

	raw_spin_lock_irqsave(&timer->lock, flags);
	now = ktime_get_ns();
	/* It may have been armed for another time while this callback started. */
	if (timer->due <= now) {
		deliver = pit_timer_tick(timer, now);
		pit_timer_arm(timer, now, timer->due + PIT_TIMER_MIN_PERIOD_NS);
	}
	raw_spin_unlock_irqrestore(&timer->lock, flags);

	if (deliver)
		pit_timer_pulse(timer);
	return HRTIMER_NORESTART;
}

/* Channel 0 counts something else now. */
static void pit_timer_restart(struct pit_timer *timer, u64 now)
{
	pit_timer_forget_ticks(timer);
	pit_timer_arm(timer, now, now);
}

/* --- ports --- */

static bool pit_timer_read(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
			   unsigned int len, void *data)
{
	struct pit_timer *timer = container_of(dev, struct pit_timer, counters);
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&timer->lock, flags);
	for (i = 0; i < len; i++)
		((u8 *)data)[i] = pit_read(&timer->pit, (addr + i) & 3, ktime_get_ns());
	raw_spin_unlock_irqrestore(&timer->lock, flags);
	return true;
}

static bool pit_timer_write(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
			    unsigned int len, const void *data)
{
	struct pit_timer *timer = container_of(dev, struct pit_timer, counters);
	u64 now = ktime_get_ns();
	unsigned long flags;
	bool restart = false;
	unsigned int i;

	raw_spin_lock_irqsave(&timer->lock, flags);
	for (i = 0; i < len; i++)
		restart |= pit_write(&timer->pit, (addr + i) & 3,
				     ((const u8 *)data)[i], now);
	if (restart)
		pit_timer_restart(timer, now);
	raw_spin_unlock_irqrestore(&timer->lock, flags);
	return true;
}

static const struct io_device_ops pit_timer_ops = {
	.read = pit_timer_read,
	.write = pit_timer_write,
	.max_ranges = 1,
};

static bool pit_timer_speaker_read(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
				   unsigned int len, void *data)
{
	struct pit_timer *timer = container_of(dev, struct pit_timer, speaker);
	unsigned long flags;

	raw_spin_lock_irqsave(&timer->lock, flags);
	*(u8 *)data = pit_read_speaker(&timer->pit, ktime_get_ns());
	raw_spin_unlock_irqrestore(&timer->lock, flags);
	return true;
}

static bool pit_timer_speaker_write(struct io_device *dev, struct vcpu *vcpu, gpa_t addr,
				    unsigned int len, const void *data)
{
	struct pit_timer *timer = container_of(dev, struct pit_timer, speaker);
	unsigned long flags;

	raw_spin_lock_irqsave(&timer->lock, flags);
	pit_write_speaker(&timer->pit, *(const u8 *)data, ktime_get_ns());
	raw_spin_unlock_irqrestore(&timer->lock, flags);
	return true;
}

static const struct io_device_ops pit_timer_speaker_ops = {
	.read = pit_timer_speaker_read,
	.write = pit_timer_speaker_write,
	.max_ranges = 1,
};

/* --- ioctls --- */

int pit_timer_ioctl_get(struct vm *vm, struct kvm_pit_state2 *state)
{
	struct pit_timer *timer = smp_load_acquire(&vm->irq.pit);
	unsigned long flags;

	if (!timer)
		return -ENXIO;
	memset(state, 0, sizeof(*state));
	raw_spin_lock_irqsave(&timer->lock, flags);
	memcpy(state->channels, timer->pit.channel, sizeof(state->channels));
	if (timer->hpet_legacy)
		state->flags |= KVM_PIT_FLAGS_HPET_LEGACY;
	if (timer->pit.speaker_data)
		state->flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	raw_spin_unlock_irqrestore(&timer->lock, flags);
	return 0;
}

int pit_timer_ioctl_set(struct vm *vm, const struct kvm_pit_state2 *state)
{
	struct pit_timer *timer = smp_load_acquire(&vm->irq.pit);
	u64 now = ktime_get_ns();
	unsigned long flags;

	if (!timer)
		return -ENXIO;
	if (state->flags & ~PIT_TIMER_FLAGS)
		return -EINVAL;
	raw_spin_lock_irqsave(&timer->lock, flags);
	pit_load(&timer->pit, state->channels, now);
	timer->hpet_legacy = state->flags & KVM_PIT_FLAGS_HPET_LEGACY;
	timer->pit.speaker_data = state->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	pit_timer_restart(timer, now);
	raw_spin_unlock_irqrestore(&timer->lock, flags);
	return 0;
}

int pit_timer_ioctl_reinject(struct vm *vm, const struct kvm_reinject_control *control)
{
	struct pit_timer *timer = smp_load_acquire(&vm->irq.pit);
	unsigned long flags;

	if (!timer)
		return -ENXIO;
	raw_spin_lock_irqsave(&timer->lock, flags);
	/* Who says again what is so already takes no tick away. */
	if (timer->reinject != !!control->pit_reinject) {
		timer->reinject = control->pit_reinject;
		pit_timer_forget_ticks(timer);
	}
	raw_spin_unlock_irqrestore(&timer->lock, flags);
	return 0;
}

/* --- life --- */

static int pit_timer_join_bus(struct pit_timer *timer, u32 flags)
{
	struct io_bus *ports = &timer->vm->io.ports;
	int ret;

	ret = io_bus_add(ports, PIT_PORT, 4, &timer->counters);
	if (ret || !(flags & KVM_PIT_SPEAKER_DUMMY))
		return ret;
	ret = io_bus_add(ports, PIT_PORT_SPEAKER, 1, &timer->speaker);
	if (ret)
		io_bus_remove(ports, &timer->counters);
	return ret;
}

int pit_timer_create(struct vm *vm, u32 flags)
{
	struct pit_timer *timer;
	u64 now = ktime_get_ns();
	int ret;

	lockdep_assert_held(&vm->lock);

	if (flags & ~KVM_PIT_SPEAKER_DUMMY)
		return -EINVAL;
	if (vm->irq.pit)
		return -EEXIST;
	if (!vm->irqchip_full)
		return -ENOENT;
	timer = kzalloc(sizeof(*timer), GFP_KERNEL_ACCOUNT);
	if (!timer)
		return -ENOMEM;
	timer->vm = vm;
	raw_spin_lock_init(&timer->lock);
	pit_init(&timer->pit, now);
	timer->reinject = true;
	timer->due = PIT_NEVER;
	timer->ack.gsi = PIT_TIMER_GSI;
	timer->ack.acked = pit_timer_acked;
	timer->counters.ops = &pit_timer_ops;
	timer->speaker.ops = &pit_timer_speaker_ops;
	compat_hrtimer_setup(&timer->host, pit_timer_callback, CLOCK_MONOTONIC,
			     HRTIMER_MODE_ABS_HARD);
	ret = pit_timer_join_bus(timer, flags);
	if (ret) {
		kfree(timer);
		return ret;
	}
	irq_ack_register(vm, &timer->ack);
	smp_store_release(&vm->irq.pit, timer);
	return 0;
}

void pit_timer_destroy(struct vm *vm)
{
	struct pit_timer *timer = vm->irq.pit;

	if (!timer)
		return;
	irq_ack_unregister(vm, &timer->ack);
	/* No write of a port can arm it any more. */
	hrtimer_cancel(&timer->host);
	vm->irq.pit = NULL;
	kfree(timer);
}
