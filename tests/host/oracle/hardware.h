/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of the hardware that walks our tables: nested paging as the AMD manual
 * describes it (volume 2, "Nested Paging" and "Page Translation and Protection").
 *
 * It shares nothing with src/mmu/: it sees pages of memory, by their physical
 * address, and knows no descriptor, no role and no software bit.  It remembers
 * what it may remember: translations of every size, and where tables are, until
 * it is told to forget them, or by chance before.
 */
#ifndef TESTS_HOST_ORACLE_HARDWARE_H
#define TESTS_HOST_ORACLE_HARDWARE_H

#include "../shim/base.h"

#define HW_MAX_LEVELS	5
#define HW_TLB_ENTRIES	64
#define HW_WALK_ENTRIES	16

/* The error code of a nested page fault. */
#define HW_ERR_PRESENT	0x1ull
#define HW_ERR_WRITE	0x2ull
#define HW_ERR_USER	0x4ull
#define HW_ERR_RESERVED	0x8ull
#define HW_ERR_FETCH	0x10ull
#define HW_ERR_FINAL	(1ull << 32)

enum hw_access { HW_READ, HW_WRITE, HW_FETCH };

/**
 * struct hw_format - what the processor can walk
 * @levels:	of its tables, 4 or 5
 * @max_leaf:	largest level of a leaf: 1 is 4K, 2 is 2M, 3 is 1G
 * @phys_bits:	width of a physical address; the bits above are reserved
 */
struct hw_format {
	u8 levels;
	u8 max_leaf;
	u8 phys_bits;
};

/**
 * struct hw_leaf - a translation, in a table or in a TLB
 * @gfn, @pfn:	the first page of it
 * @level:	its size; a TLB may hold a part of a larger leaf
 * @writable, @executable, @accessed, @dirty, @uncached: what the entry says
 */
struct hw_leaf {
	u64 gfn;
	u64 pfn;
	u8 level;
	bool writable;
	bool executable;
	bool accessed;
	bool dirty;
	bool uncached;
};

/**
 * struct hw_pointer - where the table for some gfns is, as a walk may remember
 * @gfn:	the first gfn that the table translates
 * @table:	its physical address
 * @level:	of its entries
 */
struct hw_pointer {
	u64 gfn;
	u64 table;
	u8 level;
};

/**
 * struct hw_cpu - one CPU in the guest
 * @random:	decides what is forgotten when; never 0
 * @tlb, @walk:	an entry of level 0 is free
 *
 * The caller serialises everything that is done to one CPU.
 */
struct hw_cpu {
	struct hw_format format;
	u64 root;
	u32 random;
	struct hw_leaf tlb[HW_TLB_ENTRIES];
	struct hw_pointer walk[HW_WALK_ENTRIES];
};

/**
 * struct hw_scan - everything that a root leads to
 * @format, @root: given
 * @leaf, @pointer: called for each leaf and each table but the root, in the order of
 *		gfns, if not NULL
 * @arg:	for them
 * @pages:	leaves by level
 * @tables:	including the root
 * @malformed:	why an entry faults with the reserved bit, or points nowhere; or NULL
 * @malformed_gfn, @malformed_entry: which
 */
struct hw_scan {
	struct hw_format format;
	u64 root;
	void (*leaf)(void *arg, const struct hw_leaf *leaf);
	void (*pointer)(void *arg, const struct hw_pointer *pointer);
	void *arg;
	long pages[HW_MAX_LEVELS + 1];
	long tables;
	const char *malformed;
	u64 malformed_gfn;
	u64 malformed_entry;
};

void hw_cpu_init(struct hw_cpu *cpu, const struct hw_format *format, u32 random);

/**
 * hw_access() - one access in the guest
 * @pfn: the page that it reached
 * Sets accessed and dirty bits.  Return: 0, or the error code of the fault.
 */
u64 hw_access(struct hw_cpu *cpu, u64 gfn, enum hw_access access, u64 *pfn);

/** hw_flush() - forget everything about [@start, @end) */
void hw_flush(struct hw_cpu *cpu, u64 start, u64 end);

/** hw_evict() - forget some of it, by chance; all of it if @n is 0 */
void hw_evict(struct hw_cpu *cpu, u32 n);

/** hw_cached() - does the TLB hold a translation of @gfn? */
bool hw_cached(const struct hw_cpu *cpu, u64 gfn);

/**
 * hw_lookup() - where a walk to @gfn ends now; nothing is remembered or set
 * Return: the level of the leaf, or 0.
 */
int hw_lookup(const struct hw_format *format, u64 root, u64 gfn, struct hw_leaf *leaf);

/** hw_scan() - look at everything; call under rcu_read_lock() beside others */
void hw_scan(struct hw_scan *scan);

/** hw_level_pages() - how many 4K pages an entry at @level spans */
static inline u64 hw_level_pages(int level)
{
	return 1ull << (level - 1) * 9;
}

#endif
