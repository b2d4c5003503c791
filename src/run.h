/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM_RUN.
 */
#ifndef QUIRE_RUN_H
#define QUIRE_RUN_H

struct vcpu;

/**
 * run_vcpu() - run the guest until user space is needed
 * Holder of vcpu->mutex.  May sleep.
 * Return: 0 with vcpu->run filled in; -EINTR after a signal or immediate_exit;
 * -EINVAL for registers in vcpu->run that cannot be; -EFAULT, -ENOMEM,
 * -EHWPOISON when guest memory cannot be had; -EIO when the VM is broken or the
 * host reboots.
 */
int run_vcpu(struct vcpu *vcpu);

#endif
