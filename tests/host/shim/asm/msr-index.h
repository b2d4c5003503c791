/* SPDX-License-Identifier: GPL-2.0-only */
/* What the pure files use of the kernel's list of MSRs. */
#ifndef SHIM_MSR_INDEX_H
#define SHIM_MSR_INDEX_H

#define EFER_LME	(1 << 8)
#define EFER_LMA	(1 << 10)
#define EFER_NX		(1 << 11)

#define MSR_IA32_SPEC_CTRL		0x48
#define MSR_IA32_UCODE_REV		0x8b
#define MSR_IA32_ARCH_CAPABILITIES	0x10a
#define MSR_IA32_SYSENTER_CS		0x174
#define MSR_IA32_SYSENTER_ESP		0x175
#define MSR_IA32_SYSENTER_EIP		0x176
#define MSR_IA32_DEBUGCTLMSR		0x1d9
#define MSR_IA32_XSS			0xda0
#define MSR_STAR			0xc0000081
#define MSR_LSTAR			0xc0000082
#define MSR_CSTAR			0xc0000083
#define MSR_SYSCALL_MASK		0xc0000084
#define MSR_FS_BASE			0xc0000100
#define MSR_GS_BASE			0xc0000101
#define MSR_KERNEL_GS_BASE		0xc0000102
#define MSR_TSC_AUX			0xc0000103
#define MSR_AMD64_DE_CFG		0xc0011029

#define ARCH_CAP_RDCL_NO		(1ull << 0)
#define ARCH_CAP_IBRS_ALL		(1ull << 1)
#define ARCH_CAP_RSBA			(1ull << 2)
#define ARCH_CAP_SSB_NO			(1ull << 4)
#define ARCH_CAP_MDS_NO			(1ull << 5)
#define ARCH_CAP_PSCHANGE_MC_NO		(1ull << 6)
#define ARCH_CAP_TAA_NO			(1ull << 8)
#define ARCH_CAP_SBDR_SSDP_NO		(1ull << 13)
#define ARCH_CAP_FBSDP_NO		(1ull << 14)
#define ARCH_CAP_PSDP_NO		(1ull << 15)
#define ARCH_CAP_RRSBA			(1ull << 19)
#define ARCH_CAP_BHI_NO			(1ull << 20)
#define ARCH_CAP_PBRSB_NO		(1ull << 24)
#define ARCH_CAP_GDS_NO			(1ull << 26)
#define ARCH_CAP_RFDS_NO		(1ull << 27)

#endif
