/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attributes of a vCPU and of the node (KVM_HAS_DEVICE_ATTR and its like).
 */
#ifndef QUIRE_X86_ATTRIBUTE_H
#define QUIRE_X86_ATTRIBUTE_H

#include <linux/kvm.h>

struct vcpu;

/*
 * KVM_HAS/GET/SET_DEVICE_ATTR on a vCPU.  Holder of vcpu->mutex.  May sleep.
 * Return: 0; -ENXIO for an attribute that is not there; -EINVAL for flags;
 * -EFAULT.
 */
int attribute_has(struct vcpu *vcpu, const struct kvm_device_attr *attr);
int attribute_get(struct vcpu *vcpu, const struct kvm_device_attr *attr);
int attribute_set(struct vcpu *vcpu, const struct kvm_device_attr *attr);

/* KVM_HAS/GET_DEVICE_ATTR on the node; likewise, without a mutex. */
int attribute_has_host(const struct kvm_device_attr *attr);
int attribute_get_host(const struct kvm_device_attr *attr);

#endif
