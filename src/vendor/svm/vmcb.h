/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine control block: the kernel's description of it, what that
 * lacks, and proof that both mean the layout of APM volume 2, appendix "Layout
 * of VMCB".
 */
#ifndef QUIRE_VENDOR_SVM_VMCB_H
#define QUIRE_VENDOR_SVM_VMCB_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <asm/svm.h>

/* Offsets are of the whole page: the save area follows the control area. */
#define VMCB_SAVE_OFFSET	0x400
#define VMCB_CONTROL_AT(field, at)					\
	static_assert(offsetof(struct vmcb_control_area, field) == (at))
#define VMCB_SAVE_AT(field, at)						\
	static_assert(offsetof(struct vmcb_save_area, field) == (at))

static_assert(offsetof(struct vmcb, save) == VMCB_SAVE_OFFSET);
VMCB_CONTROL_AT(intercepts, 0x000);
VMCB_CONTROL_AT(pause_filter_thresh, 0x03c);
VMCB_CONTROL_AT(iopm_base_pa, 0x040);
VMCB_CONTROL_AT(msrpm_base_pa, 0x048);
VMCB_CONTROL_AT(tsc_offset, 0x050);
VMCB_CONTROL_AT(asid, 0x058);
VMCB_CONTROL_AT(tlb_ctl, 0x05c);
VMCB_CONTROL_AT(int_ctl, 0x060);
VMCB_CONTROL_AT(int_state, 0x068);
VMCB_CONTROL_AT(exit_code, 0x070);
VMCB_CONTROL_AT(exit_info_1, 0x078);
VMCB_CONTROL_AT(exit_int_info, 0x088);
VMCB_CONTROL_AT(nested_ctl, 0x090);
VMCB_CONTROL_AT(event_inj, 0x0a8);
VMCB_CONTROL_AT(nested_cr3, 0x0b0);
VMCB_CONTROL_AT(virt_ext, 0x0b8);
VMCB_CONTROL_AT(clean, 0x0c0);
VMCB_CONTROL_AT(next_rip, 0x0c8);
VMCB_CONTROL_AT(insn_len, 0x0d0);
VMCB_SAVE_AT(es, 0x000);
VMCB_SAVE_AT(cs, 0x010);
VMCB_SAVE_AT(tr, 0x090);
VMCB_SAVE_AT(cpl, 0x0cb);
VMCB_SAVE_AT(efer, 0x0d0);
VMCB_SAVE_AT(cr4, 0x148);
VMCB_SAVE_AT(cr0, 0x158);
VMCB_SAVE_AT(dr7, 0x160);
VMCB_SAVE_AT(dr6, 0x168);
VMCB_SAVE_AT(rflags, 0x170);
VMCB_SAVE_AT(rip, 0x178);
VMCB_SAVE_AT(rsp, 0x1d8);
VMCB_SAVE_AT(rax, 0x1f8);
VMCB_SAVE_AT(star, 0x200);
VMCB_SAVE_AT(kernel_gs_base, 0x220);
VMCB_SAVE_AT(sysenter_cs, 0x228);
VMCB_SAVE_AT(cr2, 0x240);
VMCB_SAVE_AT(g_pat, 0x268);
VMCB_SAVE_AT(dbgctl, 0x270);
VMCB_SAVE_AT(spec_ctrl, 0x2e0);

/* VMCB Clean: parts that hardware may still hold from the last VMRUN. */
enum vmcb_clean {
	VMCB_CLEAN_INTERCEPTS	= BIT(0),	/* intercepts, TSC offset, pause filter */
	VMCB_CLEAN_MAPS		= BIT(1),	/* IOPM and MSRPM addresses */
	VMCB_CLEAN_ASID		= BIT(2),
	VMCB_CLEAN_INT_CTL	= BIT(3),	/* V_TPR, V_IRQ, … */
	VMCB_CLEAN_NESTED	= BIT(4),	/* nested paging, hCR3, PAT */
	VMCB_CLEAN_CR		= BIT(5),	/* CR0, CR3, CR4, EFER */
	VMCB_CLEAN_DR		= BIT(6),	/* DR6, DR7 */
	VMCB_CLEAN_DT		= BIT(7),	/* GDT, IDT */
	VMCB_CLEAN_SEG		= BIT(8),	/* CS, DS, SS, ES, CPL */
	VMCB_CLEAN_CR2		= BIT(9),
	VMCB_CLEAN_ALL		= GENMASK(9, 0),
};

/* CPUID Fn8000_000A_EDX */
#define SVM_FEATURE_NPT			BIT(0)
#define SVM_FEATURE_NRIPS		BIT(3)
#define SVM_FEATURE_FLUSH_BY_ASID	BIT(6)
#define SVM_FEATURE_DECODE_ASSISTS	BIT(7)
#define SVM_FEATURE_PAUSE_FILTER	BIT(10)
#define SVM_FEATURE_PAUSE_THRESHOLD	BIT(12)

/* EXITINFO1 of intercepted MOV CRx with decode assists */
#define SVM_CR_INFO_MOV			BIT_ULL(63)

/* MSR permission map: two bits for each MSR of three ranges of 2000h. */
#define SVM_MSRPM_ORDER			1
#define SVM_MSRPM_SIZE			(PAGE_SIZE << SVM_MSRPM_ORDER)
/* I/O permission map: a bit for each port, and three for accesses beyond. */
#define SVM_IOPM_ORDER			2
#define SVM_IOPM_SIZE			(PAGE_SIZE * 3)

#endif
