/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Layouts of paging structures, as data.
 */
#ifndef QUIRE_MMU_FORMAT_H
#define QUIRE_MMU_FORMAT_H

#include <linux/bits.h>

#include "mmu.h"

/* Bits of an entry; the same in every x86 layout that has them. */
#define PT_PRESENT	BIT_ULL(0)
#define PT_WRITE	BIT_ULL(1)
#define PT_USER		BIT_ULL(2)
#define PT_PWT		BIT_ULL(3)
#define PT_PCD		BIT_ULL(4)
#define PT_ACCESSED	BIT_ULL(5)
#define PT_DIRTY	BIT_ULL(6)
#define PT_LARGE	BIT_ULL(7)
#define PT_GLOBAL	BIT_ULL(8)
#define PT_NX		BIT_ULL(63)
#define PT_ADDR		GENMASK_ULL(51, 12)

/**
 * struct pt_format - the layout of one kind of paging structures
 * @levels:	level of the root table
 * @max_leaf:	largest level that may hold a leaf
 * @entry_bytes: 4 or 8
 * @shift:	by level, the lowest address bit that selects an entry
 * @index_bits:	by level, how many do
 * @root_mask:	bits of CR3 that are the root table's address
 * @rsvd:	by level, bits that must be 0 whatever the registers say: [0] in an
 *		entry that points to a table, [1] in a leaf
 * @implied:	by level, rights that its entries have no bits for, and PT_ACCESSED
 *		if they have no such bit
 */
struct pt_format {
	u8 levels;
	u8 max_leaf;
	u8 entry_bytes;
	u8 shift[MMU_MAX_LEVELS + 1];
	u8 index_bits[MMU_MAX_LEVELS + 1];
	u64 root_mask;
	u64 rsvd[MMU_MAX_LEVELS + 1][2];
	u64 implied[MMU_MAX_LEVELS + 1];
};

/* Those that only guests use; pt_format_4level is declared in mmu.h. */
extern const struct pt_format pt_format_legacy;
extern const struct pt_format pt_format_pae;
extern const struct pt_format pt_format_5level;

/** pt_index() - which entry of a table at @level translates @addr */
static inline unsigned int pt_index(const struct pt_format *format, u64 addr,
				    int level)
{
	return (addr >> format->shift[level]) &
	       ((1u << format->index_bits[level]) - 1);
}

#endif
