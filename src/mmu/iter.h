/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ways through our tables.  All of them run under rcu_read_lock(), which keeps
 * every table that they can reach, and see each entry as it is at that moment.
 */
#ifndef QUIRE_MMU_ITER_H
#define QUIRE_MMU_ITER_H

#include "spte.h"
#include "table.h"

/**
 * struct spte_pos - one entry, as it was seen
 * @sptep:	where it is
 * @old:	what it was
 * @gfn:	the first gfn that it translates
 * @level:	its level
 */
struct spte_pos {
	u64 *sptep;
	u64 old;
	gfn_t gfn;
	int level;
};

/** spte_index() - which entry of a table at @level translates @gfn */
static inline unsigned int spte_index(gfn_t gfn, int level)
{
	return (gfn >> pt_level_shift(level)) & (TABLE_ENTRIES - 1);
}

static inline gfn_t spte_first_gfn(gfn_t gfn, int level)
{
	return gfn & ~(pt_level_pages(level) - 1);
}

/**
 * spte_lookup() - the entry where a walk to @gfn ends
 * @min: stop at this level even if the entry points to a table
 */
static inline void spte_lookup(const struct table *root, gfn_t gfn, int min,
			       struct spte_pos *pos)
{
	int level = root->role.level;
	u64 *sptep = &root->sptes[spte_index(gfn, level)];
	u64 spte = READ_ONCE(*sptep);

	while (level > min && spte_is_table(spte, level)) {
		level--;
		sptep = &spte_child(spte)[spte_index(gfn, level)];
		spte = READ_ONCE(*sptep);
	}
	pos->sptep = sptep;
	pos->old = spte;
	pos->level = level;
	pos->gfn = spte_first_gfn(gfn, level);
}

/**
 * struct spte_iter - a walk over all entries of a range, parents first
 * @pos:	the current entry.  An entry that points to a table when the walk
 *		goes on is entered; the caller may have changed it before.
 * @root:	where it started
 * @end:	exclusive end of the range
 * @next:	where the walk goes on after @pos: the first gfn of the range that
 *		@pos translates.  This makes progress safe across a restart.
 * @relaxed:	for the caller: @next when it restarted last
 * @min:	level below which it does not go
 * @valid:	there is a current entry
 */
struct spte_iter {
	struct spte_pos pos;
	const struct table *root;
	gfn_t end;
	gfn_t next;
	gfn_t relaxed;
	int min;
	bool valid;
};

/* The first entry of @iter, and of a table that it enters. */
static inline void spte_iter_enter(struct spte_iter *iter, u64 *sptes, int level)
{
	iter->pos.sptep = &sptes[spte_index(iter->next, level)];
	iter->pos.level = level;
	iter->pos.gfn = spte_first_gfn(iter->next, level);
	iter->pos.old = READ_ONCE(*iter->pos.sptep);
}

/** spte_iter_restart() - begin at the root again, at the current gfn */
static inline void spte_iter_restart(struct spte_iter *iter)
{
	spte_iter_enter(iter, iter->root->sptes, iter->root->role.level);
}

static inline void spte_iter_start(struct spte_iter *iter,
				   const struct table *root, int min,
				   gfn_t start, gfn_t end)
{
	iter->root = root;
	iter->next = start;
	iter->relaxed = ~(gfn_t)0;
	iter->end = end;
	iter->min = min;
	iter->valid = start < end;
	if (iter->valid)
		spte_iter_restart(iter);
}

/** spte_iter_next() - the next entry: below, beside, or from the root again */
void spte_iter_next(struct spte_iter *iter);

/**
 * for_each_spte() - all entries from @_min up that translate a gfn of a range
 * Live, MMIO, frozen and empty ones.
 */
#define for_each_spte(iter, root, _min, start, end)			\
	for (spte_iter_start(iter, root, _min, start, end);		\
	     (iter)->valid; spte_iter_next(iter))

#endif
