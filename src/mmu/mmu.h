/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MMU: page tables that hardware walks, made from guest memory.
 *
 * Nothing here knows a vCPU, a vendor or an ioctl.  A VM has one struct mmu_vm
 * (the tables and the lock over them); a vCPU has one struct mmu for each guest
 * MMU that it models.  What the MMU needs from above comes in by struct
 * mmu_caps at load and by struct mmu_vm_ops per VM.
 */
#ifndef QUIRE_MMU_MMU_H
#define QUIRE_MMU_MMU_H

#include "../types.h"

struct guest_memory;
struct mmu;
struct mmu_vm;
struct pt_format;

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
 * @maxphyaddr:	width of a guest physical address
 * @page_1g:	the guest's CPUID offers 1G pages
 */
struct mmu_regs {
	u64 cr0, cr3, cr4, efer;
	u64 pdptr[4];
	u32 pkru;
	u8 maxphyaddr;
	bool page_1g;
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
 *
 * A negative number is an errno: the VMM's mapping is gone (-EFAULT), memory is
 * short (-ENOMEM), a signal is pending (-EINTR), the page is poisoned
 * (-EHWPOISON).
 */
enum mmu_fault_result {
	MMU_FAULT_RETRY,
	MMU_FAULT_FIXED,
	MMU_FAULT_SPURIOUS,
	MMU_FAULT_EMULATE,
	MMU_FAULT_USER_EXIT,
	MMU_FAULT_INJECT,
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
 * struct mmu_vm_ops - what the MMU asks of a VM
 * @flush_tlbs:	every vCPU must drop what it cached of [@start, @end) before it
 *		runs guest code again; does not return before each vCPU has left
 *		the guest or is bound to flush at its next entry.  Called with
 *		mmu_lock held or not, never sleeps.
 */
struct mmu_vm_ops {
	void (*flush_tlbs)(struct mmu_vm *mv, gfn_t start, gfn_t end);
};

/**
 * mmu_module_init() - take over what the hardware can do, create caches
 * Called once at load.  May sleep.  Return: 0 or -errno.
 */
int mmu_module_init(const struct mmu_caps *caps);
void mmu_module_exit(void);

/**
 * mmu_vm_init() - tables of one VM: none yet
 * @mem: the VM's memory; the MMU becomes its listener
 * May sleep.  Return: 0 or -errno.
 */
int mmu_vm_init(struct mmu_vm *mv, struct guest_memory *mem,
		const struct mmu_vm_ops *ops);

/** mmu_vm_destroy() - free every table.  No vCPU may run.  May sleep. */
void mmu_vm_destroy(struct mmu_vm *mv);

/** mmu_init() - an instance without a root.  May sleep. */
int mmu_init(struct mmu *mmu, struct mmu_vm *mv);
void mmu_destroy(struct mmu *mmu);

/**
 * mmu_set_regs() - the guest's paging registers changed
 * Recomputes the walker's masks and the role; drops the current root when its
 * role no longer fits (mmu->root.hpa is INVALID_HPA then).  Caller holds the vCPU's mutex.  Does not sleep.
 */
void mmu_set_regs(struct mmu *mmu, const struct mmu_regs *regs);

/**
 * mmu_load() - make sure that the instance has a valid root
 * Caller holds the vCPU's mutex.  May sleep.
 * Return: 0, after which mmu_root_hpa() is what hardware shall walk, or -ENOMEM.
 */
int mmu_load(struct mmu *mmu);

/**
 * mmu_translate() - walk the guest's own tables
 * @gva:	address to translate; a gpa if the guest has paging off
 * @access:	PF_ERR_WRITE, PF_ERR_USER, PF_ERR_FETCH as wanted
 * @exc:	filled when the guest's tables forbid it
 * Sets accessed and dirty bits as the processor would.  Caller holds the
 * vCPU's mutex and the slots' SRCU.  May sleep.
 * Return: the gpa, or INVALID_GPA with @exc filled.
 */
gpa_t mmu_translate(struct mmu *mmu, gva_t gva, u32 access,
		    struct mmu_exception *exc);

#endif
