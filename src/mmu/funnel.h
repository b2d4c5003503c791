/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The funnel: every change of an spte goes through funnel_change() or one
 * of the two that need less, funnel_grant_write() and funnel_age().
 */
#ifndef QUIRE_MMU_FUNNEL_H
#define QUIRE_MMU_FUNNEL_H

#include "iter.h"

/**
 * struct funnel - the changes of one operation, which share one flush
 * @mv:		whose tables
 * @slot:	slot of the leaves that become writable, if some may
 * @start, @end: gfns that TLBs may still hold; empty if @start >= @end
 * @announced:	@mv->flushes counts us
 * @dead:	unlinked tables, to be freed after the flush
 */
struct funnel {
	struct mmu_vm *mv;
	const struct mem_slot *slot;
	gfn_t start;
	gfn_t end;
	bool announced;
	struct table *dead;
};

static inline void funnel_begin(struct funnel *funnel, struct mmu_vm *mv,
				const struct mem_slot *slot)
{
	funnel->mv = mv;
	funnel->slot = slot;
	funnel->start = ~(gfn_t)0;
	funnel->end = 0;
	funnel->announced = false;
	funnel->dead = NULL;
}

/**
 * funnel_change() - replace the entry that was seen by another
 * @pos: the entry; on failure @pos->old is what it is now
 * @new: empty, MMIO, a leaf, or a table from funnel_link()
 *
 * Under rcu_read_lock() and mmu_lock shared.  A table that @pos pointed to dies
 * with all below it.  Return: false, and nothing happened, if it had changed.
 */
bool __must_check funnel_change(struct funnel *funnel, struct spte_pos *pos,
				u64 new);

/**
 * funnel_link() - replace an entry by @table
 * What @pos maps as a leaf, @table maps too, by smaller leaves.  As
 * funnel_change(); on failure the entries of @table are empty again.
 */
bool __must_check funnel_link(struct funnel *funnel, struct spte_pos *pos,
			      struct table *table);

/** funnel_drop() - make a live entry empty, whatever it becomes meanwhile */
void funnel_drop(struct funnel *funnel, struct spte_pos *pos);

/** funnel_protect() - take write access from a leaf, as funnel_drop() */
void funnel_protect(struct funnel *funnel, struct spte_pos *pos);

/**
 * funnel_grant_write() - give a leaf back what funnel_protect() took
 * @slot: the slot of @pos; its bitmap is marked
 * The one change that needs no mmu_lock: what is in the table is valid, or it is
 * gone and the exchange fails.  Under rcu_read_lock() and the slots' SRCU.
 * Return: false if the entry had changed.
 */
bool funnel_grant_write(const struct mem_slot *slot, const struct spte_pos *pos);

/** funnel_age() - forget that a leaf was accessed.  Under rcu_read_lock(). */
void funnel_age(struct spte_pos *pos);

/**
 * funnel_end() - flush what must be flushed, free what died
 * Outside of RCU and of mmu_lock.  Does not sleep.
 */
void funnel_end(struct funnel *funnel);

/**
 * funnel_end_sure() - funnel_end(), and no TLB holds anything else that was gone
 * from [@start, @end) before
 */
void funnel_end_sure(struct funnel *funnel, gfn_t start, gfn_t end);

/**
 * funnel_free_tree() - free a table and all below, which nobody else can reach
 * Without counting pages: the VM ends.  Recurses at most MMU_MAX_LEVELS deep.
 */
void funnel_free_tree(struct mmu_vm *mv, struct table *table);

#endif
