// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steal time (Documentation of the KVM ABI: KVM-specific MSRs).
 *
 * The guest gives each vCPU a record of 64 bytes.  It has the nanoseconds in which
 * the vCPU was runnable and did not run, under a sequence counter, and a byte with
 * two flags that are exchanged with other vCPUs while this one does not run:
 *
 *	KVM_VCPU_PREEMPTED	from us: it does not run.  Who waits for it may as
 *				well do something else.
 *	KVM_VCPU_FLUSH_TLB	from the guest, by compare-exchange on the former:
 *				flush this vCPU's TLB before it runs again, which
 *				saves the guest an interrupt.
 *
 * The scheduler tells us, by a notifier of the task, when the vCPU stops and goes
 * on.  Stopping happens under the scheduler's locks, so the flag is written only
 * if its page is there; it is a hint.  Going on raises VCPU_REQ_STEAL, whose
 * handler takes the flags and writes the record.  The flags are gone before the
 * flush, and the flush comes before the guest runs: what the guest asks for
 * in between is refused by its compare-exchange.
 *
 * The time is what the host accounts to the task as waiting in a run queue.
 */
#include <linux/kvm_para.h>
#include <linux/sched.h>
#include <linux/stddef.h>

#include "../host/sched.h"
#include "../vendor/vendor.h"
#include "machine.h"
#include "steal.h"

#define STEAL_PREEMPTED		offsetof(struct kvm_steal_time, preempted)

static bool steal_on(const struct vcpu *vcpu)
{
	return vcpu->steal.msr & KVM_MSR_ENABLED;
}

static gpa_t steal_gpa(const struct vcpu *vcpu)
{
	return vcpu->steal.msr & KVM_STEAL_VALID_BITS;
}

/* --- it stops --- */

static void steal_hide(struct vcpu *vcpu)
{
	struct guest_memory *mem = &vcpu->vm->mem;
	int idx;

	if (vcpu->steal.hidden || !steal_on(vcpu))
		return;
	idx = mem_read_lock(mem);
	/* Whatever the byte holds, it has yet to be looked at. */
	vcpu->steal.hidden = true;
	mem_poke(mem, steal_gpa(vcpu) + STEAL_PREEMPTED, KVM_VCPU_PREEMPTED);
	mem_read_unlock(mem, idx);
}

static void steal_sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	steal_hide(container_of(notifier, struct vcpu, steal.notifier));
}

static void steal_sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct vcpu *vcpu = container_of(notifier, struct vcpu, steal.notifier);

	vcpu_request(vcpu, VCPU_REQ_STEAL);
}

static struct preempt_ops steal_notifier_ops = {
	.sched_in = steal_sched_in,
	.sched_out = steal_sched_out,
};

static void steal_watch(struct vcpu *vcpu)
{
	struct vcpu_steal *steal = &vcpu->steal;

	if (steal->watched)
		return;
	preempt_notifier_init(&steal->notifier, &steal_notifier_ops);
	preempt_disable();
	preempt_notifier_register(&steal->notifier);
	steal->watched = true;
	preempt_enable();
}

static void steal_unwatch(struct vcpu *vcpu)
{
	struct vcpu_steal *steal = &vcpu->steal;

	if (!steal->watched)
		return;
	preempt_disable();
	preempt_notifier_unregister(&steal->notifier);
	steal->watched = false;
	preempt_enable();
}

void steal_leave(struct vcpu *vcpu)
{
	steal_unwatch(vcpu);
	steal_hide(vcpu);
}

/* --- it goes on --- */

/* Take the flags, and flush if the guest asked for it, or if that cannot be told. */
static void steal_show(struct vcpu *vcpu)
{
	struct guest_memory *mem = &vcpu->vm->mem;
	gpa_t gpa = steal_gpa(vcpu) + STEAL_PREEMPTED;
	u8 flags = KVM_VCPU_PREEMPTED;
	const u8 none = 0;

	if (!vcpu->steal.hidden)
		return;
	vcpu->steal.hidden = false;
	if (mem_cmpxchg(mem, gpa, &flags, &none, sizeof(flags)) == 1 || !flags)
		return;
	mem_write(mem, gpa, &none, sizeof(none));
	vcpu_request(vcpu, VCPU_REQ_TLB_FLUSH);
}

/* The guest's counter goes on where it is, also in another machine. */
static void steal_write(struct vcpu *vcpu, u64 waited)
{
	const size_t counter = offsetof(struct kvm_steal_time, version);
	struct guest_memory *mem = &vcpu->vm->mem;
	gpa_t gpa = steal_gpa(vcpu);
	struct kvm_steal_time record;

	if (mem_read(mem, gpa, &record, STEAL_PREEMPTED))
		return;
	/* Odd from here on, also if the guest left it so. */
	record.version = (record.version + 1) | 1;
	mem_write(mem, gpa + counter, &record.version, sizeof(record.version));
	smp_wmb();
	record.steal += waited;
	mem_write(mem, gpa, &record.steal, sizeof(record.steal));
	smp_wmb();
	record.version++;
	mem_write(mem, gpa + counter, &record.version, sizeof(record.version));
}

void steal_update(struct vcpu *vcpu)
{
	struct vcpu_steal *steal = &vcpu->steal;
	struct guest_memory *mem = &vcpu->vm->mem;
	u64 waited = host_task_waited();
	int idx;

	if (!steal_on(vcpu))
		return;
	/* Another task's waiting says nothing about this one's. */
	if (steal->task != current) {
		steal->task = current;
		steal->waited = waited;
	}
	idx = mem_read_lock(mem);
	steal_watch(vcpu);
	steal_show(vcpu);
	steal_write(vcpu, waited - steal->waited);
	mem_read_unlock(mem, idx);
	steal->waited = waited;
}

/* --- the MSR --- */

int steal_set_msr(struct vcpu *vcpu, u64 value)
{
	struct vcpu_steal *steal = &vcpu->steal;

	if (value & KVM_STEAL_RESERVED_MASK)
		return -EINVAL;
	steal_reset(vcpu);
	steal->msr = value;
	/* What others set in the new record is not for nothing. */
	steal->hidden = true;
	vcpu_request(vcpu, VCPU_REQ_STEAL);
	return 0;
}

void steal_reset(struct vcpu *vcpu)
{
	struct vcpu_steal *steal = &vcpu->steal;

	/* Preemption must not find half of a change. */
	preempt_disable();
	steal->msr = 0;
	steal->hidden = false;
	steal->task = NULL;
	preempt_enable();
	/* A flush that was asked for in the old record. */
	vcpu_request(vcpu, VCPU_REQ_TLB_FLUSH);
}

void steal_vm_init(void)
{
	preempt_notifier_inc();
}

void steal_vm_destroy(void)
{
	preempt_notifier_dec();
}
