/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests: how one task gets a vCPU of another to do something.
 */
#ifndef QUIRE_REQUEST_H
#define QUIRE_REQUEST_H

#include "x86/machine.h"

/**
 * request_handle() - do what was asked of a vCPU, but for VCPU_REQ_EVENT
 * Holder of vcpu->mutex.  May sleep.  Return: enum exit_result or -errno.
 */
int request_handle(struct vcpu *vcpu);

/** request_flush_tlbs() - struct mmu_vm_ops.flush_tlbs of every VM */
void request_flush_tlbs(struct mmu_vm *mv, gfn_t start, gfn_t end);

#endif
