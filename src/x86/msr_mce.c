// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine check registers (SDM: Machine-Check Architecture).
 *
 * They hold what user space and the guest write; no machine check is ever raised
 * by Quire.  MCG_CAP says how many banks there are and which global registers.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include <asm/mce.h>
#include <asm/msr-index.h>

#include "machine.h"
#include "msr_internal.h"

/* HWCR: the guest may write STATUS registers, not only clear them. */
#define HWCR_MC_STATUS_WRITE	BIT_ULL(18)

/* AMD's bank 4 has an error that firmware turns off; Linux does so too. */
#define BANK_CTL_GART_ERROR	BIT_ULL(10)

u64 msr_mce_cap_supported(void)
{
	return MCG_CTL_P | MCG_SER_P;
}

int msr_ioctl_setup_mce(struct vcpu *vcpu, u64 mcg_cap)
{
	unsigned int banks = mcg_cap & MCG_BANKCNT_MASK;
	struct vcpu_msr *msr = vcpu->msr;
	unsigned int i;

	if (!banks || banks > MSR_MCE_BANKS)
		return -EINVAL;
	/* The count of extended registers may be anything: there are none. */
	if (mcg_cap & ~(msr_mce_cap_supported() | MCG_BANKCNT_MASK | MCG_EXT_CNT_MASK))
		return -EINVAL;

	msr->mcg_cap = mcg_cap;
	msr->mcg_ctl = mcg_cap & MCG_CTL_P ? ~0ull : 0;
	msr->mcg_status = 0;
	memset(msr->mce, 0, sizeof(msr->mce));
	for (i = 0; i < banks; i++)
		msr->mce[4 * i] = ~0ull;
	return 0;
}

int msr_mcg_get(const struct msr_access *access, u64 *value)
{
	const struct vcpu_msr *msr = access->vcpu->msr;

	if (access->index == MSR_IA32_MCG_CTL && !(msr->mcg_cap & MCG_CTL_P) &&
	    !access->host)
		return -EINVAL;
	*value = *(const u64 *)((const char *)msr + access->row->offset);
	return 0;
}

int msr_mcg_set(const struct msr_access *access, u64 value)
{
	struct vcpu_msr *msr = access->vcpu->msr;

	if (access->index == MSR_IA32_MCG_CAP) {
		/* Set up by an ioctl of its own. */
		return access->host && value == msr->mcg_cap ? 0 : -EINVAL;
	}
	if (access->index == MSR_IA32_MCG_CTL) {
		if (!(msr->mcg_cap & MCG_CTL_P) && (!access->host || value))
			return -EINVAL;
		if (value && value != ~0ull)
			return -EINVAL;
		msr->mcg_ctl = value;
		return 0;
	}
	msr->mcg_status = value;
	return 0;
}

static u64 *bank_register(const struct msr_access *access)
{
	struct vcpu_msr *msr = access->vcpu->msr;
	unsigned int offset = access->index - MSR_IA32_MC0_CTL;

	if (offset >= 4 * (msr->mcg_cap & MCG_BANKCNT_MASK))
		return NULL;
	return &msr->mce[offset];
}

int msr_mce_get(const struct msr_access *access, u64 *value)
{
	const u64 *kept = bank_register(access);

	if (!kept)
		return -EINVAL;
	*value = *kept;
	return 0;
}

int msr_mce_set(const struct msr_access *access, u64 value)
{
	unsigned int which = (access->index - MSR_IA32_MC0_CTL) % 4;
	u64 *kept = bank_register(access);

	if (!kept)
		return -EINVAL;
	if (which == 0 && value && (value | BANK_CTL_GART_ERROR) != ~0ull)
		return -EINVAL;
	if (which == 1 && value && !access->host &&
	    !(access->vcpu->msr->hwcr & HWCR_MC_STATUS_WRITE))
		return -EINVAL;
	*kept = value;
	return 0;
}
