/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls: what a guest asks the kernel for by VMCALL or VMMCALL.
 */
#ifndef QUIRE_X86_HYPERCALL_H
#define QUIRE_X86_HYPERCALL_H

#include "../types.h"

struct vcpu;

/**
 * hypercall_execute() - the call whose number and arguments are in the registers
 * Leaves the result in RAX; RIP is the caller's.  Holder of vcpu->mutex; may sleep.
 */
void hypercall_execute(struct vcpu *vcpu);

/** hypercall_exit() - handler of the exit of VMCALL or VMMCALL: exit result */
int hypercall_exit(struct vcpu *vcpu);

/**
 * hypercall_undefined_exit() - handler of an intercepted #UD: exit result
 * The other vendor's instruction is a hypercall too: a guest may have been moved
 * here, or not have asked CPUID which one it is.  Anything else raises #UD.
 */
int hypercall_undefined_exit(struct vcpu *vcpu);

/**
 * hypercall_set_task() - the current task runs the vCPU from now on
 * Holder of vcpu->mutex.  May sleep, if another task did before.
 */
void hypercall_set_task(struct vcpu *vcpu);
/** hypercall_vcpu_destroy() - forget the task.  Nobody knows the vCPU any more. */
void hypercall_vcpu_destroy(struct vcpu *vcpu);

#endif
