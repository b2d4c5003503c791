// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls (Documentation of the KVM ABI: Linux KVM Hypercall).
 *
 * The number is in RAX, up to four arguments are in RBX, RCX, RDX and RSI, and the
 * result goes to RAX; outside of 64-bit mode all of them have 32 bits.  Only the
 * guest's kernel may call.  A call that is not in the table gives -KVM_ENOSYS.
 *
 * None of them takes a lock of the VM: a vCPU is found by the map of local APICs,
 * or by the table of vCPUs, and the task that runs it under RCU.
 */
#include <linux/kvm_para.h>
#include <linux/pid.h>
#include <linux/rcuwait.h>
#include <linux/sched.h>

#include "../vendor/vendor.h"
#include "emulate.h"
#include "hypercall.h"
#include "machine.h"
#include "regs.h"

#define HYPERCALL_ARGS		4

/**
 * struct hypercall - a call on its way to its handler
 * @vcpu:	who calls
 * @args:	cut down to what the mode has
 * @wide:	in 64-bit mode
 */
struct hypercall {
	struct vcpu *vcpu;
	u64 args[HYPERCALL_ARGS];
	bool wide;
};

/* The exit was all that was asked for. */
static long hypercall_poll_irq(const struct hypercall *call)
{
	return 0;
}

/*
 * HLT of that vCPU ends, or its next one does.  Whoever is awake needs no
 * interruption: it looks before it sleeps.
 */
static long hypercall_kick_cpu(const struct hypercall *call)
{
	struct vcpu *target = lapic_vcpu_by_id(call->vcpu->vm, call->args[1]);

	if (!target)
		return 0;
	WRITE_ONCE(target->kicked, true);
	/* Has the full barrier that the sleeper's side pairs with. */
	rcuwait_wake_up(&target->wait);
	return 0;
}

static long hypercall_clock_pairing(const struct hypercall *call)
{
	struct guest_memory *mem = &call->vcpu->vm->mem;
	struct kvm_clock_pairing pair;
	long ret = 0;
	int idx;

	if (call->args[1] != KVM_CLOCK_PAIRING_WALLCLOCK || !clock_pair(call->vcpu, &pair))
		return -KVM_EOPNOTSUPP;
	idx = mem_read_lock(mem);
	if (mem_write(mem, call->args[0], &pair, sizeof(pair)))
		ret = -KVM_EFAULT;
	mem_read_unlock(mem, idx);
	return ret;
}

static struct task_struct *hypercall_task(struct vcpu *vcpu)
{
	struct task_struct *task;

	rcu_read_lock();
	task = get_pid_task(rcu_dereference(vcpu->task), PIDTYPE_PID);
	rcu_read_unlock();
	return task;
}

/* A hint: the caller waits for that vCPU.  One that runs or sleeps needs no help. */
static long hypercall_sched_yield(const struct hypercall *call)
{
	struct vcpu *target = lapic_vcpu_by_id(call->vcpu->vm, call->args[0]);
	struct task_struct *task;

	if (!target || target == call->vcpu ||
	    READ_ONCE(target->place) != VCPU_OUTSIDE)
		return 0;
	task = hypercall_task(target);
	if (!task)
		return 0;
	yield_to(task, false);
	put_task_struct(task);
	return 0;
}

static long hypercall_send_ipi(const struct hypercall *call)
{
	struct lapic_set set = {
		.first = call->args[2],
		.bits = { call->args[0], call->args[1] },
	};

	if (!call->vcpu->apic)
		return -KVM_EOPNOTSUPP;
	if (!call->wide) {
		set.bits[0] |= set.bits[1] << 32;
		set.bits[1] = 0;
	}
	return lapic_send_set(call->vcpu->vm, &set, call->args[3]);
}

static const struct {
	u32 nr;
	long (*call)(const struct hypercall *call);
} hypercalls[] = {
	{ KVM_HC_VAPIC_POLL_IRQ, hypercall_poll_irq },
	{ KVM_HC_KICK_CPU, hypercall_kick_cpu },
	{ KVM_HC_CLOCK_PAIRING, hypercall_clock_pairing },
	{ KVM_HC_SEND_IPI, hypercall_send_ipi },
	{ KVM_HC_SCHED_YIELD, hypercall_sched_yield },
};

static long hypercall_call(const struct hypercall *call, u64 nr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hypercalls); i++) {
		if (hypercalls[i].nr == nr)
			return hypercalls[i].call(call);
	}
	return -KVM_ENOSYS;
}

void hypercall_execute(struct vcpu *vcpu)
{
	static const u8 args[HYPERCALL_ARGS] = {
		VCPU_RBX, VCPU_RCX, VCPU_RDX, VCPU_RSI,
	};
	struct hypercall call = { .vcpu = vcpu };
	u64 mask;
	long ret;
	bool db;
	int i;

	vendor->get_cs_mode(vcpu, &call.wide, &db);
	mask = call.wide ? ~0ull : U32_MAX;
	for (i = 0; i < HYPERCALL_ARGS; i++)
		call.args[i] = vcpu->regs[args[i]] & mask;
	ret = -KVM_EPERM;
	if (!vendor->get_cpl(vcpu))
		ret = hypercall_call(&call, vcpu->regs[VCPU_RAX] & mask);
	vcpu->regs[VCPU_RAX] = ret & mask;
}

int hypercall_exit(struct vcpu *vcpu)
{
	u64 rflags = vcpu->rflags;

	if (!vendor->skip_instruction(vcpu))
		return EXIT_RESUME;
	hypercall_execute(vcpu);
	return regs_instruction_done(vcpu, rflags);
}

int hypercall_undefined_exit(struct vcpu *vcpu)
{
	u64 rflags = vcpu->rflags;

	if (!emulate_skip_hypercall(vcpu)) {
		event_raise(vcpu, UD_VECTOR);
		return EXIT_RESUME;
	}
	hypercall_execute(vcpu);
	return regs_instruction_done(vcpu, rflags);
}

/* --- the task behind a vCPU --- */

void hypercall_set_task(struct vcpu *vcpu)
{
	struct pid *old = rcu_dereference_protected(vcpu->task,
						    lockdep_is_held(&vcpu->mutex));
	struct pid *pid = task_pid(current);

	if (likely(old == pid))
		return;
	rcu_assign_pointer(vcpu->task, get_pid(pid));
	if (!old)
		return;
	synchronize_rcu();
	put_pid(old);
}

void hypercall_vcpu_destroy(struct vcpu *vcpu)
{
	put_pid(rcu_dereference_protected(vcpu->task, true));
}
