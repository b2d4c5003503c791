// SPDX-License-Identifier: GPL-2.0-only
/*
 * The range iterator.  It keeps no path: at the end of a table it looks the next
 * entry up from the root, which costs a few loads each 512 entries, and so a
 * walk survives that tables are unlinked and freed behind it (after the caller
 * let go of RCU and called spte_iter_restart()).
 */
#include "iter.h"

void spte_iter_next(struct spte_iter *iter)
{
	struct spte_pos *pos = &iter->pos;
	u64 now = READ_ONCE(*pos->sptep);

	if (pos->level > iter->min && spte_is_table(now, pos->level)) {
		spte_iter_enter(iter, spte_child(now), pos->level - 1);
		return;
	}

	iter->next = pos->gfn + pt_level_pages(pos->level);
	if (iter->next >= iter->end) {
		iter->valid = false;
		return;
	}
	if (spte_index(iter->next, pos->level)) {
		spte_iter_enter(iter, pos->sptep - spte_index(pos->gfn, pos->level),
				pos->level);
		return;
	}
	spte_iter_restart(iter);
}
