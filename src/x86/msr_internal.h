/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of the MSRs: where values are kept, and the handlers that
 * the table in msr.c names.
 */
#ifndef QUIRE_X86_MSR_INTERNAL_H
#define QUIRE_X86_MSR_INTERNAL_H

#include "msr.h"

#define MSR_MTRR_VARIABLE	8
#define MSR_MTRR_VARIABLE_FIRST	0x200
#define MSR_MTRR_VARIABLE_LAST	\
	(MSR_MTRR_VARIABLE_FIRST + 2 * MSR_MTRR_VARIABLE - 1)
#define MSR_MTRR_FIXED		11

/**
 * struct vcpu_msr - MSRs that live here
 * @mtrr_default, @mtrr_fixed, @mtrr_variable: memory types, in the order of their
 *		indices; kept for the guest, they do not reach hardware
 * @mcg_cap, @mcg_status, @mcg_ctl: global machine check registers
 * @mce:	four for each bank: CTL, STATUS, ADDR, MISC
 * @misc_enable: IA32_MISC_ENABLE; @ucode_rev: microcode revision;
 *		@platform_info: PLATFORM_INFO; @arch_capabilities: IA32_ARCH_CAPABILITIES
 * @power_ctl:	IA32_POWER_CTL: what the guest writes has no effect
 * @hwcr:	AMD's HWCR; @osvw_length, @osvw_status: its list of errata
 * @exit_rip:	RIP of the access that waits for user space
 */
struct vcpu_msr {
	u64 mtrr_default;
	u64 mtrr_fixed[MSR_MTRR_FIXED];
	u64 mtrr_variable[2 * MSR_MTRR_VARIABLE];
	u64 mcg_cap, mcg_status, mcg_ctl;
	u64 mce[4 * MSR_MCE_BANKS];
	u64 misc_enable;
	u64 ucode_rev;
	u64 platform_info;
	u64 arch_capabilities;
	u64 power_ctl;
	u64 hwcr;
	u64 osvw_length, osvw_status;
	u64 exit_rip;
};

struct msr_row;

/**
 * struct msr_access - one access on its way to a handler
 * @vcpu:	whose
 * @row:	the table's row
 * @index:	the MSR
 * @host:	as in msr_get()
 */
struct msr_access {
	struct vcpu *vcpu;
	const struct msr_row *row;
	u32 index;
	bool host;
};

/**
 * struct msr_row - one MSR, or a range of them that one handler serves
 * @first, @last: inclusive
 * @flags:	MSR_ROW_*
 * @offset:	of the u64 in struct vcpu_msr, for stored ones
 * @bits:	value of a constant; bits that may be set in a stored one
 * @get, @set:	0, -EINVAL or -ENOENT as msr_get(); NULL: -EINVAL
 */
struct msr_row {
	u32 first, last;
	u16 flags;
	u16 offset;
	u64 bits;
	int (*get)(const struct msr_access *access, u64 *value);
	int (*set)(const struct msr_access *access, u64 value);
};

/* User space saves and restores it: KVM_GET_MSR_INDEX_LIST. */
#define MSR_ROW_LISTED		1u

/** msr_row_at() - the table's rows by number, sorted; NULL beyond the last */
const struct msr_row *msr_row_at(unsigned int nr);

/* msr_mtrr.c */
int msr_mtrr_get_cap(const struct msr_access *access, u64 *value);
int msr_mtrr_get(const struct msr_access *access, u64 *value);
int msr_mtrr_set(const struct msr_access *access, u64 value);
int msr_pat_get(const struct msr_access *access, u64 *value);
int msr_pat_set(const struct msr_access *access, u64 value);

/* msr_mce.c */
int msr_mcg_get(const struct msr_access *access, u64 *value);
int msr_mcg_set(const struct msr_access *access, u64 value);
int msr_mce_get(const struct msr_access *access, u64 *value);
int msr_mce_set(const struct msr_access *access, u64 value);

/* Values of feature MSRs on this host; msr_ioctl.c. */
u64 msr_host_ucode_rev(void);
u64 msr_host_arch_capabilities(void);

#endif
