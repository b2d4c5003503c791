/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The statistics of a VM and of a vCPU, as files.
 */
#ifndef QUIRE_STATS_H
#define QUIRE_STATS_H

struct vcpu;
struct vm;

/*
 * stats_vm_fd() - KVM_GET_STATS_FD on a VM, stats_vcpu_fd() on a vCPU.  The file
 * holds the VM.  May sleep.  Return: a file descriptor, -EMFILE, -ENFILE or -ENOMEM.
 */
int stats_vm_fd(struct vm *vm);
int stats_vcpu_fd(struct vcpu *vcpu);

#endif
