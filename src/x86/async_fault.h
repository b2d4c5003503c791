/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asynchronous page faults: what a vCPU does while the host brings a page.
 */
#ifndef QUIRE_X86_ASYNC_FAULT_H
#define QUIRE_X86_ASYNC_FAULT_H

#include <linux/list.h>

#include "../types.h"

struct mmu_fault;
struct vcpu;

/**
 * struct vcpu_async_fault - a vCPU's pages that are on their way
 * @pages:	struct async_page.link of each, oldest first; @nr_pages of them
 * @serial:	counts the pages that had a token, which is made of it
 * @enable_msr:	MSR_KVM_ASYNC_PF_EN as the guest wrote it
 * @vector:	MSR_KVM_ASYNC_PF_INT: of the interrupt that says that a page came
 * @wake_all:	the guest is to be told that all pages that it waits for came
 * @unacked:	it was told of one and has not written MSR_KVM_ASYNC_PF_ACK since
 * @wait:	a page could not be had in the background: wait for the next one
 *
 * Owner: the holder of vcpu->mutex.
 */
struct vcpu_async_fault {
	struct list_head pages;
	unsigned int nr_pages;
	u32 serial;
	u64 enable_msr;
	u8 vector;
	bool wake_all;
	bool unacked;
	bool wait;
};

/** async_fault_module_init() - at load.  May sleep.  0 or -ENOMEM. */
int async_fault_module_init(void);
/** async_fault_module_exit() - no VM and no page that a VM asked for is left.  May sleep. */
void async_fault_module_exit(void);

/** async_fault_vcpu_init() - no page is on its way; vcpu->async_fault is zeroed */
void async_fault_vcpu_init(struct vcpu *vcpu);
/**
 * async_fault_vcpu_stop() - nobody waits for this vCPU's pages any more
 * Does not wait for the host.  What is on its way holds on to the module and to the
 * VMM's struct mm_struct, but to nothing of the VM.
 */
void async_fault_vcpu_stop(struct vcpu *vcpu);

/* Holder of vcpu->mutex from here on. */

/** async_fault_reset() - after power-up or INIT: the guest takes no messages */
void async_fault_reset(struct vcpu *vcpu);

/*
 * MSR_KVM_ASYNC_PF_EN, MSR_KVM_ASYNC_PF_INT: 0; -EINVAL for reserved bits, an area
 * that is no memory, or without a local APIC.  Setting them may sleep.
 */
int async_fault_set_enable(struct vcpu *vcpu, u64 value);
int async_fault_set_vector(struct vcpu *vcpu, u64 value);
/** async_fault_ack() - MSR_KVM_ASYNC_PF_ACK: the guest is ready for the next message */
void async_fault_ack(struct vcpu *vcpu, u64 value);

/**
 * async_fault() - what becomes of a fault that ended with MMU_FAULT_ABSENT
 * Has the page brought in the background and either tells the guest, or raises
 * VCPU_REQ_PAGE_WAIT; waits for the page if neither can be.  As mmu_fault():
 * under mem_read_lock(), in the VMM's address space.  May sleep.
 * Return: as mmu_fault(), but never MMU_FAULT_ABSENT.
 */
int async_fault(struct vcpu *vcpu, struct mmu_fault *fault);

/** async_fault_update() - VCPU_REQ_PAGE_READY: tell the guest what came.  May sleep. */
void async_fault_update(struct vcpu *vcpu);

#endif
