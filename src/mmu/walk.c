// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest walker: reads the guest's own tables as the processor does.
 *
 * One loop for every layout: struct pt_format says where an entry is and how far
 * down leaves may be, struct mmu_walker adds what the registers reserve.  The
 * walk collects the rights of its entries, asks permission_fault() once, and only
 * then sets accessed and dirty bits, from the root down, by compare-exchange: an
 * entry that changed under the walk starts it anew.
 *
 * Memory that is absent, or that the VMM unmapped, reads as a bus without
 * answer: all ones, which the layouts with 8-byte entries refuse.
 */
#include <linux/errno.h>
#include <linux/minmax.h>

#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "format.h"
#include "permission.h"

/* How often a walk that others disturb starts anew before it goes without bits. */
#define WALK_MAX_TRIES	16

/**
 * struct guest_walk - one walk
 * @level:	of the entry that was read last; of the leaf in the end
 * @gpte:	by level
 * @gpte_gpa:	by level
 * @rights:	of all entries so far
 */
struct guest_walk {
	int level;
	u64 gpte[MMU_MAX_LEVELS + 1];
	gpa_t gpte_gpa[MMU_MAX_LEVELS + 1];
	struct permission_rights rights;
};

static const struct pt_format *walker_format(const struct mmu_regs *regs)
{
	if (!(regs->cr0 & X86_CR0_PG))
		return NULL;
	if (regs->efer & EFER_LMA)
		return regs->cr4 & X86_CR4_LA57 ? &pt_format_5level :
					      &pt_format_4level;
	return regs->cr4 & X86_CR4_PAE ? &pt_format_pae : &pt_format_legacy;
}

static u32 walker_perm(const struct mmu_regs *regs,
		       const struct pt_format *format)
{
	u32 perm = 0;

	if (regs->cr0 & X86_CR0_WP)
		perm |= PERM_WP;
	if (regs->cr4 & X86_CR4_SMEP)
		perm |= PERM_SMEP;
	if (regs->cr4 & X86_CR4_SMAP)
		perm |= PERM_SMAP;
	if (regs->efer & EFER_NX && format->entry_bytes == 8)
		perm |= PERM_NXE;
	if (regs->cr4 & X86_CR4_PKE && regs->efer & EFER_LMA)
		perm |= PERM_PKU;
	return perm;
}

/* Bits that @regs reserve in 8-byte entries of @level. */
static u64 walker_rsvd(const struct mmu_regs *regs, int level)
{
	u64 rsvd = 0;

	if (regs->maxphyaddr < 52)
		rsvd |= GENMASK_ULL(51, regs->maxphyaddr);
	if (!(regs->efer & EFER_NX))
		rsvd |= PT_NX;
	if (level == PT_LEVEL_1G && regs->efer & EFER_LMA && !regs->page_1g)
		rsvd |= PT_LARGE;
	if (level >= PT_LEVEL_512G && regs->upper_global_rsvd)
		rsvd |= PT_GLOBAL;
	return rsvd;
}

/* Address bits from 32 on, in bits 20:13, that the processor does not have. */
static u64 walker_rsvd_pse36(u8 maxphyaddr)
{
	return maxphyaddr >= 40 ? 0 :
	       GENMASK_ULL(20, 13 + max_t(int, maxphyaddr, 32) - 32);
}

void mmu_set_regs(struct mmu *mmu, const struct mmu_regs *regs)
{
	const struct pt_format *format = walker_format(regs);
	struct mmu_walker *walker = &mmu->walker;
	int level, i;

	walker->regs = *regs;
	walker->format = format;
	if (!format)
		return;
	walker->perm = walker_perm(regs, format);
	walker->max_leaf = format->max_leaf;
	for (level = 1; level <= format->levels; level++)
		for (i = 0; i < 2; i++)
			walker->rsvd[level][i] = format->rsvd[level][i] |
				(format->entry_bytes == 8 ?
				 walker_rsvd(regs, level) : 0);
	if (format != &pt_format_legacy)
		return;
	walker->rsvd[PT_LEVEL_2M][1] |= walker_rsvd_pse36(regs->maxphyaddr);
	if (!(regs->cr4 & X86_CR4_PSE))
		walker->max_leaf = PT_LEVEL_4K;
}

static u64 walk_read(struct mmu *mmu, gpa_t gpte_gpa)
{
	unsigned int bytes = mmu->walker.format->entry_bytes;
	u64 gpte;

	if (mem_read_gpte(mmu->mv->mem, gpte_gpa, bytes, &gpte))
		return bytes == 8 ? ~0ull : ~0u;
	return gpte;
}

static u64 walk_gpte(struct mmu *mmu, struct guest_walk *walk, u64 table, gva_t gva)
{
	const struct mmu_walker *walker = &mmu->walker;
	const struct pt_format *format = walker->format;
	unsigned int index = pt_index(format, gva, walk->level);

	if (format == &pt_format_pae && walk->level == format->levels &&
	    walker->regs.pdptr_held)
		return walker->regs.pdptr[index];
	walk->gpte_gpa[walk->level] = table + index * format->entry_bytes;
	return walk_read(mmu, walk->gpte_gpa[walk->level]);
}

static void walk_collect(struct guest_walk *walk, const struct pt_format *format,
			 u64 gpte)
{
	struct permission_rights *rights = &walk->rights;

	/* W, U and A by "and", NX by "or". */
	rights->entries &= gpte | format->implied[walk->level] | PT_NX;
	if (format->entry_bytes == 8)
		rights->entries |= gpte & PT_NX;
	walk->gpte[walk->level] = gpte;
}

/* An entry that ends the walk, with @bits of the error code. */
static bool walk_refused(const struct mmu_walker *walker, u32 access, u32 bits, u64 *error)
{
	*error = permission_error_code(walker->perm, access) | bits;
	return false;
}

/* Return: true, or false and the fault's error code, which may well be 0. */
static bool walk_tables(struct mmu *mmu, struct guest_walk *walk, gva_t gva,
			u32 access, u64 *error)
{
	const struct mmu_walker *walker = &mmu->walker;
	const struct pt_format *format = walker->format;
	u64 table = walker->regs.cr3 & format->root_mask;
	u64 gpte;
	bool leaf;

	walk->rights.entries = PT_WRITE | PT_USER | PT_ACCESSED;
	for (walk->level = format->levels; ; walk->level--) {
		gpte = walk_gpte(mmu, walk, table, gva);
		if (!(gpte & PT_PRESENT))
			return walk_refused(walker, access, 0, error);
		leaf = walk->level == PT_LEVEL_4K ||
		       (gpte & PT_LARGE && walk->level <= walker->max_leaf);
		if (gpte & walker->rsvd[walk->level][leaf])
			return walk_refused(walker, access,
					    PF_ERR_PRESENT | PF_ERR_RESERVED, error);
		walk_collect(walk, format, gpte);
		if (leaf)
			break;
		table = gpte & PT_ADDR;
	}
	walk->rights.pkey = gpte >> 59 & 0xf;
	*error = permission_fault(walker->perm, walker->regs.pkru, &walk->rights,
				  access);
	return !*error;
}

static gpa_t walk_gpa(const struct pt_format *format,
		      const struct guest_walk *walk, gva_t gva)
{
	u64 gpte = walk->gpte[walk->level];
	u64 offset = BIT_ULL(format->shift[walk->level]) - 1;
	gpa_t base = gpte & PT_ADDR & ~offset;

	if (format == &pt_format_legacy && walk->level == PT_LEVEL_2M)
		base |= (gpte >> 13 & 0xff) << 32;
	return base | (gva & offset);
}

/* Set @bits in an entry.  Return: false if it had changed meanwhile. */
static bool walk_set_bits(struct mmu *mmu, struct guest_walk *walk, int level,
			  u64 bits)
{
	u64 old = walk->gpte[level], new = old | bits;

	if (new == old)
		return true;
	/* A table in read-only memory keeps its bits, as in a ROM. */
	return mem_cmpxchg(mmu->mv->mem, walk->gpte_gpa[level], &old, &new,
			   mmu->walker.format->entry_bytes) != 0;
}

/* Has every entry of the walk the bits that say it was used? */
static bool walk_is_marked(const struct guest_walk *walk, bool write)
{
	return walk->rights.entries & PT_ACCESSED &&
	       (!write || walk->gpte[walk->level] & PT_DIRTY);
}

static bool walk_mark_used(struct mmu *mmu, struct guest_walk *walk, bool write)
{
	const struct pt_format *format = mmu->walker.format;
	int level;

	for (level = format->levels; level >= walk->level; level--) {
		u64 bits = PT_ACCESSED;

		if (format->implied[level] & PT_ACCESSED)
			continue;
		if (write && level == walk->level)
			bits |= PT_DIRTY;
		if (!walk_set_bits(mmu, walk, level, bits))
			return false;
	}
	return true;
}

gpa_t mmu_translate(struct mmu *mmu, gva_t gva, u32 access,
		    struct mmu_exception *exc)
{
	bool write = access & PF_ERR_WRITE;
	/* Each level is written before it is read. */
	struct guest_walk walk __uninitialized;
	int tries = 0;

	if (!mmu->walker.format)
		return gva;

	do {
		if (!walk_tables(mmu, &walk, gva, access, &exc->error_code)) {
			exc->address = gva;
			return INVALID_GPA;
		}
		if (access & MMU_ACCESS_PROBE || walk_is_marked(&walk, write))
			break;
		/* Other vCPUs may go on changing the entries: let them win. */
	} while (!walk_mark_used(mmu, &walk, write) && ++tries < WALK_MAX_TRIES);

	return walk_gpa(mmu->walker.format, &walk, gva);
}
