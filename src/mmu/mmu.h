/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MMU: page tables that hardware walks, made from guest memory.
 *
 * Nothing here knows a vCPU, a vendor or an ioctl.  A VM has one struct mmu_vm
 * (the tables); a vCPU has one struct mmu for each guest MMU that it models.
 * What the MMU needs from above comes in by struct mmu_caps at load and by
 * struct mmu_vm_ops per VM; what it needs from below is struct guest_memory.
 */
#ifndef QUIRE_MMU_MMU_H
#define QUIRE_MMU_MMU_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include "../mem/mem.h"
#include "../types.h"

struct mmu;
struct mmu_vm;
struct pt_format;
struct table;

/* Levels of the deepest tables that a guest or we can have. */
#define MMU_MAX_LEVELS		5

/* Bits of a page fault's error code, as the processor reports them. */
#define PF_ERR_PRESENT		(1u << 0)
#define PF_ERR_WRITE		(1u << 1)
#define PF_ERR_USER		(1u << 2)
#define PF_ERR_RESERVED		(1u << 3)
#define PF_ERR_FETCH		(1u << 4)
#define PF_ERR_PK		(1u << 5)
/* Nested paging only: the access was to the final address / to a guest table. */
#define PF_ERR_GUEST_FINAL	(1ull << 32)
#define PF_ERR_GUEST_TABLE	(1ull << 33)

/*
 * How mmu_translate() shall treat an access: PF_ERR_WRITE, PF_ERR_USER and
 * PF_ERR_FETCH, and these.
 */
/* By the processor itself (descriptor tables, TSS): supervisor, ignores AC. */
#define MMU_ACCESS_IMPLICIT	(1u << 24)
/* EFLAGS.AC is set: SMAP does not apply to explicit accesses. */
#define MMU_ACCESS_AC		(1u << 25)
/* Leave the accessed and dirty bits alone. */
#define MMU_ACCESS_PROBE	(1u << 26)

/**
 * struct mmu_caps - what the hardware and the module's parameters allow
 * @tdp:	hardware has a second dimension and it is to be used
 * @format:	layout of the tables that hardware walks for us
 * @max_leaf:	largest level at which a leaf is possible
 * @phys_bits:	width of a host physical address
 * @nx:		leaves can forbid execution
 *
 * Constant after mmu_module_init().
 */
struct mmu_caps {
	bool tdp;
	const struct pt_format *format;
	u8 max_leaf;
	u8 phys_bits;
	bool nx;
};

/* The hardware formats that a vendor may name in its caps. */
extern const struct pt_format pt_format_4level;

/**
 * struct mmu_regs - the registers that decide how a guest translates
 * @cr0, @cr3, @cr4, @efer: as the guest sees them
 * @pkru:	rights of the protection keys
 * @pdptr:	the PDPTEs that the processor holds in PAE paging
 * @pdptr_held:	use @pdptr; otherwise they are read from memory in each walk,
 *		as AMD-V does with nested paging
 * @maxphyaddr:	width of a guest physical address
 * @page_1g:	the guest's CPUID offers 1G pages
 * @upper_global_rsvd: the guest's CPU is one (AMD) that reserves the global bit in
 *		entries of level 4 and up, where others ignore it
 */
struct mmu_regs {
	u64 cr0, cr3, cr4, efer;
	u64 pdptr[4];
	u32 pkru;
	u8 maxphyaddr;
	bool page_1g;
	bool upper_global_rsvd;
	bool pdptr_held;
};

/**
 * enum mmu_fault_result - what became of a fault
 * @MMU_FAULT_RETRY:	raced with something; let the guest try again
 * @MMU_FAULT_FIXED:	the access will succeed now
 * @MMU_FAULT_SPURIOUS:	the entry allowed it already
 * @MMU_FAULT_EMULATE:	the access is to emulated MMIO, or must be emulated
 *			since its target is write-tracked
 * @MMU_FAULT_USER_EXIT: user space must act: see the fault's memory_* fields
 * @MMU_FAULT_INJECT:	the guest's own tables forbid it: see .exception
 * @MMU_FAULT_ABSENT:	with .nowait: the host has to bring the page at .hva first
 *
 * A negative number is an errno: the VMM's mapping is gone (-EFAULT), memory is
 * short (-ENOMEM), a signal is pending (-EINTR), the page is poisoned
 * (-EHWPOISON).  The memory_* fields are set then, too.
 */
enum mmu_fault_result {
	MMU_FAULT_RETRY,
	MMU_FAULT_FIXED,
	MMU_FAULT_SPURIOUS,
	MMU_FAULT_EMULATE,
	MMU_FAULT_USER_EXIT,
	MMU_FAULT_INJECT,
	MMU_FAULT_ABSENT,
	MMU_FAULT_NR_RESULTS,
};

/**
 * struct mmu_exception - a #PF (or, later, a nested fault) for the guest
 * @address:	what CR2 gets
 * @error_code:	PF_ERR_*
 */
struct mmu_exception {
	u64 address;
	u64 error_code;
};

/**
 * struct mmu_fault - one fault on its way through the stages
 *
 * Input; the caller zeroes the rest (a designated initializer does):
 * @addr:	gpa with tdp, gva without
 * @error_code:	PF_ERR_* as hardware reported them
 * @nowait:	do not sleep until the host has brought the page
 *
 * Output:
 * @exception:	with MMU_FAULT_INJECT
 * @memory_gpa, @memory_size, @memory_flags: with MMU_FAULT_USER_EXIT or an errno,
 *		what KVM_EXIT_MEMORY_FAULT reports (bytes)
 * @hva:	with MMU_FAULT_ABSENT, where in the VMM's address space the page belongs
 * @write, @fetch: the kind of access
 *
 * Derived, for the stages in src/mmu/ alone:
 * @gfn:	the page
 * @slot:	its slot, or NULL; kept by the slots' SRCU
 * @generation:	of the set in which there was none
 * @seq:	mem_invalidation_seq() from before the lookup of @page
 * @page:	the host page, released before mmu_fault() returns
 * @depth:	level at which the walk through our tables ended
 * @goal:	level to map at
 * @uncached:	@page is not memory
 */
struct mmu_fault {
	u64 addr;
	u64 error_code;
	bool nowait;

	struct mmu_exception exception;
	gpa_t memory_gpa;
	u64 memory_size;
	u64 memory_flags;
	hva_t hva;
	bool write;
	bool fetch;

	gfn_t gfn;
	struct mem_slot *slot;
	u64 generation;
	unsigned long seq;
	struct host_page page;
	int depth;
	int goal;
	bool uncached;
};

/**
 * struct mmu_vm_ops - what the MMU asks of a VM
 * @flush_tlbs:	every vCPU must drop what it cached of [@start, @end) before it
 *		runs guest code again; returns when each vCPU that was in the
 *		guest has left it (an IPI that was answered, not only sent), and
 *		all are bound to flush before they enter.  Never sleeps: called
 *		with or without spinlocks (mmu_lock too), IRQs on.
 */
struct mmu_vm_ops {
	void (*flush_tlbs)(struct mmu_vm *mv, gfn_t start, gfn_t end);
};

/**
 * struct mmu_vm - the page tables of one VM
 * @mem:	the memory that they map; its mmu_lock is theirs
 * @ops:	constant
 * @listener:	how @mem reaches the MMU
 * @roots_lock:	guards @roots and the users of each root
 * @roots:	struct table.link of every root
 * @flushes:	changes that are made but not yet flushed: whoever finds an entry
 *		that is gone already must flush too while this is not 0
 * @pages:	leaves per level; [0] is not used
 * @tables:	number of tables
 */
struct mmu_vm {
	struct guest_memory *mem;
	const struct mmu_vm_ops *ops;
	struct mem_listener listener;
	spinlock_t roots_lock;
	struct list_head roots;
	atomic_t flushes;
	atomic_long_t pages[MMU_MAX_LEVELS + 1];
	atomic_long_t tables;
};

/**
 * struct mmu_walker - how one guest MMU reads its tables; made by mmu_set_regs()
 * @format:	layout, or NULL with paging off
 * @rsvd:	bits that must be 0, by level: [0] in a table entry, [1] in a leaf
 * @perm:	PERM_* bits of permission.h
 * @max_leaf:	largest level of a leaf, as enabled
 * @regs:	as given
 */
struct mmu_walker {
	const struct pt_format *format;
	u64 rsvd[MMU_MAX_LEVELS + 1][2];
	u32 perm;
	int max_leaf;
	struct mmu_regs regs;
};

/**
 * struct mmu - one guest MMU of one vCPU
 * @mv:		the tables; constant
 * @root:	what hardware walks, or NULL; a reference is held
 * @spare:	tables for the next fault, linked by struct table.next; @nr_spare
 * @walker:	for mmu_translate()
 * @results:	how many faults ended with each enum mmu_fault_result
 * @granted:	how many of the fixed ones gave write access back, without locks
 * @mapped:	how many mapped a page, by its level; [0] is not used
 *
 * Belongs to the holder of the vCPU's mutex.
 */
struct mmu {
	struct mmu_vm *mv;
	struct table *root;
	struct table *spare;
	unsigned int nr_spare;
	struct mmu_walker walker;
	u64 results[MMU_FAULT_NR_RESULTS];
	u64 granted;
	u64 mapped[MMU_MAX_LEVELS + 1];
};

/**
 * mmu_module_init() - take over what the hardware can do, create caches
 * Called once at load.  May sleep.
 * Return: 0; -EOPNOTSUPP without tdp or for a format that cannot be written;
 * -ENOMEM.
 */
int mmu_module_init(const struct mmu_caps *caps);

/** mmu_gpa_bits() - width of the guest physical addresses that our tables can map */
u8 mmu_gpa_bits(void);

/** mmu_module_exit() - no VM is left.  Waits for RCU callbacks.  May sleep. */
void mmu_module_exit(void);

/**
 * mmu_vm_init() - tables of one VM: none yet
 * @mem: the VM's memory, without slots; the MMU becomes its listener
 * May sleep.  Return: 0 or -errno.
 */
int mmu_vm_init(struct mmu_vm *mv, struct guest_memory *mem,
		const struct mmu_vm_ops *ops);

/**
 * mmu_vm_destroy() - free every table
 * Every instance is gone; mem_vm_destroy() comes after.  May sleep.
 */
void mmu_vm_destroy(struct mmu_vm *mv);

/** mmu_init() - an instance without a root, paging off.  May sleep.  0 or -errno. */
int mmu_init(struct mmu *mmu, struct mmu_vm *mv);

/** mmu_destroy() - end of mmu_init(); the vCPU never enters again.  May sleep. */
void mmu_destroy(struct mmu *mmu);

/**
 * mmu_set_regs() - the guest's paging registers changed
 * Recomputes the walker's masks and the role; drops the current root when its
 * role no longer fits (never with tdp), so that mmu_load() is due.  Caller holds
 * the vCPU's mutex.  Does not sleep.
 */
void mmu_set_regs(struct mmu *mmu, const struct mmu_regs *regs);

/** mmu_load_slow() - mmu_load() without a root */
int mmu_load_slow(struct mmu *mmu);

/**
 * mmu_load() - make sure that the instance has a valid root
 * Caller holds the vCPU's mutex.  May sleep.
 * Return: 0, after which mmu_root_hpa() is what hardware shall walk, or -ENOMEM.
 */
static inline int mmu_load(struct mmu *mmu)
{
	return likely(mmu->root) ? 0 : mmu_load_slow(mmu);
}

/** mmu_root_hpa() - address of the root, or INVALID_HPA before mmu_load() */
hpa_t mmu_root_hpa(const struct mmu *mmu);

/**
 * mmu_fault() - make an access possible that hardware could not do
 * Caller holds the vCPU's mutex and the slots' SRCU, has called mmu_load(), and
 * runs in the VMM's address space.  May sleep.
 * Return: enum mmu_fault_result, or a negative errno.
 */
int mmu_fault(struct mmu *mmu, struct mmu_fault *fault);

/**
 * mmu_translate() - walk the guest's own tables
 * @gva:	address to translate; the gpa if the guest has paging off.  Its
 *		canonical form was checked by the caller.
 * @access:	PF_ERR_WRITE, PF_ERR_USER, PF_ERR_FETCH as wanted, MMU_ACCESS_*
 * @exc:	filled when the guest's tables forbid it
 * Sets accessed and dirty bits as the processor would.  Caller holds the
 * vCPU's mutex and the slots' SRCU.  May sleep.
 * Return: the gpa, or INVALID_GPA with @exc filled.
 */
gpa_t mmu_translate(struct mmu *mmu, gva_t gva, u32 access,
		    struct mmu_exception *exc);

/**
 * mmu_zap_all() - drop every translation of the VM; the roots stay loaded
 * Takes mmu_lock shared.  May sleep.
 */
void mmu_zap_all(struct mmu_vm *mv);

/** mmu_memory_used() - bytes of kernel memory in tables and descriptors */
u64 mmu_memory_used(struct mmu_vm *mv);

#endif
