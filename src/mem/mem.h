/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory: the slots that map gfns to hvas, host pages behind them, the
 * host's invalidations, and the record of what was written.
 *
 * A VM has one struct guest_memory.  Readers look slots up under SRCU and see
 * one consistent set of them; an update builds the next set, asks the listener
 * (the MMU) to drop what it mapped through the slots that go, and publishes.
 * Host pages are looked up and released again, never pinned: the notifier tells
 * the listener before the host takes one away.
 */
#ifndef QUIRE_MEM_MEM_H
#define QUIRE_MEM_MEM_H

#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/wait.h>

#include "../types.h"

struct kvm_dirty_log;
struct kvm_userspace_memory_region2;
struct mm_struct;

/* Slot ids that user space may use, and the size of one slot. */
#define MEM_USER_SLOTS		32764
#define MEM_SLOT_MAX_PAGES	((1ull << 31) - 1)

/**
 * struct mem_slot - a range of gfns that is backed by a range of hvas
 * @gfn_node:	in the set's tree, by @base_gfn
 * @id:		the number that user space gave it
 * @flags:	KVM_MEM_* as user space gave them
 * @base_gfn:	first gfn
 * @npages:	size in 4K pages, never 0
 * @hva:	host address of @base_gfn, page aligned
 * @dirty:	one bit per page when KVM_MEM_LOG_DIRTY_PAGES is set, else NULL;
 *		bits are set and cleared by atomic operations
 *
 * Immutable once published, but for the bits of @dirty and for the links.
 */
struct mem_slot {
	struct rb_node gfn_node[2];
	struct rb_node hva_node[2];
	u32 id;
	u32 flags;
	gfn_t base_gfn;
	u64 npages;
	hva_t hva;
	unsigned long *dirty;
};

/*
 * struct mem_slots (one published set), struct guest_memory and the rest of
 * this file's definitions are completed by the owner of src/mem/.
 */
