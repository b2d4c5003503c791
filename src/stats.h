/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The statistics of a VM and of a vCPU, as files.
 */
#ifndef QUIRE_STATS_H
#define QUIRE_STATS_H

struct seq_file;
struct vcpu;
struct vm;

/*
 * stats_vm_fd() - KVM_GET_STATS_FD on a VM, stats_vcpu_fd() on a vCPU.  The file
 * holds the VM.  May sleep.  Return: a file descriptor, -EMFILE, -ENFILE or -ENOMEM.
 */
int stats_vm_fd(struct vm *vm);
int stats_vcpu_fd(struct vcpu *vcpu);

/*
 * stats_vm_show() - the same numbers as text, stats_vcpu_show() those of a vCPU:
 * lines of "vm NAME NUMBER" and "vcpu-ID NAME NUMBER".  May sleep.
 */
void stats_vm_show(struct seq_file *m, struct vm *vm);
void stats_vcpu_show(struct seq_file *m, struct vcpu *vcpu);

#endif
