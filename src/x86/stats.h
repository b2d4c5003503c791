/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is counted of a vCPU.  Each counter is a plain number that only the holder
 * of vcpu->mutex changes: counting costs one instruction.  Others may read it at
 * any time; on x86-64 what they see was true a moment ago.
 *
 * The page table part of a vCPU counts for itself, see struct mmu.
 */
#ifndef QUIRE_X86_STATS_H
#define QUIRE_X86_STATS_H

/**
 * enum vcpu_stat - the counters
 *
 * Exits of the guest, all and by their kind:
 * @VCPU_STAT_EXITS:	all
 * @VCPU_STAT_INTERRUPTED: the host had an interrupt
 * @VCPU_STAT_FAULTS:	a gpa could not be accessed by hardware alone
 * @VCPU_STAT_IO:	IN, OUT
 * @VCPU_STAT_MSR:	RDMSR, WRMSR
 * @VCPU_STAT_CPUID, @VCPU_STAT_HALT, @VCPU_STAT_HYPERCALL: those instructions
 * @VCPU_STAT_CR:	an access to a control register
 * @VCPU_STAT_DR:	an access to a debug register
 * @VCPU_STAT_EXCEPTION_EXITS: an exception that does not go to the guest directly
 * @VCPU_STAT_INTERRUPT_WINDOW: the guest can take an interrupt again
 * @VCPU_STAT_NMI_WINDOW: the guest's NMI handler ends
 *
 * Returns to user space, all and by some reasons:
 * @VCPU_STAT_USER_EXITS: all ends of KVM_RUN
 * @VCPU_STAT_SIGNALS:	a signal was pending
 * @VCPU_STAT_MMIO:	KVM_EXIT_MMIO
 * @VCPU_STAT_USER_WINDOWS: KVM_EXIT_IRQ_WINDOW_OPEN
 *
 * On the way into the guest:
 * @VCPU_STAT_EVENT_REQUESTS: pending events were looked at
 * @VCPU_STAT_INTERRUPTS, @VCPU_STAT_NMIS, @VCPU_STAT_EXCEPTIONS: new ones went in
 * @VCPU_STAT_TLB_FLUSHES: TLB flushes of this vCPU
 *
 * The emulator:
 * @VCPU_STAT_EMULATED:	instructions that it was given
 * @VCPU_STAT_NOT_EMULATED: that it could not do
 *
 * HLT:
 * @VCPU_STAT_POLLS:	polled before it slept; @VCPU_STAT_POLL_HITS: that was enough
 * @VCPU_STAT_SLEPT:	slept
 * @VCPU_STAT_POLL_HIT_NS, @VCPU_STAT_POLL_MISS_NS, @VCPU_STAT_SLEPT_NS: ns in each
 *
 * Pages that the host had to bring first:
 * @VCPU_STAT_ASYNC_FAULTS: left to the background
 * @VCPU_STAT_ASYNC_TOLD: the guest was told and went on
 * @VCPU_STAT_ASYNC_HALTS: the vCPU waited for one as if in HLT
 */
enum vcpu_stat {
	VCPU_STAT_EXITS,
	VCPU_STAT_INTERRUPTED,
	VCPU_STAT_FAULTS,
	VCPU_STAT_IO,
	VCPU_STAT_MSR,
	VCPU_STAT_CPUID,
	VCPU_STAT_HALT,
	VCPU_STAT_HYPERCALL,
	VCPU_STAT_CR,
	VCPU_STAT_DR,
	VCPU_STAT_EXCEPTION_EXITS,
	VCPU_STAT_INTERRUPT_WINDOW,
	VCPU_STAT_NMI_WINDOW,
	VCPU_STAT_USER_EXITS,
	VCPU_STAT_SIGNALS,
	VCPU_STAT_MMIO,
	VCPU_STAT_USER_WINDOWS,
	VCPU_STAT_EVENT_REQUESTS,
	VCPU_STAT_INTERRUPTS,
	VCPU_STAT_NMIS,
	VCPU_STAT_EXCEPTIONS,
	VCPU_STAT_TLB_FLUSHES,
	VCPU_STAT_EMULATED,
	VCPU_STAT_NOT_EMULATED,
	VCPU_STAT_POLLS,
	VCPU_STAT_POLL_HITS,
	VCPU_STAT_SLEPT,
	VCPU_STAT_POLL_HIT_NS,
	VCPU_STAT_POLL_MISS_NS,
	VCPU_STAT_SLEPT_NS,
	VCPU_STAT_ASYNC_FAULTS,
	VCPU_STAT_ASYNC_TOLD,
	VCPU_STAT_ASYNC_HALTS,
	VCPU_NR_STATS,
};

#endif
