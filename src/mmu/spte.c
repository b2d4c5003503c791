// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leaves: the entries that hardware finds at the end of its walk.
 *
 * The second dimension gives all rights that memory has, and leaves the rest to
 * the guest's own tables: user, executable, write-back.  Accessed is set from
 * the start since a leaf is made for an access; dirty only if that is a write.
 */
#include "spte.h"

u64 spte_make_leaf(const struct spte_leaf *leaf)
{
	u64 spte = leaf->pfn << 12 | SPTE_LIVE | SPTE_MMU_WRITABLE |
		   PT_PRESENT | PT_USER | PT_ACCESSED;

	if (leaf->level > PT_LEVEL_4K)
		spte |= PT_LARGE;
	if (leaf->host_writable)
		spte |= SPTE_HOST_WRITABLE;
	if (leaf->write)
		spte |= PT_WRITE;
	if (leaf->dirty)
		spte |= PT_DIRTY;
	if (leaf->uncached)
		spte |= PT_PCD | PT_PWT;
	return spte;
}

u64 spte_split(u64 spte, int level, unsigned int index)
{
	u64 part = spte + ((u64)index << (12 + pt_level_shift(level - 1)));

	return level - 1 == PT_LEVEL_4K ? part & ~PT_LARGE : part;
}
