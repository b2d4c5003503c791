/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words for addresses.  There are no others.
 *
 *	gva	guest virtual address: the linear address, after segmentation
 *	gpa	guest physical address		gfn	gpa >> PAGE_SHIFT
 *	ngva	nested guest virtual		ngpa	nested guest physical address
 *	hva	host virtual address, in the VMM's address space
 *	hpa	host physical address		pfn	hpa >> PAGE_SHIFT
 *	gpte	an entry of the guest's page tables
 *	spte	an entry of ours, the one that hardware reads
 *	tdp	two dimensional paging: NPT or EPT
 *
 * In ranges, 'end' is exclusive and 'last' is inclusive.
 */
#ifndef QUIRE_TYPES_H
#define QUIRE_TYPES_H

#include <linux/types.h>

typedef unsigned long	gva_t;
typedef u64		gpa_t;
typedef u64		gfn_t;
typedef unsigned long	hva_t;
typedef u64		hpa_t;
typedef u64		host_pfn_t;

#define INVALID_GPA	(~(gpa_t)0)
#define INVALID_HPA	(~(hpa_t)0)
#define INVALID_PFN	(~(host_pfn_t)0)

/*
 * The level of an entry: what one entry of it spans.  A table's level is the
 * level of its entries.
 */
enum pt_level {
	PT_LEVEL_NONE	= 0,
	PT_LEVEL_4K	= 1,
	PT_LEVEL_2M	= 2,
	PT_LEVEL_1G	= 3,
	PT_LEVEL_512G	= 4,
	PT_LEVEL_256T	= 5,
};

/* log2 of the number of 4K pages that one 512-ary entry at @level spans. */
static inline unsigned int pt_level_shift(int level)
{
	return (level - 1) * 9;
}

/* The number of 4K pages that one 512-ary entry at @level spans. */
static inline u64 pt_level_pages(int level)
{
	return 1ull << pt_level_shift(level);
}

static inline gfn_t gpa_to_gfn(gpa_t gpa)
{
	return gpa >> 12;
}

static inline gpa_t gfn_to_gpa(gfn_t gfn)
{
	return gfn << 12;
}

#endif
