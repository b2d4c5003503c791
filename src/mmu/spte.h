/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bits of an spte.  Nothing outside of spte.[ch] knows where they are.
 *
 *	63 62      59 58  55 54 53 52 51               12 11 10 9 8 7 6 5 4 3 2 1 0
 *	NX  ignored    free   .  M  H  frame number        L  free  . S D A . . U W P	live
 *	 0 <-------------- generation -------------------> 0  .........  . T . 0 0 0	MMIO
 *	 0  0                                              0             F . . 0 0 0	frozen
 *
 *	P W U A D S NX	hardware's: present, write, user, accessed, dirty, large page,
 *			no execution
 *	L	live: hardware may use the entry, as a leaf or as a pointer to a table
 *	H	host-writable: the host lets the page be written
 *	M	mmu-writable: nothing but dirty logging keeps the page from being written
 *	T	tag of an MMIO entry: the gfns were absent in the set of slots of that
 *		generation.  Not present, so that an access faults; never cleaned up,
 *		since an old generation makes it void.
 *	F	frozen: the entry belongs to someone who is at work on it, or its
 *		table is dead.  Others try again.
 */
#ifndef QUIRE_MMU_SPTE_H
#define QUIRE_MMU_SPTE_H

#include <linux/build_bug.h>
#include <linux/io.h>

#include "format.h"

#define SPTE_LIVE		BIT_ULL(11)
#define SPTE_HOST_WRITABLE	BIT_ULL(52)
#define SPTE_MMU_WRITABLE	BIT_ULL(53)

#define SPTE_EMPTY		0ull
#define SPTE_MMIO_TAG		BIT_ULL(3)
#define SPTE_FROZEN		BIT_ULL(4)

#define SPTE_MMIO_GEN_SHIFT	12
#define SPTE_MMIO_GEN_BITS	51

#define SPTE_HARDWARE_BITS	(PT_PRESENT | PT_WRITE | PT_USER | PT_PWT |	\
				 PT_PCD | PT_ACCESSED | PT_DIRTY | PT_LARGE |	\
				 PT_NX | PT_ADDR)
#define SPTE_SOFT_BITS		(SPTE_LIVE | SPTE_HOST_WRITABLE | SPTE_MMU_WRITABLE)

static_assert(!(SPTE_HARDWARE_BITS & SPTE_SOFT_BITS));
/* What is not live is not present to any hardware: bits 0 to 2 are 0 (EPT: RWX). */
static_assert(!((SPTE_MMIO_TAG | SPTE_FROZEN) & (SPTE_LIVE | GENMASK_ULL(2, 0))));
static_assert(SPTE_MMIO_TAG != SPTE_FROZEN);
static_assert(SPTE_MMIO_GEN_SHIFT > 11 &&
	      SPTE_MMIO_GEN_SHIFT + SPTE_MMIO_GEN_BITS <= 63);

static inline bool spte_is_live(u64 spte)
{
	return spte & SPTE_LIVE;
}

/** spte_is_table() - does it point to a table? */
static inline bool spte_is_table(u64 spte, int level)
{
	return level > PT_LEVEL_4K && (spte & (SPTE_LIVE | PT_LARGE)) == SPTE_LIVE;
}

static inline bool spte_is_leaf(u64 spte, int level)
{
	return spte_is_live(spte) && !spte_is_table(spte, level);
}

/** spte_child() - the sptes of the table that it points to */
static inline u64 *spte_child(u64 spte)
{
	return phys_to_virt(spte & PT_ADDR);
}

static inline host_pfn_t spte_pfn(u64 spte)
{
	return (spte & PT_ADDR) >> 12;
}

static inline bool spte_is_writable(u64 spte)
{
	return spte & PT_WRITE;
}

static inline bool spte_is_accessed(u64 spte)
{
	return spte & PT_ACCESSED;
}

static inline bool spte_is_dirty(u64 spte)
{
	return spte & PT_DIRTY;
}

static inline bool spte_is_uncached(u64 spte)
{
	return spte & PT_PCD;
}

/** spte_may_write() - could write access be given without asking the host? */
static inline bool spte_may_write(u64 spte)
{
	const u64 both = SPTE_HOST_WRITABLE | SPTE_MMU_WRITABLE;

	return (spte & both) == both;
}

static inline u64 spte_with_write(u64 spte)
{
	return spte | PT_WRITE | PT_DIRTY;
}

/* The dirty bit goes too: hardware sets it anew with the next write. */
static inline u64 spte_without_write(u64 spte)
{
	return spte & ~(PT_WRITE | PT_DIRTY);
}

static inline u64 spte_without_accessed(u64 spte)
{
	return spte & ~PT_ACCESSED;
}

/** spte_table() - an entry that points to @sptes, with all rights */
static inline u64 spte_table(const u64 *sptes)
{
	return virt_to_phys((void *)sptes) | SPTE_LIVE | PT_PRESENT | PT_WRITE |
	       PT_USER | PT_ACCESSED;
}

/**
 * struct spte_leaf - what a leaf is made of
 * @pfn:	its first frame; aligned to @level
 * @level:	PT_LEVEL_*
 * @host_writable: the host lets it be written
 * @write:	and so may the guest, now
 * @dirty:	it is about to
 * @uncached:	it is not memory
 */
struct spte_leaf {
	host_pfn_t pfn;
	int level;
	bool host_writable;
	bool write;
	bool dirty;
	bool uncached;
};

/**
 * spte_make_leaf() - the entry that hardware walks to the page
 *
 * The second dimension gives all rights that memory has, and leaves the rest to
 * the guest's own tables: user, executable, write-back.  Accessed is set from
 * the start since a leaf is made for an access; dirty only if that is a write.
 */
static inline u64 spte_make_leaf(const struct spte_leaf *leaf)
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

/** spte_split() - entry @index, a level below, of what @spte maps at @level */
u64 spte_split(u64 spte, int level, unsigned int index);

/** spte_allows() - may hardware do this access with @spte? */
static inline bool spte_allows(u64 spte, bool write, bool fetch)
{
	return spte_is_live(spte) && !(write && !(spte & PT_WRITE)) &&
	       !(fetch && spte & PT_NX);
}

/** spte_make_mmio() - an entry for gfns that are absent in @generation */
static inline u64 spte_make_mmio(u64 generation)
{
	return SPTE_MMIO_TAG |
	       (generation & GENMASK_ULL(SPTE_MMIO_GEN_BITS - 1, 0))
		<< SPTE_MMIO_GEN_SHIFT;
}

/** spte_is_mmio() - is it one, of this generation? */
static inline bool spte_is_mmio(u64 spte, u64 generation)
{
	return spte == spte_make_mmio(generation);
}

#endif
