// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who asks, and who answers.
 *
 * The asker sets a bit in vcpu->requests and then looks at vcpu->place; the vCPU
 * sets its place to VCPU_IN_GUEST and then looks at its requests.  With a full
 * barrier between the two steps on either side, one of them sees the other: the
 * vCPU turns back before it enters, or the asker sends an IPI that makes it leave.
 */
#include <linux/cpumask.h>
#include <linux/kvm.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <trace/events/ipi.h>	/* smp_send_reschedule() traces there */

#include "halt.h"
#include "mmu/mmu.h"
#include "request.h"
#include "vendor/vendor.h"
#include "x86/regs.h"

/* Scratch for request_flush_tlbs(), which cannot allocate. */
static DEFINE_PER_CPU(struct cpumask, request_cpus);

/* The interrupt is the message: taking it has left the guest. */
static void request_ack(void *unused)
{
}

void vcpu_kick(struct vcpu *vcpu)
{
	int cpu;

	/* Orders the request before the looks at where the vCPU is. */
	smp_mb();
	if (rcuwait_active(&vcpu->wait))
		rcuwait_wake_up(&vcpu->wait);
	if (cmpxchg(&vcpu->place, VCPU_IN_GUEST, VCPU_LEAVING) != VCPU_IN_GUEST)
		return;
	cpu = get_cpu();
	if (cpu != READ_ONCE(vcpu->cpu))
		smp_send_reschedule(vcpu->cpu);
	put_cpu();
}

void vm_kick_all(struct vm *vm, enum vcpu_request req)
{
	struct vcpu *vcpu;
	unsigned long i;

	vm_for_each_vcpu(vm, i, vcpu) {
		vcpu_request(vcpu, req);
		vcpu_kick(vcpu);
	}
}

/*
 * Return only when no CPU uses the old translations.  Whoever is outside flushes
 * on the way in, so only CPUs with a vCPU inside, or on its way out, are waited
 * for.
 */
void request_flush_tlbs(struct mmu_vm *mv, gfn_t start, gfn_t end)
{
	struct vm *vm = container_of(mv, struct vm, mmu);
	struct cpumask *cpus;
	struct vcpu *vcpu;
	unsigned long i;

	atomic_long_inc(&vm->flush_requests);
	preempt_disable();
	cpus = this_cpu_ptr(&request_cpus);
	cpumask_clear(cpus);
	vm_for_each_vcpu(vm, i, vcpu) {
		vcpu_request(vcpu, VCPU_REQ_TLB_FLUSH);
		/* vcpu_request() did not order its store before this load. */
		smp_mb();
		if (READ_ONCE(vcpu->place) != VCPU_OUTSIDE)
			cpumask_set_cpu(READ_ONCE(vcpu->cpu), cpus);
	}
	if (!cpumask_empty(cpus)) {
		atomic_long_inc(&vm->flush_waits);
		smp_call_function_many(cpus, request_ack, NULL, true);
	}
	preempt_enable();
}

static int request_exit_shutdown(struct vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return EXIT_USER;
}

static void request_set_mmu_regs(struct vcpu *vcpu)
{
	struct mmu_regs regs;

	regs_mmu(vcpu, &regs);
	mmu_set_regs(&vcpu->root_mmu, &regs);
}

int request_handle(struct vcpu *vcpu)
{
	int ret;

	/* It sleeps; what is asked for meanwhile is served after. */
	if (vcpu_take_request(vcpu, VCPU_REQ_PAGE_WAIT)) {
		ret = halt_for_page(vcpu);
		if (ret != EXIT_RESUME)
			return ret;
	}
	if (vcpu_take_request(vcpu, VCPU_REQ_DEAD)) {
		vcpu_request(vcpu, VCPU_REQ_DEAD);
		return -EIO;
	}
	if (vcpu_take_request(vcpu, VCPU_REQ_TRIPLE_FAULT))
		return request_exit_shutdown(vcpu);
	if (vcpu_take_request(vcpu, VCPU_REQ_MMU_REGS))
		request_set_mmu_regs(vcpu);
	if (vcpu_take_request(vcpu, VCPU_REQ_CLOCK))
		clock_update(vcpu);
	/* It may ask for a flush. */
	if (vcpu_take_request(vcpu, VCPU_REQ_STEAL))
		steal_update(vcpu);
	if (vcpu_take_request(vcpu, VCPU_REQ_TLB_FLUSH)) {
		vcpu_count(vcpu, VCPU_STAT_TLB_FLUSHES);
		vendor->flush_tlb(vcpu);
	}
	if (vcpu_take_request(vcpu, VCPU_REQ_SCAN_EOI))
		lapic_scan_eoi(vcpu);
	if (vcpu_take_request(vcpu, VCPU_REQ_MSR_FILTER))
		vendor->cpuid_changed(vcpu);
	if (vcpu_take_request(vcpu, VCPU_REQ_PAGE_READY))
		async_fault_update(vcpu);
	if (vcpu_take_request(vcpu, VCPU_REQ_EXIT))
		return lapic_exit_eoi(vcpu);
	vcpu_take_request(vcpu, VCPU_REQ_MMU_LOAD);
	vcpu_take_request(vcpu, VCPU_REQ_UNBLOCK);
	return EXIT_RESUME;
}
