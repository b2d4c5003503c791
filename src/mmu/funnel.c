// SPDX-License-Identifier: GPL-2.0-only
/*
 * The funnel: what must happen when an spte changes, in one place.
 *
 * A change is a compare-exchange of the entry that was looked at.  Whoever wins
 * it owns the consequences: the counts of pages and tables, the slot's dirty
 * bitmap, the tables that lost their parent, and the flush.
 *
 * Flushing.  The changes of an operation are flushed together in funnel_end().
 * Between a change and its flush a TLB may hold what the table no longer has.  An
 * operation that must be sure (an invalidation by the host) and finds an entry
 * gone cannot tell whether it was flushed.  So each operation counts itself in
 * mmu_vm.flushes before its first change that needs a flush, until it flushed:
 *
 *	A				B
 *	flushes++			find the entry gone
 *	entry = empty			flushes != 0?  flush
 *	flush
 *	flushes--
 *
 * B sees either A's count, or that A's flush is done.
 *
 * Dead tables.  The entry that pointed to a table is exchanged first; then every
 * entry below is exchanged with SPTE_FROZEN, which refuses installs by whoever is
 * still inside.  The pages are freed after the flush, by RCU.
 *
 * No change here touches the host page: one that is mapped writable counts as
 * dirty since it was mapped (mem_host_page_put()).
 */
#include <linux/string.h>

#include "funnel.h"

/* May a TLB hold, of @old, more than @new allows? */
static bool change_needs_flush(u64 old, u64 new, int level)
{
	if (!spte_is_live(old))
		return false;
	/* The large leaf that a table replaces maps the same. */
	if (spte_is_leaf(old, level) && spte_is_table(new, level))
		return false;
	if (!spte_is_live(new) || spte_pfn(old) != spte_pfn(new))
		return true;
	return spte_is_writable(old) && !spte_is_writable(new);
}

static void funnel_announce(struct funnel *funnel)
{
	if (funnel->announced)
		return;
	funnel->announced = true;
	atomic_inc(&funnel->mv->flushes);
	/* Before the change; a compare-exchange is a full barrier. */
	smp_mb__after_atomic();
}

static void funnel_widen(struct funnel *funnel, gfn_t gfn, int level)
{
	funnel->start = min(funnel->start, gfn);
	funnel->end = max(funnel->end, gfn + pt_level_pages(level));
}

static void funnel_count(struct mmu_vm *mv, u64 old, u64 new, int level)
{
	int delta = (int)spte_is_leaf(new, level) - (int)spte_is_leaf(old, level);

	if (delta)
		atomic_long_add(delta, &mv->pages[level]);
}

static void funnel_bury(struct funnel *funnel, struct table *table)
{
	int level = table->role.level;
	long pages = 0;
	int i;

	for (i = 0; i < TABLE_ENTRIES; i++) {
		u64 old = xchg(&table->sptes[i], SPTE_FROZEN);

		if (spte_is_table(old, level))
			funnel_bury(funnel, table_of(spte_child(old)));
		else if (spte_is_live(old))
			pages++;
	}
	atomic_long_sub(pages, &funnel->mv->pages[level]);
	atomic_long_dec(&funnel->mv->tables);
	table->next = funnel->dead;
	funnel->dead = table;
}

bool funnel_change(struct funnel *funnel, struct spte_pos *pos, u64 new)
{
	bool flush = change_needs_flush(pos->old, new, pos->level);
	u64 old = pos->old;

	lockdep_assert_held(&funnel->mv->mem->mmu_lock);

	if (flush)
		funnel_announce(funnel);
	if (!try_cmpxchg64(pos->sptep, &pos->old, new))
		return false;

	funnel_count(funnel->mv, old, new, pos->level);
	if (flush)
		funnel_widen(funnel, pos->gfn, pos->level);
	if (spte_is_writable(new) && spte_is_leaf(new, pos->level) && funnel->slot)
		mem_slot_mark_dirty(funnel->slot, pos->gfn);
	if (spte_is_table(old, pos->level))
		funnel_bury(funnel, table_of(spte_child(old)));
	return true;
}

bool funnel_link(struct funnel *funnel, struct spte_pos *pos, struct table *table)
{
	struct mmu_vm *mv = funnel->mv;
	bool split = spte_is_leaf(pos->old, pos->level);
	int i;

	table->role.level = pos->level - 1;
	table->role.kind = TABLE_DIRECT;
	if (split)
		for (i = 0; i < TABLE_ENTRIES; i++)
			table->sptes[i] = spte_split(pos->old, pos->level, i);

	if (!funnel_change(funnel, pos, spte_table(table->sptes))) {
		if (split)
			memset(table->sptes, 0, PAGE_SIZE);
		return false;
	}
	atomic_long_inc(&mv->tables);
	if (split)
		atomic_long_add(TABLE_ENTRIES, &mv->pages[pos->level - 1]);
	return true;
}

void funnel_drop(struct funnel *funnel, struct spte_pos *pos)
{
	while (spte_is_live(pos->old))
		if (funnel_change(funnel, pos, SPTE_EMPTY))
			break;
}

void funnel_protect(struct funnel *funnel, struct spte_pos *pos)
{
	while (spte_is_leaf(pos->old, pos->level) && spte_is_writable(pos->old))
		if (funnel_change(funnel, pos, spte_without_write(pos->old)))
			break;
}

bool funnel_grant_write(const struct mem_slot *slot, const struct spte_pos *pos)
{
	u64 old = pos->old;

	if (!try_cmpxchg64(pos->sptep, &old, spte_with_write(old)))
		return false;
	mem_slot_mark_dirty(slot, pos->gfn);
	return true;
}

void funnel_age(struct spte_pos *pos)
{
	/* Losing to anybody is fine: the entry was just used, or is gone. */
	if (spte_is_leaf(pos->old, pos->level))
		try_cmpxchg64(pos->sptep, &pos->old,
			      spte_without_accessed(pos->old));
}

void funnel_end(struct funnel *funnel)
{
	struct mmu_vm *mv = funnel->mv;

	if (funnel->start < funnel->end)
		mv->ops->flush_tlbs(mv, funnel->start, funnel->end);
	if (funnel->announced) {
		smp_mb__before_atomic();
		atomic_dec(&mv->flushes);
	}
	table_free_chain(funnel->dead);
}

void funnel_end_sure(struct funnel *funnel, gfn_t start, gfn_t end)
{
	/* Entries were read before; pairs with the order in funnel_announce(). */
	smp_rmb();
	if (atomic_read(&funnel->mv->flushes) > funnel->announced) {
		funnel->start = min(funnel->start, start);
		funnel->end = max(funnel->end, end);
	}
	funnel_end(funnel);
}

void funnel_free_tree(struct mmu_vm *mv, struct table *table)
{
	int level = table->role.level;
	int i;

	for (i = 0; level > PT_LEVEL_4K && i < TABLE_ENTRIES; i++)
		if (spte_is_table(table->sptes[i], level))
			funnel_free_tree(mv, table_of(spte_child(table->sptes[i])));
	atomic_long_dec(&mv->tables);
	table_free(table);
}
