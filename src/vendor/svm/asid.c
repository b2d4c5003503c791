// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address space identifiers: whose translations the TLB holds.
 *
 * Each physical CPU gives its ASIDs out in order, and begins a new generation,
 * with an empty TLB, when they have run out.  A vCPU's ASID is good while it
 * stays on its CPU and in its generation.  0 is no generation: a vCPU that must
 * lose its translations, on a CPU that cannot flush one ASID, just forgets that
 * it had one.
 *
 * Only nested translations and the guest's own are tagged; the host's have
 * ASID 0 and are never touched.
 */
#include <linux/preempt.h>
#include <asm/asm.h>

#include "internal.h"

void svm_asid_cpu_reset(struct svm_percpu *cpu)
{
	cpu->asid_generation++;
	cpu->next_asid = svm_host.nr_asids;
}

void svm_asid_renew(struct svm_vcpu *svm, struct svm_percpu *cpu)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	if (cpu->next_asid >= svm_host.nr_asids) {
		cpu->asid_generation++;
		cpu->next_asid = 1;
		control->tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
	}
	svm->asid_generation = cpu->asid_generation;
	control->asid = cpu->next_asid++;
	svm_dirty(svm, VMCB_CLEAN_ASID);
}

void svm_flush_tlb(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	if (svm_host.flush_by_asid)
		svm->vmcb->control.tlb_ctl = TLB_CONTROL_FLUSH_ASID;
	else
		svm->asid_generation = 0;
}

void svm_flush_tlb_gva(struct vcpu *vcpu, gva_t gva)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	preempt_disable();
	/*
	 * INVLPGA reaches this CPU alone; elsewhere the ASID may still be good.
	 * It faults where SVM was turned off, and then there is nothing to do.
	 */
	if (svm->cpu == this_cpu_ptr(&svm_percpu))
		asm volatile("1: invlpga %0, %1\n\t"
			     "2:\n\t"
			     _ASM_EXTABLE(1b, 2b)
			     : : "a"(gva), "c"(svm->vmcb->control.asid));
	else
		svm_flush_tlb(vcpu);
	preempt_enable();
}
