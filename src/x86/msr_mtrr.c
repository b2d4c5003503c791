// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory type range registers and the PAT, as far as the guest sees them.
 *
 * The guest's MTRRs are kept and checked but change nothing: hardware combines
 * the guest's PAT with the type of the nested mapping, and RAM is write-back
 * there.  The vendor keeps the PAT, which hardware does use.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>

#include <asm/msr-index.h>

#include "../vendor/vendor.h"
#include "machine.h"
#include "msr_internal.h"

/* MTRRcap: variable ranges, the fixed ones, write-combining. */
#define MTRR_CAP_FIXED		BIT_ULL(8)
#define MTRR_CAP_WC		BIT_ULL(10)
/* MTRRdefType: the type, fixed ranges on, all on. */
#define MTRR_DEFAULT_VALID	0xcffull
#define MTRR_MASK_VALID		BIT_ULL(11)

/* UC, WC, WT, WP, WB by number; the PAT has UC- too. */
#define MTRR_TYPES		(BIT(0) | BIT(1) | BIT(4) | BIT(5) | BIT(6))
#define PAT_TYPES		(MTRR_TYPES | BIT(7))

/* The fixed ranges in the order of struct vcpu_msr.mtrr_fixed. */
static const u32 fixed_index[MSR_MTRR_FIXED] = {
	MSR_MTRRfix64K_00000,
	MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000,
	MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_C8000,
	MSR_MTRRfix4K_D0000, MSR_MTRRfix4K_D8000,
	MSR_MTRRfix4K_E0000, MSR_MTRRfix4K_E8000,
	MSR_MTRRfix4K_F0000, MSR_MTRRfix4K_F8000,
};

static bool is_variable(u32 index)
{
	return index >= MSR_MTRR_VARIABLE_FIRST &&
	       index <= MSR_MTRR_VARIABLE_LAST;
}

static u64 *mtrr_value(struct vcpu_msr *msr, u32 index)
{
	unsigned int i;

	if (index == MSR_MTRRdefType)
		return &msr->mtrr_default;
	if (is_variable(index))
		return &msr->mtrr_variable[index - MSR_MTRR_VARIABLE_FIRST];
	for (i = 0; i < MSR_MTRR_FIXED; i++) {
		if (fixed_index[i] == index)
			return &msr->mtrr_fixed[i];
	}
	return NULL;
}

/* Is each byte of @value one of @types? */
static bool types_valid(u64 value, u32 types)
{
	unsigned int i;

	for (i = 0; i < 8; i++, value >>= 8) {
		if ((value & 0xff) > 7 || !(types & BIT(value & 0xff)))
			return false;
	}
	return true;
}

static bool mtrr_valid(const struct vcpu *vcpu, u32 index, u64 value)
{
	u64 address = GENMASK_ULL(vcpu->cpuid.maxphyaddr - 1, 12);
	u64 type = value & 0xff;

	if (index == MSR_MTRRdefType)
		return !(value & ~MTRR_DEFAULT_VALID) && type < 8 &&
		       (MTRR_TYPES & BIT(type));
	if (!is_variable(index))
		return types_valid(value, MTRR_TYPES);
	if (index & 1)
		return !(value & ~(address | MTRR_MASK_VALID));
	return !(value & ~(address | 0xff)) && type < 8 && (MTRR_TYPES & BIT(type));
}

int msr_mtrr_get_cap(const struct msr_access *access, u64 *value)
{
	if (!access->host && !access->vcpu->cpuid.features.mtrr)
		return -EINVAL;
	*value = MSR_MTRR_VARIABLE | MTRR_CAP_FIXED | MTRR_CAP_WC;
	return 0;
}

int msr_mtrr_get(const struct msr_access *access, u64 *value)
{
	u64 *kept = mtrr_value(access->vcpu->msr, access->index);

	if (!access->host && !access->vcpu->cpuid.features.mtrr)
		return -EINVAL;
	if (!kept)
		return -ENOENT;
	*value = *kept;
	return 0;
}

int msr_mtrr_set(const struct msr_access *access, u64 value)
{
	u64 *kept = mtrr_value(access->vcpu->msr, access->index);

	if (!access->host && !access->vcpu->cpuid.features.mtrr)
		return -EINVAL;
	if (!kept)
		return -ENOENT;
	if (!mtrr_valid(access->vcpu, access->index, value))
		return -EINVAL;
	*kept = value;
	return 0;
}

int msr_pat_get(const struct msr_access *access, u64 *value)
{
	return vendor->get_msr(access->vcpu, MSR_IA32_CR_PAT, access->host, value);
}

int msr_pat_set(const struct msr_access *access, u64 value)
{
	if (!types_valid(value, PAT_TYPES))
		return -EINVAL;
	return vendor->set_msr(access->vcpu, MSR_IA32_CR_PAT, access->host, value);
}
