// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs: the table, and the registers that are simple.
 *
 * msr_get() and msr_set() look an index up in one sorted table.  A row names the
 * handlers; most registers are a u64 in struct vcpu_msr or a constant, and share
 * handlers that take what they need from the row.  What has no row is asked of
 * the vendor, who keeps those that hardware switches.  What the vendor does not
 * know either does not exist.
 *
 * Whoever reads as user space (@host) sees a register also if the guest's CPUID
 * does not announce it, and may set what is read-only for a guest, since it
 * restores what it saved.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kvm_para.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "../vendor/vendor.h"
#include "machine.h"
#include "msr_internal.h"
#include "regs.h"

/* Branch trace and precise sampling do not exist (SDM: IA32_MISC_ENABLE). */
#define MISC_ENABLE_FIXED						\
	(MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)

/* HWCR: bits that a guest may set and that mean nothing here, and one that does. */
#define HWCR_IGNORED		(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8))
#define HWCR_KEPT		(BIT_ULL(18) | BIT_ULL(24))

/* Errata 1 and 2 concern the host alone, which works around them. */
#define OSVW_HOST_ONLY		0x6ull
#define OSVW_LENGTH_MIN		3

/* --- handlers that serve many rows --- */

static u64 *stored(const struct msr_access *access)
{
	return (u64 *)((char *)access->vcpu->msr + access->row->offset);
}

static int get_stored(const struct msr_access *access, u64 *value)
{
	*value = *stored(access);
	return 0;
}

static int get_constant(const struct msr_access *access, u64 *value)
{
	*value = access->row->bits;
	return 0;
}

static int set_ignored(const struct msr_access *access, u64 value)
{
	return 0;
}

/* A constant: user space may put back what it read. */
static int set_constant(const struct msr_access *access, u64 value)
{
	return access->host && value == access->row->bits ? 0 : -EINVAL;
}

static int set_zero(const struct msr_access *access, u64 value)
{
	return value ? -EINVAL : 0;
}

/* User space's to choose, the guest's to read. */
static int set_stored(const struct msr_access *access, u64 value)
{
	*stored(access) = value;
	return 0;
}

static int set_by_host(const struct msr_access *access, u64 value)
{
	if (!access->host)
		return -EINVAL;
	*stored(access) = value;
	return 0;
}

/* --- time --- */

static int get_tsc(const struct msr_access *access, u64 *value)
{
	*value = clock_read_tsc(access->vcpu);
	return 0;
}

static int set_tsc(const struct msr_access *access, u64 value)
{
	clock_write_tsc(access->vcpu, value, access->host);
	return 0;
}

static int get_tsc_adjust(const struct msr_access *access, u64 *value)
{
	if (!access->host && !access->vcpu->cpuid.features.tsc_adjust)
		return -EINVAL;
	*value = access->vcpu->clock.tsc_adjust;
	return 0;
}

static int set_tsc_adjust(const struct msr_access *access, u64 value)
{
	if (!access->host && !access->vcpu->cpuid.features.tsc_adjust)
		return -EINVAL;
	clock_write_tsc_adjust(access->vcpu, value, access->host);
	return 0;
}

static int get_tsc_deadline(const struct msr_access *access, u64 *value)
{
	struct vcpu *vcpu = access->vcpu;

	if (!access->host && !vcpu->cpuid.features.tsc_deadline)
		return -EINVAL;
	*value = vcpu->apic ? lapic_get_tsc_deadline(vcpu) : 0;
	return 0;
}

static int set_tsc_deadline(const struct msr_access *access, u64 value)
{
	struct vcpu *vcpu = access->vcpu;

	if (!access->host && !vcpu->cpuid.features.tsc_deadline)
		return -EINVAL;
	if (vcpu->apic)
		lapic_set_tsc_deadline(vcpu, value);
	return 0;
}

static int get_system_time(const struct msr_access *access, u64 *value)
{
	*value = access->vcpu->clock.system_time_msr;
	return 0;
}

static int set_system_time(const struct msr_access *access, u64 value)
{
	return clock_set_system_time(access->vcpu, value);
}

static int get_wall_clock(const struct msr_access *access, u64 *value)
{
	*value = READ_ONCE(access->vcpu->vm->clock.wall_clock);
	return 0;
}

static int set_wall_clock(const struct msr_access *access, u64 value)
{
	return clock_set_wall_clock(access->vcpu->vm, value);
}

/* --- what the guest shares with us --- */

static int get_steal_time(const struct msr_access *access, u64 *value)
{
	*value = access->vcpu->steal.msr;
	return 0;
}

static int set_steal_time(const struct msr_access *access, u64 value)
{
	return steal_set_msr(access->vcpu, value);
}

static int get_poll_control(const struct msr_access *access, u64 *value)
{
	*value = access->vcpu->poll_control;
	return 0;
}

static int set_poll_control(const struct msr_access *access, u64 value)
{
	if (value & ~1ull)
		return -EINVAL;
	access->vcpu->poll_control = value;
	return 0;
}

static int get_pv_eoi(const struct msr_access *access, u64 *value)
{
	*value = access->vcpu->apic ? lapic_get_pv_eoi(access->vcpu) : 0;
	return 0;
}

/* Without a local APIC here only what was read can be put back. */
static int set_pv_eoi(const struct msr_access *access, u64 value)
{
	if (access->vcpu->apic)
		return lapic_set_pv_eoi(access->vcpu, value);
	return value ? -EINVAL : 0;
}

static int get_async_enable(const struct msr_access *access, u64 *value)
{
	*value = access->vcpu->async_fault.enable_msr;
	return 0;
}

static int set_async_enable(const struct msr_access *access, u64 value)
{
	return async_fault_set_enable(access->vcpu, value);
}

static int get_async_vector(const struct msr_access *access, u64 *value)
{
	*value = access->vcpu->async_fault.vector;
	return 0;
}

static int set_async_vector(const struct msr_access *access, u64 value)
{
	return async_fault_set_vector(access->vcpu, value);
}

static int set_async_ack(const struct msr_access *access, u64 value)
{
	async_fault_ack(access->vcpu, value);
	return 0;
}

/* --- local APIC --- */

static int get_apic_base(const struct msr_access *access, u64 *value)
{
	*value = regs_get_apic_base(access->vcpu);
	return 0;
}

static int set_apic_base(const struct msr_access *access, u64 value)
{
	return regs_set_apic_base(access->vcpu, value, access->host);
}

static int get_x2apic(const struct msr_access *access, u64 *value)
{
	if (!access->vcpu->apic)
		return -EINVAL;
	return lapic_x2apic_read(access->vcpu, access->index, value);
}

static int set_x2apic(const struct msr_access *access, u64 value)
{
	if (!access->vcpu->apic)
		return -EINVAL;
	return lapic_x2apic_write(access->vcpu, access->index, value);
}

/* --- the processor --- */

static int get_efer(const struct msr_access *access, u64 *value)
{
	*value = access->vcpu->efer;
	return 0;
}

static int set_efer(const struct msr_access *access, u64 value)
{
	return regs_set_efer(access->vcpu, value, access->host);
}

static int get_xss(const struct msr_access *access, u64 *value)
{
	if (!access->host && !access->vcpu->cpuid.features.xsaves)
		return -EINVAL;
	*value = access->vcpu->xss;
	return 0;
}

static int set_xss(const struct msr_access *access, u64 value)
{
	if (!access->host && !access->vcpu->cpuid.features.xsaves)
		return -EINVAL;
	if (value & ~access->vcpu->cpuid.xss_allowed)
		return -EINVAL;
	access->vcpu->xss = value;
	return 0;
}

/* Software reads the revision after writing 0; the write does nothing else here. */
static int set_ucode_rev(const struct msr_access *access, u64 value)
{
	if (access->host)
		access->vcpu->msr->ucode_rev = value;
	return 0;
}

static int get_arch_capabilities(const struct msr_access *access, u64 *value)
{
	if (!boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		return -ENOENT;
	if (!access->host && !access->vcpu->cpuid.features.arch_caps)
		return -EINVAL;
	return get_stored(access, value);
}

static int set_arch_capabilities(const struct msr_access *access, u64 value)
{
	if (!boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		return -ENOENT;
	return set_by_host(access, value);
}

/* A guest changes only what has no effect: fast string operations. */
static int set_misc_enable(const struct msr_access *access, u64 value)
{
	u64 *kept = stored(access);

	if (access->host)
		*kept = value;
	else
		*kept = (*kept & ~(u64)MSR_IA32_MISC_ENABLE_FAST_STRING) |
			(value & MSR_IA32_MISC_ENABLE_FAST_STRING);
	return 0;
}

static int set_hwcr(const struct msr_access *access, u64 value)
{
	value &= ~HWCR_IGNORED;
	if (value & ~HWCR_KEPT)
		return -EINVAL;
	*stored(access) = value;
	return 0;
}

static int get_osvw(const struct msr_access *access, u64 *value)
{
	if (!access->host &&
	    !cpuid_guest_has(access->vcpu, 0x80000001, CPUID_REG_C, CPUID_OSVW))
		return -EINVAL;
	return get_stored(access, value);
}

/* --- the table --- */

#define STORED(index, member, row_flags, getter, setter)		\
	{								\
		.first = (index), .last = (index), .flags = (row_flags), \
		.offset = offsetof(struct vcpu_msr, member),		\
		.get = (getter), .set = (setter),			\
	}
#define CONSTANT(index, value, setter)					\
	{								\
		.first = (index), .last = (index), .bits = (value),	\
		.get = get_constant, .set = (setter),			\
	}
#define HANDLED(from, to, row_flags, getter, setter)			\
	{								\
		.first = (from), .last = (to), .flags = (row_flags),	\
		.get = (getter), .set = (setter),			\
	}
#define ONE(index, row_flags, getter, setter) \
	HANDLED(index, index, row_flags, getter, setter)
#define LISTED	MSR_ROW_LISTED

/* In ascending order: it is searched by halves. */
static const struct msr_row msr_rows[] = {
	CONSTANT(MSR_IA32_P5_MC_ADDR, 0, set_ignored),
	CONSTANT(MSR_IA32_P5_MC_TYPE, 0, set_ignored),
	ONE(MSR_IA32_TSC, LISTED, get_tsc, set_tsc),
	ONE(MSR_KVM_WALL_CLOCK, LISTED, get_wall_clock, set_wall_clock),
	ONE(MSR_KVM_SYSTEM_TIME, LISTED, get_system_time, set_system_time),
	CONSTANT(MSR_IA32_PLATFORM_ID, 0, set_constant),
	ONE(MSR_IA32_APICBASE, 0, get_apic_base, set_apic_base),
	CONSTANT(MSR_IA32_EBL_CR_POWERON, 0, set_constant),
	ONE(MSR_IA32_TSC_ADJUST, LISTED, get_tsc_adjust, set_tsc_adjust),
	ONE(MSR_IA32_UCODE_WRITE, 0, NULL, set_ignored),
	STORED(MSR_IA32_UCODE_REV, ucode_rev, LISTED, get_stored, set_ucode_rev),
	STORED(MSR_PLATFORM_INFO, platform_info, LISTED, get_stored, set_by_host),
	ONE(MSR_MTRRcap, 0, msr_mtrr_get_cap, NULL),
	STORED(MSR_IA32_ARCH_CAPABILITIES, arch_capabilities, LISTED,
	       get_arch_capabilities, set_arch_capabilities),
	CONSTANT(MSR_MISC_FEATURES_ENABLES, 0, set_zero),
	STORED(MSR_IA32_MCG_CAP, mcg_cap, 0, msr_mcg_get, msr_mcg_set),
	STORED(MSR_IA32_MCG_STATUS, mcg_status, LISTED, msr_mcg_get, msr_mcg_set),
	STORED(MSR_IA32_MCG_CTL, mcg_ctl, LISTED, msr_mcg_get, msr_mcg_set),
	STORED(MSR_IA32_MISC_ENABLE, misc_enable, LISTED, get_stored, set_misc_enable),
	CONSTANT(MSR_IA32_LASTBRANCHFROMIP, 0, set_zero),
	CONSTANT(MSR_IA32_LASTBRANCHTOIP, 0, set_zero),
	CONSTANT(MSR_IA32_LASTINTFROMIP, 0, set_zero),
	CONSTANT(MSR_IA32_LASTINTTOIP, 0, set_zero),
	STORED(MSR_IA32_POWER_CTL, power_ctl, LISTED, get_stored, set_stored),
	HANDLED(MSR_MTRR_VARIABLE_FIRST, MSR_MTRR_VARIABLE_LAST, LISTED,
		msr_mtrr_get, msr_mtrr_set),
	ONE(MSR_MTRRfix64K_00000, LISTED, msr_mtrr_get, msr_mtrr_set),
	HANDLED(MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000, LISTED,
		msr_mtrr_get, msr_mtrr_set),
	HANDLED(MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_F8000, LISTED,
		msr_mtrr_get, msr_mtrr_set),
	ONE(MSR_IA32_CR_PAT, LISTED, msr_pat_get, msr_pat_set),
	ONE(MSR_MTRRdefType, LISTED, msr_mtrr_get, msr_mtrr_set),
	HANDLED(MSR_IA32_MC0_CTL, MSR_IA32_MC0_CTL + 4 * MSR_MCE_BANKS - 1, 0,
		msr_mce_get, msr_mce_set),
	ONE(MSR_IA32_TSC_DEADLINE, LISTED, get_tsc_deadline, set_tsc_deadline),
	HANDLED(0x800, 0x8ff, 0, get_x2apic, set_x2apic),
	ONE(MSR_IA32_XSS, LISTED, get_xss, set_xss),
	ONE(MSR_KVM_WALL_CLOCK_NEW, LISTED, get_wall_clock, set_wall_clock),
	ONE(MSR_KVM_SYSTEM_TIME_NEW, LISTED, get_system_time, set_system_time),
	ONE(MSR_KVM_ASYNC_PF_EN, LISTED, get_async_enable, set_async_enable),
	ONE(MSR_KVM_STEAL_TIME, LISTED, get_steal_time, set_steal_time),
	ONE(MSR_KVM_PV_EOI_EN, LISTED, get_pv_eoi, set_pv_eoi),
	ONE(MSR_KVM_POLL_CONTROL, LISTED, get_poll_control, set_poll_control),
	ONE(MSR_KVM_ASYNC_PF_INT, LISTED, get_async_vector, set_async_vector),
	ONE(MSR_KVM_ASYNC_PF_ACK, LISTED, get_constant, set_async_ack),
	ONE(MSR_EFER, 0, get_efer, set_efer),
	/* The counters that every AMD processor has: they never count. */
	{ MSR_K7_EVNTSEL0, MSR_K7_PERFCTR3, .get = get_constant, .set = set_ignored },
	CONSTANT(MSR_AMD64_SYSCFG, 0, set_ignored),
	STORED(MSR_K7_HWCR, hwcr, LISTED, get_stored, set_hwcr),
	CONSTANT(MSR_AMD64_NB_CFG, 0, set_ignored),
	ONE(MSR_AMD64_PATCH_LOADER, 0, NULL, set_ignored),
	CONSTANT(MSR_K8_INT_PENDING_MSG, 0, set_ignored),
	CONSTANT(MSR_FAM10H_MMIO_CONF_BASE, 0, set_zero),
	CONSTANT(MSR_K8_TSEG_ADDR, 0, set_ignored),
	CONSTANT(MSR_K8_TSEG_MASK, 0, set_ignored),
	STORED(MSR_AMD64_OSVW_ID_LENGTH, osvw_length, 0, get_osvw, set_by_host),
	STORED(MSR_AMD64_OSVW_STATUS, osvw_status, 0, get_osvw, set_by_host),
	CONSTANT(MSR_AMD64_DC_CFG, 0, set_ignored),
	CONSTANT(MSR_AMD64_TW_CFG, 0, set_ignored),
	CONSTANT(MSR_AMD64_BU_CFG2, 0, set_ignored),
	CONSTANT(MSR_F15H_EX_CFG, 0, set_ignored),
};

const struct msr_row *msr_row_at(unsigned int nr)
{
	return nr < ARRAY_SIZE(msr_rows) ? &msr_rows[nr] : NULL;
}

static const struct msr_row *find_row(u32 index)
{
	unsigned int low = 0, high = ARRAY_SIZE(msr_rows);

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (index > msr_rows[mid].last)
			low = mid + 1;
		else if (index < msr_rows[mid].first)
			high = mid;
		else
			return &msr_rows[mid];
	}
	return NULL;
}

int msr_get(struct vcpu *vcpu, u32 index, bool host, u64 *value)
{
	struct msr_access access = {
		.vcpu = vcpu, .row = find_row(index), .index = index, .host = host,
	};

	if (!access.row)
		return vendor->get_msr(vcpu, index, host, value);
	return access.row->get ? access.row->get(&access, value) : -EINVAL;
}

int msr_set(struct vcpu *vcpu, u32 index, bool host, u64 value)
{
	struct msr_access access = {
		.vcpu = vcpu, .row = find_row(index), .index = index, .host = host,
	};

	if (!access.row)
		return vendor->set_msr(vcpu, index, host, value);
	return access.row->set ? access.row->set(&access, value) : -EINVAL;
}

/* --- life --- */

static void reset_osvw(struct vcpu_msr *msr)
{
	u64 length = 0, status = 0;

	if (boot_cpu_has(X86_FEATURE_OSVW)) {
		rdmsrl_safe(MSR_AMD64_OSVW_ID_LENGTH, &length);
		rdmsrl_safe(MSR_AMD64_OSVW_STATUS, &status);
	}
	msr->osvw_length = max_t(u64, length, OSVW_LENGTH_MIN);
	msr->osvw_status = status & ~OSVW_HOST_ONLY;
}

int msr_vcpu_create(struct vcpu *vcpu)
{
	vcpu->msr = kzalloc(sizeof(*vcpu->msr), GFP_KERNEL_ACCOUNT);
	if (!vcpu->msr)
		return -ENOMEM;
	msr_vcpu_reset(vcpu, false);
	return 0;
}

void msr_vcpu_destroy(struct vcpu *vcpu)
{
	kfree(vcpu->msr);
	vcpu->msr = NULL;
}

void msr_vcpu_reset(struct vcpu *vcpu, bool init)
{
	struct vcpu_msr *msr = vcpu->msr;

	if (init)
		return;
	memset(msr, 0, sizeof(*msr));
	msr->mcg_cap = MSR_MCE_BANKS;
	msr->misc_enable = MISC_ENABLE_FIXED;
	msr->ucode_rev = msr_host_ucode_rev();
	msr->arch_capabilities = msr_host_arch_capabilities();
	reset_osvw(msr);
}
