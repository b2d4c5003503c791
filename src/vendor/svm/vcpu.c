// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's VMCB: made, reset, and the registers that it keeps.
 *
 * What hardware gets differs from what the guest sees in few places:
 *  CR0	without CD and NW, which would take the host's memory uncached.  While
 *	they differ every access exits.  Else the guest changes TS and MP freely.
 *  CR4	with the host's MCE: without, a machine check would reset the CPU.
 *  EFER	with SVME, which VMRUN insists on, and without LME until LMA is set,
 *	which takes a write of CR0.PG, and that exits.  QEMU's emulated CPU
 *	loses the host's paging at an exit with CR4.PAE clear else.
 *
 * Segments: the VMCB has no "unusable"; a segment that is not present is.  The
 * granularity bit matters to nobody, since limits are in bytes, and some CPUs
 * lose it, so it is told from the limit where it must be set.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <asm/processor-flags.h>
#include <asm/tlbflush.h>

#include "../../x86/regs.h"
#include "internal.h"

#define SVM_PAT_RESET		0x0007040600070406ull
#define SVM_EFER_SVME		BIT_ULL(12)
#define SVM_LIMIT_WITHOUT_G	0xfffffu

/* Types of segments at reset: present, and read/write, execute/read, LDT, TSS */
#define SVM_ATTRIB_DATA		0x0093
#define SVM_ATTRIB_CODE		0x009b
#define SVM_ATTRIB_LDT		0x0082
#define SVM_ATTRIB_TSS		0x008b

static atomic64_t svm_last_id;

int svm_vm_init(struct vm *vm)
{
	return 0;
}

void svm_vm_destroy(struct vm *vm)
{
}

int svm_vcpu_create(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);

	if (!svm)
		return -ENOMEM;
	svm->vmcb = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	svm->msrpm = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT, SVM_MSRPM_ORDER);
	if (!svm->vmcb || !svm->msrpm) {
		free_pages((unsigned long)svm->msrpm, SVM_MSRPM_ORDER);
		free_page((unsigned long)svm->vmcb);
		kfree(svm);
		return -ENOMEM;
	}
	svm->vmcb_pa = __pa(svm->vmcb);
	svm->id = atomic64_inc_return(&svm_last_id);
	svm->vcpu = vcpu;
	vcpu->arch = svm;
	svm_vcpu_reset(vcpu, false);
	return 0;
}

void svm_vcpu_destroy(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	if (!svm)
		return;
	free_pages((unsigned long)svm->msrpm, SVM_MSRPM_ORDER);
	free_page((unsigned long)svm->vmcb);
	kfree(svm);
	vcpu->arch = NULL;
}

static void svm_reset_segment(struct vmcb_seg *seg, u16 attrib)
{
	*seg = (struct vmcb_seg) { .attrib = attrib, .limit = 0xffff };
}

static void svm_reset_segments(struct vmcb_save_area *save)
{
	svm_reset_segment(&save->es, SVM_ATTRIB_DATA);
	svm_reset_segment(&save->ss, SVM_ATTRIB_DATA);
	svm_reset_segment(&save->ds, SVM_ATTRIB_DATA);
	svm_reset_segment(&save->fs, SVM_ATTRIB_DATA);
	svm_reset_segment(&save->gs, SVM_ATTRIB_DATA);
	svm_reset_segment(&save->cs, SVM_ATTRIB_CODE);
	svm_reset_segment(&save->ldtr, SVM_ATTRIB_LDT);
	svm_reset_segment(&save->tr, SVM_ATTRIB_TSS);
	svm_reset_segment(&save->gdtr, 0);
	svm_reset_segment(&save->idtr, 0);
	save->cs.selector = 0xf000;
	save->cs.base = 0xffff0000;
	save->cpl = 0;
}

static void svm_reset_control(struct svm_vcpu *svm)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	control->iopm_base_pa = svm_host.iopm_pa;
	control->msrpm_base_pa = __pa(svm->msrpm);
	control->tsc_offset = svm->vcpu->clock.tsc_offset;
	control->int_ctl = V_INTR_MASKING_MASK;
	control->int_state = 0;
	control->event_inj = 0;
	control->exit_int_info = 0;
	control->nested_ctl = SVM_NESTED_CTL_NP_ENABLE;
	svm->special = 0;
	svm->injecting = false;
	svm->soft_len = 0;
	svm->nmi_masked = false;
}

/* INIT leaves these alone. */
static void svm_reset_msrs(struct svm_vcpu *svm)
{
	struct vmcb_save_area *save = &svm->vmcb->save;

	save->star = 0;
	save->lstar = 0;
	save->cstar = 0;
	save->sfmask = 0;
	save->kernel_gs_base = 0;
	save->sysenter_cs = 0;
	save->sysenter_esp = 0;
	save->sysenter_eip = 0;
	save->g_pat = SVM_PAT_RESET;
	save->spec_ctrl = 0;
	svm->spec.guest = 0;
	svm->tsc_aux = 0;
	svm->debugctl = 0;
	svm->de_cfg = 0;
}

void svm_vcpu_reset(struct vcpu *vcpu, bool init)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	svm_reset_control(svm);
	svm_reset_segments(&svm->vmcb->save);
	if (!init)
		svm_reset_msrs(svm);
	svm_intercepts_reset(svm);
	svm_cr0_changed(vcpu);
	svm_cr3_changed(vcpu);
	svm_cr4_changed(vcpu);
	svm_efer_changed(vcpu);
	svm_dr_changed(vcpu);
	svm_tpr_changed(vcpu, regs_get_cr8(vcpu) << 4, -1);
	svm->asid_generation = 0;
	svm->vmcb->control.clean = 0;
}

/* --- segments --- */

static struct vmcb_seg *svm_segment(struct vcpu *vcpu, enum vcpu_seg which)
{
	static const u16 offsets[] = {
		[VCPU_SEG_ES] = offsetof(struct vmcb_save_area, es),
		[VCPU_SEG_CS] = offsetof(struct vmcb_save_area, cs),
		[VCPU_SEG_SS] = offsetof(struct vmcb_save_area, ss),
		[VCPU_SEG_DS] = offsetof(struct vmcb_save_area, ds),
		[VCPU_SEG_FS] = offsetof(struct vmcb_save_area, fs),
		[VCPU_SEG_GS] = offsetof(struct vmcb_save_area, gs),
		[VCPU_SEG_TR] = offsetof(struct vmcb_save_area, tr),
		[VCPU_SEG_LDTR] = offsetof(struct vmcb_save_area, ldtr),
	};

	return (void *)&svm_of(vcpu)->vmcb->save + offsets[which];
}

void svm_get_segment(struct vcpu *vcpu, struct kvm_segment *seg, enum vcpu_seg which)
{
	const struct vmcb_seg *from = svm_segment(vcpu, which);
	u16 attrib = from->attrib;

	*seg = (struct kvm_segment) {
		.base = from->base,
		.limit = from->limit,
		.selector = from->selector,
		.type = attrib & SVM_SELECTOR_TYPE_MASK,
		.s = attrib >> SVM_SELECTOR_S_SHIFT & 1,
		.dpl = attrib >> SVM_SELECTOR_DPL_SHIFT & 3,
		.present = attrib >> SVM_SELECTOR_P_SHIFT & 1,
		.avl = attrib >> SVM_SELECTOR_AVL_SHIFT & 1,
		.l = attrib >> SVM_SELECTOR_L_SHIFT & 1,
		.db = attrib >> SVM_SELECTOR_DB_SHIFT & 1,
		.g = attrib >> SVM_SELECTOR_G_SHIFT & 1,
	};
	seg->unusable = !seg->present;
	if (seg->limit > SVM_LIMIT_WITHOUT_G)
		seg->g = 1;
	/* In long mode SS may be null at any CPL: its DPL is not kept then. */
	if (which == VCPU_SEG_SS)
		seg->dpl = svm_of(vcpu)->vmcb->save.cpl;
}

void svm_set_segment(struct vcpu *vcpu, const struct kvm_segment *seg,
		     enum vcpu_seg which)
{
	struct vmcb_seg *to = svm_segment(vcpu, which);
	bool present = seg->present && !seg->unusable;

	to->base = seg->base;
	to->limit = seg->limit;
	to->selector = seg->selector;
	to->attrib = (seg->type & SVM_SELECTOR_TYPE_MASK) |
		     (seg->s & 1) << SVM_SELECTOR_S_SHIFT |
		     (seg->dpl & 3) << SVM_SELECTOR_DPL_SHIFT |
		     present << SVM_SELECTOR_P_SHIFT |
		     (seg->avl & 1) << SVM_SELECTOR_AVL_SHIFT |
		     (seg->l & 1) << SVM_SELECTOR_L_SHIFT |
		     (seg->db & 1) << SVM_SELECTOR_DB_SHIFT |
		     (seg->g & 1) << SVM_SELECTOR_G_SHIFT;
	if (which == VCPU_SEG_SS)
		svm_of(vcpu)->vmcb->save.cpl = seg->dpl & 3;
	svm_dirty(svm_of(vcpu), VMCB_CLEAN_SEG);
}

void svm_get_cs_mode(struct vcpu *vcpu, bool *l, bool *db)
{
	u16 attrib = svm_of(vcpu)->vmcb->save.cs.attrib;

	*l = (attrib & SVM_SELECTOR_L_MASK) && vcpu_long_mode(vcpu);
	*db = attrib & SVM_SELECTOR_DB_MASK;
}

u8 svm_get_cpl(struct vcpu *vcpu)
{
	return svm_of(vcpu)->vmcb->save.cpl;
}

static void svm_get_dtable(const struct vmcb_seg *from, struct kvm_dtable *dt)
{
	*dt = (struct kvm_dtable) { .base = from->base, .limit = from->limit };
}

static void svm_set_dtable(struct vcpu *vcpu, struct vmcb_seg *to,
			   const struct kvm_dtable *dt)
{
	to->base = dt->base;
	to->limit = dt->limit;
	svm_dirty(svm_of(vcpu), VMCB_CLEAN_DT);
}

void svm_get_gdt(struct vcpu *vcpu, struct kvm_dtable *dt)
{
	svm_get_dtable(&svm_of(vcpu)->vmcb->save.gdtr, dt);
}

void svm_set_gdt(struct vcpu *vcpu, const struct kvm_dtable *dt)
{
	svm_set_dtable(vcpu, &svm_of(vcpu)->vmcb->save.gdtr, dt);
}

void svm_get_idt(struct vcpu *vcpu, struct kvm_dtable *dt)
{
	svm_get_dtable(&svm_of(vcpu)->vmcb->save.idtr, dt);
}

void svm_set_idt(struct vcpu *vcpu, const struct kvm_dtable *dt)
{
	svm_set_dtable(vcpu, &svm_of(vcpu)->vmcb->save.idtr, dt);
}

/* --- control registers --- */

void svm_cr0_changed(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	bool differs;

	svm->hw_cr0 = vcpu->cr0 & ~(u64)(X86_CR0_CD | X86_CR0_NW);
	svm->vmcb->save.cr0 = svm->hw_cr0;
	svm_dirty(svm, VMCB_CLEAN_CR);

	differs = svm->hw_cr0 != vcpu->cr0;
	svm_intercept(svm, INTERCEPT_CR0_READ, differs);
	svm_intercept(svm, INTERCEPT_CR0_WRITE, differs);
}

void svm_cr3_changed(struct vcpu *vcpu)
{
	svm_of(vcpu)->vmcb->save.cr3 = vcpu->cr3;
	svm_dirty(svm_of(vcpu), VMCB_CLEAN_CR);
}

void svm_cr4_changed(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	u64 hw_cr4 = vcpu->cr4 | (__read_cr4() & X86_CR4_MCE);

	svm->vmcb->save.cr4 = hw_cr4;
	svm_dirty(svm, VMCB_CLEAN_CR);
	svm_intercept(svm, INTERCEPT_CR4_READ, hw_cr4 != vcpu->cr4);
}

void svm_efer_changed(struct vcpu *vcpu)
{
	u64 hw_efer = vcpu->efer | SVM_EFER_SVME;

	if (!(hw_efer & EFER_LMA))
		hw_efer &= ~(u64)EFER_LME;
	svm_of(vcpu)->vmcb->save.efer = hw_efer;
	svm_dirty(svm_of(vcpu), VMCB_CLEAN_CR);
}

void svm_root_changed(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	svm->vmcb->control.nested_cr3 = mmu_root_hpa(&vcpu->root_mmu);
	svm_dirty(svm, VMCB_CLEAN_NESTED);
	/* The TLB knows the old root's translations by the same ASID. */
	svm_flush_tlb(vcpu);
}

void svm_tsc_offset_changed(struct vcpu *vcpu)
{
	svm_of(vcpu)->vmcb->control.tsc_offset = vcpu->clock.tsc_offset;
	svm_dirty(svm_of(vcpu), VMCB_CLEAN_INTERCEPTS);
}

/* --- dump --- */

static void svm_dump_segment(const char *name, const struct vmcb_seg *seg)
{
	pr_err("%-4s %04x attrib %03x limit %08x base %016llx\n", name, seg->selector,
	       seg->attrib, seg->limit, seg->base);
}

void svm_dump(struct vcpu *vcpu)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, 1);
	const struct vmcb_control_area *control = &svm_of(vcpu)->vmcb->control;
	const struct vmcb_save_area *save = &svm_of(vcpu)->vmcb->save;

	if (!__ratelimit(&limit))
		return;
	pr_err("vCPU %u: exit %08x:%08x info1 %016llx info2 %016llx\n", vcpu->id,
	       control->exit_code_hi, control->exit_code, control->exit_info_1,
	       control->exit_info_2);
	pr_err("interrupted %08x:%08x injected %08x:%08x int_ctl %08x int_state %08x\n",
	       control->exit_int_info, control->exit_int_info_err, control->event_inj,
	       control->event_inj_err, control->int_ctl, control->int_state);
	pr_err("intercepts %08x %08x %08x %08x %08x %08x\n", control->intercepts[0],
	       control->intercepts[1], control->intercepts[2], control->intercepts[3],
	       control->intercepts[4], control->intercepts[5]);
	pr_err("asid %x tlb %x clean %x nested %llx ncr3 %016llx iopm %llx msrpm %llx\n",
	       control->asid, control->tlb_ctl, control->clean, control->nested_ctl,
	       control->nested_cr3, control->iopm_base_pa, control->msrpm_base_pa);
	pr_err("cr0 %016llx cr2 %016llx cr3 %016llx cr4 %016llx efer %016llx\n",
	       save->cr0, save->cr2, save->cr3, save->cr4, save->efer);
	pr_err("rip %016llx rsp %016llx rflags %016llx rax %016llx cpl %u\n",
	       save->rip, save->rsp, save->rflags, save->rax, save->cpl);
	pr_err("dr6 %016llx dr7 %016llx pat %016llx\n", save->dr6, save->dr7, save->g_pat);
	svm_dump_segment("es", &save->es);
	svm_dump_segment("cs", &save->cs);
	svm_dump_segment("ss", &save->ss);
	svm_dump_segment("ds", &save->ds);
	svm_dump_segment("fs", &save->fs);
	svm_dump_segment("gs", &save->gs);
	svm_dump_segment("tr", &save->tr);
	svm_dump_segment("ldtr", &save->ldtr);
	svm_dump_segment("gdtr", &save->gdtr);
	svm_dump_segment("idtr", &save->idtr);
}
