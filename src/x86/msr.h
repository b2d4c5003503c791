/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model specific registers: one table says who keeps each and who may touch it.
 */
#ifndef QUIRE_X86_MSR_H
#define QUIRE_X86_MSR_H

#include <linux/kvm.h>

#include "../types.h"

struct vcpu;

/**
 * struct vcpu_msr - values of MSRs that no other part keeps
 * (MTRRs, PAT is the vendor's, MCE banks, MISC_ENABLE, PLATFORM_INFO, …);
 * completed in msr.c's private header.  Owner: the holder of vcpu->mutex.
 */
struct vcpu_msr;

/** msr_vcpu_create() - allocate vcpu->msr.  May sleep.  0 or -ENOMEM. */
int msr_vcpu_create(struct vcpu *vcpu);
void msr_vcpu_destroy(struct vcpu *vcpu);
void msr_vcpu_reset(struct vcpu *vcpu, bool init);

/**
 * msr_get(), msr_set() - the one way to read and write a guest's MSR
 * @host:	user space asks: read-only ones may be set, CPUID is not consulted
 * Holder of vcpu->mutex.  May sleep (clock pages).
 * Return: 0; -ENOENT: nobody knows @index; -EINVAL: refused value or access.
 */
int msr_get(struct vcpu *vcpu, u32 index, bool host, u64 *value);
int msr_set(struct vcpu *vcpu, u32 index, bool host, u64 value);

/* Handlers of the RDMSR and WRMSR exits: exit result; #GP, or an exit to user
 * space where it asked for that (KVM_CAP_X86_USER_SPACE_MSR). */
int msr_read_exit(struct vcpu *vcpu);
int msr_write_exit(struct vcpu *vcpu);

/*
 * Ioctls.  KVM_GET/SET_MSRS return the number of entries done; they stop at the
 * first that fails.  May sleep.
 */
int msr_ioctl_get(struct vcpu *vcpu, struct kvm_msrs __user *umsrs);
int msr_ioctl_set(struct vcpu *vcpu, struct kvm_msrs __user *umsrs);
/** msr_ioctl_get_features() - KVM_GET_MSRS on the system fd */
int msr_ioctl_get_features(struct kvm_msrs __user *umsrs);
/* KVM_GET_MSR_INDEX_LIST and KVM_GET_MSR_FEATURE_INDEX_LIST: 0, -E2BIG, -EFAULT */
int msr_ioctl_index_list(struct kvm_msr_list __user *ulist);
int msr_ioctl_feature_index_list(struct kvm_msr_list __user *ulist);
/* KVM_X86_SETUP_MCE */
int msr_ioctl_setup_mce(struct vcpu *vcpu, u64 mcg_cap);
u64 msr_mce_cap_supported(void);

#endif
