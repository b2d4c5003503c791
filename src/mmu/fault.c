// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fault, in stages.
 *
 *	quick	without locks: an MMIO entry of this generation means emulate; an
 *		entry that allows the access by now means go on; a page that is
 *		only protected for dirty logging gets write access back
 *	slot	what stands behind the gfn: nothing, a ROM, or memory
 *	page	the host page, and the level to map it at.  May sleep, unless the
 *		caller would rather do something else until the page is there; the
 *		notifier sequence is read before
 *	map	with mmu_lock shared: did the host take the page away meanwhile?
 *		If not, the table kind installs it
 *
 * The quick stage also sees how many tables the walk lacks, and they are
 * allocated before any lock.
 */
#include <linux/kvm.h>

#include "funnel.h"

/* To be done with by the caller; no enum mmu_fault_result, no errno. */
#define FAULT_CONTINUE	MMU_FAULT_NR_RESULTS

/* Once more in place costs less than an entry and an exit. */
#define FAULT_MAX_TRIES	2

static void fault_decode(struct mmu_fault *fault)
{
	fault->gfn = gpa_to_gfn(fault->addr);
	fault->write = fault->error_code & PF_ERR_WRITE;
	fault->fetch = fault->error_code & PF_ERR_FETCH;
}

/* A leaf that denies the access: was it only protected to see the next write? */
static int fault_quick_fix(struct mmu *mmu, const struct spte_pos *pos,
			   const struct mmu_fault *fault)
{
	struct mem_slot *slot;
	u64 old = pos->old;

	if (!fault->write || pos->level != PT_LEVEL_4K || !spte_may_write(old) ||
	    !spte_allows(old, false, fault->fetch))
		return FAULT_CONTINUE;
	slot = mem_find_slot(mmu->mv->mem, fault->gfn);
	if (!slot)
		return FAULT_CONTINUE;
	if (!funnel_grant_write(slot, pos))
		return MMU_FAULT_RETRY;
	mmu->granted++;
	return MMU_FAULT_FIXED;
}

static int fault_quick(struct mmu *mmu, struct mmu_fault *fault)
{
	struct spte_pos pos;
	int r = FAULT_CONTINUE;

	rcu_read_lock();
	spte_lookup(mmu->root, fault->gfn, PT_LEVEL_4K, &pos);
	fault->depth = pos.level;
	if (spte_is_live(pos.old)) {
		if (spte_allows(pos.old, fault->write, fault->fetch))
			r = MMU_FAULT_SPURIOUS;
		else
			r = fault_quick_fix(mmu, &pos, fault);
	} else if (spte_is_mmio(pos.old, mem_generation(mmu->mv->mem))) {
		r = MMU_FAULT_EMULATE;
	}
	rcu_read_unlock();
	return r;
}

/*
 * What stands behind the gfn.  Absent gfns get an MMIO entry, at the largest level
 * at which nothing else is, so that it mostly costs no table.
 */
static int fault_slot(struct mmu *mmu, struct mmu_fault *fault)
{
	struct mem_slots *slots = mem_slots(mmu->mv->mem);
	gfn_t first;

	fault->slot = mem_slots_find(slots, fault->gfn);
	if (likely(fault->slot))
		return fault->write && fault->slot->flags & KVM_MEM_READONLY ?
			MMU_FAULT_EMULATE : FAULT_CONTINUE;

	fault->generation = slots->generation;
	for (fault->goal = fault->depth; fault->goal > PT_LEVEL_4K; fault->goal--) {
		first = spte_first_gfn(fault->gfn, fault->goal);
		if (!mem_slots_overlap(slots, first,
				       first + pt_level_pages(fault->goal)))
			break;
	}
	return FAULT_CONTINUE;
}

/* The largest level, up to the host's, that the slot's shape allows. */
static int fault_goal(const struct mmu_fault *fault, hva_t hva)
{
	const struct mem_slot *slot = fault->slot;
	gfn_t gfn = fault->gfn;
	int level;

	/* A logged slot is tracked page by page. */
	if (slot->dirty)
		return PT_LEVEL_4K;
	for (level = min(fault->page.level, mmu_caps.max_leaf); level > PT_LEVEL_4K;
	     level--) {
		gfn_t first = spte_first_gfn(gfn, level);
		u64 pages = pt_level_pages(level);

		if (first >= slot->base_gfn &&
		    first + pages <= slot->base_gfn + slot->npages &&
		    !((gfn ^ hva >> 12) & (pages - 1)))
			break;
	}
	return level;
}

static int fault_page(struct mmu *mmu, struct mmu_fault *fault)
{
	struct guest_memory *mem = mmu->mv->mem;
	hva_t hva = mem_slot_hva(fault->slot, fault->gfn);
	int r;

	fault->seq = mem_invalidation_seq(mem);
	r = mem_host_page_get(mem, hva, fault->write, !fault->nowait, &fault->page);
	if (unlikely(r == -EBUSY)) {
		fault->hva = hva;
		return MMU_FAULT_ABSENT;
	}
	if (unlikely(r))
		return r == -EAGAIN ? MMU_FAULT_RETRY : r;

	if (fault->slot->flags & KVM_MEM_READONLY)
		fault->page.writable = false;
	fault->uncached = mem_host_page_is_mmio(&fault->page);
	fault->goal = PT_LEVEL_4K;
	if (fault->page.level > PT_LEVEL_4K)
		fault->goal = fault_goal(fault, hva);
	return FAULT_CONTINUE;
}

/* May the host have taken back what the leaf would map? */
static bool fault_is_stale(struct mmu *mmu, const struct mmu_fault *fault)
{
	hva_t size = PAGE_SIZE << pt_level_shift(fault->goal);
	hva_t hva;

	if (!fault->slot)
		return false;
	hva = mem_slot_hva(fault->slot, fault->gfn) & ~(size - 1);
	return mem_invalidated(mmu->mv->mem, fault->seq, hva, hva + size);
}

static int fault_map(struct mmu *mmu, struct mmu_fault *fault)
{
	struct guest_memory *mem = mmu->mv->mem;
	struct funnel funnel;
	int r = MMU_FAULT_RETRY;

	if (fault->depth > fault->goal &&
	    table_spare_fill(mmu, fault->depth - fault->goal))
		return -ENOMEM;

	funnel_begin(&funnel, mmu->mv, fault->slot);
	read_lock(&mem->mmu_lock);
	rcu_read_lock();
	if (likely(!fault_is_stale(mmu, fault)))
		r = table_kinds[mmu->root->role.kind]->map(mmu, fault, &funnel);
	rcu_read_unlock();
	read_unlock(&mem->mmu_lock);
	funnel_end(&funnel);
	return r;
}

static int fault_once(struct mmu *mmu, struct mmu_fault *fault)
{
	int r = fault_quick(mmu, fault);

	if (r != FAULT_CONTINUE)
		return r;
	r = fault_slot(mmu, fault);
	if (r != FAULT_CONTINUE)
		return r;
	if (!fault->slot) {
		/* That it is remembered is a help, not a condition. */
		fault_map(mmu, fault);
		return MMU_FAULT_EMULATE;
	}
	r = fault_page(mmu, fault);
	if (r != FAULT_CONTINUE)
		return r;
	r = fault_map(mmu, fault);
	mem_host_page_put(&fault->page, r == MMU_FAULT_FIXED);
	if (likely(r == MMU_FAULT_FIXED))
		mmu->mapped[fault->goal]++;
	return r;
}

int mmu_fault(struct mmu *mmu, struct mmu_fault *fault)
{
	int tries = 0;
	int r;

	fault_decode(fault);
	/* Beyond what our tables can say there is nothing. */
	if (unlikely(fault->gfn >> pt_level_shift(mmu->root->role.level + 1)))
		r = MMU_FAULT_EMULATE;
	else
		do
			r = fault_once(mmu, fault);
		while (r == MMU_FAULT_RETRY && ++tries < FAULT_MAX_TRIES);

	if (likely(r >= 0)) {
		mmu->results[r]++;
		return r;
	}
	fault->memory_gpa = gfn_to_gpa(fault->gfn);
	fault->memory_size = PAGE_SIZE;
	fault->memory_flags = 0;
	return r;
}
