// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct tables: a leaf's place is its gfn, so that nothing but the slots and
 * the host decide what it maps, and every vCPU shares one root.
 *
 * An install walks down to the goal level and links what is missing.  Any number
 * of vCPUs do so at once: the entry that a compare-exchange finds changed is
 * looked at again.  On the way it may meet
 *
 *	an empty or MMIO entry	  a new table goes there
 *	a leaf above the goal	  it allows the access already, or it must be split
 *				  since its slot is logged now
 *	a table at the goal	  small pages that became a large one: the leaf
 *				  replaces it
 *	a frozen entry		  the table is dead; the guest tries again
 */
#include "funnel.h"

static u64 direct_leaf(const struct mmu_fault *fault)
{
	bool writable = fault->page.writable;
	struct spte_leaf leaf = {
		.pfn		= fault->page.pfn & ~(pt_level_pages(fault->goal) - 1),
		.level		= fault->goal,
		.host_writable	= writable,
		/* In a logged slot, only what is written counts as written. */
		.write		= writable && (fault->write || !fault->slot->dirty),
		.dirty		= fault->write,
		.uncached	= fault->uncached,
	};

	return spte_make_leaf(&leaf);
}

/* Put the leaf in its place.  Return: a fault result, or -EAGAIN to look again. */
static int direct_map_leaf(struct funnel *funnel, struct spte_pos *pos,
			   const struct mmu_fault *fault)
{
	u64 new;

	if (spte_is_leaf(pos->old, pos->level) &&
	    spte_allows(pos->old, fault->write, fault->fetch))
		return MMU_FAULT_SPURIOUS;
	if (fault->slot)
		new = direct_leaf(fault);
	else if (!spte_is_live(pos->old))
		new = spte_make_mmio(fault->generation);
	else
		/* A slot came meanwhile. */
		return MMU_FAULT_RETRY;
	return funnel_change(funnel, pos, new) ? MMU_FAULT_FIXED : -EAGAIN;
}

/* Put a table on the way.  Return: as direct_map_leaf(). */
static int direct_map_table(struct funnel *funnel, struct spte_pos *pos,
			    struct mmu *mmu, const struct mmu_fault *fault)
{
	struct table *table;

	if (spte_allows(pos->old, fault->write, fault->fetch))
		return MMU_FAULT_SPURIOUS;
	table = table_spare_take(mmu);
	/* The way was longer than it looked without the lock. */
	if (!table)
		return MMU_FAULT_RETRY;
	if (!funnel_link(funnel, pos, table))
		table_spare_put(mmu, table);
	return -EAGAIN;
}

static int direct_map(struct mmu *mmu, struct mmu_fault *fault,
		      struct funnel *funnel)
{
	struct spte_pos pos;
	int r;

	lockdep_assert_held_read(&mmu->mv->mem->mmu_lock);

	do {
		spte_lookup(mmu->root, fault->gfn, fault->goal, &pos);
		if (pos.old == SPTE_FROZEN)
			r = MMU_FAULT_RETRY;
		else if (pos.level == fault->goal)
			r = direct_map_leaf(funnel, &pos, fault);
		else
			r = direct_map_table(funnel, &pos, mmu, fault);
	} while (r == -EAGAIN);
	return r;
}

const struct table_kind table_kind_direct = {
	.map = direct_map,
};
