// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes: translations that the host takes back, that a slot loses, that must
 * not be written before it is noticed.
 *
 * All of it runs with mmu_lock shared, beside faults and beside each other.  The
 * work is cut in pieces of at most one table of 4K leaves; between two of them a
 * walk that may sleep lets go of the lock and of RCU when somebody waits.
 *
 * Tables of 4K leaves that lie in the range go with what they map.  Those above
 * stay: one page for each 1G, until a larger leaf takes its place or the VM goes.
 * MMIO entries stay as well, their generation makes them void.
 */
#include <linux/sched.h>

#include "root.h"
#include "zap.h"

static void zap_lock(struct mmu_vm *mv)
	__acquires(&mv->mem->mmu_lock) __acquires(RCU)
{
	read_lock(&mv->mem->mmu_lock);
	rcu_read_lock();
}

static void zap_unlock(struct mmu_vm *mv)
	__releases(RCU) __releases(&mv->mem->mmu_lock)
{
	rcu_read_unlock();
	read_unlock(&mv->mem->mmu_lock);
}

static bool zap_should_relax(struct mmu_vm *mv)
{
	return need_resched() || rwlock_needbreak(&mv->mem->mmu_lock);
}

/*
 * Let others in, but not twice at one gfn, or the walk might never come down to
 * a leaf.  The iterator's entry may be another one after.
 */
static void zap_relax(struct mmu_vm *mv, struct spte_iter *iter)
{
	if (!zap_should_relax(mv) || iter->next == iter->relaxed)
		return;
	zap_unlock(mv);
	cond_resched();
	zap_lock(mv);
	iter->relaxed = iter->next;
	spte_iter_restart(iter);
}

/* Does the entry translate gfns of the range alone? */
static bool zap_covers(const struct spte_iter *iter, gfn_t start)
{
	return iter->pos.gfn >= start &&
	       iter->pos.gfn + pt_level_pages(iter->pos.level) <= iter->end;
}

static void zap_root(struct funnel *funnel, const struct table *root,
		     gfn_t start, gfn_t end, bool may_sleep)
{
	struct spte_iter iter;

	for_each_spte(&iter, root, PT_LEVEL_4K, start, end) {
		if (may_sleep)
			zap_relax(funnel->mv, &iter);
		/* A large leaf goes as a whole, and comes back as small ones. */
		if (spte_is_leaf(iter.pos.old, iter.pos.level) ||
		    (iter.pos.level == PT_LEVEL_2M && zap_covers(&iter, start)))
			funnel_drop(funnel, &iter.pos);
	}
}

static struct mmu_vm *listener_mv(struct mem_listener *listener)
{
	return container_of(listener, struct mmu_vm, listener);
}

static void zap_range(struct mem_listener *listener, gfn_t start, gfn_t end,
		      bool may_sleep)
{
	struct mmu_vm *mv = listener_mv(listener);
	struct funnel funnel;
	struct table *root;

	funnel_begin(&funnel, mv, NULL);
	zap_lock(mv);
	for_each_root(root, mv)
		zap_root(&funnel, root, start, end, may_sleep);
	zap_unlock(mv);
	funnel_end_sure(&funnel, start, end);
}

static void zap_all(struct mem_listener *listener)
{
	zap_range(listener, 0, pt_level_pages(mmu_caps.format->levels + 1), true);
}

void mmu_zap_all(struct mmu_vm *mv)
{
	zap_all(&mv->listener);
}

static bool zap_young(struct mem_listener *listener, gfn_t start, gfn_t end,
		      bool clear)
{
	struct mmu_vm *mv = listener_mv(listener);
	struct spte_iter iter;
	struct table *root;
	bool young = false;

	rcu_read_lock();
	for_each_root(root, mv) {
		for_each_spte(&iter, root, PT_LEVEL_4K, start, end) {
			if (!spte_is_leaf(iter.pos.old, iter.pos.level) ||
			    !spte_is_accessed(iter.pos.old))
				continue;
			young = true;
			if (clear)
				funnel_age(&iter.pos);
		}
	}
	rcu_read_unlock();
	return young;
}

/* Every leaf of @slot, whether it is marked in a bitmap or not. */
static void zap_protect_all(struct funnel *funnel, const struct table *root,
			    const struct mem_slot *slot)
{
	struct spte_iter iter;

	for_each_spte(&iter, root, PT_LEVEL_4K, slot->base_gfn,
		      slot->base_gfn + slot->npages) {
		zap_relax(funnel->mv, &iter);
		funnel_protect(funnel, &iter.pos);
	}
}

static void zap_protect_marked(struct funnel *funnel, const struct table *root,
			       const struct mem_slot *slot,
			       const unsigned long *bitmap)
{
	struct mmu_vm *mv = funnel->mv;
	struct spte_pos pos;
	unsigned long bit;

	for_each_set_bit(bit, bitmap, slot->npages) {
		if (zap_should_relax(mv)) {
			zap_unlock(mv);
			cond_resched();
			zap_lock(mv);
		}
		spte_lookup(root, slot->base_gfn + bit, PT_LEVEL_4K, &pos);
		funnel_protect(funnel, &pos);
	}
}

static void zap_protect(struct mem_listener *listener, const struct mem_slot *slot,
			const unsigned long *bitmap)
{
	struct mmu_vm *mv = listener_mv(listener);
	struct funnel funnel;
	struct table *root;

	funnel_begin(&funnel, mv, NULL);
	zap_lock(mv);
	for_each_root(root, mv) {
		if (bitmap)
			zap_protect_marked(&funnel, root, slot, bitmap);
		else
			zap_protect_all(&funnel, root, slot);
	}
	zap_unlock(mv);
	funnel_end_sure(&funnel, slot->base_gfn, slot->base_gfn + slot->npages);
}

/* A table whose range the host maps by a larger page goes: the next fault knows. */
static void zap_collapse(struct funnel *funnel, const struct table *root,
			 const struct mem_slot *slot)
{
	struct mmu_vm *mv = funnel->mv;
	struct spte_iter iter;

	for_each_spte(&iter, root, PT_LEVEL_2M, slot->base_gfn,
		      slot->base_gfn + slot->npages) {
		zap_relax(mv, &iter);
		if (iter.pos.level == PT_LEVEL_2M &&
		    spte_is_table(iter.pos.old, PT_LEVEL_2M) &&
		    zap_covers(&iter, slot->base_gfn) &&
		    mem_host_level(mv->mem, mem_slot_hva(slot, iter.pos.gfn)) >
		    PT_LEVEL_4K)
			funnel_drop(funnel, &iter.pos);
	}
}

static void zap_unlogged(struct mem_listener *listener, const struct mem_slot *slot)
{
	struct mmu_vm *mv = listener_mv(listener);
	struct funnel funnel;
	struct table *root;

	funnel_begin(&funnel, mv, NULL);
	zap_lock(mv);
	for_each_root(root, mv)
		zap_collapse(&funnel, root, slot);
	zap_unlock(mv);
	funnel_end(&funnel);
}

const struct mem_listener_ops zap_listener_ops = {
	.zap		= zap_range,
	.young		= zap_young,
	.protect	= zap_protect,
	.unlogged	= zap_unlogged,
	.zap_all	= zap_all,
};
