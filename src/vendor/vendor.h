/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The backend contract: all that common code asks of AMD-V or VT-x.
 *
 * One table per vendor, chosen at load.  Common code calls through vendor_ops
 * and never names a vendor.  Unless an op says otherwise: the caller holds the
 * vCPU's mutex, the vCPU is not in guest mode, the op does not sleep and cannot
 * fail.
 */
#ifndef QUIRE_VENDOR_VENDOR_H
#define QUIRE_VENDOR_VENDOR_H

#include <linux/kvm.h>

#include "../types.h"

struct emul_ctxt;
struct mmu_caps;
struct vcpu;
struct vm;
enum vcpu_seg;

/**
 * struct vendor_exit - what the last exit was, for messages and error exits
 * @reason:	the vendor's code; @info1, @info2: its qualification
 * @intr_info:	event whose delivery was interrupted; @error_code: of it
 */
struct vendor_exit {
	u64 reason;
	u64 info1, info2;
	u32 intr_info, error_code;
};

/* What vendor_ops.msr_intercept() may be asked for. */
#define VENDOR_MSR_READ		1
#define VENDOR_MSR_WRITE	2

/**
 * struct vendor_ops - one backend; each op's contract stands at its declaration
 */
struct vendor_ops {
	/** @name: of the feature, for messages */
	const char *name;

	/* --- the physical CPU --- */

	/**
	 * @detect: is the feature there, not locked by firmware, not in use?
	 * Changes nothing.  Logs the reason of a refusal.  May sleep; runs code
	 * on every online CPU.
	 * Return: 0, -ENODEV (no such CPU), -EOPNOTSUPP (locked, or something
	 * that Quire needs is missing), -EBUSY (someone else uses it).
	 */
	int (*detect)(void);
	/** @setup: allocate what all CPUs share.  May sleep.  0 or -errno. */
	int (*setup)(bool tdp);
	void (*teardown)(void);
	/** @mmu_caps: what the hardware's tables can do; after @setup */
	void (*mmu_caps)(struct mmu_caps *caps);
	/**
	 * @cpu_enable: turn virtualization on for this CPU.  IRQs off.
	 * Return: 0 or -EBUSY; @cpu_disable undoes it and tolerates a CPU on
	 * which it is off.
	 */
	int (*cpu_enable)(void);
	void (*cpu_disable)(void);
	/** @cpu_alloc, @cpu_free: per-CPU memory; may sleep; 0 or -ENOMEM */
	int (*cpu_alloc)(unsigned int cpu);
	void (*cpu_free)(unsigned int cpu);

	/* --- life --- */

	/** @vm_init: allocate vm->arch.  vm->lock not needed.  May sleep. */
	int (*vm_init)(struct vm *vm);
	void (*vm_destroy)(struct vm *vm);
	/** @vcpu_create: allocate vcpu->arch, state as after @vcpu_reset.  May sleep. */
	int (*vcpu_create)(struct vcpu *vcpu);
	void (*vcpu_destroy)(struct vcpu *vcpu);
	/**
	 * @vcpu_reset: hidden state (segments, tables, CR0, intercepts) as after
	 * power-up (@init false) or INIT (@init true).  Common registers are set
	 * by the caller (regs_reset()).
	 */
	void (*vcpu_reset)(struct vcpu *vcpu, bool init);
	/** @cpuid_changed: user space set CPUID; recompute intercepts */
	void (*cpuid_changed)(struct vcpu *vcpu);

	/* --- enter and leave --- */

	/**
	 * @enter: run the guest until it exits.  Called with IRQs off, returns
	 * with IRQs off, after the host's registers, segments, MSRs and debug
	 * registers are back and vcpu->{regs,rip,rflags,cr3} are true; events
	 * whose delivery was interrupted were requeued, others marked
	 * delivered.  The host's NMIs and machine checks were delivered.
	 */
	void (*enter)(struct vcpu *vcpu);
	/** @handle_exit: act upon the exit.  May sleep.  Returns as enum exit_result. */
	int (*handle_exit)(struct vcpu *vcpu);
	/** @exit_info: describe the last exit.  Any time after the first. */
	void (*exit_info)(struct vcpu *vcpu, struct vendor_exit *info);
	/**
	 * @skip_instruction: advance RIP beyond the instruction that exited and
	 * end an interrupt shadow.
	 * Return: true; false if its length could not be found (an exception
	 * or internal error was then raised by the op: resume).
	 */
	bool (*skip_instruction)(struct vcpu *vcpu);

	/* --- registers that hardware keeps --- */

	/**
	 * @get_segment, @set_segment: a segment register with its hidden part.
	 * What was set is what is got, but for attributes of an unusable one.
	 */
	void (*get_segment)(struct vcpu *vcpu, struct kvm_segment *seg,
			    enum vcpu_seg which);
	void (*set_segment)(struct vcpu *vcpu, const struct kvm_segment *seg,
			    enum vcpu_seg which);
	/** @get_cs_mode: EFER.LMA with CS.L, and CS.D, without reading all of CS */
	void (*get_cs_mode)(struct vcpu *vcpu, bool *l, bool *db);
	/** @get_cpl: 0 to 3 */
	u8 (*get_cpl)(struct vcpu *vcpu);
	/** @get_gdt, @set_gdt, @get_idt, @set_idt: base and limit in bytes less 1 */
	void (*get_gdt)(struct vcpu *vcpu, struct kvm_dtable *dt);
	void (*set_gdt)(struct vcpu *vcpu, const struct kvm_dtable *dt);
	void (*get_idt)(struct vcpu *vcpu, struct kvm_dtable *dt);
	void (*set_idt)(struct vcpu *vcpu, const struct kvm_dtable *dt);
	/*
	 * Values are valid (checked by the caller) and already in vcpu->cr0,
	 * cr3, cr4, efer; LMA follows CR0.PG by the caller.
	 */
	void (*cr0_changed)(struct vcpu *vcpu);
	void (*cr3_changed)(struct vcpu *vcpu);
	void (*cr4_changed)(struct vcpu *vcpu);
	void (*efer_changed)(struct vcpu *vcpu);
	/** @dr_changed: vcpu->dr, dr6, dr7 or guest_debug changed */
	void (*dr_changed)(struct vcpu *vcpu);
	/** @root_changed: hardware walks mmu_root_hpa(&vcpu->root_mmu) from now on */
	void (*root_changed)(struct vcpu *vcpu);

	/* --- MSRs --- */

	/**
	 * @get_msr, @set_msr: those that hardware or the vendor keeps (STAR & co.,
	 * SYSENTER, FS/GS base, PAT, SPEC_CTRL, VM_CR, …).  @host: user space asks.
	 * Return: 0; -ENOENT if the vendor does not know @index; -EINVAL if the
	 * value is refused (#GP for a guest).
	 */
	int (*get_msr)(struct vcpu *vcpu, u32 index, bool host, u64 *value);
	int (*set_msr)(struct vcpu *vcpu, u32 index, bool host, u64 value);
	/** @msr_intercept: whether accesses to @index exit; @types VENDOR_MSR_* */
	void (*msr_intercept)(struct vcpu *vcpu, u32 index, int types, bool on);

	/* --- events --- */

	/** @inject_exception: vcpu->event.exception at the next entry */
	void (*inject_exception)(struct vcpu *vcpu);
	/** @inject_interrupt: vcpu->event.interrupt at the next entry */
	void (*inject_interrupt)(struct vcpu *vcpu);
	/** @inject_nmi: an NMI at the next entry; NMIs are masked from then on */
	void (*inject_nmi)(struct vcpu *vcpu);
	/** @interrupt_allowed: IF set, no shadow, nothing else being delivered */
	bool (*interrupt_allowed)(struct vcpu *vcpu);
	/** @nmi_allowed: not masked, no shadow, nothing else being delivered */
	bool (*nmi_allowed)(struct vcpu *vcpu);
	/** @open_interrupt_window: exit as soon as an interrupt could be taken */
	void (*open_interrupt_window)(struct vcpu *vcpu);
	/** @open_nmi_window: exit as soon as an NMI could be taken */
	void (*open_nmi_window)(struct vcpu *vcpu);
	/** @cancel_injection: an entry was called off after @inject_*; requeue */
	void (*cancel_injection)(struct vcpu *vcpu);
	/* KVM_X86_SHADOW_INT_* */
	u32 (*get_interrupt_shadow)(struct vcpu *vcpu);
	void (*set_interrupt_shadow)(struct vcpu *vcpu, u32 shadow);
	bool (*get_nmi_mask)(struct vcpu *vcpu);
	void (*set_nmi_mask)(struct vcpu *vcpu, bool masked);
	/**
	 * @tpr_changed: the local APIC's TPR is @tpr and its highest waiting
	 * vector @irr (-1: none); exit when the guest lowers CR8 below it
	 */
	void (*tpr_changed)(struct vcpu *vcpu, u8 tpr, int irr);

	/* --- caches and time --- */

	/** @flush_tlb: all of this vCPU's guest, at the next entry */
	void (*flush_tlb)(struct vcpu *vcpu);
	/** @flush_tlb_gva: one page of the current address space */
	void (*flush_tlb_gva)(struct vcpu *vcpu, gva_t gva);
	/** @tsc_offset_changed: guest TSC = host TSC + vcpu->clock.tsc_offset */
	void (*tsc_offset_changed)(struct vcpu *vcpu);

	/* --- what is offered to guests --- */

	/**
	 * @cpuid_filter: clear in @entry what the backend cannot offer, set what
	 * it offers though the host's CPUID lacks it.  Called once for each
	 * supported leaf at load.
	 */
	void (*cpuid_filter)(struct kvm_cpuid_entry2 *entry);
	/** @hypercall_insn: the vendor's 3 bytes (VMCALL or VMMCALL) */
	u8 hypercall_insn[3];
	/** @dump: write the vCPU's hardware state to the log, ratelimited */
	void (*dump)(struct vcpu *vcpu);
};

/* The chosen table; set by main.c before anything else runs. */
extern const struct vendor_ops *vendor;

#endif
