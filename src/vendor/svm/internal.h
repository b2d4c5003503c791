/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the AMD-V backend share.
 *
 * Ops of struct vendor_ops have their contract in vendor.h; here they are only
 * declared for svm.c, which puts them in the table.
 */
#ifndef QUIRE_VENDOR_SVM_INTERNAL_H
#define QUIRE_VENDOR_SVM_INTERNAL_H

#include <linux/cache.h>
#include <linux/percpu.h>
#include <linux/user-return-notifier.h>

#include "../../x86/machine.h"
#include "../vendor.h"
#include "regs.h"
#include "vmcb.h"

/**
 * struct svm_host - what all CPUs have in common; constant after setup
 * @nr_asids:	ASIDs 1 to this less one may be used
 * @iopm:	the I/O permission map: every port exits; @iopm_pa: its address
 * @nrips, @flush_by_asid, @decode_assists, @pause_filter, @pause_threshold:
 *		CPUID Fn8000_000A_EDX
 * @tsc_aux:	the CPU has MSR TSC_AUX
 * @spec_ctrl_valid: bits that MSR SPEC_CTRL has
 * @cr8_exits_in_window: the CPU cannot write CR8 while a virtual interrupt waits
 */
struct svm_host {
	u32 nr_asids;
	void *iopm;
	u64 iopm_pa;
	bool nrips, flush_by_asid, decode_assists, pause_filter, pause_threshold;
	bool tsc_aux;
	u64 spec_ctrl_valid;
	bool cr8_exits_in_window;
};

/**
 * struct svm_percpu - one physical CPU; used on it alone with IRQs off
 * @running:	svm_vcpu.id of whom it ran last, 0 for none: its predictions are
 *		in the branch predictor, its VMCB may be cached
 * @asid_generation: counts how often the ASIDs ran out; never goes back, so that
 *		a vCPU cannot take an old ASID for a new one after hotplug
 * @next_asid:	the next that nobody has in this generation
 * @host_area:	physical address of the page where VMSAVE keeps the host's state
 * @tsc_aux:	what MSR TSC_AUX holds; @host_tsc_aux: what user space must find
 * @return_notifier: puts @host_tsc_aux back, while @notifier_armed
 * @hsave, @area: pages for VMRUN's and VMSAVE's copy of the host's state
 */
struct svm_percpu {
	u64 running;
	u64 asid_generation;
	u32 next_asid;
	u64 host_area;
	u64 tsc_aux, host_tsc_aux;
	bool notifier_armed;
	struct user_return_notifier return_notifier;
	struct page *hsave, *area;
};

/* Why an entry is not like all others: bits of svm_vcpu.special. */
enum svm_special {
	SVM_SPECIAL_DR_LIVE	= BIT(0),	/* DR0-3 matter: DR7 has some enabled */
	SVM_SPECIAL_DR_PASS	= BIT(1),	/* the guest may use DRs until it exits */
	SVM_SPECIAL_RFLAGS	= BIT(2),	/* guest debugging adds to RFLAGS */
	SVM_SPECIAL_IRET	= BIT(3),	/* IRET is about to unmask NMIs */
	SVM_SPECIAL_NMI_STEP	= BIT(4),	/* TF until an NMI can be taken */
	SVM_SPECIAL_EXIT	= BIT(5),	/* exit before the first instruction */
};

/**
 * struct svm_vcpu - vcpu->arch
 * @vmcb:	one page; @vmcb_pa: its address
 * @vcpu:	constant
 * @cpu:	where it entered last, or NULL; @asid_generation: of that CPU when
 *		it was given its ASID, 0: it needs a new one
 * @id:		never used twice
 * @hw_cr0:	CR0 that hardware got; the guest changes TS and MP alone unseen
 * @special:	SVM_SPECIAL_*
 * @refused:	VMRUN was no instruction on the CPU of the last entry
 * @injecting:	an event was handed to hardware
 * @soft_len:	bytes of the INT, INT3 or INTO that is being injected, or 0;
 *		@soft_rip: RIP that hardware got with it
 * @cr8:	V_TPR as hardware got it; @cr8_exits: who keeps the TPR must hear of writes
 * @nmi_masked:	NMIs wait for IRET
 * @iret_rip:	with SVM_SPECIAL_IRET, where that is
 * @tsc_aux, @debugctl, @de_cfg: MSRs
 * @spec:	MSR SPEC_CTRL
 * @msrpm:	which MSRs exit
 *
 * Belongs to the holder of vcpu->mutex.
 */
struct svm_vcpu {
	struct vmcb *vmcb;
	u64 vmcb_pa;
	struct vcpu *vcpu;
	struct svm_percpu *cpu;
	u64 asid_generation;
	u64 id;
	u64 hw_cr0;
	u64 tsc_aux;
	struct svm_spec_ctrl spec;
	u8 special;
	bool refused;
	bool injecting;
	u8 soft_len;
	u8 cr8;
	bool cr8_exits;
	bool nmi_masked;
	u64 iret_rip;
	u64 soft_rip;
	u64 debugctl, de_cfg;
	unsigned long *msrpm;
};

/* Filled in by vendor_ops.setup(). */
extern struct svm_host svm_host;

/* This CPU's, and each CPU's. */
DECLARE_PER_CPU(struct svm_percpu, svm_percpu);

static inline struct svm_vcpu *svm_of(const struct vcpu *vcpu)
{
	return vcpu->arch;
}

/** svm_dirty() - parts (VMCB_CLEAN_*) of the VMCB that hardware must read again */
static __always_inline void svm_dirty(struct svm_vcpu *svm, u32 parts)
{
	svm->vmcb->control.clean &= ~parts;
}

/* @bit: INTERCEPT_* */
static inline bool svm_intercepts(const struct svm_vcpu *svm, int bit)
{
	return svm->vmcb->control.intercepts[bit / 32] & BIT(bit % 32);
}

static inline void svm_intercept(struct svm_vcpu *svm, int bit, bool on)
{
	u32 *word = &svm->vmcb->control.intercepts[bit / 32];

	if (on)
		*word |= BIT(bit % 32);
	else
		*word &= ~BIT(bit % 32);
	svm_dirty(svm, VMCB_CLEAN_INTERCEPTS);
}

/* asid.c */

/**
 * svm_asid_renew() - give @svm an ASID of @cpu, on which it is about to enter
 * IRQs off.
 */
void svm_asid_renew(struct svm_vcpu *svm, struct svm_percpu *cpu);

/** svm_asid_cpu_reset() - no ASID of @cpu is good any more.  On it, IRQs off. */
void svm_asid_cpu_reset(struct svm_percpu *cpu);

/* Ops, see vendor.h. */
void svm_flush_tlb(struct vcpu *vcpu);
void svm_flush_tlb_gva(struct vcpu *vcpu, gva_t gva);

/* intercept.c */

/** svm_intercepts_reset() - what always exits, after power-up and INIT */
void svm_intercepts_reset(struct svm_vcpu *svm);

/* Ops, see vendor.h. */
void svm_cpuid_changed(struct vcpu *vcpu);
void svm_cpuid_filter(struct kvm_cpuid_entry2 *entry);

/* vcpu.c: ops, see vendor.h. */
int svm_vm_init(struct vm *vm);
void svm_vm_destroy(struct vm *vm);
int svm_vcpu_create(struct vcpu *vcpu);
void svm_vcpu_destroy(struct vcpu *vcpu);
void svm_vcpu_reset(struct vcpu *vcpu, bool init);
void svm_get_segment(struct vcpu *vcpu, struct kvm_segment *seg, enum vcpu_seg which);
void svm_set_segment(struct vcpu *vcpu, const struct kvm_segment *seg,
		     enum vcpu_seg which);
void svm_get_cs_mode(struct vcpu *vcpu, bool *l, bool *db);
u8 svm_get_cpl(struct vcpu *vcpu);
void svm_get_gdt(struct vcpu *vcpu, struct kvm_dtable *dt);
void svm_set_gdt(struct vcpu *vcpu, const struct kvm_dtable *dt);
void svm_get_idt(struct vcpu *vcpu, struct kvm_dtable *dt);
void svm_set_idt(struct vcpu *vcpu, const struct kvm_dtable *dt);
void svm_cr0_changed(struct vcpu *vcpu);
void svm_cr3_changed(struct vcpu *vcpu);
void svm_cr4_changed(struct vcpu *vcpu);
void svm_efer_changed(struct vcpu *vcpu);
void svm_root_changed(struct vcpu *vcpu);
void svm_tsc_offset_changed(struct vcpu *vcpu);
void svm_dump(struct vcpu *vcpu);

/* debug.c */

/** svm_dr_load() - the DRs that @svm->special asks for into the CPU.  IRQs off. */
void svm_dr_load(struct svm_vcpu *svm);

/** svm_dr_close() - take back what SVM_SPECIAL_DR_PASS gave.  IRQs off. */
void svm_dr_close(struct svm_vcpu *svm);

/* Handlers of exits, and an op. */
int svm_exit_dr(struct svm_vcpu *svm);
int svm_exit_db(struct svm_vcpu *svm);
int svm_exit_bp(struct svm_vcpu *svm);
void svm_dr_changed(struct vcpu *vcpu);

/* msr.c */

/** svm_msrpm_reset() - all MSRs exit but those that are always passed through */
void svm_msrpm_reset(struct svm_vcpu *svm);

/** svm_tsc_aux_load() - put @svm->tsc_aux in place until user space.  IRQs off. */
void svm_tsc_aux_load(struct svm_vcpu *svm, struct svm_percpu *cpu);

/** svm_tsc_aux_unload() - put the host's value back now.  On @cpu, IRQs off. */
void svm_tsc_aux_unload(struct svm_percpu *cpu);

/* Ops, see vendor.h. */
int svm_get_msr(struct vcpu *vcpu, u32 index, bool host, u64 *value);
int svm_set_msr(struct vcpu *vcpu, u32 index, bool host, u64 value);
void svm_msr_intercept(struct vcpu *vcpu, u32 index, int types, bool on);

/* event.c */

/** svm_event_interrupted() - an exit cut a delivery short: requeue what it was */
void svm_event_interrupted(struct svm_vcpu *svm);

/** svm_nmi_check_iret() - with SVM_SPECIAL_IRET, after an exit: is IRET done? */
void svm_nmi_check_iret(struct svm_vcpu *svm);

/** svm_nmi_step_end() - the single step for an NMI was made */
void svm_nmi_step_end(struct svm_vcpu *svm);

/* Handlers of exits. */
int svm_exit_iret(struct svm_vcpu *svm);
int svm_exit_interrupt_window(struct svm_vcpu *svm);

/* Ops, see vendor.h. */
void svm_inject_exception(struct vcpu *vcpu);
void svm_inject_interrupt(struct vcpu *vcpu);
void svm_inject_nmi(struct vcpu *vcpu);
bool svm_interrupt_allowed(struct vcpu *vcpu);
bool svm_nmi_allowed(struct vcpu *vcpu);
void svm_open_interrupt_window(struct vcpu *vcpu);
void svm_open_nmi_window(struct vcpu *vcpu);
void svm_cancel_injection(struct vcpu *vcpu);
u32 svm_get_interrupt_shadow(struct vcpu *vcpu);
void svm_set_interrupt_shadow(struct vcpu *vcpu, u32 shadow);
bool svm_get_nmi_mask(struct vcpu *vcpu);
void svm_set_nmi_mask(struct vcpu *vcpu, bool masked);
void svm_tpr_changed(struct vcpu *vcpu, u8 tpr, int irr);

/* enter.c and exit.c: ops, see vendor.h. */
void svm_enter(struct vcpu *vcpu);
int svm_handle_exit(struct vcpu *vcpu);
void svm_exit_info(struct vcpu *vcpu, struct vendor_exit *info);
bool svm_skip_instruction(struct vcpu *vcpu);

#endif
