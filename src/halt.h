/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU that waits.
 */
#ifndef QUIRE_HALT_H
#define QUIRE_HALT_H

struct vcpu;

/**
 * halt_wait() - wait while the vCPU is halted, or until it gets its SIPI
 * Returns for any request that is worth it, a signal, and whatever ends HLT.
 * Holder of vcpu->mutex.  May sleep.  Return: enum exit_result or -errno.
 */
int halt_wait(struct vcpu *vcpu);

/**
 * halt_for_page() - VCPU_REQ_PAGE_WAIT: wait until a page came or an event did
 * Returns as halt_wait() does; the access that needs the page is made again.  Only
 * with a local APIC.
 */
int halt_for_page(struct vcpu *vcpu);

#endif
