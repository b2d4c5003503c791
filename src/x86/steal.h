/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steal time: what a guest is told of the time that its vCPUs had to wait for a
 * CPU, and of whether they run at all.
 */
#ifndef QUIRE_X86_STEAL_H
#define QUIRE_X86_STEAL_H

#include <linux/preempt.h>

#include "../types.h"

struct task_struct;
struct vcpu;

/**
 * struct vcpu_steal - a vCPU's record, see the top of steal.c
 * @msr:	as the guest wrote it; KVM_MSR_ENABLED, and the record's address
 * @task:	whose waiting @waited is; only compared
 * @waited:	ns that @task had waited when the record was written last
 * @hidden:	the record may say that the vCPU does not run
 * @watched:	@notifier is registered with the current task
 * @notifier:	when the task that runs the vCPU is scheduled out and in
 *
 * Owner: the holder of vcpu->mutex, and in the task that runs the vCPU its
 * @notifier, with preemption disabled.
 */
struct vcpu_steal {
	u64 msr;
	const struct task_struct *task;
	u64 waited;
	bool hidden;
	bool watched;
	struct preempt_notifier notifier;
};

/*
 * steal_vm_init() makes the scheduler call notifiers, steal_vm_destroy() is its
 * end.  May sleep.
 */
void steal_vm_init(void);
void steal_vm_destroy(void);

/* Holder of vcpu->mutex from here on. */

/** steal_set_msr() - MSR_KVM_STEAL_TIME: 0, or -EINVAL for reserved bits */
int steal_set_msr(struct vcpu *vcpu, u64 value);
/** steal_reset() - after power-up or INIT: no record.  Does not sleep. */
void steal_reset(struct vcpu *vcpu);

/**
 * steal_update() - VCPU_REQ_STEAL: the vCPU runs; write the record
 * By the task that runs it.  May sleep.
 */
void steal_update(struct vcpu *vcpu);

/** steal_leave() - this task ceases to run the vCPU, whose record is in use */
void steal_leave(struct vcpu *vcpu);

#endif
