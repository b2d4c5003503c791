/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine: struct vm and struct vcpu, as every floor from irq/ and x86/ up
 * sees them.  File descriptors, ioctls and the run loop stand above and are not
 * visible here.
 *
 * Locks, outermost first: vm->lock, vcpu->mutex, then those of mem/ and mmu/.
 * A vCPU's architectural state belongs to the task that holds its mutex.  What
 * other tasks may touch is a bit in vcpu->requests, or part of the local APIC,
 * which has rules of its own.
 */
#ifndef QUIRE_X86_MACHINE_H
#define QUIRE_X86_MACHINE_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/refcount.h>
#include <linux/xarray.h>

#include "../emul/emul.h"
#include "../irq/io_bus.h"
#include "../irq/irqfd.h"
#include "../irq/lapic.h"
#include "../irq/routing.h"
#include "../mem/mem.h"
#include "../mmu/mmu.h"
#include "async_fault.h"
#include "clock.h"
#include "cpuid.h"
#include "event.h"
#include "io.h"
#include "stats.h"
#include "steal.h"

struct dentry;

/* Limits that KVM_CHECK_EXTENSION reports. */
#define VM_MAX_VCPUS		1024
#define VM_MAX_VCPU_ID		4096

/* A cycle of the APIC timer's clock; with the longest no count leaves 63 bits. */
#define VM_APIC_BUS_NS		1
#define VM_APIC_BUS_NS_MAX	(1u << 20)

/* General registers in the order of the instruction encoding. */
enum vcpu_reg {
	VCPU_RAX, VCPU_RCX, VCPU_RDX, VCPU_RBX,
	VCPU_RSP, VCPU_RBP, VCPU_RSI, VCPU_RDI,
	VCPU_R8, VCPU_R9, VCPU_R10, VCPU_R11,
	VCPU_R12, VCPU_R13, VCPU_R14, VCPU_R15,
	VCPU_NR_REGS,
};

enum vcpu_seg {
	VCPU_SEG_ES, VCPU_SEG_CS, VCPU_SEG_SS, VCPU_SEG_DS,
	VCPU_SEG_FS, VCPU_SEG_GS, VCPU_SEG_TR, VCPU_SEG_LDTR,
};

/**
 * enum vcpu_request - work that must be done before the guest's next instruction
 * @VCPU_REQ_EVENT:	look at pending events again
 * @VCPU_REQ_TLB_FLUSH:	drop all that hardware cached of this vCPU's guest
 * @VCPU_REQ_MMU_REGS:	paging registers or CPUID changed: mmu_set_regs()
 * @VCPU_REQ_MMU_LOAD:	the root is gone or stale: mmu_load()
 * @VCPU_REQ_CLOCK:	write the guest's clock page again
 * @VCPU_REQ_TRIPLE_FAULT: leave with KVM_EXIT_SHUTDOWN
 * @VCPU_REQ_SCAN_EOI:	interrupt routes changed: build the EOI exit map again
 * @VCPU_REQ_EXIT:	KVM_EXIT_IOAPIC_EOI or the like is waiting in vcpu->run
 * @VCPU_REQ_DEAD:	the VM is broken: KVM_RUN returns -EIO from now on
 * @VCPU_REQ_UNBLOCK:	stop waiting in HLT and look again; nothing else
 * @VCPU_REQ_STEAL:	the vCPU runs (again): write its record of steal time
 * @VCPU_REQ_MSR_FILTER: vm->msr_filter changed: vendor->cpuid_changed() computes
 *		the MSR intercepts again
 * @VCPU_REQ_PAGE_WAIT:	the guest cannot go on until a page came that it accesses: halt
 * @VCPU_REQ_PAGE_READY: a page came, or the guest may be told of the next one
 */
enum vcpu_request {
	VCPU_REQ_EVENT,
	VCPU_REQ_TLB_FLUSH,
	VCPU_REQ_MMU_REGS,
	VCPU_REQ_MMU_LOAD,
	VCPU_REQ_CLOCK,
	VCPU_REQ_TRIPLE_FAULT,
	VCPU_REQ_SCAN_EOI,
	VCPU_REQ_EXIT,
	VCPU_REQ_DEAD,
	VCPU_REQ_UNBLOCK,
	VCPU_REQ_STEAL,
	VCPU_REQ_MSR_FILTER,
	VCPU_REQ_PAGE_WAIT,
	VCPU_REQ_PAGE_READY,
};

/**
 * enum vcpu_place - where the vCPU is, for those who want its attention
 * @VCPU_OUTSIDE:	not in guest mode; it sees requests before it enters
 * @VCPU_IN_GUEST:	in guest mode or about to enter: needs an IPI to see them
 * @VCPU_LEAVING:	was sent that IPI
 */
enum vcpu_place {
	VCPU_OUTSIDE,
	VCPU_IN_GUEST,
	VCPU_LEAVING,
};

/**
 * enum exit_result - what a handler of an exit tells the run loop
 * @EXIT_RESUME:	enter the guest again
 * @EXIT_USER:		vcpu->run is filled in; return 0 from KVM_RUN
 *
 * A negative number is an errno that KVM_RUN returns.
 */
enum exit_result {
	EXIT_USER	= 0,
	EXIT_RESUME	= 1,
};

/**
 * struct vm - a virtual machine
 * @users:	the VM's file and each vCPU's file hold one
 * @mm:		address space of the VMM that made it (mmgrab'ed); ioctls from
 *		another are refused with -EIO
 * @owner:	the VMM's process id, only to be shown
 * @lock:	vCPU creation, irqchip mode, clock and capability settings
 * @mem:	guest memory; has locks of its own
 * @mmu:	page tables; has locks of their own
 * @vcpus:	by vcpu->index; entries appear once complete and stay
 * @nr_vcpus:	how many there are; written under @lock, published with release
 *		after the entry in @vcpus
 * @vcpu_id_limit: ids are below it; under @lock, constant after the first vCPU
 * @bsp_id:	vcpu id of the boot processor; under @lock before the first vCPU
 * @io:		devices in the kernel; has locks of its own
 * @irq:	local APIC map and interrupt routes; has locks of its own
 * @irqfds:	eventfds that send interrupts; has a lock of its own
 * @irqchip_split: local APICs are in the kernel, the other chips in user space;
 *		set once under @lock before the first vCPU
 * @irqchip_full: PIC and I/O APIC are in the kernel, too; likewise.  At most one
 *		of the two is set
 * @nr_ioapic_pins: routes [0, n) belong to user space's I/O APIC; EOIs of their
 *		vectors exit
 * @apic_bus_ns: a cycle of the clock that local APICs' timers count; under @lock,
 *		constant after the first vCPU
 * @x2apic_format: KVM_GET/SET_LAPIC and MSI addresses use 32 bit ids
 * @x2apic_no_broadcast_quirk: id 0xff is no broadcast in x2APIC mode
 * @eoi_suppression: local APICs can keep EOIs to themselves; user space's I/O APIC
 *		has an EOI register then.  Under @lock
 * @exception_payload: KVM_CAP_EXCEPTION_PAYLOAD enabled
 * @user_space_msr_mask: KVM_MSR_EXIT_REASON_* enabled; under @lock before use
 * @msr_filter:	KVM_X86_SET_MSR_FILTER, or NULL; RCU, replaced as a whole under @lock
 * @disabled_exits: KVM_X86_DISABLE_EXITS_*; under @lock before the first vCPU
 * @halt_poll_own: KVM_CAP_HALT_POLL enabled: for how long HLT polls at most is
 *		@halt_poll_ns.  Written under @lock
 * @tss_addr:	KVM_SET_TSS_ADDR; only recorded, AMD-V needs none
 * @identity_map_addr: likewise
 * @clock:	time base of the guest's clocks; has a lock of its own
 * @flush_requests: how often TLBs were to be flushed; @flush_waits: how often a
 *		vCPU had to be interrupted for that
 * @debugfs:	its folder there, or an error; constant
 * @arch:	the vendor's part, allocated by its vm_init
 * @dead:	a host error made the VM unusable
 */
struct vm {
	refcount_t users;
	struct mm_struct *mm;
	pid_t owner;
	struct mutex lock;
	struct guest_memory mem;
	struct mmu_vm mmu;
	struct xarray vcpus;
	unsigned int nr_vcpus;
	u32 vcpu_id_limit;
	u32 bsp_id;
	struct io_vm io;
	struct irq_vm irq;
	struct irqfd_vm irqfds;
	bool irqchip_split;
	bool irqchip_full;
	u16 nr_ioapic_pins;
	u32 apic_bus_ns;
	bool x2apic_format;
	bool x2apic_no_broadcast_quirk;
	bool eoi_suppression;
	bool exception_payload;
	u32 user_space_msr_mask;
	struct msr_filter __rcu *msr_filter;
	u32 disabled_exits;
	bool halt_poll_own;
	unsigned int halt_poll_ns;
	gpa_t tss_addr;
	gpa_t identity_map_addr;
	struct vm_clock clock;
	atomic_long_t flush_requests;
	atomic_long_t flush_waits;
	struct dentry *debugfs;
	void *arch;
	bool dead;
};

/**
 * struct vcpu - a virtual processor
 *
 * First the cache lines that each entry and exit touches.
 *
 * @regs:	general registers; the vendor keeps RSP and RAX true after exits
 * @rip, @rflags: true after every exit; read and write by vcpu_rip() and so on.
 *		@rflags lacks what guest debugging adds for itself
 * @requests:	bits of enum vcpu_request; any task may set one
 * @place:	enum vcpu_place
 * @cpu:	physical CPU it last entered on, or -1
 * @run:	the page shared with user space: never trust what is read there
 * @vm:		constant
 * @root_mmu:	the instance that models the guest's MMU
 * @arch:	the vendor's part
 *
 * Architectural registers (owner: holder of @mutex while not in guest mode).
 *
 * @cr0, @cr4, @efer: as the guest sees them
 * @cr2:	page fault address
 * @cr3:	true after every exit
 * @cr8:	task priority, if the local APIC is in user space
 * @xcr0, @xss, @pkru: guest values; PKRU is true after every exit
 * @host_pkru:	the host's, while the guest's is in the register
 * @user_pdptr:	PDPTEs of KVM_SET_SREGS2; what KVM_GET_SREGS2 returns as long as
 *		@user_pdptr_exits is one more than the exits so far
 * @user_apic_base: APIC_BASE, if the local APIC is in user space
 * @dr:		DR0-3; @dr6, @dr7: as the guest sees them
 * @guest_debug: KVM_GUESTDBG_*; @debug_dr7, @debug_dr: user space's breakpoints
 * @event:	exceptions, interrupts and NMIs on their way
 * @mp_state:	KVM_MP_STATE_*
 * @hflags_smm:	in system management mode (always false yet)
 * @apic:	the local APIC, or NULL if it is in user space
 * @cpuid:	what user space set
 * @msr:	MSRs that no other part keeps
 * @clock:	the guest's clock page and TSC
 * @steal:	the guest's record of steal time
 * @async_fault: pages that the host is bringing
 * @fpu:	guest FPU state, see host/fpu.h
 * @emul:	the emulator, between instructions or waiting for user space
 * @io:		port and memory accesses that user space completes
 * @complete_user_io: called at the next KVM_RUN if not NULL, once, to finish
 *		what an exit to user space began; returns as exit handlers do
 *
 * Life.
 *
 * @mutex:	held by every vCPU ioctl
 * @id:		user space's number, the APIC id; @index: position in vm->vcpus
 * @wait:	where a halted vCPU sleeps
 * @poll_control: MSR_KVM_POLL_CONTROL; bit 0: HLT may poll
 * @poll_ns:	for how long HLT polls before it sleeps
 * @kicked:	KVM_HC_KICK_CPU: HLT, this one or the next, ends.  Any task sets it,
 *		before it wakes @wait; the holder of @mutex clears it
 * @task:	who called KVM_RUN last, or NULL; replaced by the holder of @mutex, RCU
 * @sigset:	KVM_SET_SIGNAL_MASK; @sigset_active
 * @stats:	by enum vcpu_stat; written by the holder of @mutex
 */
struct vcpu {
	u64 regs[VCPU_NR_REGS];
	u64 rip;
	u64 rflags;
	unsigned long requests;
	int place;
	int cpu;
	struct kvm_run *run;
	struct vm *vm;
	void *arch;
	struct mmu root_mmu;

	u64 cr0, cr2, cr3, cr4, efer;
	u8 cr8;
	u64 xcr0, xss;
	u32 pkru, host_pkru;
	u64 user_pdptr[4], user_pdptr_exits;
	u64 user_apic_base;
	u64 dr[4], dr6, dr7;
	u32 guest_debug;
	u64 debug_dr[4], debug_dr7;
	struct vcpu_event event;
	u32 mp_state;
	bool hflags_smm;
	struct lapic *apic;
	struct vcpu_cpuid cpuid;
	struct vcpu_msr *msr;
	struct vcpu_clock clock;
	struct vcpu_steal steal;
	struct vcpu_async_fault async_fault;
	struct guest_fpu *fpu;
	struct emul_ctxt *emul;
	struct vcpu_io io;
	int (*complete_user_io)(struct vcpu *vcpu);

	struct mutex mutex;
	u32 id;
	u32 index;
	struct rcuwait wait;
	u64 poll_control;
	unsigned int poll_ns;
	bool kicked;
	struct pid __rcu *task;
	sigset_t sigset;
	bool sigset_active;
	u64 stats[VCPU_NR_STATS];
};

/* Pairs with the publication of a vCPU; @index is an unsigned int or long. */
#define vm_for_each_vcpu(vm, index, vcpu)				\
	for ((index) = 0;						\
	     (index) < smp_load_acquire(&(vm)->nr_vcpus) &&		\
	     ((vcpu) = xa_load(&(vm)->vcpus, index)); (index)++)

static inline u64 vcpu_rip(const struct vcpu *vcpu)
{
	return vcpu->rip;
}

static inline void vcpu_set_rip(struct vcpu *vcpu, u64 rip)
{
	vcpu->rip = rip;
}

static inline u64 vcpu_reg(const struct vcpu *vcpu, enum vcpu_reg reg)
{
	return vcpu->regs[reg];
}

static inline void vcpu_set_reg(struct vcpu *vcpu, enum vcpu_reg reg, u64 value)
{
	vcpu->regs[reg] = value;
}

/* EDX:EAX, as RDMSR, WRMSR, XSETBV and RDTSC use them. */
static inline u64 vcpu_edx_eax(const struct vcpu *vcpu)
{
	return (u32)vcpu->regs[VCPU_RAX] | vcpu->regs[VCPU_RDX] << 32;
}

static inline void vcpu_set_edx_eax(struct vcpu *vcpu, u64 value)
{
	vcpu->regs[VCPU_RAX] = (u32)value;
	vcpu->regs[VCPU_RDX] = value >> 32;
}

/** vcpu_count() - it happened once more.  Holder of vcpu->mutex. */
static inline void vcpu_count(struct vcpu *vcpu, enum vcpu_stat stat)
{
	vcpu->stats[stat]++;
}

/**
 * vcpu_request() - ask a vCPU to do something before its next instruction
 * Any context.  It is seen at the next entry; vcpu_kick() makes that soon.
 */
static inline void vcpu_request(struct vcpu *vcpu, enum vcpu_request req)
{
	/* What the request is about must be visible before the request. */
	smp_mb__before_atomic();
	set_bit(req, &vcpu->requests);
}

static inline bool vcpu_request_pending(const struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) != 0;
}

/** vcpu_take_request() - was @req raised?  It no longer is. */
static inline bool vcpu_take_request(struct vcpu *vcpu, enum vcpu_request req)
{
	if (!test_bit(req, &vcpu->requests))
		return false;
	clear_bit(req, &vcpu->requests);
	/* Pairs with the barrier in vcpu_request(). */
	smp_mb__after_atomic();
	return true;
}

/**
 * vcpu_kick() - make a vCPU see its requests
 * Wakes it if it is halted and interrupts it if it is in guest mode.  Any
 * context, also with interrupts off.
 */
void vcpu_kick(struct vcpu *vcpu);

/**
 * vm_kick_all() - raise @req on each vCPU and interrupt those in guest mode
 * Does not wait until they left it, so it is not for TLB flushes.  Any context,
 * also under spinlocks.
 */
void vm_kick_all(struct vm *vm, enum vcpu_request req);

/** vm_has_lapics() - do vCPUs have local APICs in the kernel? */
static inline bool vm_has_lapics(const struct vm *vm)
{
	return vm->irqchip_split || smp_load_acquire(&vm->irqchip_full);
}

static inline bool vcpu_is_bsp(const struct vcpu *vcpu)
{
	return vcpu->id == vcpu->vm->bsp_id;
}

static inline bool vcpu_long_mode(const struct vcpu *vcpu)
{
	return vcpu->efer & (1ull << 10);	/* EFER.LMA */
}

static inline struct vcpu *vm_vcpu(struct vm *vm, unsigned long index)
{
	return xa_load(&vm->vcpus, index);
}

/** vm_vcpu_by_id() - the vCPU that user space calls @id, or NULL */
struct vcpu *vm_vcpu_by_id(struct vm *vm, u32 id);

#endif
