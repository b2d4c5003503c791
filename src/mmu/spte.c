// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parts of leaves.
 *
 * What spte.h has inline is on the way of each fault; what a split does is here.
 * A large leaf and the small ones that replace it map the same frames with the same
 * rights and the same accessed and dirty bits, so that no TLB needs to know.
 */
#include "spte.h"

u64 spte_split(u64 spte, int level, unsigned int index)
{
	u64 part = spte + ((u64)index << (12 + pt_level_shift(level - 1)));

	return level - 1 == PT_LEVEL_4K ? part & ~PT_LARGE : part;
}
