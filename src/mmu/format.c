// SPDX-License-Identifier: GPL-2.0-only
/*
 * The layouts of the processor manuals' paging chapters (Intel SDM volume 3,
 * "Paging"; AMD APM volume 2, "Page Translation and Protection"): legacy 32-bit,
 * PAE, 4-level and 5-level.
 *
 * What depends on registers or on the width of a physical address is added by
 * mmu_set_regs(): the reserved upper address bits, NX without EFER.NXE, 1G pages
 * and 4M pages that are not enabled.
 */
#include "format.h"

#define LARGE_2M_RSVD	GENMASK_ULL(20, 13)
#define LARGE_1G_RSVD	GENMASK_ULL(29, 13)

/* Bits 20:13 of a 4M page's entry are bits 39:32 of its address (PSE-36). */
const struct pt_format pt_format_legacy = {
	.levels		= 2,
	.max_leaf	= 2,
	.entry_bytes	= 4,
	.shift		= { 0, 12, 22 },
	.index_bits	= { 0, 10, 10 },
	.root_mask	= GENMASK_ULL(31, 12),
	.rsvd		= { { 0 }, { 0, 0 }, { 0, BIT_ULL(21) } },
};

/*
 * Bit 5 of a PDPTE is reserved by the manuals, but there are processors that set
 * it as an accessed bit under nested paging.  One that checks has done so before.
 */
const struct pt_format pt_format_pae = {
	.levels		= 3,
	.max_leaf	= 2,
	.entry_bytes	= 8,
	.shift		= { 0, 12, 21, 30 },
	.index_bits	= { 0, 9, 9, 2 },
	.root_mask	= GENMASK_ULL(31, 5),
	.rsvd		= {
		{ 0 },
		{ 0, GENMASK_ULL(62, 52) },
		{ GENMASK_ULL(62, 52), GENMASK_ULL(62, 52) | LARGE_2M_RSVD },
		{ GENMASK_ULL(63, 52) | GENMASK_ULL(8, 6) | GENMASK_ULL(2, 1), 0 },
	},
	.implied	= { 0, 0, 0, PT_WRITE | PT_USER | PT_ACCESSED },
};

const struct pt_format pt_format_4level = {
	.levels		= 4,
	.max_leaf	= 3,
	.entry_bytes	= 8,
	.shift		= { 0, 12, 21, 30, 39 },
	.index_bits	= { 0, 9, 9, 9, 9 },
	.root_mask	= PT_ADDR,
	.rsvd		= {
		{ 0 },
		{ 0, 0 },
		{ 0, LARGE_2M_RSVD },
		{ 0, LARGE_1G_RSVD },
		{ PT_LARGE, 0 },
	},
};

const struct pt_format pt_format_5level = {
	.levels		= 5,
	.max_leaf	= 3,
	.entry_bytes	= 8,
	.shift		= { 0, 12, 21, 30, 39, 48 },
	.index_bits	= { 0, 9, 9, 9, 9, 9 },
	.root_mask	= PT_ADDR,
	.rsvd		= {
		{ 0 },
		{ 0, 0 },
		{ 0, LARGE_2M_RSVD },
		{ 0, LARGE_1G_RSVD },
		{ PT_LARGE, 0 },
		{ PT_LARGE, 0 },
	},
};
