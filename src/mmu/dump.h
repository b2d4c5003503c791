/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What our tables hold, for people to read.
 */
#ifndef QUIRE_MMU_DUMP_H
#define QUIRE_MMU_DUMP_H

#include "mmu.h"

/**
 * struct mmu_mapping - neighbouring leaves that differ in nothing but their page
 * @root:	the number of the root that they are under
 * @gfn:	the first page
 * @pages:	how many 4K pages
 * @level:	of each leaf
 * @write:	the guest may write
 * @logged:	it may not, so that its next write is seen
 * @accessed, @dirty: as hardware left them
 * @uncached:	not memory
 */
struct mmu_mapping {
	u32 root;
	gfn_t gfn;
	u64 pages;
	int level;
	bool write;
	bool logged;
	bool accessed;
	bool dirty;
	bool uncached;
};

/**
 * struct mmu_dump - where a dump goes on
 * @mv:		of what
 * @root:	number of the root; they never change
 * @next:	the first gfn that was not looked at
 *
 * It holds nothing: @root and @next may be set to any value, for instance to
 * those of an earlier moment.
 */
struct mmu_dump {
	struct mmu_vm *mv;
	u32 root;
	gfn_t next;
};

/**
 * mmu_dump_next() - the next mapping at or after the dump's position
 * Under no lock; takes RCU for a bounded number of entries.  Does not sleep.  What
 * changes meanwhile may be there or not, and neighbours may come in pieces.
 * Return: 1, 0 at the end, or -EAGAIN: there was nothing so far.
 */
int mmu_dump_next(struct mmu_dump *dump, struct mmu_mapping *mapping);

#endif
