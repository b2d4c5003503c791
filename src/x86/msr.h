/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model specific registers: one table says who keeps each and who may touch it.
 */
#ifndef QUIRE_X86_MSR_H
#define QUIRE_X86_MSR_H

#include <linux/kvm.h>

#include "../types.h"

struct vcpu;
struct vm;

/**
 * struct vcpu_msr - values of MSRs that no other part keeps
 * (MTRRs, MCE banks, MISC_ENABLE, …); see msr_internal.h.
 * Owner: the holder of vcpu->mutex.
 */
struct vcpu_msr;

/** msr_vcpu_create() - allocate vcpu->msr.  May sleep.  0 or -ENOMEM. */
int msr_vcpu_create(struct vcpu *vcpu);
void msr_vcpu_destroy(struct vcpu *vcpu);
/** msr_vcpu_reset() - as after power-up; INIT (@init) leaves MSRs alone */
void msr_vcpu_reset(struct vcpu *vcpu, bool init);

/**
 * msr_get(), msr_set() - the one way to read and write a guest's MSR
 * @host:	user space asks: read-only ones may be set, CPUID is not consulted
 * Holder of vcpu->mutex.  May sleep (clock pages).
 * Return: 0; -ENOENT: nobody knows @index; -EINVAL: refused value or access.
 */
int msr_get(struct vcpu *vcpu, u32 index, bool host, u64 *value);
int msr_set(struct vcpu *vcpu, u32 index, bool host, u64 value);

/*
 * What the emulator's RDMSR and WRMSR shall use: as above for the guest, and
 * -EPERM for what user space's filter denies.
 */
int msr_guest_get(struct vcpu *vcpu, u32 index, u64 *value);
int msr_guest_set(struct vcpu *vcpu, u32 index, u64 value);

/* Handlers of the RDMSR and WRMSR exits: exit result; #GP, or an exit to user
 * space where it asked for that (KVM_CAP_X86_USER_SPACE_MSR). */
int msr_read_exit(struct vcpu *vcpu);
int msr_write_exit(struct vcpu *vcpu);

/* For vm->user_space_msr_mask: what KVM_CAP_X86_USER_SPACE_MSR may ask for. */
#define MSR_USER_EXITS_VALID						\
	(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN |	\
	 KVM_MSR_EXIT_REASON_FILTER)

/**
 * msr_filter_allows() - may the guest access @index itself?
 * @type: VENDOR_MSR_READ or VENDOR_MSR_WRITE
 * A vendor must not let an access pass without an exit for which this is false.
 * Any context.
 */
bool msr_filter_allows(struct vm *vm, u32 index, int type);

/**
 * msr_ioctl_set_filter() - KVM_X86_SET_MSR_FILTER
 * @filter: copied from user space, but not the bitmaps that it points at
 * Takes vm->lock.  Raises VCPU_REQ_MSR_FILTER on each vCPU.  May sleep.
 * Return: 0, -EINVAL, -EFAULT, -ENOMEM.
 */
int msr_ioctl_set_filter(struct vm *vm, const struct kvm_msr_filter *filter);
/** msr_filter_destroy() - free the filter; no vCPU is left */
void msr_filter_destroy(struct vm *vm);

/*
 * Ioctls.  KVM_GET/SET_MSRS return the number of entries done; they stop at the
 * first that fails.  -E2BIG for 256 or more, -EFAULT, -ENOMEM.  May sleep.
 */
int msr_ioctl_get(struct vcpu *vcpu, struct kvm_msrs __user *umsrs);
int msr_ioctl_set(struct vcpu *vcpu, struct kvm_msrs __user *umsrs);
/** msr_ioctl_get_features() - KVM_GET_MSRS on the system fd */
int msr_ioctl_get_features(struct kvm_msrs __user *umsrs);
/* KVM_GET_MSR_INDEX_LIST and KVM_GET_MSR_FEATURE_INDEX_LIST: 0, -E2BIG, -EFAULT */
int msr_ioctl_index_list(struct kvm_msr_list __user *ulist);
int msr_ioctl_feature_index_list(struct kvm_msr_list __user *ulist);

/* KVM_CAP_MCE reports this many banks. */
#define MSR_MCE_BANKS		32
/** msr_ioctl_setup_mce() - KVM_X86_SETUP_MCE: 0 or -EINVAL */
int msr_ioctl_setup_mce(struct vcpu *vcpu, u64 mcg_cap);
/**
 * msr_ioctl_set_mce() - KVM_X86_SET_MCE: an error, and #MC if it is uncorrected
 * 0, or -EINVAL for a bank that is not there or a status that is not valid.
 */
int msr_ioctl_set_mce(struct vcpu *vcpu, const struct kvm_x86_mce *mce);
/** msr_mce_cap_supported() - KVM_X86_GET_MCE_CAP_SUPPORTED */
u64 msr_mce_cap_supported(void);

#endif
