/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What vmrun.S knows of C's structures; enter.c proves each number.
 */
#ifndef QUIRE_VENDOR_SVM_REGS_H
#define QUIRE_VENDOR_SVM_REGS_H

/* Bytes into vcpu->regs.  RAX and RSP travel in the VMCB. */
#define SVM_REG_RCX	(1 * 8)
#define SVM_REG_RDX	(2 * 8)
#define SVM_REG_RBX	(3 * 8)
#define SVM_REG_RBP	(5 * 8)
#define SVM_REG_RSI	(6 * 8)
#define SVM_REG_RDI	(7 * 8)
#define SVM_REG_R8	(8 * 8)
#define SVM_REG_R9	(9 * 8)
#define SVM_REG_R10	(10 * 8)
#define SVM_REG_R11	(11 * 8)
#define SVM_REG_R12	(12 * 8)
#define SVM_REG_R13	(13 * 8)
#define SVM_REG_R14	(14 * 8)
#define SVM_REG_R15	(15 * 8)

/* Bytes into struct svm_spec_ctrl. */
#define SVM_SPEC_CTRL_GUEST	0
#define SVM_SPEC_CTRL_HOST	8
#define SVM_SPEC_CTRL_READ_BACK	16

#ifndef __ASSEMBLY__

#include <linux/types.h>

/**
 * struct svm_spec_ctrl - SPEC_CTRL around an entry, where hardware does not switch it
 * @guest:	the guest's value
 * @host:	the value of the CPU that enters, set before each entry
 * @read_back:	the guest writes the MSR without an exit: read @guest after one
 */
struct svm_spec_ctrl {
	u64 guest;
	u64 host;
	u8 read_back;
};

/**
 * svm_vmrun() - switch to the guest and back
 * @regs:	vcpu->regs, loaded before and stored after, but for RAX and RSP
 * @vmcb:	physical address of the guest's VMCB
 * @host:	physical address of the page for this CPU's own VMSAVE state
 * @spec:	used with X86_FEATURE_MSR_SPEC_CTRL and without V_SPEC_CTRL
 * IRQs off before and after; noinstr.  GIF is clear from just before the switch
 * to just after it, and then held back NMIs arrive.
 * Return: 0; 1 if the CPU refused VMRUN as an instruction: nothing ran.
 */
int svm_vmrun(u64 *regs, u64 vmcb, u64 host, struct svm_spec_ctrl *spec);

#endif
#endif
