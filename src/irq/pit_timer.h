/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interval timer of a VM that has all its interrupt chips in the kernel.
 */
#ifndef QUIRE_IRQ_PIT_TIMER_H
#define QUIRE_IRQ_PIT_TIMER_H

#include <linux/kvm.h>

#include "../types.h"

struct vm;

/* Channel 0 interrupts by this one. */
#define PIT_TIMER_GSI		0

/**
 * pit_timer_create() - KVM_CREATE_PIT2
 * @flags: KVM_PIT_SPEAKER_DUMMY: port 0x61 is answered here, too
 * Under vm->lock.  May sleep.
 * Return: 0; -EEXIST if there is one, -ENOENT without the other chips in the
 * kernel, -EINVAL for an unknown flag, -ENOMEM.
 */
int pit_timer_create(struct vm *vm, u32 flags);
/** pit_timer_destroy() - stop and free it, if there is one; nobody uses it any more */
void pit_timer_destroy(struct vm *vm);

/**
 * pit_timer_unmasked() - a pin that it drives was unmasked
 * What it did not deliver until now is forgotten.  Any context.
 */
void pit_timer_unmasked(struct vm *vm);

/*
 * KVM_GET_PIT2, KVM_SET_PIT2 and KVM_REINJECT_CONTROL: 0; -ENXIO without a timer,
 * -EINVAL for unknown flags.  Setting begins all counts again.  Ticks that were not
 * delivered yet are no part of the state: getting leaves them, setting forgets them,
 * and so does a change of reinjection.  May sleep.
 */
int pit_timer_ioctl_get(struct vm *vm, struct kvm_pit_state2 *state);
int pit_timer_ioctl_set(struct vm *vm, const struct kvm_pit_state2 *state);
int pit_timer_ioctl_reinject(struct vm *vm, const struct kvm_reinject_control *control);

#endif
