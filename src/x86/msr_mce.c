// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine check registers (SDM: Machine-Check Architecture).
 *
 * They hold what user space and the guest write.  MCG_CAP says how many banks there
 * are and which global registers.  Errors come from user space alone
 * (KVM_X86_SET_MCE), and are logged as the processor would log them.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include <asm/mce.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

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

/* A newer error does not replace one that nobody has read, but leaves a mark. */
static void log_error(u64 *bank, const struct kvm_x86_mce *mce)
{
	bool uncorrected = mce->status & MCI_STATUS_UC;

	if ((bank[1] & MCI_STATUS_VAL) &&
	    (!uncorrected || (bank[1] & MCI_STATUS_UC))) {
		bank[1] |= MCI_STATUS_OVER;
		return;
	}
	bank[1] = mce->status | (bank[1] & MCI_STATUS_VAL ? MCI_STATUS_OVER : 0);
	bank[2] = mce->addr;
	bank[3] = mce->misc;
}

int msr_ioctl_set_mce(struct vcpu *vcpu, const struct kvm_x86_mce *mce)
{
	struct vcpu_msr *msr = vcpu->msr;
	u64 *bank;

	if (mce->bank >= (msr->mcg_cap & MCG_BANKCNT_MASK) ||
	    !(mce->status & MCI_STATUS_VAL))
		return -EINVAL;
	bank = &msr->mce[4 * mce->bank];

	/* Reporting is off, in general or for this bank. */
	if ((msr->mcg_cap & MCG_CTL_P) && msr->mcg_ctl != ~0ull)
		return 0;
	if (!bank[0])
		return 0;
	if (!(mce->status & MCI_STATUS_UC)) {
		log_error(bank, mce);
		return 0;
	}
	/* Nobody could handle it. */
	if ((msr->mcg_status & MCG_STATUS_MCIP) || !(vcpu->cr4 & X86_CR4_MCE)) {
		vcpu_request(vcpu, VCPU_REQ_TRIPLE_FAULT);
		return 0;
	}
	log_error(bank, mce);
	msr->mcg_status = mce->mcg_status;
	event_raise(vcpu, MC_VECTOR);
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
