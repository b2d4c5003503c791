/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables: a page of 512 sptes and its descriptor.
 */
#ifndef QUIRE_MMU_TABLE_H
#define QUIRE_MMU_TABLE_H

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>

#include "mmu.h"

struct funnel;

#define TABLE_ENTRIES	512

/**
 * union table_role - all that decides what the sptes of a table mean
 * @level:	level of its entries
 * @kind:	enum table_kind_id
 * @word:	for comparison: two tables of one gfn with equal roles are the same
 */
union table_role {
	struct {
		u32 level:4;
		u32 kind:4;
		u32 unused:24;
	};
	u32 word;
};

enum table_kind_id {
	TABLE_DIRECT,
};

/**
 * struct table_kind - how the tables of one kind come to be
 * @map:	install a translation for @fault, whose host page is known, under
 *		rcu_read_lock() and mmu_lock shared, after mem_invalidated()
 *		denied; fault->slot is NULL for an MMIO entry.  Does not sleep.
 *		Returns enum mmu_fault_result.
 */
struct table_kind {
	int (*map)(struct mmu *mmu, struct mmu_fault *fault,
		   struct funnel *funnel);
};

/* gpa to hpa, found by the gfn alone. */
extern const struct table_kind table_kind_direct;

/* By enum table_kind_id. */
extern const struct table_kind *const table_kinds[];

/* What mmu_module_init() was given. */
extern struct mmu_caps mmu_caps;

/**
 * struct table - the descriptor of a table
 * @sptes:	its page, whose struct page.private points back here
 * @role:	constant once it is linked
 * @next:	in a chain of spare or of dead tables
 * @link:	of a root: in mmu_vm.roots, under roots_lock; stays until the VM goes
 * @rcu:	of the first of a chain of dead tables
 *
 * Owned by whoever has the chain it is in; once linked, by the entry that points
 * at it.
 */
struct table {
	u64 *sptes;
	struct table *next;
	union table_role role;
	union {
		struct list_head link;
		struct rcu_head rcu;
	};
};

/** table_of() - the descriptor of the table that @sptes (any of them) is in */
static inline struct table *table_of(const u64 *sptes)
{
	return (struct table *)page_private(virt_to_page(sptes));
}

/** table_module_init(), table_module_exit() - the cache of descriptors */
int table_module_init(void);
void table_module_exit(void);

/** table_alloc() - a table of empty entries, or NULL.  May sleep. */
struct table *table_alloc(void);

/** table_free() - free one that nobody can reach.  Does not sleep. */
void table_free(struct table *table);

/**
 * table_free_chain() - free a chain of dead tables once lockless walkers left
 * No TLB holds a walk through them any more.  NULL is fine.  Does not sleep.
 */
void table_free_chain(struct table *chain);

/** table_spare_fill() - have @nr spare tables.  May sleep.  0 or -ENOMEM. */
int table_spare_fill(struct mmu *mmu, unsigned int nr);

/** table_spare_take() - one of them, empty entries; NULL if there is none left */
static inline struct table *table_spare_take(struct mmu *mmu)
{
	struct table *table = mmu->spare;

	if (table) {
		mmu->spare = table->next;
		mmu->nr_spare--;
	}
	return table;
}

/** table_spare_put() - put back one whose entries are all empty */
static inline void table_spare_put(struct mmu *mmu, struct table *table)
{
	table->next = mmu->spare;
	mmu->spare = table;
	mmu->nr_spare++;
}

/** table_spare_drain() - free all of them */
void table_spare_drain(struct mmu *mmu);

#endif
